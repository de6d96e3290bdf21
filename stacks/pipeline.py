"""The pipeline: every push is tested, and updates the pipeline, the infrastructure and the code.

With a stage before live, it is deployed and asked for words there first, and waits for somebody's
approval. Whatever fails before that leaves live as it is.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import pipelines
from constructs import Construct

from stacks.application import Application, Image
from stacks.names import Names, StageName
from stacks.observability.alerts import RUNBOOK
from stacks.part import Part
from stacks.settings import PLACEHOLDER_REGION, Settings
from stacks.targets import LAMBDA

PACKAGE = Path(__file__).parents[1] / "package.json"
PLACEHOLDER_CONNECTION = "arn:aws:codeconnections:us-east-1:111111111111:connection/placeholder"
ADDRESS = "HUSH_URL"
"""What the smoke test is told the public address by."""
# A Debian image: in CodeBuild's own, which is Ubuntu, apt's Chromium is only a stub. By its tag,
# as Debian's own packages, which the build installs too, are new ones every time.
TEST_IMAGE = "public.ecr.aws/docker/library/node:22-bookworm"
UV = "uv==0.13.9"
"""What installs another Python; it knows the digest of each."""


class Pipeline(Part):
    """A self-mutating CodePipeline that follows one branch of a GitHub repository."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        names = Names(settings.name)
        super().__init__(scope, names.pipeline, settings, tag=settings.name)
        source = pipelines.CodePipelineSource.connection(
            settings.repository or "owner/name",
            settings.branch,
            connection_arn=settings.connection or PLACEHOLDER_CONNECTION,
        )
        # All builds in one place, of a known name, and not for ever as CodeBuild's own would be.
        builds = logs.LogGroup(
            self,
            "Builds",
            log_group_name=names.pipeline_log,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            pipeline_name=names.pipeline,
            pipeline_type=codepipeline.PipelineType.V2,
            self_mutation=True,
            synth=self._synth(source, settings, names),
            code_build_defaults=pipelines.CodeBuildOptions(
                build_environment=codebuild.BuildEnvironment(
                    build_image=codebuild.LinuxBuildImage.STANDARD_7_0
                ),
                logging=codebuild.LoggingOptions(
                    cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=builds)
                ),
            ),
            cli_version=_cli_version(),
            # New accounts run one build of a size at a time, and refuse the others.
            publish_assets_in_parallel=False,
        )
        stages: list[Deployment] = []
        image: Image | None = None
        for name in settings.stages:
            stage = Deployment(self, name, settings, image)
            image = stage.application.image
            test = self._smoke_test(source, stage, Names(settings.name, name).prefix)
            last = name == settings.stages[-1]
            # In this stage and not in the next: what is looked at stays until somebody has decided.
            approval = [] if last else [self._approval(source, test, settings)]
            pipeline.add_stage(stage, post=[test, *approval])
            stages.append(stage)
        pipeline.build_pipeline()
        self._publish_with_the_pinned_tool(pipeline, stages)
        self._use_connection(pipeline, settings)

    def _synth(
        self, source: pipelines.CodePipelineSource, settings: Settings, names: Names
    ) -> pipelines.Step:
        region = settings.region or PLACEHOLDER_REGION
        return pipelines.CodeBuildStep(
            "Synth",
            input=source,
            # What the laptop wrote there at `make app`.
            install_commands=[
                "apt-get update -qq && apt-get install -y -qq python3-venv awscli >/dev/null",
                # The Lambdas' own, by which modules are compiled. Debian has none.
                f"python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet {UV}",
                f"/opt/uv/bin/uv python install --quiet {LAMBDA.python}",
                f'ln -s "$(/opt/uv/bin/uv python find {LAMBDA.python})"'
                f" /usr/local/bin/python{LAMBDA.python}",
                f"aws ssm get-parameter --region {region} --name {names.settings_parameter}"
                " --query Parameter.Value --output text >cloud.toml",
            ],
            # The tests build the page, and the site publishes what they tested.
            commands=["make test", "make synth"],
            primary_output_directory="cdk.out",
            build_environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.from_docker_registry(TEST_IMAGE),
                compute_type=codebuild.ComputeType.LARGE,
            ),
            timeout=cdk.Duration.hours(1),
            role_policy_statements=[
                iam.PolicyStatement(
                    actions=["ssm:GetParameter"],
                    resources=[
                        self.format_arn(
                            service="ssm",
                            resource="parameter",
                            resource_name=names.settings_parameter.removeprefix("/"),
                        )
                    ],
                )
            ],
        )

    def _smoke_test(
        self, source: pipelines.CodePipelineSource, stage: "Deployment", tag: str
    ) -> pipelines.CodeBuildStep:
        """Ask at the public address, as a client would, with the key of the stage with this tag."""
        return pipelines.CodeBuildStep(
            "SmokeTest",
            input=source,
            env_from_cfn_outputs={
                ADDRESS: stage.application.url,
                "HUSH_DEPLOYMENT_KEY": stage.application.deployment_key,
            },
            install_commands=["pip install --quiet --constraint constraints.txt . boto3"],
            commands=["python -m deploy.smoke"],
            timeout=cdk.Duration.minutes(20),
            role_policy_statements=[
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"],
                    resources=[
                        self.format_arn(
                            service="secretsmanager",
                            resource="secret",
                            resource_name=f"{stage.application.deployment_key_name}-*",
                            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                        )
                    ],
                    # The keys of all stages begin alike.
                    conditions={"StringEquals": {"secretsmanager:ResourceTag/hush": tag}},
                )
            ],
        )

    def _approval(
        self,
        source: pipelines.CodePipelineSource,
        test: pipelines.CodeBuildStep,
        settings: Settings,
    ) -> pipelines.Step:
        """Ask somebody whether what was tested may go live, by mail if there is an address."""
        topic: sns.Topic | None = None
        if settings.alarm_email:
            # Live's own is in a stack that is not there yet at the first deployment.
            topic = sns.Topic(self, "Approvals", enforce_ssl=True)
            topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        address, commit = test.exported_variable(ADDRESS), source.source_attribute("CommitId")
        return pipelines.ManualApprovalStep(
            "Approval",
            comment=f"Look at {address}, which is staging, of commit {commit}: its smoke test"
            " passed. Approve, and this commit goes live. Reject, or let seven days pass, and live"
            f" stays as it is: {RUNBOOK}#an-approval",
            # A variable may end an address here, and not be all of it.
            review_url=f"https://github.com/{settings.repository or 'owner/name'}/commit/{commit}",
            notification_topic=topic,
        )

    def _use_connection(self, pipeline: pipelines.CodePipeline, settings: Settings) -> None:
        """Allow the source stage the connection by both names that the service has had.

        IAM wants the name in the connection's ARN; the CDK grants the older one alone.
        """
        for role in pipeline.node.find_all():
            ours = "/Source/" in role.node.path and role.node.id == "CodePipelineActionRole"
            if ours and isinstance(role, iam.Role):
                role.add_to_policy(
                    iam.PolicyStatement(
                        actions=["codeconnections:UseConnection"],
                        resources=[settings.connection or PLACEHOLDER_CONNECTION],
                    )
                )

    def _publish_with_the_pinned_tool(
        self, pipeline: pipelines.CodePipeline, stages: Sequence["Deployment"]
    ) -> None:
        """Publish assets by the command line that made them, in place of the newest `cdk-assets`.

        That is another tool with versions of its own, which need not read what this one writes.
        """
        phases = {
            "install": [f"npm install -g aws-cdk@{_cli_version()}"],
            "build": [
                f"cdk --no-notices --app {stage.artifact_id} publish-assets"
                " --unstable=publish-assets '**'"
                for stage in stages
            ],
        }
        specification = {
            "version": "0.2",
            "phases": {name: {"commands": commands} for name, commands in phases.items()},
        }
        for each in pipeline.node.find_all():
            if "/Assets/" not in each.node.path:
                continue
            if isinstance(each, codebuild.CfnProject):
                each.add_property_override("Source.BuildSpec", json.dumps(specification))
            if isinstance(each, iam.Role):
                # One uploads; the other looks how new the bootstrapping is.
                each.add_to_policy(
                    iam.PolicyStatement(
                        actions=["sts:AssumeRole"],
                        resources=[f"arn:*:iam::{self.account}:role/*"],
                        conditions={
                            "ForAnyValue:StringEquals": {
                                "iam:ResourceTag/aws-cdk:bootstrap-role": [
                                    "file-publishing",
                                    "deploy",
                                ]
                            }
                        },
                    )
                )


class Deployment(cdk.Stage):
    """The application, as the pipeline deploys it: in a stage, from the image of one before."""

    def __init__(
        self, scope: Construct, construct_id: StageName, settings: Settings, image: Image | None
    ) -> None:
        environment = cdk.Environment(account=settings.account, region=settings.region)
        super().__init__(scope, construct_id, env=environment if settings.account else None)
        self.application = Application(self, settings, construct_id, image)


def _cli_version() -> str:
    """Return the version of the CDK's command line that `make app` uses too."""
    package = json.loads(PACKAGE.read_text(encoding="utf-8"))
    return str(package["devDependencies"]["aws-cdk"])
