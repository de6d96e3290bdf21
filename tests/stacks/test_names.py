"""Names in AWS know their installation and stage, so that no two of them meet."""

import json
import re

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from stacks.names import LIVE, PARTS, STAGING, Names
from stacks.observability.alerts import Alerts
from tests.stacks.conftest import EVERYTHING_SET, Templates

pytestmark = pytest.mark.xdist_group("stacks")

GIVEN = {
    "ApiGateway::RestApi": "Name",
    "AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
    "CloudWatch::Alarm": "AlarmName",
    "CloudWatch::Dashboard": "DashboardName",
    "ImageBuilder::Component": "Name",
    "ImageBuilder::ImageRecipe": "Name",
    "ImageBuilder::InfrastructureConfiguration": "Name",
    "ImageBuilder::LifecyclePolicy": "Name",
    "SSM::Parameter": "Name",
}
"""By what property we name a resource. Of log groups, we name the fleet's alone."""


def every_name(names: Names) -> set[str]:
    properties = [name for name, each in vars(Names).items() if isinstance(each, property)]
    found = {str(getattr(names, name)) for name in properties}
    of_all = {names.pipeline, names.settings_parameter, names.pipeline_log, names.build_log}
    parts = {names.stack(part) for part in names.parts}
    return found - of_all | parts | {names.alarm("api-errors")}


def test_two_stages_share_no_name() -> None:
    live, other = every_name(Names("hush")), every_name(Names("hush", STAGING))
    assert len(live) == len(other) + 1 >= 11
    assert not live & other


def test_nor_do_two_installations_of_which_one_is_called_like_a_stage() -> None:
    assert not every_name(Names("hush-staging")) & every_name(Names("hush", STAGING))


def test_the_pipeline_and_its_settings_are_those_of_all_stages() -> None:
    live, other = Names("hush"), Names("hush", STAGING)
    assert live.pipeline == other.pipeline == "hush-pipeline"
    assert live.settings_parameter == other.settings_parameter == "/hush/settings"
    assert live.pipeline_log == other.pipeline_log == "/hush/pipeline"


@pytest.mark.parametrize(("kind", "name"), GIVEN.items())
def test_what_is_named_knows_its_stage(everything_set: Templates, kind: str, name: str) -> None:
    found = [each[name] for part in PARTS for each in everything_set.of(part, kind)]
    assert found
    for given in found:
        text = json.dumps(given)
        assert "speech-live" in text or "/speech/live/" in text


def test_the_budget_and_the_log_know_it_too(everything_set: Templates) -> None:
    names = Names(EVERYTHING_SET.name)
    budget = everything_set.the("service", "Budgets::Budget")["Budget"]
    assert re.fullmatch(r"speech-live-month-[0-9a-f]{8}", budget["BudgetName"])
    given = [each.get("LogGroupName") for each in everything_set.of("service", "Logs::LogGroup")]
    assert [name for name in given if name] == [names.fleet_log] == ["/speech/live/fleet"]


def test_a_budget_that_tells_another_is_called_otherwise() -> None:
    # CloudFormation makes the new one before it deletes the old one.
    def name(email: str) -> str:
        stack = cdk.Stack()
        Alerts(stack, "Alerts", Names("hush"), email=email, budget_dollars=50, budget_by_tag=False)
        (budget,) = Template.from_stack(stack).find_resources("AWS::Budgets::Budget").values()
        return str(budget["Properties"]["Budget"]["BudgetName"])

    assert name("a@example.org") == name("a@example.org") != name("b@example.org")


def test_the_log_of_builds_is_that_of_the_recipe(everything_set: Templates) -> None:
    recipe = everything_set.the("image", "ImageBuilder::ImageRecipe")["Name"]
    assert Names(EVERYTHING_SET.name).build_log == f"/aws/imagebuilder/{recipe}"


def test_the_pipeline_and_a_laptop_deploy_the_same_stacks(everything_set: Templates) -> None:
    # These may come twice for a while; whatever else is called otherwise is made anew.
    free = {"AWS::Lambda::Permission", "AWS::ApiGateway::Deployment"}
    for part in PARTS:
        # The image is built by the first of all stages.
        by_pipeline = everything_set.in_stage(STAGING if part == "image" else LIVE)
        ours, theirs = (
            {name for name, each in template["Resources"].items() if each["Type"] not in free}
            for template in (everything_set[part], by_pipeline[part])
        )
        assert ours == theirs


def test_sessions_of_one_stage_are_none_of_another(everything_set: Templates) -> None:
    functions = everything_set.of("service", "Lambda::Function")
    told = [each.get("Environment", {}).get("Variables", {}) for each in functions]
    deployments = {each["HUSH_DEPLOYMENT"] for each in told if "HUSH_DEPLOYMENT" in each}
    assert deployments == {"eu-west-1/123456789012/speech-live"}
