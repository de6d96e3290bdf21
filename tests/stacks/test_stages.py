"""Staging before live: the same once more, small and silent, and live is none the worse for it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from bench.cost import STAGING_ALARMS
from stacks.names import LIVE, PARTS, STAGING, Names, StageName
from stacks.pipeline import Pipeline
from stacks.prices import SECRETS
from stacks.settings import STAGING_DOLLARS, Settings
from tests.stacks.conftest import EVERYTHING_SET, Templates, as_text, context
from tests.stacks.permissions import Names as DeployedNames
from tests.stacks.permissions import allowed, listed

pytestmark = pytest.mark.xdist_group("stacks")

PIPELINE = "CodePipeline::Pipeline"
VPCS, DEFAULT_VPCS = 5, 1
"""What EC2 lets a new account have in a region, and what is there already."""
FREE_ALARMS = 10
LONG = "x" * 20
"""As long as an installation's name may be."""


@pytest.fixture(scope="module")
def staging(everything_set: Templates) -> Templates:
    return everything_set.in_stage(STAGING)


@pytest.fixture(scope="module")
def live(everything_set: Templates) -> Templates:
    return everything_set.in_stage(LIVE)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Live as the pipeline deploys it where there is no other stage."""
    folder = tmp_path_factory.mktemp("alone") / "cdk.out"
    # The command line asks for it, by which everything else was made.
    wanted = {**context(), "aws:cdk:enable-path-metadata": True}
    app = cdk.App(context=wanted, outdir=str(folder), builtin_cloud_formation_validation=False)
    Pipeline(app, EVERYTHING_SET.model_copy(update={"stages": (LIVE,)}))
    app.synth()
    return Templates(folder).in_stage(LIVE)


@pytest.fixture(scope="module")
def stages(everything_set: Templates) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = everything_set.the("pipeline", PIPELINE)["Stages"]
    return found


def actions(stages: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the actions of a stage in the order in which they run."""
    (found,) = (stage["Actions"] for stage in stages if stage["Name"] == name)
    return sorted(found, key=lambda action: int(action["RunOrder"]))


class TestThePipeline:
    def test_staging_is_deployed_and_asked_and_approved_before_live(
        self, stages: list[dict[str, Any]]
    ) -> None:
        assert [stage["Name"] for stage in stages][-2:] == [STAGING, LIVE]
        in_staging, in_live = actions(stages, STAGING), actions(stages, LIVE)
        names = [action["Name"] for action in in_staging]
        assert names[-4:] == [
            "speech-staging-service.Prepare",
            "speech-staging-service.Deploy",
            "SmokeTest",
            "Approval",
        ]
        # One after the other: what fails keeps all that is after it from beginning.
        orders = [int(action["RunOrder"]) for action in in_staging[-4:]]
        assert orders == sorted(set(orders))
        assert in_live[-1]["Name"] == "SmokeTest"
        assert not any("staging" in action["Name"] for action in in_live)
        assert not any(
            name.startswith("speech-live") and "image" not in name
            for name in (action["Name"] for action in in_staging)
        )

    def test_without_it_there_is_neither_an_approval_nor_its_mail(
        self, placeholders: Templates
    ) -> None:
        pipeline = placeholders.the("pipeline", PIPELINE)
        assert [stage["Name"] for stage in pipeline["Stages"]][-2:] == ["Assets", LIVE]
        assert "Approval" not in as_text(placeholders["pipeline"])

    def test_whoever_approves_is_told_by_mail_what_to_look_at(
        self, everything_set: Templates, stages: list[dict[str, Any]]
    ) -> None:
        approval = actions(stages, STAGING)[-1]
        assert approval["ActionTypeId"]["Category"] == "Approval"
        told = approval["Configuration"]
        subscription = everything_set.the("pipeline", "SNS::Subscription")
        assert subscription["Endpoint"] == EVERYTHING_SET.alarm_email
        assert told["NotificationArn"] == subscription["TopicArn"]
        known = dict(_variables(everything_set, stages))
        words = told["CustomData"] + told["ExternalEntityLink"]
        for name in re.findall(r"#\{(.*?)\}", words):
            words = words.replace(f"#{{{name}}}", known[name])
        assert "Look at https://staging, which is staging, of commit 0a1b2c:" in words
        assert words.endswith("https://github.com/someone/hush/commit/0a1b2c")
        (section,) = re.findall(r"docs/operations\.md#([\w-]+)", told["CustomData"])
        runbook = Path(__file__).parents[2] / "docs" / "operations.md"
        text = runbook.read_text(encoding="utf-8")
        assert f"\n## {section.replace('-', ' ').capitalize()}\n" in text

    def test_a_smoke_test_has_the_key_of_its_own_stage_alone(
        self, everything_set: Templates
    ) -> None:
        names = DeployedNames(everything_set, EVERYTHING_SET)
        # It is called alike in both, but for letters of AWS's making.
        key = names.named("service", "SignInDeploymentKey2")
        for stage in (STAGING, LIVE):
            (statement,) = (
                each
                for policy in everything_set.of("pipeline", "IAM::Policy")
                if policy["Roles"][0]["Ref"].startswith(f"Pipeline{stage}SmokeTestRole")
                for each in policy["PolicyDocument"]["Statement"]
                if "GetSecretValue" in str(each["Action"])
            )
            resources = [names.text("pipeline", each) for each in listed(statement["Resource"])]
            found = {
                tag
                for tag in (STAGING, LIVE)
                if allowed(
                    [{**statement, "Resource": resources}],
                    "secretsmanager:GetSecretValue",
                    key,
                    **{"secretsmanager_ResourceTag/hush": f"speech-{tag}"},
                )
            }
            assert found == {stage}

    def test_a_build_may_export_what_it_is_told(self, everything_set: Templates) -> None:
        (project,) = (
            each
            for name, each in everything_set.named("pipeline", "CodeBuild::Project")
            if name.startswith("PipelinestagingSmokeTest")
        )
        specification = json.loads(project["Source"]["BuildSpec"])
        assert specification["env"] == {"exported-variables": ["HUSH_URL"]}


def _variables(
    everything_set: Templates, stages: list[dict[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Return what an approval may speak of, as CodePipeline knows it, with values."""
    for stage in stages:
        for action in stage["Actions"]:
            namespace = action.get("Namespace")
            if action["Name"] == "SmokeTest":
                yield f"{namespace}.HUSH_URL", f"https://{stage['Name']}"
            if stage["Name"] == "Source":
                yield f"{namespace}.CommitId", "0a1b2c"


class TestStaging:
    def test_it_is_a_whole_one_without_an_image_of_its_own(
        self, staging: Templates, live: Templates
    ) -> None:
        assert set(staging) == set(PARTS)
        assert set(live) == {"people", "service", "certificate"}

    def test_it_sleeps_and_is_small(self, staging: Templates) -> None:
        group = staging.the("service", "AutoScaling::AutoScalingGroup")
        assert (group["MinSize"], group["MaxSize"]) == ("0", "1")
        distribution = group["MixedInstancesPolicy"]["InstancesDistribution"]
        assert distribution["OnDemandBaseCapacity"] == 0
        assert staging.of("service", "AutoScaling::ScheduledAction") == []
        assert staging.of("service", "Lambda::Alias") == []
        told = [
            each.get("Environment", {}).get("Variables", {})
            for each in staging.of("service", "Lambda::Function")
        ]
        (governor,) = (each for each in told if "BOUND" in each)
        assert governor["BOUND"] == str(STAGING_DOLLARS)
        assert (governor["MAXIMUM"], governor["FALLBACK"], governor["BASE"]) == ("1", "0", "0")
        reserved = [
            each["ReservedConcurrentExecutions"]
            for each in staging.of("service", "Lambda::Function")
            if "ReservedConcurrentExecutions" in each
        ]
        assert reserved == [1]

    def test_it_sends_no_mail_and_has_no_domain(self, staging: Templates) -> None:
        for kind in ("SNS::Subscription", "Budgets::Budget", "Route53::RecordSet"):
            assert staging.of("service", kind) == []
        distribution = staging.the("service", "CloudFront::Distribution")["DistributionConfig"]
        assert "Aliases" not in distribution

    def test_those_may_use_it_who_are_named(self, staging: Templates) -> None:
        policies = {
            each["Environment"]["Variables"]["HUSH_POLICY"]
            for each in staging.of("service", "Lambda::Function")
            if "HUSH_POLICY" in each.get("Environment", {}).get("Variables", {})
        }
        (policy,) = map(json.loads, policies)
        assert policy == EVERYTHING_SET.policy | {"anonymous": False, "everyone": False}

    def test_a_deployment_that_errs_is_taken_back_there_too(self, staging: Templates) -> None:
        (alarm,) = staging.of("service", "CloudWatch::Alarm")
        (group,) = (
            each
            for each in staging["service"]["Resources"].values()
            if each["Type"] == "AWS::AutoScaling::AutoScalingGroup"
        )
        preferences = group["UpdatePolicy"]["AutoScalingInstanceRefresh"]["Preferences"]
        assert preferences["AlarmSpecification"]["Alarms"] == [alarm["AlarmName"]]
        assert alarm["AlarmName"] == "speech-staging-api-errors"
        assert preferences["BakeTime"] == 300

    def test_the_bill_counts_what_is_deployed(self, staging: Templates) -> None:
        assert len(staging.of("service", "CloudWatch::Alarm")) == STAGING_ALARMS
        secrets = sum(len(staging.of(part, "SecretsManager::Secret")) for part in staging)
        # After a rotation, the key before is there as well.
        assert secrets == SECRETS + (EVERYTHING_SET.secrets > 1)

    def test_a_bound_of_lives_that_is_lower_holds_and_none_is_none(self) -> None:
        def bound(dollars: int) -> int:
            return Settings(fleet_dollars_a_month=dollars).in_stage(STAGING).fleet_dollars_a_month

        assert [bound(each) for each in (0, 20, 500)] == [STAGING_DOLLARS, 20, STAGING_DOLLARS]
        assert Settings().in_stage(STAGING).responder_concurrency is None
        assert Settings().in_stage(LIVE) == Settings()


class TestOneImage:
    def test_both_start_from_the_one_that_staging_was_tried_with(
        self, staging: Templates, live: Templates
    ) -> None:
        data = [
            each.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
            for each in (staging, live)
        ]
        image = data[0]["ImageId"]["Fn::GetStackOutput"]
        assert data[0]["ImageId"] == data[1]["ImageId"]
        assert image["StackName"] == "speech-live-image"
        assert image["OutputName"] in staging["image"]["Outputs"]
        versions = {
            tuple(re.findall(r"HUSH_IMAGE='([^']+)'", as_text(each["UserData"]))) for each in data
        }
        (version,) = versions
        assert version == (staging.the("image", "ImageBuilder::ImageRecipe")["Version"],)

    def test_lives_stays_while_staging_tries_others(
        self, everything_set: Templates, placeholders: Templates
    ) -> None:
        # It may be older than any that is kept for the days since its last launch.
        kept = [
            each.the("image", "ImageBuilder::LifecyclePolicy")["PolicyDetails"][0]["Filter"]
            for each in (everything_set, placeholders)
        ]
        assert [each["RetainAtLeast"] for each in kept] == [3, 1]
        assert kept[0]["Value"] == EVERYTHING_SET.keep_images_days


class TestLive:
    def test_with_staging_and_without_it_is_the_same(
        self, alone: Templates, live: Templates, staging: Templates
    ) -> None:
        for part in ("people", "service", "certificate"):
            assert _resources(live, part) == _resources(alone, part)
            assert live[part].get("Outputs") == alone[part].get("Outputs")
        # The image is built by another stage of the pipeline, and is in the same stack.
        image, before = _resources(staging, "image"), _resources(alone, "image")
        assert image.keys() == before.keys()
        changed = [each["Type"] for name, each in image.items() if each != before[name]]
        assert changed == ["AWS::ImageBuilder::LifecyclePolicy"]
        assert staging["image"]["Outputs"] == alone["image"]["Outputs"]


def _resources(templates: Templates, part: str) -> dict[str, Any]:
    """Return the resources of a stack, without what tells where the CDK has them."""
    resources: dict[str, Any] = json.loads(json.dumps(templates[part]["Resources"]))
    for each in resources.values():
        each.pop("Metadata", None)
        tags = each.get("Properties", {}).get("Tags")
        if isinstance(tags, list):
            tags[:] = [tag for tag in tags if "/" not in str(tag["Value"])]
    return {name: each for name, each in resources.items() if each["Type"] != "AWS::CDK::Metadata"}


class TestWhatAwsRefuses:
    def test_no_name_is_that_of_something_in_the_other_stage(
        self, staging: Templates, live: Templates
    ) -> None:
        assert not _given_names(staging) & _given_names(live)

    def test_names_are_no_longer_than_services_take(self) -> None:
        for stage in (STAGING, LIVE):
            names = Names(LONG, stage)
            assert len(names.governor) <= 64
            assert len(names.stack("service")) <= 128
            assert len(names.budget) + len("-0a1b2c3d") <= 100
            assert len(names.alarm("responder-errors")) <= 255
            assert len(names.dashboard) <= 255

    def test_an_approval_says_no_more_than_codepipeline_takes(
        self, stages: list[dict[str, Any]]
    ) -> None:
        told = actions(stages, STAGING)[-1]["Configuration"]
        longest = {"HUSH_URL": "x" * 300, "CommitId": "0" * 40}

        def filled(text: str) -> str:
            return re.sub(r"#\{[^}]*\.(\w+)\}", lambda name: longest[name[1]], text)

        assert len(filled(told["CustomData"])) <= 1000
        # All of it would be no address when the pipeline is made.
        assert told["ExternalEntityLink"].startswith("https://github.com/")

    def test_namespaces_are_known_once_and_of_codepipelines_letters(
        self, stages: list[dict[str, Any]]
    ) -> None:
        found = [
            action["Namespace"]
            for stage in stages
            for action in stage["Actions"]
            if "Namespace" in action
        ]
        assert len(found) == len(set(found))
        assert all(re.fullmatch(r"[A-Za-z0-9@\-_]{1,100}", each) for each in found)

    def test_both_fit_into_a_new_account(self, staging: Templates, live: Templates) -> None:
        def count(kind: str) -> int:
            return sum(len(each.of(part, kind)) for each in (staging, live) for part in each)

        assert count("ElasticLoadBalancingV2::LoadBalancer") == 2
        assert count("EC2::VPC") <= VPCS - DEFAULT_VPCS
        assert count("CloudWatch::Alarm") <= FREE_ALARMS
        assert count("CloudFront::ResponseHeadersPolicy") <= 20
        assert count("CloudFront::CachePolicy") <= 20
        assert count("ApiGatewayV2::VpcLink") <= 10
        assert count("ImageBuilder::Image") == 1


def _given_names(templates: Templates) -> set[tuple[str, str]]:
    """Return the type and name of everything that is named by us, or by the CDK."""
    named = ("Name", "FunctionName", "AlarmName", "DashboardName", "LogGroupName")
    found = set()
    for part in templates:
        for each in templates[part]["Resources"].values():
            properties = each.get("Properties", {})
            inner = [properties, *(v for v in properties.values() if isinstance(v, dict))]
            for values in inner:
                for name in (*named, "AutoScalingGroupName", "BucketName"):
                    if isinstance(values.get(name), str) and "::Method" not in each["Type"]:
                        found.add((each["Type"], values[name]))
    return found


@pytest.mark.parametrize("stage", [STAGING, LIVE])
def test_every_stage_is_called_by_its_name(everything_set: Templates, stage: StageName) -> None:
    group = everything_set.in_stage(stage).the("service", "AutoScaling::AutoScalingGroup")
    assert group["AutoScalingGroupName"] == Names("speech", stage).group
