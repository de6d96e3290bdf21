"""What matters in all templates: who can reach, read and delete what, and what is watched."""

import json
import re
from collections import Counter
from typing import Any

import cfnlint.api
import pytest
from cfnlint.config import ManualArgs

from bench.cost import filling, volume_hour
from stacks.names import LIVE, PARTS
from stacks.prices import hourly_prices, launch_price, list_prices
from stacks.settings import Settings
from tests.stacks.conftest import EVERYTHING_SET, ROOT, Templates, as_text, sign_in_functions

# One worker synthesises for all.
pytestmark = pytest.mark.xdist_group("stacks")

ANYWHERE = ("cloudwatch:PutMetricData", "ec2:DescribeTags", "ssm:UpdateInstanceInformation")
"""What an instance may do on no resource in particular."""
APPLICATION = PARTS


def _allowed(templates: Templates, part: str, role: str) -> set[tuple[str, str]]:
    """Return every action that a role may take, with a word that tells on what."""
    known = ("FrontDoor", "DeploymentKey", "SigningKey", "Quota", "People", "SignInAuth")
    pairs = set()
    for statement in map(dict, _statements(templates, part, role)):
        assert statement["Effect"] == "Allow"
        if statement["Action"] == "dynamodb:UpdateItem" and "Authorizer" in role:
            # What it may change is seen in tests/stacks/test_permissions.py.
            assert set(statement.pop("Condition")) == {"ForAllValues:StringEquals"}
        assert "Condition" not in statement
        actions, resources = statement["Action"], statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            text = as_text(resource)
            assert "*" not in text
            named = re.search(r":(?:parameter/|secret:)[a-z]+/live(/[a-z]+)", text)
            names = [word for word in known if word in text.replace("hush-live-people", "")]
            word = named[1] if named else "Log" if "Log" in text else names[0]
            for action in actions if isinstance(actions, list) else [actions]:
                pairs.add((action, word))
    return pairs


def _statements(templates: Templates, part: str, role: str) -> list[dict[str, Any]]:
    """Return what the policies of the role with this name allow."""
    found = []
    for policy in templates.of(part, "IAM::Policy"):
        if any(str(each["Ref"]).startswith(role) for each in policy["Roles"]):
            found += policy["PolicyDocument"]["Statement"]
    return found


class TestReach:
    def test_nothing_comes_in_from_outside(self, templates: Templates) -> None:
        for part in APPLICATION:
            for group in templates.of(part, "EC2::SecurityGroup"):
                assert "SecurityGroupIngress" not in group
            for rule in templates.of(part, "EC2::SecurityGroupIngress"):
                assert "SourceSecurityGroupId" in rule
                assert "CidrIp" not in rule

    def test_the_load_balancer_is_internal(self, templates: Templates) -> None:
        balancer = templates.the("service", "ElasticLoadBalancingV2::LoadBalancer")
        assert balancer["Scheme"] == "internal"
        assert all("SubnetInside" in as_text(subnet) for subnet in balancer["Subnets"])

    def test_there_is_neither_nat_nor_ssh(self, templates: Templates) -> None:
        assert templates.of("service", "EC2::NatGateway") == []
        assert templates.of("service", "EC2::EIP") == []
        assert "KeyName" not in as_text(templates["service"])
        assert "ssmmessages:OpenDataChannel" in as_text(templates.of("service", "IAM::Policy"))

    def test_instances_reach_only_https(self, templates: Templates) -> None:
        groups = templates.of("service", "EC2::SecurityGroup")
        (fleet,) = (group for group in groups if "load balancer" in group["GroupDescription"])
        (rule,) = fleet["SecurityGroupEgress"]
        assert (rule["FromPort"], rule["ToPort"]) == (443, 443)

    def test_every_method_of_the_api_but_sign_in_is_guarded(self, templates: Templates) -> None:
        methods = templates.of("service", "ApiGateway::Method")
        assert len(methods) == 8
        (sign_in,) = (each for each in methods if each["AuthorizationType"] != "CUSTOM")
        assert sign_in["AuthorizationType"] == "NONE"
        assert "AuthorizerId" not in sign_in
        assert "SignInAuth" in as_text(sign_in["Integration"]["Uri"])
        (path,) = (
            each["PathPart"]
            for name, each in templates.named("service", "ApiGateway::Resource")
            if name == sign_in["ResourceId"]["Ref"]
        )
        assert path == "{proxy+}"
        for method in methods:
            assert method is sign_in or "Authorizer" in method["AuthorizerId"]["Ref"]

    def test_decisions_are_remembered_for_a_minute_by_both_headers(
        self, templates: Templates
    ) -> None:
        authorizer = templates.the("service", "ApiGateway::Authorizer")
        sources = "method.request.header.x-hush-origin,method.request.header.x-hush-credential"
        assert authorizer["IdentitySource"] == sources
        assert authorizer["AuthorizerResultTtlInSeconds"] == 60

    def test_only_cloudfront_reads_the_page(self, templates: Templates) -> None:
        bucket = templates.the("service", "S3::Bucket")
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        (policy,) = templates.of("service", "S3::BucketPolicy")
        readers = [
            statement
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow" and statement["Action"] == "s3:GetObject"
        ]
        assert [each["Principal"]["Service"] for each in readers] == ["cloudfront.amazonaws.com"]
        assert all("AWS:SourceArn" in each["Condition"]["StringEquals"] for each in readers)


class TestPrivilege:
    def test_an_instance_ends_only_instances_of_its_group(self, templates: Templates) -> None:
        for statement in _statements(templates, "service", "FleetMachinesInstanceRole"):
            actions = statement["Action"]
            if statement["Resource"] == "*":
                for action in actions if isinstance(actions, list) else [actions]:
                    assert action in ANYWHERE or action.startswith("ssmmessages:")
            if "TerminateInstance" in as_text(statement["Action"]):
                assert "autoScalingGroupName/" in as_text(statement["Resource"])

    def test_the_status_function_changes_only_its_group_and_door(
        self, templates: Templates
    ) -> None:
        for statement in _statements(templates, "service", "FleetLobbyStatusRole"):
            if statement["Resource"] == "*":
                actions = statement["Action"]
                for action in actions if isinstance(actions, list) else [actions]:
                    assert re.search(r":(Describe|List)", action)

    def test_sign_in_may_do_what_it_does_and_nothing_more(self, templates: Templates) -> None:
        people = ("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
        assert _allowed(templates, "service", "SignInAuthRole") == {
            *((f"dynamodb:{action}", "People") for action in people),
            ("dynamodb:GetItem", "Quota"),
            ("secretsmanager:GetSecretValue", "FrontDoor"),
            ("secretsmanager:GetSecretValue", "DeploymentKey"),
            ("secretsmanager:GetSecretValue", "SigningKey"),
            ("secretsmanager:GetSecretValue", "/github"),
            ("ssm:GetParameter", "/url"),
            ("logs:CreateLogStream", "Log"),
            ("logs:PutLogEvents", "Log"),
        }

    def test_the_authorizer_reads_notes_who_was_seen_and_has_memberships_checked(
        self, templates: Templates
    ) -> None:
        assert _allowed(templates, "service", "SignInAuthorizerRole") == {
            ("dynamodb:BatchGetItem", "People"),
            ("dynamodb:GetItem", "People"),
            ("dynamodb:UpdateItem", "People"),
            ("secretsmanager:GetSecretValue", "FrontDoor"),
            ("secretsmanager:GetSecretValue", "DeploymentKey"),
            ("secretsmanager:GetSecretValue", "SigningKey"),
            ("lambda:InvokeFunction", "SignInAuth"),
            ("logs:CreateLogStream", "Log"),
            ("logs:PutLogEvents", "Log"),
        }

    def test_no_role_has_more_than_its_statements(self, templates: Templates) -> None:
        for name, role in templates.named("service", "IAM::Role"):
            if name.startswith("Custom"):  # the CDK's own, which run at deployments alone
                continue
            if "CloudWatchRole" not in name:  # the account's, which is API Gateway's own
                assert "ManagedPolicyArns" not in role, name
            assert "Policies" not in role, name

    def test_an_instance_counts_quotas_and_touches_no_other_table(
        self, templates: Templates
    ) -> None:
        (statement,) = (
            each
            for each in _statements(templates, "service", "FleetMachinesInstanceRole")
            if "dynamodb" in as_text(each["Action"])
        )
        assert statement["Action"] == "dynamodb:UpdateItem"
        assert "AttPeopleQuota" in as_text(statement["Resource"])
        assert "*" not in as_text(statement["Resource"])

    def test_only_whoever_may_reads_a_table_or_a_signing_key(self, templates: Templates) -> None:
        for part in APPLICATION:
            for policy in templates.of(part, "IAM::Policy"):
                (role,) = policy["Roles"]
                text = as_text(policy["PolicyDocument"])
                if re.search("SigningKey|AttPeople(?!Quota)", text):
                    known = ("SignInAuthRole", "SignInAuthorizerRole", "AdministrationAdminRole")
                    assert str(role["Ref"]).startswith(known)

    def test_no_secret_is_in_an_environment_variable(self, templates: Templates) -> None:
        for part in APPLICATION:
            for function in templates.of(part, "Lambda::Function"):
                assert "{{resolve:" not in as_text(function)
        for function in sign_in_functions(templates):
            variables = function["Environment"]["Variables"]
            assert not {name for name in variables if re.search("TOKEN|PASSWORD|PRIVATE", name)}
            for name in ("HUSH_FRONT_DOOR_SECRET", "HUSH_DEPLOYMENT_KEY_SECRET"):
                assert set(variables[name]) <= {"Ref", "Fn::GetStackOutput"}
        assert "{{resolve:" not in as_text(templates.of("service", "EC2::LaunchTemplate"))

    def test_no_role_of_the_application_may_do_everything(self, templates: Templates) -> None:
        for part in APPLICATION:
            for policy in templates.of(part, "IAM::Policy"):
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert statement["Action"] not in ("*", ["*"])
            assert "AdministratorAccess" not in as_text(templates[part])


class TestKeeping:
    def test_logs_are_kept_for_a_month(self, templates: Templates) -> None:
        for part in APPLICATION:
            for group in templates.of(part, "Logs::LogGroup"):
                assert group["RetentionInDays"] == 30

    def test_nothing_but_tables_and_the_accounts_role_is_left_behind(
        self, templates: Templates
    ) -> None:
        for part in APPLICATION:
            for name, resource in templates[part]["Resources"].items():
                kept = resource["Type"] in ("AWS::DynamoDB::Table", "AWS::ApiGateway::Account")
                if not kept and "CloudWatchRole" not in name:
                    assert resource.get("DeletionPolicy", "Delete") == "Delete", (part, name)

    def test_people_outlive_everything(self, templates: Templates) -> None:
        for resource in templates["people"]["Resources"].values():
            if resource["Type"] == "AWS::DynamoDB::Table":
                assert resource["DeletionPolicy"] == "Retain"
                assert resource["UpdateReplacePolicy"] == "Retain"


class TestWatching:
    def test_there_are_no_more_alarms_than_are_free(self, templates: Templates) -> None:
        alarms = templates.of("service", "CloudWatch::Alarm")
        assert 5 <= len(alarms) <= 10
        for alarm in alarms:
            assert alarm["AlarmActions"]
            assert "docs/operations.md#" in alarm["AlarmDescription"]

    def test_somebody_looks_every_few_minutes_and_when_an_instance_starts(
        self, templates: Templates
    ) -> None:
        rules = [
            each
            for each in templates.of("service", "Events::Rule")
            if "Governor" in as_text(each["Targets"])
        ]
        (often,) = (each["ScheduleExpression"] for each in rules if "ScheduleExpression" in each)
        assert often == "rate(5 minutes)"
        (launches,) = (each["EventPattern"] for each in rules if "EventPattern" in each)
        assert set(launches["detail-type"]) == {
            "EC2 Instance-launch Lifecycle Action",
            "EC2 Instance Launch Unsuccessful",
        }
        group = templates.the("service", "AutoScaling::AutoScalingGroup")["AutoScalingGroupName"]
        assert launches["detail"] == {"AutoScalingGroupName": [group]}

    def test_a_deployment_writes_no_sizes_of_the_group_that_it_does_not_change(
        self, templates: Templates
    ) -> None:
        (group,) = (
            each
            for each in templates["service"]["Resources"].values()
            if each["Type"] == "AWS::AutoScaling::AutoScalingGroup"
        )
        policy = group["UpdatePolicy"]["AutoScalingScheduledAction"]
        assert policy == {"IgnoreUnmodifiedGroupSizeProperties": True}

    def test_the_governor_knows_the_bound_and_the_prices(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        for templates, bound, types in (
            (placeholders, "500", Settings().instance_types),
            (everything_set, "200", EVERYTHING_SET.instance_types),
        ):
            (told,) = (
                each["Environment"]["Variables"]
                for each in templates.of("service", "Lambda::Function")
                if "BOUND" in each.get("Environment", {}).get("Variables", {})
            )
            assert told["BOUND"] == bound
            assert told["FALLBACK"] == ("0" if templates is placeholders else "20")
            distribution = templates.the("service", "AutoScaling::AutoScalingGroup")[
                "MixedInstancesPolicy"
            ]["InstancesDistribution"]
            assert told["BASE"] == str(distribution["OnDemandBaseCapacity"])
            assert list(json.loads(told["PRICES"])) == list(types)

    def test_an_hour_costs_what_it_does_in_the_bill_and_more_in_dearer_regions(self) -> None:
        virginia = hourly_prices(Settings())
        assert list(virginia) == list(Settings().instance_types)
        hour = list_prices()["hour"]
        beside = virginia["g4dn.xlarge"] - hour["on_demand"]["g4dn.xlarge"]
        assert beside == pytest.approx(hour["public_address"] + volume_hour(), abs=1e-4)
        assert launch_price(Settings()) >= filling()
        assert launch_price(Settings(volume_initialization=False)) == 0
        ireland, nowhere = (
            hourly_prices(Settings(account="1" * 12, region=region))
            for region in ("eu-west-1", "xx-west-9")
        )
        assert nowhere["g5.xlarge"] > ireland["g5.xlarge"] > virginia["g5.xlarge"]
        unknown = hourly_prices(Settings(instance_types=("g6.96xlarge", "g5.48xlarge")))
        assert unknown["g6.96xlarge"] == unknown["g5.48xlarge"]

    def test_a_month_has_a_budget(self, everything_set: Templates) -> None:
        budget = everything_set.the("service", "Budgets::Budget")["Budget"]
        assert budget["BudgetLimit"] == {"Amount": EVERYTHING_SET.budget_dollars, "Unit": "USD"}

    def test_it_counts_what_is_tagged_if_that_is_wanted(self, everything_set: Templates) -> None:
        budget = everything_set.the("service", "Budgets::Budget")["Budget"]
        # The pipeline, whose builds cost most of a push, has a tag of its own.
        tags = ["user:hush$speech-staging", "user:hush$speech-live", "user:hush$speech"]
        assert budget["CostFilters"] == {"TagKeyValue": tags}


class TestAFailedPipeline:
    EVENT = {  # noqa: RUF012
        "source": "aws.codepipeline",
        "detail-type": "CodePipeline Pipeline Execution State Change",
        "region": "eu-west-1",
        "detail": {"pipeline": "speech-pipeline", "execution-id": "0a1b-2c3d", "state": "FAILED"},
    }

    @pytest.fixture
    def rule(self, everything_set: Templates) -> dict[str, Any]:
        (rule,) = (
            each
            for each in everything_set.of("service", "Events::Rule")
            if "aws.codepipeline" in as_text(each.get("EventPattern", {}))
        )
        return rule

    def test_it_is_that_of_this_installation(
        self, everything_set: Templates, rule: dict[str, Any]
    ) -> None:
        pipeline = everything_set.the("pipeline", "CodePipeline::Pipeline")["Name"]
        detail = rule["EventPattern"]["detail"]
        assert detail == {"state": ["FAILED"], "pipeline": [pipeline]}
        for name in ("source", "detail-type"):
            assert rule["EventPattern"][name] == [self.EVENT[name]]

    def test_whoever_is_told_of_alarms_is_told_of_it_and_what_to_do(
        self, everything_set: Templates, rule: dict[str, Any]
    ) -> None:
        (target,) = rule["Targets"]
        subscription = everything_set.the("service", "SNS::Subscription")
        assert target["Arn"] == subscription["TopicArn"]
        transformer = target["InputTransformer"]
        words = transformer["InputTemplate"]
        for name, path in transformer["InputPathsMap"].items():
            value: Any = self.EVENT
            for step in path.removeprefix("$.").split("."):
                value = value[step]
            words = words.replace(f"<{name}>", value)
        assert not re.search("[<>]", words)
        lines = [json.loads(line) for line in words.splitlines()]
        assert lines[0].startswith("The pipeline speech-pipeline failed")
        assert "pipelines/speech-pipeline/executions/0a1b-2c3d/timeline" in lines[2]
        (section,) = re.findall(r"docs/operations\.md#([\w-]+)", lines[3])
        runbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
        assert f"\n## {section.replace('-', ' ').capitalize()}\n" in runbook

    def test_events_may_send_mails_by_the_topic(self, everything_set: Templates) -> None:
        policy = everything_set.the("service", "SNS::TopicPolicy")["PolicyDocument"]
        allowed = {
            each["Principal"].get("Service")
            for each in policy["Statement"]
            if each["Effect"] == "Allow" and each["Action"] == "sns:Publish"
        }
        assert allowed == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}


class TestPipeline:
    def test_it_updates_itself_then_deploys_and_asks(self, everything_set: Templates) -> None:
        pipeline = everything_set.the("pipeline", "CodePipeline::Pipeline")
        assert pipeline["PipelineType"] == "V2"
        stages = [stage["Name"] for stage in pipeline["Stages"]]
        assert stages == ["Source", "Build", "UpdatePipeline", "Assets", "staging", "live"]
        actions = [action["Name"] for action in pipeline["Stages"][-1]["Actions"]]
        assert actions[-1] == "SmokeTest"
        source = pipeline["Stages"][0]["Actions"][0]["Configuration"]
        assert source["FullRepositoryId"] == "someone/hush"

    def test_no_two_builds_of_a_size_run_at_once(self, everything_set: Templates) -> None:
        # New accounts have a quota of one.
        pipeline = everything_set.the("pipeline", "CodePipeline::Pipeline")
        for stage in pipeline["Stages"]:
            builds = [
                action["RunOrder"]
                for action in stage["Actions"]
                if action["ActionTypeId"]["Provider"] == "CodeBuild"
            ]
            assert len(builds) == len(set(builds)), stage["Name"]

    def test_it_runs_the_command_line_that_a_laptop_does(self, everything_set: Templates) -> None:
        package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
        version = package["devDependencies"]["aws-cdk"]
        specifications = as_text(everything_set.of("pipeline", "CodeBuild::Project"))
        assert set(re.findall(r"aws-cdk@([\d.]+)", specifications)) == {version}

    def test_it_synthesises_from_the_settings_that_the_laptop_stored(
        self, everything_set: Templates
    ) -> None:
        (phases,) = (
            json.loads(specification)["phases"]
            for project in everything_set.of("pipeline", "CodeBuild::Project")
            if "make synth" in (specification := str(project["Source"]["BuildSpec"]))
        )
        assert "--name /speech/settings" in phases["install"]["commands"][-1]
        assert phases["build"]["commands"] == ["make test", "make synth"]


LINT_EXCEPTIONS = ManualArgs(
    ignore_checks=[
        "W3005",  # CDK's own Lambdas state dependencies that follow from references as well
        "W3010",  # zones are a setting: neither GPUs nor VPC links exist in all
        "E3703",  # CDK's pipeline joins where cfn-lint prefers to substitute
    ]
)


def test_cfn_lint_finds_nothing(templates: Templates) -> None:
    # The pipeline's stage holds the same stacks once more, under longer names: see below.
    for file in templates.folder.glob("*.template.json"):
        problems = cfnlint.api.lint_file(file, LINT_EXCEPTIONS)
        assert [str(problem) for problem in problems] == [], file.name


def test_the_pipeline_deploys_what_a_laptop_does(templates: Templates) -> None:
    by_pipeline = templates.in_stage(LIVE)
    assert set(by_pipeline) >= {"people", "service"}
    for part in set(APPLICATION) & set(by_pipeline):
        kinds = Counter(each["Type"] for each in by_pipeline[part]["Resources"].values())
        assert kinds == Counter(each["Type"] for each in templates[part]["Resources"].values())


@pytest.mark.parametrize("part", APPLICATION)
def test_tags_name_the_installation(everything_set: Templates, part: str) -> None:
    manifest = json.loads((everything_set.folder / "manifest.json").read_text(encoding="utf-8"))
    properties = manifest["artifacts"][f"speech-live-{part}"]["properties"]
    assert properties["tags"] == {"hush": "speech-live"}
