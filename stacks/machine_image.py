"""The machine image: built by EC2 Image Builder from `ami/`, and only when that makes a difference.

Its version is a hash of everything that goes into it, so that CloudFormation builds another image
exactly if something of that changes. The base image is a setting: AWS publishes another every few
weeks, which is taken on purpose.
"""

import atexit
import hashlib
import json
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_imagebuilder as imagebuilder
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from stacks.accelerators import ACCELERATORS, EngineName
from stacks.names import STAGING, Names
from stacks.network import ZonedAddresses, name_by_zone
from stacks.settings import Settings

ROOT = Path(__file__).parents[1]
PLACEHOLDER_BASE = "ami-00000000000000000"
OUTPUT = "Ami"
"""Of its stack, with the image's id."""
NEWEST_KEPT, NEWEST_KEPT_WITH_STAGING = 1, 3
"""So many stay in any case: live may be of one before those that staging has tried."""
KEPT_TAG = {"hush-keep": "yes"}
"""An image with it stays, whatever its age."""
CUDA_LIBRARIES = {"ctranslate2": ("nvidia-cublas-cu12==12.9.1.4",)}
"""What engines want beside their wheels: CTranslate2 has all of CUDA in it but cuBLAS, and torch
brings its own libraries, of CUDA 13."""
EXTRAS: dict[EngineName, tuple[str, ...]] = {
    "ctranslate2": (),
    "reference": ("reference",),
    "onnx": ("onnx", "webgpu"),
}
"""Of the project, by engine: what runs it, and what makes its models while the image is built."""
AGENT = "amazon-cloudwatch-agent.json"
SOURCES = ("openai-whisper",)
"""Libraries without a wheel: pip builds those from their sources."""
FETCHING_CODE = (
    "hush/__init__.py",
    "hush/mel.py",
    "hush/subtitles.py",
    "hush/transcript.py",
    "hush/typography.py",
    "service/hush_service/__init__.py",
    "service/hush_service/packaged.py",
    "service/hush_service/engine/__init__.py",
    "service/hush_service/engine/languages.py",
    "service/hush_service/engine/tokenizer.py",
    "service/hush_service/engine/vocabularies",
    "service/hush_service/weights",
)
"""The part of hush that fetches, checks and converts models, and no more: a change in any of these
files builds a new image."""


class MachineImage(Construct):
    """Builds the machine image of the fleet.

    Parameters
    ----------
    settings
        What it is built upon, and which engine and models it holds.
    names
        What it is called, and by which tag it is found again.

    Attributes
    ----------
    ami
        Id of the image, for other stacks.
    version
        Changes with what goes into the image.
    """

    def __init__(
        self, scope: Construct, construct_id: str, settings: Settings, names: Names
    ) -> None:
        super().__init__(scope, construct_id)
        self._name, self._tags = names.stack("image"), {"hush": names.prefix}
        base = settings.base_image or PLACEHOLDER_BASE
        files = s3_assets.Asset(self, "Files", path=str(image_files(settings)))
        said = description(settings)
        models = " ".join(settings.models)
        build = self._component("Build", ROOT / "ami" / "build.yaml")
        test = self._component("Test", ROOT / "ami" / "test.yaml")
        what: dict[str, Any] = {
            "parent_image": base,
            # The image has it too, and who takes a published one reads there what it holds.
            "description": said,
            # By it, `make destroy` finds images that outlived their stack.
            "ami_tags": self._tags,
            "components": [
                *self._managed_components(settings),
                _with_parameters(
                    build,
                    Files=files.s3_object_url,
                    Engine=settings.running_engine,
                    Models=models,
                ),
                _with_parameters(test),
            ],
            "block_device_mappings": [
                imagebuilder.CfnImageRecipe.InstanceBlockDeviceMappingProperty(
                    device_name=settings.accelerator.root_device,
                    ebs=imagebuilder.CfnImageRecipe.EbsInstanceBlockDeviceSpecificationProperty(
                        # What is encrypted with AWS's own key, no other account can read. There is
                        # nothing secret in it; instances' volumes are encrypted all the same.
                        encrypted=not settings.publish_image,
                        delete_on_termination=True,
                        volume_type="gp3",
                        volume_size=settings.volume_gigabytes,
                    ),
                )
            ],
        }
        self.version = self._version(
            what, build.version, test.version, files.asset_hash, list(settings.publish_image)
        )
        recipe = imagebuilder.CfnImageRecipe(
            self, "Recipe", name=self._name, version=self.version, **what
        )
        image = imagebuilder.CfnImage(
            self,
            "Image",
            image_recipe_arn=recipe.attr_arn,
            infrastructure_configuration_arn=self._builder(settings, files).attr_arn,
            distribution_configuration_arn=self._published(settings, said),
            image_tests_configuration=imagebuilder.CfnImage.ImageTestsConfigurationProperty(
                image_tests_enabled=True, timeout_minutes=60
            ),
            deletion_settings=imagebuilder.CfnImage.DeletionSettingsProperty(
                execution_role=self._cleaner(settings).role_arn
            ),
            tags=self._tags,
        )
        # Its predecessor is there to go back to, until it is too old.
        image.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        image.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.DELETE
        stack = cdk.Stack.of(self)
        cdk.CfnOutput(
            stack, OUTPUT, value=image.attr_image_id, description="Machine image of the fleet"
        )
        # By names, as the CDK has no reference from one stage of a pipeline to another.
        self.ami = cdk.Fn.get_stack_output(stack.stack_name, OUTPUT, stack.region)

    def _component(self, name: str, file: Path) -> imagebuilder.CfnComponent:
        platform, data = "Linux", file.read_text(encoding="utf-8")
        return imagebuilder.CfnComponent(
            self,
            name,
            name=f"{self._name}-{name.lower()}",
            version=self._version(platform, data),
            platform=platform,
            data=data,
        )

    def _managed_components(
        self, settings: Settings
    ) -> list[imagebuilder.CfnImageRecipe.ComponentConfigurationProperty]:
        """Return Image Builder's own components, in their newest versions."""
        return [
            imagebuilder.CfnImageRecipe.ComponentConfigurationProperty(
                component_arn=cdk.Stack.of(self).format_arn(
                    service="imagebuilder",
                    account="aws",
                    resource="component",
                    resource_name=f"{name}/x.x.x",
                )
            )
            for name in settings.accelerator.components
        ]

    def _version(self, *what: object) -> str:
        """Return a version that is another one for anything else.

        CloudFormation makes what is changed anew before it deletes the old one, and Image Builder
        refuses two of the same name and version.
        """
        text = json.dumps(cdk.Stack.of(self).resolve(list(what)), sort_keys=True)
        return f"1.0.{int(hashlib.sha256(text.encode()).hexdigest()[:7], 16)}"

    def _builder(
        self, settings: Settings, files: s3_assets.Asset
    ) -> imagebuilder.CfnInfrastructureConfiguration:
        """Return where images are built: an instance with a GPU, to which nothing can connect."""
        network = ec2.Vpc(
            self,
            "Network",
            ip_addresses=ZonedAddresses(),
            availability_zones=[settings.usable_zones[0]],
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="build", subnet_type=ec2.SubnetType.PUBLIC, map_public_ip_on_launch=True
                )
            ],
        )
        name_by_zone(network)
        closed = ec2.SecurityGroup(
            self, "Closed", vpc=network, description="Image build: nothing comes in"
        )
        role = iam.Role(
            self,
            "BuilderRole",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name("EC2InstanceProfileForImageBuilder"),
                iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore"),
            ],
        )
        # AWS's policy for the agent that runs Image Builder's commands reads every parameter of the
        # account, whatever others keep there. AWS's own are in no account.
        role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=["ssm:GetParameter*"],
                resources=[cdk.Stack.of(self).format_arn(service="ssm", resource="parameter/*")],
            )
        )
        # The CDK would grant the whole bucket, with all else that was ever deployed from here.
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[files.bucket.arn_for_objects(files.s3_object_key)],
            )
        )
        profile = iam.InstanceProfile(self, "BuilderProfile", role=role)
        builder = imagebuilder.CfnInfrastructureConfiguration(
            self,
            "Builder",
            name=self._name,
            instance_profile_name=profile.instance_profile_name,
            # Whichever there is; in one zone, as it takes one subnet.
            instance_types=list(settings.instance_types),
            subnet_id=network.public_subnets[0].subnet_id,
            security_group_ids=[closed.security_group_id],
            instance_metadata_options=imagebuilder.CfnInfrastructureConfiguration.InstanceMetadataOptionsProperty(
                http_tokens="required"
            ),
            terminate_instance_on_failure=True,
        )
        # It names the subnet and the role, and a build wants the way out and the policy as well.
        builder.node.add_dependency(network, role)
        return builder

    def _published(self, settings: Settings, said: str) -> str | None:
        """Return the ARN of what lets others start instances from the image, if any may."""
        if not settings.publish_image:
            return None
        everyone = settings.publish_image == "everyone"
        may = {"UserGroups": ["all"]} if everyone else {"UserIds": list(settings.publish_image)}
        kind = imagebuilder.CfnDistributionConfiguration
        distribution = kind.DistributionProperty(
            region=cdk.Stack.of(self).region,
            # As it stands in the template: of the CDK's own type for it, names come out small.
            ami_distribution_configuration={
                "AmiTags": self._tags,
                "Description": said,
                "LaunchPermissionConfiguration": may,
            },
        )
        return kind(self, "Published", name=self._name, distributions=[distribution]).attr_arn

    def _cleaner(self, settings: Settings) -> iam.Role:
        """Return a role that removes images with their snapshots, and have it remove old ones.

        An image stays for days after an instance was last launched from it. The newest one stays in
        any case, or the newest ones.
        """
        days = settings.keep_images_days
        staging = STAGING in settings.stages
        role = iam.Role(
            self,
            "CleanerRole",
            assumed_by=iam.ServicePrincipal("imagebuilder.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name(
                    "service-role/EC2ImageBuilderLifecycleExecutionPolicy"
                )
            ],
        )
        policy = imagebuilder.CfnLifecyclePolicy
        policy(
            self,
            "OldImages",
            name=self._name,
            resource_type="AMI_IMAGE",
            execution_role=role.role_arn,
            resource_selection=policy.ResourceSelectionProperty(tag_map=self._tags),
            policy_details=[
                policy.PolicyDetailProperty(
                    action=policy.ActionProperty(
                        type="DELETE",
                        include_resources=policy.IncludeResourcesProperty(
                            amis=True, snapshots=True
                        ),
                    ),
                    filter=policy.FilterProperty(
                        type="AGE",
                        value=days,
                        unit="DAYS",
                        retain_at_least=NEWEST_KEPT_WITH_STAGING if staging else NEWEST_KEPT,
                    ),
                    exclusion_rules=policy.ExclusionRulesProperty(
                        amis=policy.AmiExclusionRulesProperty(
                            last_launched=policy.LastLaunchedProperty(unit="DAYS", value=days),
                            tag_map=KEPT_TAG,
                        )
                    ),
                )
            ],
        )
        return role


def image_files(settings: Settings) -> Path:
    """Gather what the build takes: `ami/`, locked requirements, code that fetches, and pictures."""
    folder = Path(tempfile.mkdtemp(prefix="hush-image-"))
    # By then, the synthesis has copied it.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__", "build.yaml", "test.yaml", "*.lock")
    ami, accelerator = ROOT / "ami", settings.accelerator
    makes = {each.name for each in ACCELERATORS}
    shutil.copytree(ami, folder, dirs_exist_ok=True, ignore=lambda *of: makes | without(*of))
    shutil.copytree(ami / accelerator.name, folder, dirs_exist_ok=True, ignore=without)
    agent = json.loads((folder / AGENT).read_text(encoding="utf-8"))
    agent["metrics"]["metrics_collected"] |= accelerator.collected
    (folder / AGENT).write_text(json.dumps(agent, indent=2), encoding="utf-8")
    for name in FETCHING_CODE:
        source, target = ROOT / name, folder / "code" / name.removeprefix("service/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=without)
        else:
            shutil.copy(source, target)
    for mel_bins in (80, 128):
        shutil.copy(ROOT / "service/hush_service/proof" / f"person-{mel_bins}.png", folder)
    lines = lock_file(settings.running_engine).read_text(encoding="utf-8").splitlines(keepends=True)
    sources = [line for line in lines if line.startswith(SOURCES)]
    wheels = [line for line in lines if line not in sources]
    (folder / "requirements.txt").write_text("".join(wheels), encoding="utf-8")
    (folder / "sources.txt").write_text("".join(sources), encoding="utf-8")
    return folder


def description(settings: Settings) -> str:
    """Return what a machine image says of itself: of which files it is, its engine and models."""
    digest, folder = hashlib.sha256(), image_files(settings)
    shutil.copy(ROOT / "ami" / "build.yaml", folder)
    # Wherever the checkout and the folder are, the order is the same.
    for name in sorted(str(file.relative_to(folder)) for file in folder.rglob("*")):
        if (folder / name).is_file():
            digest.update(f"{name}\0".encode() + (folder / name).read_bytes())
    return f"hush {digest.hexdigest()[:8]}: {settings.running_engine}, {' '.join(settings.models)}"


def lock_file(engine: EngineName) -> Path:
    """Return the file with what an instance with an engine installs (`stacks/lock.py`)."""
    return ROOT / "ami" / f"{engine}.lock"


def instance_requirements(engine: EngineName) -> list[str]:
    """Return what hush, its service with an engine and the watcher want, from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = ("service", "instance", *EXTRAS[engine])
    found = {line for name in wanted for line in extras[name] if not line.startswith("hush[")}
    return sorted({*project["dependencies"], *found, *CUDA_LIBRARIES.get(engine, ())})


def _with_parameters(
    component: imagebuilder.CfnComponent, **parameters: str
) -> imagebuilder.CfnImageRecipe.ComponentConfigurationProperty:
    recipe = imagebuilder.CfnImageRecipe
    return recipe.ComponentConfigurationProperty(
        component_arn=component.attr_arn,
        parameters=[
            recipe.ComponentParameterProperty(name=name, value=[value])
            for name, value in parameters.items()
        ]
        or None,
    )
