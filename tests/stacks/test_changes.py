"""What a push changes: a clean copy of the project, synthesised as the pipeline's stage is."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_imagebuilder as imagebuilder

from stacks import machine_image
from stacks.machine_image import MachineImage
from stacks.names import PARTS, Names
from stacks.settings import Settings
from tests.stacks.conftest import ROOT, Templates, synthesize

pytestmark = pytest.mark.xdist_group("changes")

CHANGES = {
    "nothing": (),
    "the service": ("service/hush_service/web/app.py",),
    "the image": ("ami/install.sh",),
    "sign-in": ("lambda/auth/auth.py",),
    "the contracts": ("hush/contracts/headers.py",),
    "the documentation": ("docs/deploy.md", "README.md", "tests/conftest.py"),
}
"""What a push may change: each file gets a line more."""

SYNTHESIZE = """
import json
import sys
from pathlib import Path

import aws_cdk as cdk

from stacks.settings import Settings
from tests.stacks.conftest import synthesize

for change, names in json.loads(sys.argv[2]).items():
    before = {Path(name): Path(name).read_bytes() for name in names}
    for file, content in before.items():
        file.write_bytes(content + b"# one line more\\n")
    cdk.AssetStaging.clear_asset_hash_cache()
    synthesize(Settings(), Path(sys.argv[1]) / change, pipeline=False, checked=False)
    for file, content in before.items():
        file.write_bytes(content)
"""


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Templates]:
    """Synthesise a copy with nothing built but the page, as it is and after each change."""
    left_out = shutil.ignore_patterns(
        ".*", "__pycache__", "build", "cdk.out", "cloud.toml", "node_modules", "target"
    )
    folder, out = tmp_path_factory.mktemp("copy") / "hush", tmp_path_factory.mktemp("out")
    shutil.copytree(ROOT, folder, ignore=left_out)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    # One process: most of a synthesis is the start of what it runs in.
    command = [sys.executable, "-c", SYNTHESIZE, str(out), json.dumps(CHANGES)]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return {change: Templates(out / change) for change in CHANGES}


@pytest.fixture
def unchanged(after: dict[str, Templates]) -> Templates:
    return after["nothing"]


def differences(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """Return the types of the resources that differ."""
    resources, others = one["Resources"], other["Resources"]
    return {
        (resources.get(name) or others[name])["Type"].removeprefix("AWS::")
        for name in resources.keys() | others.keys()
        if resources.get(name) != others.get(name)
    }


def test_a_clean_copy_makes_what_this_folder_makes(
    unchanged: Templates, placeholders: Templates
) -> None:
    for part in PARTS:
        assert differences(unchanged[part], placeholders[part]) == set()
        assert unchanged[part] == placeholders[part]


def test_new_code_refreshes_the_fleet_and_makes_no_new_image(
    unchanged: Templates, after: dict[str, Templates]
) -> None:
    changed = after["the service"]
    assert changed["image"] == unchanged["image"]
    # What an instance fetches, may fetch, and is tagged with; and the responder, which has the same
    # code.
    assert differences(unchanged["service"], changed["service"]) == {
        "AutoScaling::AutoScalingGroup",
        "EC2::LaunchTemplate",
        "IAM::Policy",
        "Lambda::Function",
    }


def test_a_change_of_the_image_makes_a_new_one_and_refreshes_the_fleet(
    unchanged: Templates, after: dict[str, Templates]
) -> None:
    changed = after["the image"]
    # The image refers to the recipe, whose version is new: CloudFormation replaces both.
    assert "ImageBuilder::ImageRecipe" in differences(unchanged["image"], changed["image"])
    assert differences(unchanged["service"], changed["service"]) == {"EC2::LaunchTemplate"}


def test_a_change_of_sign_in_is_one_of_its_lambda_alone(
    unchanged: Templates, after: dict[str, Templates]
) -> None:
    changed = after["sign-in"]
    assert differences(unchanged["service"], changed["service"]) == {"Lambda::Function"}
    for part in ("image", "people"):
        assert changed[part] == unchanged[part]


def test_a_change_of_the_contracts_reaches_all_that_keep_them(
    unchanged: Templates, after: dict[str, Templates]
) -> None:
    changed = after["the contracts"]
    assert differences(unchanged["service"], changed["service"]) >= {
        "EC2::LaunchTemplate",
        "Lambda::Function",
    }
    assert changed["image"] == unchanged["image"]


def test_a_change_of_the_documentation_touches_neither(
    unchanged: Templates, after: dict[str, Templates]
) -> None:
    changed = after["the documentation"]
    for part in ("image", "service"):
        assert changed[part] == unchanged[part]


def test_another_base_image_is_taken_if_it_is_set_and_not_when_aws_publishes_one(
    placeholders: Templates, everything_set: Templates, tmp_path: Path
) -> None:
    # Nothing in a template is looked up at AWS at the time of a deployment, but the CDK's own.
    for templates in (placeholders, everything_set):
        for file in templates.folder.rglob("*.template.json"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"/aws/service/|resolve:ssm|EC2::Image::Id", text), file.name
    recipe = everything_set.the("image", "ImageBuilder::ImageRecipe")
    assert recipe["ParentImage"] == "ami-0123456789abcdef0"
    updated = Settings(base_image="ami-0fedcba9876543210")
    changed = synthesize(updated, tmp_path / "cdk.out", pipeline=False, checked=False)
    assert "ImageBuilder::ImageRecipe" in differences(placeholders["image"], changed["image"])
    assert "EC2::LaunchTemplate" in differences(placeholders["service"], changed["service"])
    assert changed["people"] == placeholders["people"]


def test_an_image_that_is_there_is_taken_and_nothing_is_built(
    placeholders: Templates, tmp_path: Path
) -> None:
    taken = Settings(image="ami-0fedcba9876543210")
    changed = synthesize(taken, tmp_path / "cdk.out", pipeline=False, checked=False)
    assert "image" not in set(changed)
    # A stack of before stays as it is, until somebody builds again.
    for file in changed.folder.rglob("*.template.json"):
        assert "ImageBuilder" not in file.read_text(encoding="utf-8")
    data = changed.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
    assert data["ImageId"] == "ami-0fedcba9876543210"
    # Its next version refreshes the fleet, and nothing else is another.
    assert differences(placeholders["service"], changed["service"]) == {"EC2::LaunchTemplate"}


def test_others_are_let_in_by_a_new_image(monkeypatch: pytest.MonkeyPatch) -> None:
    # One that is there stays as it is, whatever its distribution says by then.
    def version(settings: Settings) -> str:
        return MachineImage(cdk.Stack(), "Image", settings, Names("hush")).version

    few = Settings(publish_image=("210987654321",))
    more = Settings(publish_image=("210987654321", "109876543210"))
    assert len({version(each) for each in (Settings(), few, more)}) == 3
    everyone = cdk.Stack()
    MachineImage(everyone, "Image", Settings(publish_image="everyone"), Names("hush"))
    template = json.dumps(assertions.Template.from_stack(everyone).to_json())
    assert '"LaunchPermissionConfiguration": {"UserGroups": ["all"]}' in template


def test_whatever_changes_in_a_recipe_it_has_another_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With the same one, CloudFormation could not make the new recipe beside the old one.
    def version() -> str:
        return MachineImage(cdk.Stack(), "Image", Settings(), Names("hush")).version

    before = version()
    assert version() == before
    kind, name = imagebuilder.CfnImageRecipe, "EbsInstanceBlockDeviceSpecificationProperty"
    disk = getattr(kind, name)
    with monkeypatch.context() as changed:
        changed.setattr(kind, name, lambda **given: disk(**{**given, "volume_type": "io2"}))
        assert version() != before
    with monkeypatch.context() as changed:
        changed.setattr(machine_image, "_with_parameters", lambda *_, **__: _nothing())
        assert version() != before


def _nothing() -> imagebuilder.CfnImageRecipe.ComponentConfigurationProperty:
    return imagebuilder.CfnImageRecipe.ComponentConfigurationProperty(component_arn="arn")


def test_other_zones_leave_alone_what_stays_and_reach_the_api(
    placeholders: Templates, tmp_path: Path
) -> None:
    assert Settings().usable_zones == ("us-east-1a", "us-east-1b")
    moved = Settings(zones=("us-east-1b", "us-east-1c"))
    changed = synthesize(moved, tmp_path / "cdk.out", pipeline=False, checked=False)
    for part in ("service", "image"):
        before, after = _subnets(placeholders, part), _subnets(changed, part)
        for zone in before.keys() & after.keys():
            assert before[zone] == after[zone]
        # New subnets are made before old ones are deleted.
        taken = {address for subnets in before.values() for _, address in subnets}
        for zone in after.keys() - before.keys():
            assert not taken & {address for _, address in after[zone]}
    # CloudFormation replaces the link, and the methods follow; what is deployed has to be told.
    links = [each.the("service", "ApiGatewayV2::VpcLink") for each in (placeholders, changed)]
    assert links[0]["SubnetIds"] != links[1]["SubnetIds"]
    kind = "ApiGateway::Deployment"
    assert not _names(placeholders, "service", kind) & _names(changed, "service", kind)


def _names(templates: Templates, part: str, kind: str) -> set[str]:
    """Return the logical ids of all resources of a type."""
    resources = templates[part]["Resources"].items()
    return {name for name, each in resources if each["Type"] == f"AWS::{kind}"}


def _subnets(templates: Templates, part: str) -> dict[str, set[tuple[str, str]]]:
    """Return for each zone its subnets, with their logical ids and addresses."""
    found: dict[str, set[tuple[str, str]]] = {}
    for name in _names(templates, part, "EC2::Subnet"):
        properties = templates[part]["Resources"][name]["Properties"]
        pair = name, str(properties["CidrBlock"])
        found.setdefault(properties["AvailabilityZone"], set()).add(pair)
    return found
