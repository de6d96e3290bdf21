import json

import pytest

from tests.stacks.conftest import EVERYTHING_SET, Templates

pytestmark = pytest.mark.xdist_group("stacks")


def test_nothing_is_left_to_be_looked_up(templates: Templates) -> None:
    manifests = list(templates.folder.rglob("manifest.json"))
    assert len(manifests) == 2
    for manifest in manifests:
        assert json.loads(manifest.read_text(encoding="utf-8")).get("missing", []) == []


def test_the_zones_are_those_of_the_settings(everything_set: Templates) -> None:
    subnets = everything_set.of("service", "EC2::Subnet")
    assert {each["AvailabilityZone"] for each in subnets} == set(EVERYTHING_SET.zones)


def test_the_settings_arrive_as_they_were_written(everything_set: Templates) -> None:
    source = everything_set.folder.with_name(f"{everything_set.folder.name}-source")
    text = (source / "cloud.toml").read_text(encoding="utf-8")
    assert all(f"{name} = " in text for name in type(EVERYTHING_SET).model_fields)
