"""What each part of the application is: the fleet, its image, people, the API, and the site."""

import json
import re
from typing import Any

import pytest

from bench.cost import VOLUME_GIGABYTES
from stacks.limits import LONGEST_REQUEST_SECONDS
from stacks.settings import Settings
from stacks.site import PAGE
from tests.stacks.conftest import EVERYTHING_SET, Templates, as_text, sign_in_functions

# One worker synthesises for all.
pytestmark = pytest.mark.xdist_group("stacks")


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

    def test_a_new_image_that_errs_is_taken_back(self, templates: Templates) -> None:
        (group,) = (
            each
            for each in templates["service"]["Resources"].values()
            if each["Type"] == "AWS::AutoScaling::AutoScalingGroup"
        )
        preferences = group["UpdatePolicy"]["AutoScalingInstanceRefresh"]["Preferences"]
        assert preferences["BakeTime"] == 300
        # None but those that exist, or the refresh would not begin.
        alarms = {each["AlarmName"] for each in templates.of("service", "CloudWatch::Alarm")}
        assert set(preferences["AlarmSpecification"]["Alarms"]) <= alarms
        # Successors come first, and those before go only when these are ready.
        assert preferences["MinHealthyPercentage"] == 100

    def test_it_is_warm_before_people_come_and_until_they_go(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        assert placeholders.of("service", "AutoScaling::ScheduledAction") == []
        actions = everything_set.of("service", "AutoScaling::ScheduledAction")
        group = {"Ref": everything_set.named("service", "AutoScaling::AutoScalingGroup")[0][0]}
        assert sorted(actions, key=lambda each: -int(each["MinSize"])) == [
            {
                "AutoScalingGroupName": group,
                "MinSize": least,
                "Recurrence": cron,
                "TimeZone": "Europe/Berlin",
            }
            for least, cron in ((1, "45 7 * * 1,2,3,4,5"), (0, "30 18 * * 1,2,3,4,5"))
        ]

    def test_idle_instances_retire_after_the_time_set(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        assert "HUSH_IDLE_SECONDS='600'" in as_text(placeholders["service"])
        assert "HUSH_IDLE_SECONDS='300'" in as_text(everything_set["service"])

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
        # The base image's own is 8, and EC2 refuses less.
        assert 8 <= VOLUME_GIGABYTES < 15

    def test_volumes_are_encrypted(self, templates: Templates) -> None:
        data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        (mapping,) = data["BlockDeviceMappings"]
        assert mapping["Ebs"]["Encrypted"] is True

    def test_an_image_is_encrypted_unless_others_are_to_read_it(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        for templates, encrypted in ((placeholders, True), (everything_set, False)):
            (recipe,) = templates.of("image", "ImageBuilder::ImageRecipe")
            assert recipe["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is encrypted

    def test_a_volume_that_is_filled_is_read_as_fast(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        assert EVERYTHING_SET.volume_initialization is False

        def volume(templates: Templates) -> dict[str, Any]:
            data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
            ebs: dict[str, Any] = data["BlockDeviceMappings"][0]["Ebs"]
            return ebs

        filled = volume(placeholders)
        assert filled["VolumeInitializationRate"] == Settings().volume_initialization == 300
        # Of itself, a gp3 volume gives 125 MiB/s.
        assert filled["Throughput"] >= filled["VolumeInitializationRate"]
        assert not {"Throughput", "VolumeInitializationRate"} & set(volume(everything_set))

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
        assert "Lobby" in as_text(listener["DefaultActions"])


class TestImage:
    def test_the_first_deployment_needs_nothing_that_does_not_exist_yet(
        self, templates: Templates
    ) -> None:
        parameters = templates["image"]["Parameters"].values()
        wanted = [each["Default"] for each in parameters if "SSM" in each["Type"]]
        assert all(name.startswith("/cdk-bootstrap/") for name in wanted)
        data = templates.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        wanted = data["ImageId"]["Fn::GetStackOutput"]
        assert wanted["StackName"].endswith("-live-image")
        assert "Image" in as_text(templates["image"]["Outputs"][wanted["OutputName"]]["Value"])

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
        assert f"HUSH_ENGINE='{engine}'" in as_text(data["UserData"])

    def test_an_image_is_built_once_its_builder_has_a_way_out_and_all_rights(
        self, templates: Templates
    ) -> None:
        resources = templates["image"]["Resources"]
        (image,) = (n for n, e in resources.items() if e["Type"] == "AWS::ImageBuilder::Image")
        before, seen = {image}, set[str]()
        while name := next(iter(before - seen), None):
            seen.add(name)
            before |= {each for each in resources if f'"{each}"' in as_text(resources[name])}
        wanted = {"EC2::Route", "EC2::VPCGatewayAttachment", "EC2::SubnetRouteTableAssociation"}
        for kind in wanted:
            assert {name for name, _ in templates.named("image", kind)} <= before
        policies = dict(templates.named("image", "IAM::Policy"))
        assert {name for name in policies if "Builder" in name} <= before
        assert any("Builder" in name for name in policies)

    def test_it_is_published_to_those_that_are_named_and_says_what_it_holds(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        kind = "ImageBuilder::DistributionConfiguration"
        assert placeholders.of("image", kind) == []
        image = placeholders.the("image", "ImageBuilder::Image")
        assert "DistributionConfigurationArn" not in image
        (distribution,) = everything_set.the("image", kind)["Distributions"]
        assert distribution["Region"] == EVERYTHING_SET.region
        published = distribution["AmiDistributionConfiguration"]
        assert published["LaunchPermissionConfiguration"] == {"UserIds": ["210987654321"]}
        assert re.fullmatch(r"hush [0-9a-f]{8}: reference, tiny", published["Description"])
        recipe = everything_set.the("image", "ImageBuilder::ImageRecipe")
        assert recipe["Description"] == published["Description"]
        # `make destroy` finds it by these.
        assert published["AmiTags"] == recipe["AmiTags"]
        image = everything_set.the("image", "ImageBuilder::Image")
        name, _ = image["DistributionConfigurationArn"]["Fn::GetAtt"]
        assert everything_set["image"]["Resources"][name]["Type"] == f"AWS::{kind}"

    def test_old_images_go_with_their_snapshots(self, templates: Templates) -> None:
        policy = templates.the("image", "ImageBuilder::LifecyclePolicy")
        (detail,) = policy["PolicyDetails"]
        assert detail["Action"]["Type"] == "DELETE"
        assert detail["Action"]["IncludeResources"] == {"Amis": True, "Snapshots": True}
        # The newest ones stay, what was launched from lately, and what is to be kept.
        days = detail["Filter"]["Value"]
        assert detail["Filter"].items() >= {"Type": "AGE", "Unit": "DAYS", "Value": days}.items()
        assert detail["Filter"]["RetainAtLeast"] >= 1
        assert detail["ExclusionRules"]["Amis"] == {
            "LastLaunched": {"Unit": "DAYS", "Value": days},
            "TagMap": {"hush-keep": "yes"},
        }
        assert days in (Settings().keep_images_days, EVERYTHING_SET.keep_images_days)
        (built,) = (
            each
            for each in templates["image"]["Resources"].values()
            if each["Type"] == "AWS::ImageBuilder::Image"
        )
        # Else CloudFormation deletes a predecessor as soon as there is another.
        assert (built["UpdateReplacePolicy"], built["DeletionPolicy"]) == ("Retain", "Delete")
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
        names = [name for name, _ in everything_set.named("people", "SecretsManager::Secret")]
        assert [name[:17] for name in names] == ["PeopleSigningKey2", "PeopleSigningKey1"]
        for function in sign_in_functions(everything_set):
            listed = as_text(function["Environment"]["Variables"]["HUSH_SIGNING_KEYS"])
            assert listed.index("SigningKey2") < listed.index("SigningKey1")

    def test_the_policy_and_its_limits_reach_those_who_apply_them(
        self, everything_set: Templates
    ) -> None:
        (variables, *_) = (
            function["Environment"]["Variables"] for function in sign_in_functions(everything_set)
        )
        assert json.loads(variables["HUSH_POLICY"]) == EVERYTHING_SET.policy
        assert json.loads(variables["HUSH_LIMITS"]) == EVERYTHING_SET.limits
        data = everything_set.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
        told = json.dumps(json.dumps(EVERYTHING_SET.limits)).strip('"')
        assert f"HUSH_QUOTA_LIMITS='{told}'" in json.dumps(data["UserData"]).replace('\\\\"', '\\"')

    def test_the_site_tells_its_address(self, everything_set: Templates) -> None:
        parameters = everything_set.of("service", "SSM::Parameter")
        told = {each["Name"]: each["Value"] for each in parameters}
        assert told["/speech/live/url"] == "https://speech.example.org"


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
                assert told[f"{prefix}x-request-id"] == "context.requestId"
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
            assert set(body["error"]) == {"message", "type", "param", "code", "request_id"}
            assert body["error"]["request_id"] == "$context.requestId"
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
        # A page, of which the bucket has the file.
        del behaviors["/admin"]
        others = {"/v1/*", "/mel", "/auth/*", "/status", "/healthz"}
        assert set(behaviors) == {*others, "/administration/*"}
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

    @pytest.mark.skipif(not PAGE.is_dir(), reason="the page has not been built")
    def test_models_for_browsers_are_in_the_bucket_for_ever_and_their_index_is_not(
        self, placeholders: Templates, everything_set: Templates
    ) -> None:
        config = placeholders.the("service", "CloudFront::Distribution")["DistributionConfig"]
        # With the page's headers, from where the page is.
        assert not [each for each in config["CacheBehaviors"] if "models" in each["PathPattern"]]
        assert EVERYTHING_SET.device_models
        uploads = {
            templates: {
                name.removeprefix("Site").partition("CustomResource")[0]: each
                for name, each in templates["service"]["Resources"].items()
                if each["Type"] == "Custom::CDKBucketDeployment"
            }
            for templates in (placeholders, everything_set)
        }
        # Without any, the page is told so.
        assert set(uploads[placeholders]) == {"Assets", "Wasm", "Rest"}
        assert set(uploads[everything_set]) == {"Assets", "Wasm", "Rest", "Models", "ModelsRuntime"}
        every_file = {
            pattern
            for upload in (uploads[everything_set][name] for name in ("Models", "ModelsRuntime"))
            for pattern in upload["Properties"]["Include"]
        }
        assert every_file == {"*.onnx", "*.json", "*.wasm"}
        for each in uploads.values():
            assert len(each["Rest"]["Properties"]["SourceObjectKeys"]) == 2
            assert each["Rest"]["Properties"]["SystemMetadata"]["cache-control"] == "no-cache"
        models, runtime, rest = (
            uploads[everything_set][name] for name in ("Models", "ModelsRuntime", "Rest")
        )
        for upload in (models, runtime):
            properties = upload["Properties"]
            assert properties["Prune"] is False
            assert "immutable" in properties["SystemMetadata"]["cache-control"]
        assert runtime["Properties"]["SystemMetadata"]["content-type"] == "application/wasm"
        # An index never names what is not there yet.
        before = as_text(rest["DependsOn"])
        assert "SiteModels" in before
        assert "SiteModelsRuntime" in before

    def test_cloudfront_and_the_gateway_say_different_secrets(self, templates: Templates) -> None:
        config = templates.the("service", "CloudFront::Distribution")["DistributionConfig"]
        origins = as_text([each.get("OriginCustomHeaders") for each in config["Origins"]])
        assert "FrontDoor" in origins
        assert "GatewayKey" not in origins
        for method in templates.of("service", "ApiGateway::Method"):
            if method["Integration"]["Type"] == "HTTP_PROXY":
                told = method["Integration"]["RequestParameters"]
                key = as_text(told["integration.request.header.authorization"])
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
        assert "{{resolve:secretsmanager:" in as_text(header["HeaderValue"])

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

    def test_only_what_has_its_hash_in_its_name_is_kept_for_ever(
        self, templates: Templates
    ) -> None:
        """Browsers find new versions of the page by `sw.js`, which has none."""
        assert PAGE.is_dir(), "the page is not built: `make page`"
        uploads = [
            each["Properties"]
            for each in templates["service"]["Resources"].values()
            if each["Type"] == "Custom::CDKBucketDeployment"
        ]
        for upload in uploads:
            kept = "immutable" in upload["SystemMetadata"]["cache-control"]
            assert kept == (upload["Exclude"] == ["*"])
            if kept:
                assert set(upload["Include"]) < {"assets/*", "*.wasm", "*.onnx", "*.json"}
        (rest,) = (each for each in uploads if each["Exclude"] != ["*"])
        assert "Include" not in rest
        assert rest["SystemMetadata"]["cache-control"] == "no-cache"

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
