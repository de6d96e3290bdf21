"""What the documentation shows is what is deployed."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.cost import ALARMS, DASHBOARDS, idle_items, report, total
from deploy.doctor import former_github_parameter
from stacks.names import STAGING, Names
from stacks.prices import SECRETS
from stacks.settings import Settings
from tests.stacks.conftest import Templates

pytestmark = pytest.mark.xdist_group("stacks")

DOCS = Path(__file__).parents[2] / "docs"
SHOWN_PARTS = ("image", "people", "service", "pipeline")
PLUMBING = re.compile(
    r"CDK::Metadata|IAM::|Lambda::(Permission|LayerVersion)|Logs::LogGroup|EC2::(Subnet|Route|"
    r"Internet|VPCGateway|SecurityGroup)|ApiGateway::(Account|Deployment|Resource)|S3::BucketPolicy|"
    r"SNS::TopicPolicy|S3::Bucket$|CloudFront::CachePolicy|Custom::|Lambda::Function|KMS::"
)
"""Types that are part of something else in the picture, or of CDK's own."""


def _boxes() -> dict[str, set[str]]:
    """Return the resource types that the picture shows, by stack."""
    shown: dict[str, set[str]] = {}
    for element in ET.parse(DOCS / "architecture.svg").iter():
        if part := element.get("data-stack"):
            shown.setdefault(part, set()).update(str(element.get("data-types")).split())
    return shown


def _types(templates: Templates, part: str) -> set[str]:
    kinds = {each["Type"] for each in templates[part]["Resources"].values()}
    return {kind.removeprefix("AWS::") for kind in kinds}


@pytest.mark.parametrize("part", SHOWN_PARTS)
def test_everything_in_the_picture_is_deployed(placeholders: Templates, part: str) -> None:
    assert _boxes()[part] <= _types(placeholders, part)


@pytest.mark.parametrize("part", SHOWN_PARTS)
def test_everything_deployed_is_in_the_picture(placeholders: Templates, part: str) -> None:
    worth_showing = {kind for kind in _types(placeholders, part) if not PLUMBING.match(kind)}
    assert worth_showing - _boxes()[part] == set()


@pytest.mark.parametrize("installation", ["hush", "NAME"])
def test_what_a_person_makes_or_looks_for_by_its_name_is_called_so(installation: str) -> None:
    page = (DOCS / "deploy.md").read_text(encoding="utf-8")
    names, staging = Names(installation), Names(installation, STAGING)
    shown = set(re.findall(rf"(?<![\w/]){installation}/[\w/]+", page))
    secrets = {names.github_secret, *({staging.github_secret} if installation == "hush" else ())}
    assert shown - {f"{installation}/settings"} == secrets
    if installation == "hush":
        former = former_github_parameter(Settings())
        parameters = set(re.findall(r"(?<![\w.])/hush/[\w/]+", page))
        assert parameters == {names.url_parameter, staging.url_parameter, former}
        stacks = {each.stack(part) for each in (names, staging) for part in each.parts}
        assert {name for name in stacks if f"`{name}`" in page} == stacks


def test_every_alarm_has_a_runbook(placeholders: Templates) -> None:
    runbook = (DOCS / "operations.md").read_text(encoding="utf-8")
    for alarm in placeholders.of("service", "CloudWatch::Alarm"):
        name = alarm["AlarmName"].removeprefix("hush-live-")
        assert f"\n## {name}\n" in runbook
        assert alarm["AlarmDescription"].endswith(f"#{name}.")


def test_the_bill_is_the_computed_one() -> None:
    page = (DOCS / "cost.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- bench.cost -->\n")[2].partition("\n<!-- end -->")[0]
    assert shown == report()
    assert total(idle_items()) <= 21


def test_the_bill_counts_what_is_deployed(placeholders: Templates) -> None:
    def count(kind: str) -> int:
        return sum(len(placeholders.of(part, kind)) for part in SHOWN_PARTS[:-1])

    assert count("CloudWatch::Alarm") == ALARMS
    assert count("CloudWatch::Dashboard") == DASHBOARDS
    assert count("SecretsManager::Secret") == SECRETS
    assert count("ElasticLoadBalancingV2::LoadBalancer") == 1
    assert count("EC2::NatGateway") == count("EC2::EIP") == 0
