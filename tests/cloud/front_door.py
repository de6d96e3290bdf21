"""The way from the public address to the service, made of what is deployed.

CloudFront's paths and function, API Gateway's authorizer, routes and error bodies, the load
balancer's rules and the Lambdas are those of the deployment. In place of an instance stands the
real inference service on this machine.
"""

import base64
import fnmatch
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

from tests.cloud.emulated_aws import ACCOUNT, REGION, EmulatedAws
from tests.cloud.lambdas import LambdaError, Lambdas
from tests.cloud.viewer import viewer_request

LARGEST_BODY = 10 * 2**20
LARGEST_LAMBDA_BODY = 10**6


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class FrontDoor:
    """Answers requests as the deployment would.

    Parameters
    ----------
    aws, lambdas
        The deployment.
    instance
        Address of the service that stands for the fleet's instances.
    """

    aws: EmulatedAws
    lambdas: Lambdas
    instance: str = "http://127.0.0.1:9"

    def cloudfront(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer a client."""
        (distribution,) = self.aws.of("CloudFront::Distribution").values()
        config = distribution["DistributionConfig"]
        paths = [each["PathPattern"] for each in config["CacheBehaviors"]]
        if not any(fnmatch.fnmatchcase(path, pattern) for pattern in paths):
            return self._page(path)
        cookies = SimpleCookie(headers.pop("cookie", ""))
        named = {name: each.value for name, each in cookies.items()}
        request = viewer_request(method, path, headers, named, "203.0.113.7")
        (origin,) = (each for each in config["Origins"] if "OriginCustomHeaders" in each)
        passed = {name: each["value"] for name, each in request["headers"].items()}
        for header in origin["OriginCustomHeaders"]:
            passed[header["HeaderName"]] = self.aws.secret(header["HeaderValue"])
        return self.gateway(method, origin["OriginPath"] + path, passed, body)

    def _page(self, path: str) -> Answer:
        (bucket,) = (name for name in self.aws.of("S3::Bucket") if name.startswith("hush-site"))
        client = self.aws.client("s3")
        key = path.lstrip("/") or "index.html"
        return Answer(200, {}, client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def gateway(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer CloudFront, or whoever comes around it."""
        if len(body) > LARGEST_BODY:
            return self._gateway_error("REQUEST_TOO_LARGE")
        stage, _, rest = path.lstrip("/").partition("/")
        found = self._route(method, rest)
        if found is None:
            return self._gateway_error("MISSING_AUTHENTICATION_TOKEN")
        route, parameters = found
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api/{stage}/{method}/{rest}"
        if refusal := self._authorize(arn, method, path, headers):
            return self._gateway_error(refusal)
        integration = route["Integration"]
        if integration["Type"] == "AWS_PROXY":
            event = {
                "httpMethod": method,
                "path": f"/{rest}",
                "headers": headers,
                "body": base64.b64encode(body).decode(),
                "isBase64Encoded": True,
                "requestContext": {"stage": stage},
            }
            return _of_lambda(self.lambdas.invoke(integration["Uri"], event))
        target = integration["Uri"].partition("://")[2].partition("/")[2]
        for name, value in parameters.items():
            target = target.replace(f"{{{name}}}", value)
        for name, value in integration["RequestParameters"].items():
            if ".header." in name:
                passed = self.aws.secret(value).strip("'")
                headers = {**headers, name.rpartition(".")[2]: passed}
        # A VPC link passes the stage on.
        return self.balancer(method, f"/{stage}/{target}", headers, body)

    def _route(self, method: str, path: str) -> tuple[dict[str, Any], dict[str, str]] | None:
        resources = self.aws.of("ApiGateway::Resource")

        def full(resource: str) -> str:
            properties = resources[resource]
            parent = properties["ParentId"]
            before = f"{full(parent)}/" if parent in resources else ""
            return str(before + properties["PathPart"])

        for route in self.aws.of("ApiGateway::Method").values():
            pattern = full(route["ResourceId"])
            if route["HttpMethod"] not in (method, "ANY"):
                continue
            if pattern == path:
                return route, {}
            before = pattern.removesuffix("{proxy+}")
            if before != pattern and path.startswith(before):
                return route, {"proxy": path.removeprefix(before)}
        return None

    def _authorize(self, arn: str, method: str, path: str, headers: dict[str, str]) -> str | None:
        """Return what API Gateway calls the refusal; None if there is none."""
        (authorizer,) = self.aws.of("ApiGateway::Authorizer").values()
        sources = authorizer["IdentitySource"].split(",")
        if not all(headers.get(source.rpartition(".")[2]) for source in sources):
            return "UNAUTHORIZED"
        event = {
            "type": "REQUEST",
            "methodArn": arn,
            "httpMethod": method,
            "path": path,
            "headers": headers,
        }
        try:
            decision = self.lambdas.invoke(authorizer["AuthorizerUri"], event)
        except LambdaError as error:
            return "UNAUTHORIZED" if str(error) == "Unauthorized" else "DEFAULT_5XX"
        (statement,) = decision["policyDocument"]["Statement"]
        matches = any(fnmatch.fnmatchcase(arn, each) for each in statement["Resource"])
        return None if matches and statement["Effect"] == "Allow" else "ACCESS_DENIED"

    def _gateway_error(self, kind: str) -> Answer:
        responses = self.aws.of("ApiGateway::GatewayResponse").values()
        (response,) = (each for each in responses if each["ResponseType"] == kind)
        headers = {
            name.rpartition(".")[2]: value.strip("'")
            for name, value in response["ResponseParameters"].items()
        }
        body = response["ResponseTemplates"]["application/json"].encode()
        return Answer(int(response.get("StatusCode", 500)), headers, body)

    def balancer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer API Gateway."""
        client = self.aws.client("elbv2")
        (balancer,) = client.describe_load_balancers()["LoadBalancers"]
        listeners = client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])
        (listener,) = listeners["Listeners"]
        rules = client.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        numbered = [rule for rule in rules if not rule["IsDefault"]]
        headers = {**headers, "content-length": str(len(body))}
        actions = listener["DefaultActions"]
        for rule in sorted(numbered, key=lambda rule: int(rule["Priority"])):
            if all(_holds(condition, path, headers) for condition in rule["Conditions"]):
                actions = rule["Actions"]
                break
        (action,) = actions
        if action["Type"] == "fixed-response":
            config = action["FixedResponseConfig"]
            content = {"content-type": config["ContentType"]}
            return Answer(int(config["StatusCode"]), content, config["MessageBody"].encode())
        group = action.get("TargetGroupArn") or _only_group(action)
        described = client.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]
        if described["TargetType"] != "lambda":
            return self._from_instance(method, path, headers, body)
        if len(body) >= LARGEST_LAMBDA_BODY:
            return Answer(413, {"content-type": "text/html"}, b"<html>413</html>")
        targets = self.aws.of("ElasticLoadBalancingV2::TargetGroup")[group]["Targets"]
        event = {
            "requestContext": {"elb": {"targetGroupArn": group}},
            "httpMethod": method,
            "path": path,
            "headers": headers,
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        return _of_lambda(self.lambdas.invoke(targets[0]["Id"], event))

    def _from_instance(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        headers = {name: value for name, value in headers.items() if name != "host"}
        answer = httpx2.request(
            method, self.instance + path, headers=headers, content=body, timeout=120
        )
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("content-length", "transfer-encoding", "content-encoding")
        }
        return Answer(answer.status_code, kept, answer.content)

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Serve for as long as the block lasts, and give the address."""
        with ThreadingHTTPServer(("127.0.0.1", 0), _handler(self)) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()


def _only_group(action: dict[str, Any]) -> str:
    (group,) = action["ForwardConfig"]["TargetGroups"]
    return str(group["TargetGroupArn"])


def _holds(condition: dict[str, Any], path: str, headers: dict[str, str]) -> bool:
    if condition["Field"] == "path-pattern":
        values = condition.get("PathPatternConfig", {}).get("Values") or condition["Values"]
        return any(fnmatch.fnmatchcase(path, value) for value in values)
    config = condition["HttpHeaderConfig"]
    sent = headers.get(config["HttpHeaderName"].lower(), "")
    return any(fnmatch.fnmatchcase(sent, value) for value in config["Values"])


def _of_lambda(returned: dict[str, Any]) -> Answer:
    return Answer(returned["statusCode"], returned["headers"], returned["body"].encode())


def _handler(door: FrontDoor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = door.cloudfront(self.command, self.path, headers, body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def error_of(answer: Answer) -> dict[str, Any]:
    """Return the error in an answer, which has to have OpenAI's shape."""
    error: dict[str, Any] = json.loads(answer.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error
