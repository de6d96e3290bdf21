"""What AWS refuses, as a table: sizes, numbers and characters, from its services' own pages.

The emulated AWS takes everything, and so does cfn-lint in part; a deployment would end there.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from stacks.settings import LONGEST_POLICY
from tests.stacks.conftest import EVERYTHING_SET, ROOT, Templates
from tests.stacks.permissions import Names

pytestmark = pytest.mark.xdist_group("stacks")

Properties = dict[str, Any]
FORWARDED_BY_CLOUDFRONT_ALONE = re.compile(
    r"cache-control|connection|content-length|cookie|expect|host|if-.*|keep-alive|max-forwards|"
    r"pragma|proxy-.*|range|request-range|te|trailer|transfer-encoding|upgrade|via|x-amz-.*|"
    r"x-edge-.*|x-real-ip"
)
"""Headers that CloudFront lets nobody add on the way to an origin."""
SET_BY_CLOUDFRONT_ALONE = re.compile(
    r"connection|content-encoding|content-length|expect|host|keep-alive|proxy-.*|trailer|"
    r"transfer-encoding|upgrade|via|x-accel-.*|x-amz-.*|x-cache|x-edge-.*|x-forwarded-proto|"
    r"content-security-policy|referrer-policy|strict-transport-security|x-content-type-options|"
    r"x-frame-options|x-xss-protection"
)
"""Headers that CloudFront lets nobody add as custom ones on the way to a client."""


@dataclass(frozen=True)
class Most:
    """A row of the table: how much of something a kind of resource may have.

    Attributes
    ----------
    kind
        The resource's type.
    of
        What is counted.
    most
        So much is allowed.
    measure
        Gives all that is counted.
    """

    kind: str
    of: str
    most: int
    measure: Callable[[Properties], list[int]]


def _conditions(rule: Properties) -> list[Properties]:
    """Return the conditions of a listener rule, each with the settings of its kind."""
    found = []
    for condition in rule["Conditions"]:
        configs = [value for name, value in condition.items() if name.endswith("Config")]
        found.append(configs[0] if configs else condition)
    return found


def _matches(rule: Properties) -> list[str]:
    return [text for each in _conditions(rule) for text in _strings(each)]


def _strings(condition: Properties) -> list[str]:
    return [*condition.get("Values", []), *condition.get("RegexValues", [])]


def _wildcards(rule: Properties) -> int:
    patterns = [text for each in _conditions(rule) for text in each.get("Values", [])]
    return sum(len(re.findall(r"[*?]", text)) for text in patterns)


def _fixed(action_holder: Properties) -> list[Properties]:
    actions = action_holder.get("Actions") or action_holder.get("DefaultActions") or []
    return [each["FixedResponseConfig"] for each in actions if "FixedResponseConfig" in each]


def _origin_headers(distribution: Properties) -> list[list[Properties]]:
    origins = distribution["DistributionConfig"]["Origins"]
    return [each.get("OriginCustomHeaders", []) for each in origins]


def _custom_headers(policy: Properties) -> list[Properties]:
    config = policy["ResponseHeadersPolicyConfig"].get("CustomHeadersConfig", {})
    return list(config.get("Items", []))


def _csp(policy: Properties) -> str:
    security = policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    return str(security["ContentSecurityPolicy"]["ContentSecurityPolicy"])


def _texts(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0


RULE = "ElasticLoadBalancingV2::ListenerRule"
DISTRIBUTION = "CloudFront::Distribution"
HEADERS = "CloudFront::ResponseHeadersPolicy"
PIPELINE = "CodePipeline::Pipeline"
LIMITS = (
    Most(RULE, "wildcards", 5, lambda rule: [_wildcards(rule)]),
    Most(RULE, "values", 5, lambda rule: [len(_matches(rule))]),
    Most(RULE, "values of a condition", 3, lambda r: [len(_strings(c)) for c in _conditions(r)]),
    Most(RULE, "letters of a value", 128, lambda rule: [len(text) for text in _matches(rule)]),
    Most(
        RULE,
        "letters of a header's name",
        40,
        lambda rule: [len(each.get("HttpHeaderName", "")) for each in _conditions(rule)],
    ),
    Most(RULE, "letters of an answer", 1024, lambda r: [len(f["MessageBody"]) for f in _fixed(r)]),
    Most("CloudFront::Function", "bytes", 10_240, lambda f: [_texts(f["FunctionCode"])]),
    Most("CloudFront::Function", "letters of the name", 64, lambda f: [_texts(f["Name"])]),
    Most(
        DISTRIBUTION, "behaviours", 25, lambda d: [len(d["DistributionConfig"]["CacheBehaviors"])]
    ),
    Most(DISTRIBUTION, "headers of an origin", 30, lambda d: [len(h) for h in _origin_headers(d)]),
    Most(
        DISTRIBUTION,
        "seconds that an origin has",
        60,
        lambda distribution: [
            origin.get("CustomOriginConfig", {}).get("OriginReadTimeout", 30)
            for origin in distribution["DistributionConfig"]["Origins"]
        ],
    ),
    Most(HEADERS, "custom headers", 10, lambda policy: [len(_custom_headers(policy))]),
    Most(HEADERS, "letters of one", 1783, lambda p: [len(h["Value"]) for h in _custom_headers(p)]),
    Most(HEADERS, "letters of the content's policy", 1783, lambda policy: [len(_csp(policy))]),
    Most("ApiGateway::Authorizer", "seconds", 3600, lambda a: [a["AuthorizerResultTtlInSeconds"]]),
    Most("ImageBuilder::Component", "letters", 16_000, lambda each: [len(each["Data"])]),
    Most(
        "ImageBuilder::ImageRecipe",
        "a part of the version",
        2**30 - 1,
        lambda recipe: [int(part) for part in recipe["Version"].split(".")],
    ),
    Most("SecretsManager::Secret", "letters", 2048, lambda secret: [len(secret["Description"])]),
    Most("CloudWatch::Alarm", "letters", 1024, lambda alarm: [len(alarm["AlarmDescription"])]),
    Most("CloudWatch::Alarm", "metrics", 10, lambda alarm: [len(alarm.get("Metrics", []))]),
    Most("Events::Rule", "targets", 5, lambda rule: [len(rule["Targets"])]),
    Most("Lambda::Function", "seconds", 900, lambda function: [function.get("Timeout", 3)]),
    Most("Lambda::Function", "MiB in a new account", 3008, lambda f: [f.get("MemorySize", 128)]),
    Most("AutoScaling::LifecycleHook", "seconds", 7200, lambda hook: [hook["HeartbeatTimeout"]]),
    Most(
        PIPELINE,
        "actions of a stage",
        50,
        lambda pipeline: [len(stage["Actions"]) for stage in pipeline["Stages"]],
    ),
    Most(
        PIPELINE,
        "letters of an action's name",
        100,
        lambda pipeline: [
            len(action["Name"]) for stage in pipeline["Stages"] for action in stage["Actions"]
        ],
    ),
    Most("CodeBuild::Project", "minutes", 2160, lambda each: [each.get("TimeoutInMinutes", 60)]),
)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.kind}: {limit.of}")
def test_nothing_is_larger_than_aws_takes(templates: Templates, limit: Most) -> None:
    found = [each for part in templates for each in templates.of(part, limit.kind)]
    assert found
    for each in found:
        for value in limit.measure(each):
            assert value <= limit.most, each


def _every_template(templates: Templates) -> Iterator[tuple[str, str]]:
    for file in templates.folder.rglob("*.template.json"):
        yield file.name, file.read_text(encoding="utf-8")


def test_templates_are_no_larger_than_cloudformation_takes(templates: Templates) -> None:
    for name, text in _every_template(templates):
        template = json.loads(text)
        assert len(text.encode()) <= 1_000_000, name
        assert len(template["Resources"]) <= 500, name
        assert len(template.get("Parameters", {})) <= 200, name
        assert len(template.get("Outputs", {})) <= 200, name
        assert all(len(each) <= 255 for each in template["Resources"]), name


def test_expressions_of_rules_are_of_the_kind_that_load_balancers_know(
    templates: Templates,
) -> None:
    for rule in templates.of("service", RULE):
        for condition in _conditions(rule):
            for expression in condition.get("RegexValues", []):
                re.compile(expression)
                assert not re.search(r"\(\?|\\[1-9pP]|[*+?]\+", expression)


def test_descriptions_in_security_groups_have_letters_that_ec2_takes(templates: Templates) -> None:
    allowed = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
    for part in templates:
        groups = templates.of(part, "EC2::SecurityGroup")
        rules = [
            rule
            for group in groups
            for direction in ("SecurityGroupIngress", "SecurityGroupEgress")
            for rule in group.get(direction, [])
        ]
        for direction in ("Ingress", "Egress"):
            rules += templates.of(part, f"EC2::SecurityGroup{direction}")
        texts = [group["GroupDescription"] for group in groups]
        texts += [str(rule.get("Description", "")) for rule in rules]
        for text in texts:
            assert allowed.fullmatch(text), text


def test_cloudfront_lets_the_headers_be_added(templates: Templates) -> None:
    for headers in _origin_headers(templates.the("service", DISTRIBUTION)):
        for header in headers:
            assert not FORWARDED_BY_CLOUDFRONT_ALONE.fullmatch(header["HeaderName"].lower())
    for header in _custom_headers(templates.the("service", HEADERS)):
        assert not SET_BY_CLOUDFRONT_ALONE.fullmatch(header["Header"].lower())


def test_gateways_wait_as_long_as_they_may(templates: Templates) -> None:
    for method in templates.of("service", "ApiGateway::Method"):
        integration = method["Integration"]
        streamed = integration.get("ResponseTransferMode") == "STREAM"
        assert integration.get("TimeoutInMillis", 29_000) <= (900_000 if streamed else 29_000)


def test_health_is_asked_for_less_often_than_it_is_waited_for(templates: Templates) -> None:
    for group in templates.of("service", "ElasticLoadBalancingV2::TargetGroup"):
        if group["TargetType"] != "lambda":
            assert 5 <= group["HealthCheckIntervalSeconds"] <= 300
            assert 2 <= group["HealthCheckTimeoutSeconds"] < group["HealthCheckIntervalSeconds"]


@pytest.fixture(scope="module")
def names(everything_set: Templates) -> Names:
    return Names(everything_set, EVERYTHING_SET)


def test_a_lambda_is_told_no_more_than_it_remembers(
    everything_set: Templates, names: Names
) -> None:
    for part in everything_set:
        for function in everything_set.of(part, "Lambda::Function"):
            variables = function.get("Environment", {}).get("Variables", {})
            told = {name: names.text(part, value) for name, value in variables.items()}
            if "HUSH_POLICY" in told:
                told["HUSH_POLICY"] = "x" * LONGEST_POLICY
            assert sum(len(name) + len(value) for name, value in told.items()) <= 4096


def test_a_role_has_no_longer_policies_than_iam_takes(
    everything_set: Templates, names: Names
) -> None:
    sizes: dict[tuple[str, str], int] = {}
    for part in everything_set:
        for policy in everything_set.of(part, "IAM::Policy"):
            for statement in policy["PolicyDocument"]["Statement"]:
                resources = statement["Resource"]
                listed = resources if isinstance(resources, list) else [resources]
                written = {**statement, "Resource": [names.text(part, each) for each in listed]}
                for role in policy["Roles"]:
                    key = part, role["Ref"]
                    sizes[key] = sizes.get(key, 0) + len(json.dumps(written).replace(" ", ""))
    assert sizes
    assert {key: size for key, size in sizes.items() if size > 10_240} == {}


def test_an_instance_is_told_no_more_than_ec2_keeps(
    everything_set: Templates, names: Names
) -> None:
    data = everything_set.the("service", "EC2::LaunchTemplate")["LaunchTemplateData"]
    parts = data["UserData"]["Fn::Base64"]["Fn::Join"][1]
    known = [each if isinstance(each, str) else "x" * 200 for each in parts]
    assert len("".join(known).encode()) <= 16_384


def test_the_function_at_the_edge_is_what_was_measured(everything_set: Templates) -> None:
    code = everything_set.the("service", "CloudFront::Function")["FunctionCode"]
    assert code == (ROOT / "stacks" / "viewer_request.js").read_text(encoding="utf-8")
