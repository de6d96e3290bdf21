"""What matters in the templates: who can reach, read and delete what, and how the fleet lives."""

import json
import re
from collections import Counter
from typing import Any

import cfnlint.api
import pytest
from cfnlint.config import ManualArgs

from bench.cost import VOLUME_GIGABYTES
from stacks.limits import LONGEST_REQUEST_SECONDS
from stacks.names import PARTS
from stacks.settings import Settings
from tests.stacks.conftest import EVERYTHING_SET, ROOT, Templates

# One worker synthesises for all.
pytestmark = pytest.mark.xdist_group("stacks")

ANYWHERE = ("cloudwatch:PutMetricData", "ec2:DescribeTags", "ssm:UpdateInstanceInformation")
"""What an instance may do on no resource in particular."""
APPLICATION = PARTS


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _resources(templates: Templates, part: str, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return logical ids and properties of all resources of a type."""
    resources = templates[part]["Resources"].items()
    return [
        (name, each["Properties"]) for name, each in resources if each["Type"] == f"AWS::{kind}"
    ]


def _allowed(templates: Templates, part: str, role: str) -> set[tuple[str, str]]:
    """Return every action that a role may take, with a word that tells on what."""
    known = ("FrontDoor", "DeploymentKey", "SigningKey", "Quota", "People", "SignInAuth")
    pairs = set()
    for statement in _statements(templates, part, role):
        assert statement["Effect"] == "Allow"
        assert "Condition" not in statement
        actions, resources = statement["Action"], statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            text = _text(resource)
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


def _sign_in(templates: Templates) -> list[dict[str, Any]]:
    """Return the two Lambdas that know who may come in."""
    functions = templates.of("service", "Lambda::Function")
    found = [
        each
        for each in functions
        if "HUSH_SIGNING_KEYS" in each.get("Environment", {}).get("Variables", {})
    ]
    assert len(found) == 2
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
        assert all("SubnetInside" in _text(subnet) for subnet in balancer["Subnets"])

    def test_there_is_neither_nat_nor_ssh(self, templates: Templates) -> None:
        assert templates.of("service", "EC2::NatGateway") == []
        assert templates.of("service", "EC2::EIP") == []
        assert "KeyName" not in _text(templates["service"])
        assert "ssmmessages:OpenDataChannel" in _text(templates.of("service", "IAM::Policy"))

    def test_instances_reach_only_https(self, templates: Templates) -> None:
        groups = templates.of("service", "EC2::SecurityGroup")
        (fleet,) = (group for group in groups if "load balancer" in group["GroupDescription"])
        (rule,) = fleet["SecurityGroupEgress"]
        assert (rule["FromPort"], rule["ToPort"]) == (443, 443)

    def test_every_method_of_the_api_but_sign_in_is_guarded(self, templates: Templates) -> None:
        methods = templates.of("service", "ApiGateway::Method")
        assert len(methods) == 7
        (sign_in,) = (each for each in methods if each["AuthorizationType"] != "CUSTOM")
        assert sign_in["AuthorizationType"] == "NONE"
        assert "AuthorizerId" not in sign_in
        assert "SignInAuth" in _text(sign_in["Integration"]["Uri"])
        (path,) = (
            each["PathPart"]
            for name, each in _resources(templates, "service", "ApiGateway::Resource")
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
            if "TerminateInstance" in _text(statement["Action"]):
                assert "autoScalingGroupName/" in _text(statement["Resource"])

    def test_the_status_function_changes_only_its_group_and_door(
        self, templates: Templates
    ) -> None:
        for statement in _statements(templates, "service", "FleetLobbyStatusRole"):
            if statement["Resource"] == "*":
                actions = statement["Action"]
                for action in actions if isinstance(actions, list) else [actions]:
                    assert re.search(r":(Describe|List)", action)

    def test_sign_in_may_do_what_it_does_and_nothing_more(self, templates: Templates) -> None:
        people = ("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan")
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

    def test_the_authorizer_only_reads_and_has_memberships_checked(
        self, templates: Templates
    ) -> None:
        assert _allowed(templates, "service", "SignInAuthorizerRole") == {
            ("dynamodb:BatchGetItem", "People"),
            ("dynamodb:GetItem", "People"),
            ("secretsmanager:GetSecretValue", "FrontDoor"),
            ("secretsmanager:GetSecretValue", "DeploymentKey"),
            ("secretsmanager:GetSecretValue", "SigningKey"),
            ("lambda:InvokeFunction", "SignInAuth"),
            ("logs:CreateLogStream", "Log"),
            ("logs:PutLogEvents", "Log"),
        }

    def test_no_role_has_more_than_its_statements(self, templates: Templates) -> None:
        for name, role in _resources(templates, "service", "IAM::Role"):
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
            if "dynamodb" in _text(each["Action"])
        )
        assert statement["Action"] == "dynamodb:UpdateItem"
        assert "AttPeopleQuota" in _text(statement["Resource"])
        assert "*" not in _text(statement["Resource"])

    def test_only_whoever_may_reads_a_table_or_a_signing_key(self, templates: Templates) -> None:
        for part in APPLICATION:
            for policy in templates.of(part, "IAM::Policy"):
                (role,) = policy["Roles"]
                text = _text(policy["PolicyDocument"])
                if re.search("SigningKey|AttPeople(?!Quota)", text):
                    assert str(role["Ref"]).startswith(("SignInAuthRole", "SignInAuthorizerRole"))

    def test_no_secret_is_in_an_environment_variable(self, templates: Templates) -> None:
        for part in APPLICATION:
            for function in templates.of(part, "Lambda::Function"):
                assert "{{resolve:" not in _text(function)
        for function in _sign_in(templates):
            variables = function["Environment"]["Variables"]
            assert not {name for name in variables if re.search("TOKEN|PASSWORD|PRIVATE", name)}
            for name in ("HUSH_FRONT_DOOR_SECRET", "HUSH_DEPLOYMENT_KEY_SECRET"):
                assert set(variables[name]) <= {"Ref", "Fn::GetStackOutput"}
        assert "{{resolve:" not in _text(templates.of("service", "EC2::LaunchTemplate"))

    def test_no_role_of_the_application_may_do_everything(self, templates: Templates) -> None:
        for part in APPLICATION:
            for policy in templates.of(part, "IAM::Policy"):
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert statement["Action"] not in ("*", ["*"])
            assert "AdministratorAccess" not in _text(templates[part])


class TestFleet:
    def test_it_is_spot_with_fallbacks_and_rebalancing(self, placeholders: Templates) -> None:
        group = placeholders.the("service", "AutoScaling::AutoScalingGroup")
        policy = group["MixedInstancesPolicy"]
        assert policy["InstancesDistribution"] == {
            "OnDemandBaseCapacity": 0,
            "OnDemandPercentageAboveBaseCapacity": 0,
            "SpotAllocationStrategy": "price-capacity-optimized",
        }
        kinds = [each["InstanceType"] for each in policy["LaunchTemplate"]["Overrides"]]
        assert kinds == ["g4dn.xlarge", "g4dn.2xlarge", "g5.xlarge", "g5.2xlarge"]
        assert group["CapacityRebalance"] is True

    def test_it_may_be_empty_and_a_deployment_does_not_wake_it(self, templates: Templates) -> None:
        group = templates.the("service", "AutoScaling::AutoScalingGroup")
        assert group["MinSize"] == "0"
        assert "DesiredCapacity" not in group

    def test_it_is_sized_by_pictures_in_flight(self, templates: Templates) -> None:
        policy = templates.the("service", "AutoScaling::ScalingPolicy")
        tracked = policy["TargetTrackingConfiguration"]
        assert tracked["CustomizedMetricSpecification"]["MetricName"] == "InFlight"
        assert tracked["TargetValue"] == 3
        assert "DisableScaleIn" not in tracked

    def test_idle_instances_retire_after_the_time_set(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        assert "HUSH_IDLE_SECONDS='600'" in _text(placeholders["service"])
        assert "HUSH_IDLE_SECONDS='300'" in _text(everything_set["service"])

    def test_instances_want_version_2_of_the_metadata_service(self, templates: Templates) -> None:
        data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        assert data["MetadataOptions"] == {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"}

    def test_volumes_have_the_size_that_is_set_and_the_bill_counts_it(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        for templates, size in ((placeholders, VOLUME_GIGABYTES), (everything_set, 100)):
            data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
            recipe = templates.the("image", "ImageBuilder::ImageRecipe")
            for (mapping,) in (data["BlockDeviceMappings"], recipe["BlockDeviceMappings"]):
                assert mapping["DeviceName"] == "/dev/xvda"
                assert mapping["Ebs"]["VolumeSize"] == size
        # The base image's own: EC2 refuses less.
        assert VOLUME_GIGABYTES >= 75

    def test_volumes_are_encrypted(self, templates: Templates) -> None:
        data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        (mapping,) = data["BlockDeviceMappings"]
        assert mapping["Ebs"]["Encrypted"] is True
        (recipe,) = templates.of("image", "ImageBuilder::ImageRecipe")
        assert recipe["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True

    def test_a_volume_that_is_filled_is_read_as_fast(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        def volume(templates: Templates) -> dict[str, Any]:
            data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
            ebs: dict[str, Any] = data["BlockDeviceMappings"][0]["Ebs"]
            return ebs

        filled = volume(everything_set)
        assert filled["VolumeInitializationRate"] == EVERYTHING_SET.volume_initialization
        # Of itself, a gp3 volume gives 125 MiB/s.
        assert filled["Throughput"] >= filled["VolumeInitializationRate"]
        assert not {"Throughput", "VolumeInitializationRate"} & set(volume(placeholders))

    def test_instances_join_when_ready_and_leave_when_drained(self, templates: Templates) -> None:
        hooks = {
            hook["LifecycleTransition"].rpartition("_")[2]: hook
            for hook in templates.of("service", "AutoScaling::LifecycleHook")
        }
        assert hooks["LAUNCHING"]["DefaultResult"] == "ABANDON"
        assert hooks["TERMINATING"]["DefaultResult"] == "CONTINUE"
        assert hooks["TERMINATING"]["HeartbeatTimeout"] > LONGEST_REQUEST_SECONDS

    def test_targets_drain_as_long_as_the_longest_request(self, templates: Templates) -> None:
        groups = templates.of("service", "ElasticLoadBalancingV2::TargetGroup")
        (targets,) = (group for group in groups if group["TargetType"] == "instance")
        attributes = {each["Key"]: each["Value"] for each in targets["TargetGroupAttributes"]}
        delay = int(attributes["deregistration_delay.timeout_seconds"])
        assert delay == LONGEST_REQUEST_SECONDS + 5
        assert targets["HealthCheckPath"] == "/readyz"

    def test_the_door_is_shut_until_something_is_ready(self, templates: Templates) -> None:
        rules = templates.of("service", "ElasticLoadBalancingV2::ListenerRule")
        (door,) = (rule for rule in rules if rule["Priority"] == 1)
        assert door["Conditions"][0]["PathPatternConfig"]["Values"] == ["/-/closed"]
        listener = templates.the("service", "ElasticLoadBalancingV2::Listener")
        assert "Lobby" in _text(listener["DefaultActions"])


class TestImage:
    def test_the_first_deployment_needs_nothing_that_does_not_exist_yet(
        self, templates: Templates
    ) -> None:
        parameters = templates["image"]["Parameters"].values()
        wanted = [each["Default"] for each in parameters if "SSM" in each["Type"]]
        assert all(name.startswith("/cdk-bootstrap/") for name in wanted)
        data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        assert re.search("GetAttImage.*ImageId", _text(data["ImageId"]))

    def test_it_is_built_on_any_type_of_the_fleets(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        for templates, settings in ((placeholders, Settings()), (everything_set, EVERYTHING_SET)):
            builder = templates.the("image", "ImageBuilder::InfrastructureConfiguration")
            assert builder["InstanceTypes"] == list(settings.instance_types)

    def test_it_is_proven_on_a_gpu_before_it_is_used(self, templates: Templates) -> None:
        image = templates.the("image", "ImageBuilder::Image")
        assert image["ImageTestsConfiguration"]["ImageTestsEnabled"] is True
        builder = templates.the("image", "ImageBuilder::InfrastructureConfiguration")
        assert builder["InstanceTypes"][0].startswith("g")
        assert builder["InstanceMetadataOptions"] == {"HttpTokens": "required"}

    @pytest.mark.parametrize(
        ("deployment", "engine"),
        [("placeholders", "ctranslate2"), ("everything_set", "reference")],
    )
    def test_the_fleet_runs_the_engine_that_its_image_holds(
        self, deployment: str, engine: str, request: pytest.FixtureRequest
    ) -> None:
        templates = request.getfixturevalue(deployment)
        build, test = templates.the("image", "ImageBuilder::ImageRecipe")["Components"]
        given = {each["Name"]: each["Value"] for each in build["Parameters"]}
        assert given["Engine"] == [engine]
        assert "Parameters" not in test
        data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        assert f"HUSH_ENGINE='{engine}'" in _text(data["UserData"])

    def test_an_image_is_built_once_its_builder_has_a_way_out_and_all_rights(
        self, templates: Templates
    ) -> None:
        resources = templates["image"]["Resources"]
        (image,) = (n for n, e in resources.items() if e["Type"] == "AWS::ImageBuilder::Image")
        before, seen = {image}, set[str]()
        while name := next(iter(before - seen), None):
            seen.add(name)
            before |= {each for each in resources if f'"{each}"' in _text(resources[name])}
        wanted = {"EC2::Route", "EC2::VPCGatewayAttachment", "EC2::SubnetRouteTableAssociation"}
        for kind in wanted:
            assert {name for name, _ in _resources(templates, "image", kind)} <= before
        policies = dict(_resources(templates, "image", "IAM::Policy"))
        assert {name for name in policies if "Builder" in name} <= before
        assert any("Builder" in name for name in policies)

    def test_old_images_go_with_their_snapshots(self, templates: Templates) -> None:
        policy = templates.the("image", "ImageBuilder::LifecyclePolicy")
        (detail,) = policy["PolicyDetails"]
        assert detail["Action"]["Type"] == "DELETE"
        assert detail["Action"]["IncludeResources"] == {"Amis": True, "Snapshots": True}
        image = templates.the("image", "ImageBuilder::Image")
        assert "ExecutionRole" in image["DeletionSettings"]
        assert policy["ResourceSelection"]["TagMap"] == image["Tags"]


class TestPeople:
    def test_tables_are_encrypted_recoverable_and_protected(self, templates: Templates) -> None:
        tables = templates.of("people", "DynamoDB::Table")
        assert len(tables) == 2
        for table in tables:
            assert table["BillingMode"] == "PAY_PER_REQUEST"
            assert table["SSESpecification"] == {"SSEEnabled": True}
            assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
            assert table["DeletionProtectionEnabled"] is True
            assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}

    def test_their_keys_are_what_the_code_asks_for(self, templates: Templates) -> None:
        keys = [
            [each["AttributeName"] for each in table["KeySchema"]]
            for table in templates.of("people", "DynamoDB::Table")
        ]
        assert sorted(keys) == [["id"], ["who", "what"]]

    def test_two_generations_of_signing_keys_are_accepted(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        assert len(placeholders.of("people", "SecretsManager::Secret")) == 1
        names = [name for name, _ in _resources(everything_set, "people", "SecretsManager::Secret")]
        assert [name[:17] for name in names] == ["PeopleSigningKey2", "PeopleSigningKey1"]
        for function in _sign_in(everything_set):
            listed = _text(function["Environment"]["Variables"]["HUSH_SIGNING_KEYS"])
            assert listed.index("SigningKey2") < listed.index("SigningKey1")

    def test_the_policy_and_its_limits_reach_those_who_apply_them(
        self, everything_set: Templates
    ) -> None:
        (variables, *_) = (
            function["Environment"]["Variables"] for function in _sign_in(everything_set)
        )
        assert json.loads(variables["HUSH_POLICY"]) == EVERYTHING_SET.policy
        assert json.loads(variables["HUSH_LIMITS"]) == EVERYTHING_SET.limits
        data = everything_set.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        told = json.dumps(json.dumps(EVERYTHING_SET.limits)).strip('"')
        assert f"HUSH_QUOTA_LIMITS='{told}'" in json.dumps(data["UserData"]).replace('\\\\"', '\\"')

    def test_the_site_tells_its_address(self, everything_set: Templates) -> None:
        parameter = everything_set.the("service", "SSM::Parameter")
        assert parameter["Name"] == "/speech/live/url"
        assert parameter["Value"] == "https://speech.example.org"


class TestApi:
    def test_the_service_is_told_who_asks_and_nobody_else_can_say_so(
        self, templates: Templates
    ) -> None:
        prefix = "integration.request.header."
        for method in templates.of("service", "ApiGateway::Method"):
            integration = method["Integration"]
            if integration["Type"] == "HTTP_PROXY":
                told = integration["RequestParameters"]
                assert told[f"{prefix}x-hush-identity"] == "context.authorizer.identity"
                assert told[f"{prefix}x-hush-tier"] == "context.authorizer.tier"
                assert told[f"{prefix}x-hush-credential"] == "'none'"

    def test_answers_are_streamed_over_the_link_to_the_load_balancer(
        self, templates: Templates
    ) -> None:
        integrations = [
            method["Integration"]
            for method in templates.of("service", "ApiGateway::Method")
            if method["Integration"]["Type"] == "HTTP_PROXY"
        ]
        assert len(integrations) == 4
        for integration in integrations:
            assert integration["ConnectionType"] == "VPC_LINK"
            assert "FleetLobbyLink" in integration["ConnectionId"]["Ref"]
            assert "FleetLobbyBalancer" in integration["IntegrationTarget"]["Ref"]
            assert integration["ResponseTransferMode"] == "STREAM"
            assert integration["TimeoutInMillis"] == LONGEST_REQUEST_SECONDS * 1000

    def test_its_log_has_the_accounts_role_which_outlives_it(self, placeholders: Templates) -> None:
        resources = placeholders["service"]["Resources"]
        (stage,) = (each for each in resources.values() if each["Type"] == "AWS::ApiGateway::Stage")
        assert "AccessLogSetting" in stage["Properties"]
        (account,) = (
            name for name, each in resources.items() if each["Type"] == "AWS::ApiGateway::Account"
        )
        assert account in stage["DependsOn"]
        role = resources[account]["Properties"]["CloudWatchRoleArn"]["Fn::GetAtt"][0]
        for name in (account, role):
            assert resources[name]["DeletionPolicy"] == "Retain"
            assert resources[name]["UpdateReplacePolicy"] == "Retain"

    def test_an_accounts_own_role_is_not_replaced(self, everything_set: Templates) -> None:
        assert everything_set.of("service", "ApiGateway::Account") == []

    def test_its_own_errors_have_the_shape_of_openais(self, templates: Templates) -> None:
        responses = templates.of("service", "ApiGateway::GatewayResponse")
        kinds = {response["ResponseType"] for response in responses}
        # Left to itself, an authorizer that fails is answered 500, and nobody comes again.
        for kind in ("AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"):
            (failure,) = (each for each in responses if each["ResponseType"] == kind)
            assert failure["StatusCode"] == "503"
        assert len(kinds) == len(responses) == 12
        for response in responses:
            body = json.loads(response["ResponseTemplates"]["application/json"])
            assert set(body["error"]) == {"message", "type", "param", "code"}
            retry = response["ResponseParameters"].get("gatewayresponse.header.Retry-After")
            if response.get("StatusCode") in ("429", "503"):
                assert retry is not None
                assert 1 <= int(retry.strip("'")) <= 60

    def test_it_is_throttled_and_logs_neither_addresses_nor_keys(
        self, templates: Templates
    ) -> None:
        stage = templates.the("service", "ApiGateway::Stage")
        assert stage["MethodSettings"][0]["ThrottlingRateLimit"] == 20
        log = stage["AccessLogSetting"]["Format"]
        assert not re.search(r"sourceIp|authorizer|userAgent|header", log)


class TestSite:
    def test_the_api_is_never_cached_and_its_errors_stay_as_they_are(
        self, templates: Templates
    ) -> None:
        config = templates.the("service", "CloudFront::Distribution")["DistributionConfig"]
        behaviors = {each["PathPattern"]: each for each in config["CacheBehaviors"]}
        assert set(behaviors) == {"/v1/*", "/mel", "/auth/*", "/status", "/healthz"}
        for path, behavior in behaviors.items():
            # AWS's own CachingDisabled and AllViewerExceptHostHeader.
            if path != "/status":
                assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
            assert behavior["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
            assert behavior["FunctionAssociations"][0]["EventType"] == "viewer-request"

    def test_no_error_is_given_to_others_and_none_becomes_another(
        self, templates: Templates
    ) -> None:
        config = templates.the("service", "CloudFront::Distribution")["DistributionConfig"]
        kept = {each["ErrorCode"]: each for each in config["CustomErrorResponses"]}
        # Left to itself, CloudFront keeps all of these for ten seconds.
        assert set(kept) >= {404, 405, 414, 416, 500, 501, 502, 503, 504}
        for response in kept.values():
            assert response["ErrorCachingMinTTL"] == 0
            assert not {"ResponsePagePath", "ResponseCode"} & set(response)

    def test_the_status_is_told_to_many_for_seconds(self, templates: Templates) -> None:
        policy = templates.the("service", "CloudFront::CachePolicy")["CachePolicyConfig"]
        assert (policy["MinTTL"], policy["DefaultTTL"]) == (0, 0)
        assert 3 <= policy["MaxTTL"] <= 5
        # Nothing of a request chooses another answer.
        key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
        assert key["HeadersConfig"]["HeaderBehavior"] == "none"
        assert key["CookiesConfig"]["CookieBehavior"] == "none"
        assert key["QueryStringsConfig"]["QueryStringBehavior"] == "none"
        config = templates.the("service", "CloudFront::Distribution")["DistributionConfig"]
        (behavior,) = (
            each for each in config["CacheBehaviors"] if each["PathPattern"] == "/status"
        )
        assert set(behavior["CachePolicyId"]) == {"Ref"}

    def test_cloudfront_and_the_gateway_say_different_secrets(self, templates: Templates) -> None:
        config = templates.the("service", "CloudFront::Distribution")["DistributionConfig"]
        origins = _text([each.get("OriginCustomHeaders") for each in config["Origins"]])
        assert "FrontDoor" in origins
        assert "GatewayKey" not in origins
        for method in templates.of("service", "ApiGateway::Method"):
            if method["Integration"]["Type"] == "HTTP_PROXY":
                told = method["Integration"]["RequestParameters"]
                key = _text(told["integration.request.header.authorization"])
                assert "GatewayKey" in key
                assert "FrontDoor" not in key

    def test_the_origin_secret_is_never_written_out(self, templates: Templates) -> None:
        config = templates.the("service", "CloudFront::Distribution")["DistributionConfig"]
        (header,) = (
            origin["OriginCustomHeaders"][0]
            for origin in config["Origins"]
            if "OriginCustomHeaders" in origin
        )
        assert header["HeaderName"] == "x-hush-origin"
        assert "{{resolve:secretsmanager:" in _text(header["HeaderValue"])

    def test_it_sends_the_headers_of_the_page(self, templates: Templates) -> None:
        config = templates.the("service", "CloudFront::ResponseHeadersPolicy")[
            "ResponseHeadersPolicyConfig"
        ]
        custom = {each["Header"]: each["Value"] for each in config["CustomHeadersConfig"]["Items"]}
        assert custom["cross-origin-opener-policy"] == "same-origin"
        assert custom["cross-origin-embedder-policy"] == "require-corp"
        security = config["SecurityHeadersConfig"]
        assert "wasm-unsafe-eval" in security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
        assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31536000

    def test_without_a_domain_it_is_at_a_name_of_cloudfronts(self, placeholders: Templates) -> None:
        config = placeholders.the("service", "CloudFront::Distribution")["DistributionConfig"]
        assert "Aliases" not in config
        assert "certificate" not in list(placeholders)

    def test_with_a_domain_the_certificate_is_in_virginia(self, everything_set: Templates) -> None:
        config = everything_set.the("service", "CloudFront::Distribution")["DistributionConfig"]
        assert config["Aliases"] == ["speech.example.org"]
        certificate = config["ViewerCertificate"]["AcmCertificateArn"]
        assert certificate["Fn::GetStackOutput"]["Region"] == "us-east-1"
        assert everything_set.of("certificate", "CertificateManager::Certificate")
        records = everything_set.of("service", "Route53::RecordSet")
        assert {record["Type"] for record in records} == {"A", "AAAA"}


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

    def test_a_month_has_a_budget(self, everything_set: Templates) -> None:
        budget = everything_set.the("service", "Budgets::Budget")["Budget"]
        assert budget["BudgetLimit"] == {"Amount": EVERYTHING_SET.budget_dollars, "Unit": "USD"}

    def test_it_counts_what_is_tagged_if_that_is_wanted(self, everything_set: Templates) -> None:
        budget = everything_set.the("service", "Budgets::Budget")["Budget"]
        assert budget["CostFilters"] == {"TagKeyValue": ["user:hush$speech-live"]}


class TestPipeline:
    def test_it_updates_itself_then_deploys_and_asks(self, everything_set: Templates) -> None:
        pipeline = everything_set.the("pipeline", "CodePipeline::Pipeline")
        assert pipeline["PipelineType"] == "V2"
        stages = [stage["Name"] for stage in pipeline["Stages"]]
        assert stages == ["Source", "Build", "UpdatePipeline", "Assets", "live"]
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
        specifications = _text(everything_set.of("pipeline", "CodeBuild::Project"))
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
    for part in APPLICATION:
        (staged,) = templates.folder.glob(f"assembly-*/*{part}????????.template.json")
        resources = json.loads(staged.read_text(encoding="utf-8"))["Resources"].values()
        kinds = Counter(each["Type"] for each in resources)
        assert kinds == Counter(each["Type"] for each in templates[part]["Resources"].values())


@pytest.mark.parametrize("part", APPLICATION)
def test_tags_name_the_installation(everything_set: Templates, part: str) -> None:
    manifest = json.loads((everything_set.folder / "manifest.json").read_text(encoding="utf-8"))
    properties = manifest["artifacts"][f"speech-live-{part}"]["properties"]
    assert properties["tags"] == {"hush": "speech-live"}
