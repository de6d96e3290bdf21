"""The way from the public address to the service, made of what is deployed.

CloudFront's paths and function, API Gateway's authorizer, routes and error bodies, the load
balancer's rules and the Lambdas are those of the deployment. In place of an instance stands the
real inference service on this machine.
"""

import fnmatch
import functools
import json
import re
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import httpx2

from hush.contracts.headers import GATEWAY_REQUEST
from local.cdn import Cdn
from local.gateway import (
    Answer,
    Authorizer,
    Context,
    Endpoint,
    Gateway,
    Integration,
    Parameters,
    Request,
    balancer_event,
    forwarded,
    mapped,
    of_function,
    rendered,
    to_function,
)
from tests.cloud.emulated_aws import EmulatedAws
from tests.cloud.lambdas import Lambdas, ThrottledError

LARGEST_LAMBDA_BODY = 10**6


class FrontDoor:
    """Answers requests as the deployment would.

    Parameters
    ----------
    aws, lambdas
        The deployment.

    Attributes
    ----------
    instance
        Address of the service that stands for the fleet's instances.
    now
        What the gateway's clock shows, in seconds.
    """

    def __init__(self, aws: EmulatedAws, lambdas: Lambdas) -> None:
        self.aws, self.lambdas = aws, lambdas
        self.instance = "http://127.0.0.1:9"
        self.now = 0.0

    def cloudfront(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer a client."""
        return self._cdn.answer(_request(method, path, headers, body))

    def gateway(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer whoever comes around CloudFront."""
        return self._gateway.answer(_request(method, path, headers, body))

    def listening(self) -> AbstractContextManager[str]:
        """Serve for as long as the block lasts, and give the address."""
        return self._cdn.listening()

    def origin_headers(self) -> dict[str, str]:
        """Return the headers by which the API knows CloudFront."""
        headers = self._origin["OriginCustomHeaders"]
        return {each["HeaderName"]: self.aws.secret(each["HeaderValue"]) for each in headers}

    @property
    def _distribution(self) -> dict[str, Any]:
        (distribution,) = self.aws.of("CloudFront::Distribution").values()
        config: dict[str, Any] = distribution["DistributionConfig"]
        return config

    @property
    def _origin(self) -> dict[str, Any]:
        (origin,) = (
            each for each in self._distribution["Origins"] if "OriginCustomHeaders" in each
        )
        return dict(origin)

    @functools.cached_property
    def _cdn(self) -> Cdn:
        config, origin = self._distribution, self._origin

        def api(request: Request) -> Answer:
            request.path = origin["OriginPath"] + request.path
            return self._gateway.answer(request)

        paths = [
            each["PathPattern"]
            for each in config["CacheBehaviors"]
            if each["TargetOriginId"] == origin["Id"]
        ]
        return Cdn(paths, self.origin_headers, api, self._file)

    def _file(self, name: str) -> bytes | None:
        (bucket,) = (name for name in self.aws.of("S3::Bucket") if "-service-" in name)
        client = self.aws.client("s3")
        try:
            body: bytes = client.get_object(Bucket=bucket, Key=name)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None
        return body

    @functools.cached_property
    def _gateway(self) -> Gateway:
        (authorizer,) = self.aws.of("ApiGateway::Authorizer").values()
        return Gateway(
            [self._endpoint(method) for method in self.aws.of("ApiGateway::Method").values()],
            Authorizer(
                functools.partial(self.lambdas.invoke, authorizer["AuthorizerUri"]),
                [each.rpartition(".")[2] for each in authorizer["IdentitySource"].split(",")],
                float(authorizer["AuthorizerResultTtlInSeconds"]),
                lambda: self.now,
            ),
            self._error,
        )

    def _endpoint(self, method: dict[str, Any]) -> Endpoint:
        resources = self.aws.of("ApiGateway::Resource")

        def path(resource: str) -> str:
            properties = resources[resource]
            parent = properties["ParentId"]
            before = path(parent) if parent in resources else ""
            return f"{before}/{properties['PathPart']}"

        (stage,) = (each["StageName"] for each in self.aws.of("ApiGateway::Stage").values())
        integration = method["Integration"]
        if integration["Type"] == "AWS_PROXY":
            invoke = functools.partial(self.lambdas.invoke, integration["Uri"])
            answering = to_function(invoke, stage)
        else:
            answering = self._to_balancer(integration, stage)
        guarded = method["AuthorizationType"] == "CUSTOM"
        return Endpoint(method["HttpMethod"], path(method["ResourceId"]), guarded, answering)

    def _to_balancer(self, integration: dict[str, Any], stage: str) -> Integration:
        prefix = "integration.request.header."

        def target(request: Request, parameters: Parameters, context: Context) -> Answer:
            path = integration["Uri"].partition("://")[2].partition("/")[2]
            for name, value in parameters.items():
                path = path.replace(f"{{{name}}}", value)
            mapping = {
                name.removeprefix(prefix): self.aws.secret(value)
                for name, value in integration["RequestParameters"].items()
                if name.startswith(prefix)
            }
            headers = mapped(request, mapping, context)
            # A VPC link passes the stage on.
            return self.balancer(replace(request, path=f"/{stage}/{path}", headers=headers))

        return target

    def _error(self, kind: str, request: Request) -> Answer:
        responses = self.aws.of("ApiGateway::GatewayResponse").values()
        (response,) = (each for each in responses if each["ResponseType"] == kind)
        headers = {
            name.rpartition(".")[2]: value.strip("'")
            for name, value in response["ResponseParameters"].items()
        }
        body = rendered(response["ResponseTemplates"]["application/json"], request)
        return Answer(int(response.get("StatusCode", 500)), httpx2.Headers(headers), body)

    def balancer(self, request: Request) -> Answer:
        """Answer API Gateway."""
        client = self.aws.client("elbv2")
        (balancer,) = client.describe_load_balancers()["LoadBalancers"]
        listeners = client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])
        (listener,) = listeners["Listeners"]
        rules = client.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        numbered = [rule for rule in rules if not rule["IsDefault"]]
        headers = {**request.headers, "content-length": str(len(request.body))}
        actions = listener["DefaultActions"]
        for each in sorted(numbered, key=lambda rule: int(rule["Priority"])):
            if all(_holds(condition, request.path, headers) for condition in each["Conditions"]):
                actions = each["Actions"]
                break
        (action,) = actions
        if action["Type"] == "fixed-response":
            config = action["FixedResponseConfig"]
            content = httpx2.Headers({"content-type": config["ContentType"]})
            return Answer(int(config["StatusCode"]), content, config["MessageBody"].encode())
        group = action.get("TargetGroupArn") or _only_group(action)
        described = client.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]
        if described["TargetType"] != "lambda":
            return forwarded(request, self.instance)
        if len(request.body) >= LARGEST_LAMBDA_BODY:
            html = httpx2.Headers({"content-type": "text/html"})
            return Answer(413, html, b"<html>413</html>")
        targets = self.aws.of("ElasticLoadBalancingV2::TargetGroup")[group]["Targets"]
        invoke = functools.partial(self.lambdas.invoke, targets[0]["Id"])
        try:
            return of_function(invoke(balancer_event(request, group)))
        except ThrottledError:
            html = httpx2.Headers({"content-type": "text/html"})
            return Answer(502, html, b"<html>502</html>")


def _request(method: str, path: str, headers: dict[str, str], body: bytes) -> Request:
    path, _, query = path.partition("?")
    return Request(method, path, headers, body, query)


def _only_group(action: dict[str, Any]) -> str:
    (group,) = action["ForwardConfig"]["TargetGroups"]
    return str(group["TargetGroupArn"])


def _holds(condition: dict[str, Any], path: str, headers: dict[str, str]) -> bool:
    if condition["Field"] == "path-pattern":
        values = condition.get("PathPatternConfig", {}).get("Values") or condition["Values"]
        return any(fnmatch.fnmatchcase(path, value) for value in values)
    config = condition["HttpHeaderConfig"]
    sent = headers.get(config["HttpHeaderName"].lower(), "")
    if values := config.get("Values"):
        return any(fnmatch.fnmatch(sent.lower(), value.lower()) for value in values)
    return any(re.search(expression, sent) for expression in config["RegexValues"])


def error_of(answer: Answer) -> dict[str, Any]:
    """Return the error in an answer, which has to have OpenAI's shape, and to name its request."""
    error: dict[str, Any] = json.loads(answer.body)["error"]
    named = answer.headers.get(GATEWAY_REQUEST)
    assert set(error) - {"request_id"} == {"message", "type", "param", "code"}
    assert error.get("request_id", named) == (named or error.get("request_id"))
    return error
