"""Every role may do what it does, and every name in a policy is that of something which exists."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from hush.contracts import ledger
from tests.stacks.conftest import EVERYTHING_SET, ROOT, Templates
from tests.stacks.permissions import Names, Roles, allowed, listed, managed_policy

pytestmark = pytest.mark.xdist_group("stacks")

LAMBDAS = ROOT / "lambda"
SERVICE = ROOT / "service" / "hush_service"
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")

AUTH = (
    ("dynamodb:BatchGetItem", "people", "People"),
    ("dynamodb:DeleteItem", "people", "People"),
    ("dynamodb:GetItem", "people", "People"),
    ("dynamodb:PutItem", "people", "People"),
    ("dynamodb:Query", "people", "People"),
    ("dynamodb:UpdateItem", "people", "People"),
    ("dynamodb:GetItem", "people", "PeopleQuota"),
    ("secretsmanager:GetSecretValue", "service", "FrontDoor2"),
    ("secretsmanager:GetSecretValue", "people", "PeopleSigningKey1"),
    ("secretsmanager:GetSecretValue", "people", "PeopleSigningKey2"),
    ("secretsmanager:GetSecretValue", "service", "SignInDeploymentKey2"),
    ("ssm:GetParameter", "service", "SiteUrlParameter"),
)
AUTHORIZER = (
    ("dynamodb:BatchGetItem", "people", "People"),
    ("dynamodb:GetItem", "people", "People"),
    ("secretsmanager:GetSecretValue", "service", "FrontDoor2"),
    ("secretsmanager:GetSecretValue", "people", "PeopleSigningKey1"),
    ("secretsmanager:GetSecretValue", "people", "PeopleSigningKey2"),
    ("secretsmanager:GetSecretValue", "service", "SignInDeploymentKey2"),
    ("lambda:InvokeFunction", "service", "SignInAuth"),
)
ADMINISTRATION = (
    ("dynamodb:BatchGetItem", "people", "People"),
    ("dynamodb:DeleteItem", "people", "People"),
    ("dynamodb:Query", "people", "People"),
    ("dynamodb:UpdateItem", "people", "People"),
    ("dynamodb:BatchGetItem", "people", "PeopleQuota"),
    ("dynamodb:GetItem", "people", "PeopleQuota"),
    ("secretsmanager:GetSecretValue", "service", "FrontDoor2"),
    ("secretsmanager:GetSecretValue", "people", "PeopleSigningKey1"),
    ("secretsmanager:GetSecretValue", "people", "PeopleSigningKey2"),
    ("secretsmanager:GetSecretValue", "service", "SignInDeploymentKey2"),
    ("ssm:GetParameter", "service", "SiteUrlParameter"),
    ("ssm:GetParameter", "service", "AdministrationInstallation"),
    ("autoscaling:DescribeAutoScalingGroups", "service", "FleetMachinesGroupASG"),
    ("autoscaling:DescribeScheduledActions", "service", "FleetMachinesGroupASG"),
    ("autoscaling:DeleteScheduledAction", "service", "FleetMachinesGroupASG"),
    ("autoscaling:PutScheduledUpdateGroupAction", "service", "FleetMachinesGroupASG"),
    ("autoscaling:UpdateAutoScalingGroup", "service", "FleetMachinesGroupASG"),
    ("ec2:DescribeInstances", "service", "FleetMachinesGroupASG"),
    ("cloudwatch:DescribeAlarms", "service", "FleetMachinesGroupASG"),
    ("cloudwatch:GetMetricData", "service", "FleetMachinesGroupASG"),
    ("lambda:InvokeFunction", "service", "GovernorLook"),
    ("codepipeline:GetPipelineState", "pipeline", "Pipeline"),
    ("logs:FilterLogEvents", "service", "SignInAuthLog"),
    ("logs:FilterLogEvents", "service", "SignInAuthorizerLog"),
    ("logs:FilterLogEvents", "service", "AdministrationAdminLog"),
    ("ce:GetCostAndUsage", "people", "PeopleQuota"),
)
STATUS = (
    ("autoscaling:DescribeAutoScalingGroups", "service", "FleetMachinesGroupASG"),
    ("autoscaling:DescribeScalingActivities", "service", "FleetMachinesGroupASG"),
    ("autoscaling:SetDesiredCapacity", "service", "FleetMachinesGroupASG"),
    ("elasticloadbalancing:DescribeListeners", "service", "FleetLobbyBalancer"),
    ("elasticloadbalancing:DescribeRules", "service", "FleetLobbyBalancer"),
    ("elasticloadbalancing:DescribeTargetHealth", "service", "FleetLobbyTargets"),
    ("elasticloadbalancing:ModifyRule", "service", "FleetLobbyBalancerListenerDoorRule"),
    ("secretsmanager:GetSecretValue", "service", "FrontDoor2"),
    ("apigateway:GET", "service", "FleetLobbyLink"),
    ("dynamodb:UpdateItem", "people", "PeopleQuota"),
)
GOVERNOR = (
    ("autoscaling:DescribeAutoScalingGroups", "service", "FleetMachinesGroupASG"),
    ("autoscaling:DescribeScalingActivities", "service", "FleetMachinesGroupASG"),
    ("autoscaling:ResumeProcesses", "service", "FleetMachinesGroupASG"),
    ("autoscaling:SuspendProcesses", "service", "FleetMachinesGroupASG"),
    ("autoscaling:TerminateInstanceInAutoScalingGroup", "service", "FleetMachinesGroupASG"),
    ("autoscaling:UpdateAutoScalingGroup", "service", "FleetMachinesGroupASG"),
    ("ec2:DescribeInstances", "service", "FleetMachinesGroupASG"),
    ("sns:Publish", "service", "AlertsTopic"),
)
RESPONDER = (
    ("dynamodb:UpdateItem", "people", "PeopleQuota"),
    ("lambda:InvokeFunction", "service", "FleetLobbyStatus"),
    ("secretsmanager:GetSecretValue", "service", "GatewayKey2"),
)
INSTANCE = (
    ("autoscaling:CompleteLifecycleAction", "service", "FleetMachinesGroupASG"),
    ("autoscaling:SetInstanceHealth", "service", "FleetMachinesGroupASG"),
    ("autoscaling:TerminateInstanceInAutoScalingGroup", "service", "FleetMachinesGroupASG"),
    ("elasticloadbalancing:DeregisterTargets", "service", "FleetLobbyTargets"),
    ("dynamodb:UpdateItem", "people", "PeopleQuota"),
    ("lambda:InvokeFunction", "service", "FleetResponderReady"),
    ("secretsmanager:GetSecretValue", "service", "GatewayKey2"),
)
SMOKE_TEST = (("secretsmanager:GetSecretValue", "service", "SignInDeploymentKey2"),)
CALLS = {
    ("service", "SignInAuthRole"): AUTH,
    ("service", "SignInAuthorizerRole"): AUTHORIZER,
    ("service", "AdministrationAdminRole"): ADMINISTRATION,
    ("service", "FleetLobbyStatusRole"): STATUS,
    ("service", "FleetMachinesInstanceRole"): INSTANCE,
    ("service", "FleetResponderFunctionRole"): RESPONDER,
    ("service", "GovernorLookRole"): GOVERNOR,
    ("pipeline", "PipelineliveSmokeTestRole"): SMOKE_TEST,
}
"""What our own programs ask of AWS: by role, the action, and the part and name of what it is on."""
SIGN_IN = {"SignInAuthRole", "SignInAuthorizerRole", "AdministrationAdminRole"}
READERS = {
    ("service", "FrontDoor2"): {*SIGN_IN, "FleetLobbyStatusRole"},
    ("service", "GatewayKey2"): {"FleetMachinesInstanceRole", "FleetResponderFunctionRole"},
    ("people", "PeopleSigningKey1"): SIGN_IN,
    ("people", "PeopleSigningKey2"): SIGN_IN,
    ("service", "SignInDeploymentKey2"): {*SIGN_IN, "PipelineliveSmokeTestRole"},
}
"""Who may read each secret, by its part and name."""
TAG = {"secretsmanager_ResourceTag/hush": "speech-live"}
"""Of everything that is live's."""


@pytest.fixture(scope="module")
def names(everything_set: Templates) -> Names:
    return Names(everything_set, EVERYTHING_SET)


@pytest.fixture(scope="module")
def roles(everything_set: Templates, names: Names) -> Roles:
    return Roles(everything_set, names)


def test_every_resource_in_a_policy_exists(names: Names, roles: Roles) -> None:
    existing = set(names.existing())
    nowhere = [
        (role, pattern)
        for part, role, statement in roles.statements()
        for pattern in roles.resources(part, statement)
        if not any(fnmatchcase(arn, pattern) for arn in existing)
    ]
    assert nowhere == []


@pytest.mark.parametrize(
    ("part", "role", "call"),
    [(part, role, call) for (part, role), calls in CALLS.items() for call in calls],
    ids=lambda value: ".".join(value[::2]) if isinstance(value, tuple) else value,
)
def test_every_call_of_ours_is_allowed(
    names: Names, roles: Roles, part: str, role: str, call: tuple[str, str, str]
) -> None:
    action, where, name = call
    assert roles.may(part, role, action, names.named(where, name), **TAG)


def test_every_secret_is_known_here(everything_set: Templates) -> None:
    found = {
        (part, name[:-8])
        for part in everything_set
        for name, each in everything_set[part]["Resources"].items()
        if each["Type"] == "AWS::SecretsManager::Secret"
    }
    assert found == set(READERS)


@pytest.mark.parametrize(
    ("secret", "readers"), READERS.items(), ids=lambda value: ".".join(sorted(value))
)
def test_a_secret_is_read_by_those_who_need_it_alone(
    names: Names, roles: Roles, secret: tuple[str, str], readers: set[str]
) -> None:
    arn = names.named(*secret)
    allowed = {
        role
        for part, role in roles.everyone()
        if roles.may(part, role, "secretsmanager:GetSecretValue", arn, **TAG)
    }
    assert allowed == readers


class TestTheGitHubApp:
    """Its private key lets whoever has it act as the App, in every organisation with it."""

    def test_sign_in_alone_reads_its_credentials(self, names: Names, roles: Roles) -> None:
        readers = {
            role
            for part, role in roles.everyone()
            if roles.may(part, role, "secretsmanager:GetSecretValue", names.github_app)
        }
        assert readers == {"SignInAuthRole"}

    def test_other_instances_with_session_manager_do_not(self, names: Names) -> None:
        policy = managed_policy("AmazonSSMManagedInstanceCore")
        # Where they were once: encrypted parameters are readable with the account's own key.
        parameter = names.at("ssm", "parameter/speech/github")
        assert allowed(policy, "ssm:GetParameter", parameter)
        for action in ("GetSecretValue", "BatchGetSecretValue"):
            assert not allowed(policy, f"secretsmanager:{action}", names.github_app)


class TestThePipeline:
    @pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
    def test_it_may_use_the_connection_by_both_of_its_names(
        self, roles: Roles, service: str
    ) -> None:
        # The action's prefix has to be the one in the ARN, and connections exist with both.
        source = "PipelineSourcesomeonehushCodePipelineActionRole"
        connection = str(EVERYTHING_SET.connection)
        assert roles.may("pipeline", source, f"{service}:UseConnection", connection)

    def test_it_reads_the_settings_that_were_stored(self, names: Names, roles: Roles) -> None:
        stored = names.at("ssm", f"parameter{names.stage.settings_parameter}")
        role = "PipelineBuildSynthCdkBuildProjectRole"
        assert roles.may("pipeline", role, "ssm:GetParameter", stored)

    @pytest.mark.parametrize("role", ["deploy", "file-publishing"])
    def test_it_updates_itself_by_the_roles_of_the_bootstrapping(
        self, names: Names, roles: Roles, role: str
    ) -> None:
        name = f"cdk-hnb659fds-{role}-role-{names.account}-{names.region}"
        arn = f"arn:aws:iam::{names.account}:role/{name}"
        tag = {"iam_ResourceTag/aws-cdk_bootstrap-role": role}
        mutation = "PipelineUpdatePipelineSelfMutationRole"
        assert roles.may("pipeline", mutation, "sts:AssumeRole", arn, **tag)

    @pytest.mark.parametrize("role", ["deploy", "file-publishing"])
    @pytest.mark.parametrize("region", [str(EVERYTHING_SET.region), "us-east-1"])
    def test_it_publishes_by_the_roles_of_the_bootstrapping(
        self, names: Names, roles: Roles, role: str, region: str
    ) -> None:
        # One uploads; the other looks how new the bootstrapping is.
        arn = (
            f"arn:aws:iam::{names.account}:role/cdk-hnb659fds-{role}-role-{names.account}-{region}"
        )
        tag = {"iam_ResourceTag/aws-cdk_bootstrap-role": role}
        assert roles.may("pipeline", "PipelineAssetsFileRole", "sts:AssumeRole", arn, **tag)

    def test_it_starts_every_build(
        self, names: Names, roles: Roles, everything_set: Templates
    ) -> None:
        for name, each in everything_set["pipeline"]["Resources"].items():
            if each["Type"] == "AWS::CodeBuild::Project":
                arn = names.arn("pipeline", name)
                role = "PipelineCodeBuildActionRole"
                assert roles.may("pipeline", role, "codebuild:StartBuild", arn), name


class TestABuildOfTheImage:
    def test_it_fetches_its_files_and_nothing_else(
        self, names: Names, roles: Roles, everything_set: Templates
    ) -> None:
        build, _ = everything_set.the("image", "ImageBuilder::ImageRecipe")["Components"]
        (files,) = re.findall(r"s3://([^/']+/[^/\"']+)", json.dumps(build["Parameters"]))
        allowed = {
            f"{names.assets}/{key}"
            for key in names.asset_keys()
            if roles.may(
                "image", "ImageBuilderRole", "s3:GetObject", f"arn:aws:s3:::{names.assets}/{key}"
            )
        }
        assert allowed == {files}

    def test_it_reads_no_parameter_of_the_account_though_a_policy_of_aws_would(
        self, names: Names, roles: Roles
    ) -> None:
        key = names.at("ssm", f"parameter{names.stage.settings_parameter}")
        for action in (
            *("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"),
            "ssm:GetParameterHistory",
        ):
            assert not roles.may("image", "ImageBuilderRole", action, key)

    def test_image_builder_can_run_what_it_builds_with(self, names: Names, roles: Roles) -> None:
        for action in (
            *("ssm:UpdateInstanceInformation", "ssm:GetDocument", "ssm:PutInventory"),
            *("ec2messages:GetMessages", "ssmmessages:OpenDataChannel"),
            "imagebuilder:GetComponent",
        ):
            assert roles.may("image", "ImageBuilderRole", action, "*")
        log = names.at("logs", "log-group:/aws/imagebuilder/speech:log-stream:1")
        assert roles.may("image", "ImageBuilderRole", "logs:PutLogEvents", log)
        # AWS's own, such as where its repositories are.
        public = f"arn:aws:ssm:{names.region}::parameter/aws/service/some"
        assert roles.may("image", "ImageBuilderRole", "ssm:GetParameter", public)


class TestAnInstance:
    def test_it_fetches_its_code_and_nothing_else(
        self, names: Names, roles: Roles, everything_set: Templates
    ) -> None:
        data = everything_set.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        (code,) = re.findall(r"s3://([^/']+/[^']+)'", json.dumps(data["UserData"]))
        allowed = {
            f"{names.assets}/{key}"
            for key in names.asset_keys()
            if roles.may(
                "service",
                "FleetMachinesInstanceRole",
                "s3:GetObject",
                f"arn:aws:s3:::{names.assets}/{key}",
            )
        }
        assert allowed == {code}

    def test_it_writes_its_log(self, names: Names, roles: Roles) -> None:
        stream = names.at("logs", "log-group:/speech/live/fleet:log-stream:i-0a1b/service")
        for action in LOG:
            assert roles.may("service", "FleetMachinesInstanceRole", action, stream)

    def test_it_reads_no_parameter_not_even_by_a_policy_of_aws(
        self, names: Names, roles: Roles, everything_set: Templates
    ) -> None:
        # AmazonSSMManagedInstanceCore reads all of the account's.
        for name, each in everything_set["service"]["Resources"].items():
            if each["Type"] == "AWS::IAM::Role" and name.startswith("FleetMachinesInstanceRole"):
                assert "ManagedPolicyArns" not in each["Properties"]
        key = names.at("ssm", f"parameter{names.stage.settings_parameter}")
        for action in ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"):
            assert not roles.may("service", "FleetMachinesInstanceRole", action, key)

    def test_a_session_can_be_opened_on_it(self, roles: Roles) -> None:
        for action in (
            "ssm:UpdateInstanceInformation",
            *(f"ssmmessages:{verb}ControlChannel" for verb in ("Create", "Open")),
            *(f"ssmmessages:{verb}DataChannel" for verb in ("Create", "Open")),
        ):
            assert roles.may("service", "FleetMachinesInstanceRole", action, "*")

    def test_it_publishes_metrics_of_hush_alone(self, roles: Roles) -> None:
        publish = ("service", "FleetMachinesInstanceRole", "cloudwatch:PutMetricData", "*")
        assert roles.may(*publish, cloudwatch_namespace="hush")
        assert not roles.may(*publish, cloudwatch_namespace="AWS/EC2")


class TestTheResponder:
    ROLE = ("service", "FleetResponderFunctionRole")

    def test_it_fetches_its_weights_and_nothing_else(
        self, names: Names, roles: Roles, everything_set: Templates
    ) -> None:
        (url,) = (
            json.dumps(each["Environment"]["Variables"]["HUSH_WEIGHTS_URL"])
            for each in everything_set.of("service", "Lambda::Function")
            if "HUSH_WEIGHTS_URL" in each.get("Environment", {}).get("Variables", {})
        )
        allowed = {
            key
            for key in names.asset_keys()
            if roles.may(*self.ROLE, "s3:GetObject", f"arn:aws:s3:::{names.assets}/{key}")
        }
        assert len(allowed) == 1
        assert allowed.pop() in url

    def test_it_reads_whether_the_fleet_is_stopped_and_nobodys_quota(
        self, names: Names, roles: Roles
    ) -> None:
        read = (*self.ROLE, "dynamodb:GetItem", names.named("people", "PeopleQuota"))
        assert roles.may(*read, dynamodb_LeadingKeys=ledger.KEY)
        assert not roles.may(*read, dynamodb_LeadingKeys="github:1#2026-11-27")

    def test_it_may_do_nothing_else(self, roles: Roles) -> None:
        told = {action for action, *_ in RESPONDER}
        assert _actions(roles, self.ROLE) == {*LOG, "dynamodb:GetItem", "s3:GetObject", *told}


class TestTheGovernor:
    ROLE = ("service", "GovernorLookRole")

    @pytest.mark.parametrize("action", ["dynamodb:GetItem", "dynamodb:PutItem"])
    def test_it_keeps_its_ledger_and_sees_nobodys_quota(
        self, names: Names, roles: Roles, action: str
    ) -> None:
        quota = names.named("people", "PeopleQuota")
        assert roles.may(*self.ROLE, action, quota, dynamodb_LeadingKeys=ledger.KEY)
        assert not roles.may(*self.ROLE, action, quota, dynamodb_LeadingKeys="github:1#2026-11-27")
        assert not roles.may(*self.ROLE, action, names.named("people", "People"))

    def test_it_changes_its_own_group_alone(self, names: Names, roles: Roles) -> None:
        other = names.at("autoscaling", "autoScalingGroup:0a1b:autoScalingGroupName/another")
        for action, *_ in GOVERNOR:
            if action.startswith("autoscaling:") and ":Describe" not in action:
                assert not roles.may(*self.ROLE, action, other)

    def test_it_may_do_nothing_else(self, roles: Roles) -> None:
        told = {action for action, *_ in GOVERNOR}
        assert _actions(roles, self.ROLE) == {*LOG, "dynamodb:GetItem", "dynamodb:PutItem", *told}


class TestTheAuthorizer:
    ROLE = ("service", "SignInAuthorizerRole", "dynamodb:UpdateItem")

    def test_it_writes_when_somebody_was_seen_and_nothing_else(
        self, names: Names, roles: Roles
    ) -> None:
        people = names.named("people", "People")
        assert roles.may(*self.ROLE, people, dynamodb_Attributes="seen")
        for attribute in ("blocked", "digest", "member", "requests"):
            assert not roles.may(*self.ROLE, people, dynamodb_Attributes=attribute)


class TestTheAdministration:
    ROLE = ("service", "AdministrationAdminRole")

    def test_it_keeps_the_bill_and_changes_nobodys_quota(self, names: Names, roles: Roles) -> None:
        put = (*self.ROLE, "dynamodb:PutItem", names.named("people", "PeopleQuota"))
        assert roles.may(*put, dynamodb_LeadingKeys=ledger.BILL)
        for key in ("github:1#2026-11-27", ledger.KEY):
            assert not roles.may(*put, dynamodb_LeadingKeys=key)

    def test_it_reads_the_logs_of_builds_and_of_who_asked_alone(
        self, names: Names, roles: Roles
    ) -> None:
        build = names.at("logs", "log-group:/speech/pipeline:log-stream:0a1b")
        assert roles.may(*self.ROLE, "logs:GetLogEvents", build)
        others = names.at("logs", "log-group:/speech/live/fleet:log-stream:i-0a1b/service")
        for action in ("logs:GetLogEvents", "logs:FilterLogEvents"):
            assert not roles.may(*self.ROLE, action, others)

    def test_it_changes_its_own_group_alone_and_calls_the_governor_alone(
        self, names: Names, roles: Roles
    ) -> None:
        other = names.at("autoscaling", "autoScalingGroup:0a1b:autoScalingGroupName/another")
        for action, *_ in ADMINISTRATION:
            if action.startswith("autoscaling:") and ":Describe" not in action:
                assert not roles.may(*self.ROLE, action, other)
        for function in ("SignInAuth", "FleetLobbyStatus"):
            arn = names.named("service", function)
            assert not roles.may(*self.ROLE, "lambda:InvokeFunction", arn)

    def test_it_may_do_nothing_else(self, roles: Roles) -> None:
        told = {action for action, *_ in ADMINISTRATION}
        more = {"dynamodb:PutItem", "logs:GetLogEvents"}
        assert _actions(roles, self.ROLE) == {*LOG, *more, *told}


@pytest.mark.parametrize(
    ("calls", "files"),
    [
        (STATUS, [LAMBDAS / "status" / "status.py"]),
        ((*AUTH, *AUTHORIZER), sorted(LAMBDAS.glob("au*/*.py")) + sorted(LAMBDAS.glob("i*/*.py"))),
        (ADMINISTRATION, [*LAMBDAS.glob("admin/*.py"), *LAMBDAS.glob("identity/*.py")]),
        (
            INSTANCE,
            [
                SERVICE / "instance" / "group.py",
                SERVICE / "core" / "quota.py",
                SERVICE / "web" / "overflow.py",
            ],
        ),
        (SMOKE_TEST, [ROOT / "deploy" / "smoke.py"]),
        (GOVERNOR, sorted((LAMBDAS / "governor").glob("*.py"))),
    ],
    ids=["status", "sign-in", "administration", "instance", "smoke-test", "governor"],
)
def test_no_call_of_ours_is_forgotten_here(
    calls: tuple[tuple[str, str, str], ...], files: list[Path]
) -> None:
    told = {action.rpartition(":")[2] for action, *_ in calls}
    if calls is INSTANCE:
        # Metrics are seen above, with their condition; the secret is what `fetch-code.sh` asks for.
        told = told - {"GetSecretValue"} | {"PutMetricData"}
    if calls is ADMINISTRATION:
        # The bill and logs are seen above; of `identity`, it has more than it uses.
        told |= {"PutItem", "GetLogEvents"}
    if calls is GOVERNOR:
        # Its ledger is seen above, with its condition.
        told |= {"GetItem", "PutItem"}
    assert _operations(files) == told


def _actions(roles: Roles, wanted: tuple[str, str]) -> set[str]:
    """Return all that a role is allowed, of a stack and by the beginning of its name."""
    return {
        action
        for part, role, statement in roles.statements()
        if (part, role[:-8]) == wanted
        for action in listed(statement["Action"])
    }


def _operations(files: list[Path]) -> set[str]:
    """Return the actions of the AWS calls that stand in some files."""
    session = botocore.session.get_session()
    services = ("apigatewayv2", "autoscaling", "ce", "cloudwatch", "codepipeline", "dynamodb")
    known = {
        xform_name(operation): operation
        for service in (*services, "ec2", "elbv2", "lambda", "logs", "secretsmanager", "sns", "ssm")
        for operation in session.get_service_model(service).operation_names
    }
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    written = re.findall(r"\.([a-z_]+)\(|\"([a-z_]+)\"", text)
    found = {known[name] for pair in written for name in pair if name in known}
    other = {"GetVpcLink": "GET", "Invoke": "InvokeFunction"}
    return {other.get(each, each) for each in found}
