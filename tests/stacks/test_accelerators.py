"""A fleet of AMD's GPUs is one of NVIDIA's in all that has nothing to do with them."""

import json
from typing import Any

import pytest

from stacks.accelerators import ACCELERATORS, AMD, NVIDIA
from stacks.machine_image import ROOT, lock_file
from stacks.prices import hourly_prices, list_prices
from stacks.settings import Settings
from tests.stacks.conftest import ON_AMD, Templates, as_text
from tests.stacks.test_changes import differences

# One worker synthesises for all.
pytestmark = pytest.mark.xdist_group("stacks")


def test_nothing_is_different_but_what_knows_the_gpu(
    placeholders: Templates, on_amd: Templates
) -> None:
    assert differences(placeholders["people"], on_amd["people"]) == set()
    assert differences(placeholders["image"], on_amd["image"]) == {
        "ImageBuilder::ImageRecipe",
        "ImageBuilder::InfrastructureConfiguration",
        # What the build may read: another archive.
        "IAM::Policy",
    }
    assert differences(placeholders["service"], on_amd["service"]) == {
        "EC2::LaunchTemplate",
        "AutoScaling::AutoScalingGroup",
        # The governor and the administration know prices, and what is measured.
        "Lambda::Function",
        "SSM::Parameter",
        "CloudWatch::Dashboard",
    }


def test_the_image_is_built_upon_its_own_base(placeholders: Templates, on_amd: Templates) -> None:
    for templates, settings in ((placeholders, Settings()), (on_amd, ON_AMD)):
        accelerator = settings.accelerator
        recipe = templates.the("image", "ImageBuilder::ImageRecipe")
        data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        for (mapping,) in (recipe["BlockDeviceMappings"], data["BlockDeviceMappings"]):
            assert mapping["DeviceName"] == accelerator.root_device
        builder = templates.the("image", "ImageBuilder::InfrastructureConfiguration")
        assert builder["InstanceTypes"] == list(settings.instance_types)
        *managed, build, test = recipe["Components"]
        assert len(managed) == len(accelerator.components)
        for component, name in zip(managed, accelerator.components, strict=True):
            assert f":aws:component/{name}/x.x.x" in as_text(component["ComponentArn"])
        parameters = {each["Name"]: each["Value"] for each in build["Parameters"]}
        assert parameters["Engine"] == [accelerator.engines[0]]
        assert "Parameters" not in test
        assert f": {accelerator.engines[0]}, " in recipe["Description"]


def test_instances_run_the_engine_that_fits(placeholders: Templates, on_amd: Templates) -> None:
    assert "HUSH_ENGINE='ctranslate2'" in as_text(placeholders["service"])
    assert "HUSH_ENGINE='onnx'" in as_text(on_amd["service"])
    group = on_amd.the("service", "AutoScaling::AutoScalingGroup")
    overrides = group["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
    assert [each["InstanceType"] for each in overrides] == list(ON_AMD.instance_types)


def test_what_is_measured_of_a_gpu_is_shown(placeholders: Templates, on_amd: Templates) -> None:
    for templates, accelerator in ((placeholders, NVIDIA), (on_amd, AMD)):
        other = AMD if accelerator is NVIDIA else NVIDIA
        board = as_text(templates.the("service", "CloudWatch::Dashboard"))
        for name in (*accelerator.gpu_percent, accelerator.gpu_memory):
            assert name in board
        for name in (*other.gpu_percent, other.gpu_memory):
            assert name not in board
        told = as_text(templates.of("service", "SSM::Parameter"))
        assert accelerator.gpu_percent[0] in told


def test_the_watcher_publishes_what_the_agent_does_not() -> None:
    watcher = (ROOT / "service/hush_service/instance/watcher.py").read_text(encoding="utf-8")
    for name in (*AMD.gpu_percent, AMD.gpu_memory):
        assert f'publish("{name}"' in watcher
    assert AMD.collected == {}


def test_every_type_has_a_price_of_its_own() -> None:
    known: dict[str, Any] = list_prices()["hour"]["on_demand"]
    assert {kind.partition(".")[0] for kind in known} == {
        family for each in ACCELERATORS for family in each.families
    }
    prices = hourly_prices(ON_AMD)
    assert prices["g4ad.xlarge"] < hourly_prices(Settings())["g4dn.xlarge"]
    assert json.dumps(prices)


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=lambda each: each.name)
def test_each_make_has_its_files(accelerator: Any) -> None:
    folder = ROOT / "ami" / accelerator.name
    names = {file.name for file in folder.iterdir()}
    assert names == {"base.sh", "driver.sh", "hush.conf", "prefetch.conf"}
    for engine in accelerator.engines:
        assert lock_file(engine).exists()
