"""Sign-in and the authorizer as they are deployed: real tables and secrets of an emulated AWS,
their own handlers, and a GitHub on loopback.
"""

import asyncio
import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

import admin
import auth
import authorizer
import github
import parts
from identity import aws, front_door, settings
from local.github import GitHub
from local.tables import make_tables
from stacks.names import Names

NAMES = Names("hush")
REGION = "us-east-1"
# Mangum made it when `auth` was imported, and wants it again at every request.
LOOP = asyncio.get_event_loop()
PUBLIC_URL = "https://hush.example"
FRONT_DOOR = "only-cloudfront-knows"
DEPLOYMENT_KEY = "x" * 48
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:43]
HAND_OVER = f"/auth/hand-over?challenge={CHALLENGE}&port=5000&attempt=attempt-1&device=my%20laptop"

AUDIT_LOG = "audit"
INSTALLATION = {
    "group": NAMES.group,
    "governor": NAMES.governor,
    "api": NAMES.api,
    "stage": "live",
    "pipeline": NAMES.pipeline,
    "alarms": NAMES.alarm(""),
    "balancer": "app/balancer/1",
    "targets": "targetgroup/fleet/1",
    "responder": "targetgroup/responder/1",
    "pipeline_log": NAMES.pipeline_log,
    "audit_logs": [AUDIT_LOG],
    "gpu": "nvidia_smi_utilization_gpu",
    "maximum": 4,
    "hours": {"g4dn.xlarge": 0.54, "g5.2xlarge": 1.23},
    "launch": 0.04,
    "bound": 500,
    "budget": 50,
    "month": {"load balancer": 16.43},
    "request": 0.000005,
    "cost_explorer": False,
    "tag": "",
}


@dataclass
class Answer:
    """What a browser or client sees."""

    status: int
    headers: dict[str, str]
    body: str
    cookies: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Deployment:
    """Both Lambdas, and who calls them through the front door."""

    github: GitHub
    names: dict[str, str]
    calls: list[str] = field(default_factory=list)

    def set_policy(self, **policy: Any) -> None:
        os.environ["HUSH_POLICY"] = json.dumps(policy)
        settings.settings.cache_clear()

    @contextmanager
    def of_another_installation(self) -> Iterator[None]:
        """Have its tokens be another installation's until the end of the block."""
        with patch.dict(os.environ, HUSH_DEPLOYMENT="us-east-1/123456789012/other-live"):
            settings.settings.cache_clear()
            yield
        settings.settings.cache_clear()

    def set_signing_keys(self, *arns: str) -> None:
        os.environ["HUSH_SIGNING_KEYS"] = ",".join(arns)
        settings.settings.cache_clear()

    def ask(
        self,
        method: str,
        path: str,
        *,
        credential: str = "none",
        body: Any = None,
        cookies: dict[str, str] | None = None,
        **headers: str | None,
    ) -> Answer:
        """Ask sign-in or the administration, as CloudFront and API Gateway pass a request on."""
        asked = urlsplit(path)
        query = parse_qs(asked.query, keep_blank_values=True)
        sent = {
            "x-hush-origin": FRONT_DOOR,
            "x-hush-credential": credential,
            "x-hush-viewer": "203.0.113.7",
            "host": "api.example",
            **{
                name.replace("_", "-"): value
                for name, value in headers.items()
                if value is not None
            },
        }
        if cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if body is not None:
            sent["content-type"] = "application/json"
        event = {
            "resource": f"/{asked.path.split('/')[1]}/{{proxy+}}",
            "httpMethod": method,
            "path": asked.path,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "body": None if body is None else base64.b64encode(json.dumps(body).encode()).decode(),
            "isBase64Encoded": body is not None,
            "requestContext": {"requestId": f"request-{method}-{asked.path}", "stage": "live"},
        }
        answering = admin if asked.path.startswith("/administration/") else auth
        returned = answering.handler(event, SimpleNamespace())
        several = returned.get("multiValueHeaders") or {}
        cookie: SimpleCookie = SimpleCookie()
        for line in several.get("set-cookie", []):
            cookie.load(line)
        if "set-cookie" in returned.get("headers", {}):
            cookie.load(returned["headers"]["set-cookie"])
        raw = returned["body"]
        if returned.get("isBase64Encoded"):
            raw = base64.b64decode(raw).decode()
        singles = {name: values[-1] for name, values in several.items()}
        return Answer(
            returned["statusCode"],
            {**singles, **returned.get("headers", {})},
            raw,
            {name: each.value for name, each in cookie.items()},
        )

    def sign_in(self, login: str, to: str = "/") -> Answer:
        """Go to GitHub and back as someone."""
        began = self.ask("GET", f"/auth/login?return={to}")
        assert began.status == 302, began.body
        back = self.github.authorize(began.headers["location"], login)
        return self.ask("GET", back.removeprefix(PUBLIC_URL), cookies=began.cookies)

    def session_of(self, login: str) -> str:
        """Sign someone in, and return what the CDN folds their cookie into."""
        return "session " + self.sign_in(login).cookies["__Host-hush"]

    def key_of(self, login: str, name: str = "a key") -> tuple[str, str]:
        """Return a new key's id, and what the CDN folds it into."""
        made = self.ask(
            "POST",
            "/auth/keys",
            credential=self.session_of(login),
            body={"name": name},
            origin=PUBLIC_URL,
        )
        assert made.status == 201, made.body
        return made.json["id"], "bearer " + made.json["key"]

    def login_key_of(self, login: str) -> tuple[str, str]:
        """Return what `hush login` gets: a key's id, and what the CDN folds it into."""
        page = self.ask("GET", HAND_OVER, credential=self.session_of(login)).body
        code = re.search(r'id="code">([^<]+)<', page)
        assert code is not None
        made = self.ask("POST", "/auth/redeem", body={"code": code[1], "verifier": VERIFIER})
        assert made.status == 201, made.body
        return made.json["id"], "bearer " + made.json["key"]

    def authorize(
        self, credential: str, path: str = "POST/mel", origin: str = FRONT_DOOR, **more: Any
    ) -> dict[str, Any]:
        """Ask the authorizer about a request."""
        event = {
            "type": "REQUEST",
            "methodArn": f"arn:aws:execute-api:{REGION}:123456789012:api/live/{path}",
            "requestContext": {"requestId": f"request-{path}", "stage": "live"},
            "headers": {"x-hush-origin": origin, "x-hush-credential": credential},
            **more,
        }
        return authorizer.handler(event, None)

    def allowed(self, credential: str) -> bool:
        """Tell whether the authorizer lets someone transcribe."""
        try:
            decision = self.authorize(credential)
        except Exception as error:
            if str(error) != "Unauthorized":
                raise
            return False
        (statement,) = decision["policyDocument"]["Statement"]
        return statement["Effect"] == "Allow" and any(
            each.endswith(("/*", "POST/mel")) for each in statement["Resource"]
        )


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """A deployment that octocat may use, whose administrator is hubot."""
    asyncio.set_event_loop(LOOP)
    stood_in = GitHub()
    with stood_in.serving(), mock_aws(), patch.dict(os.environ, _credentials()):
        names = _made(stood_in)
        os.environ.update(names)
        settings.settings.cache_clear()
        aws._secrets.clear()
        github._installations.clear()
        front_door._public_url.clear()
        parts.forget()
        made = Deployment(stood_in, names)

        def invoke(service: str, operation: str, **parameters: Any) -> Any:
            # API calls between Lambdas: moto does not run them.
            if service == "lambda":
                made.calls.append(parameters["Payload"].decode())
                try:
                    auth.handler(json.loads(parameters["Payload"]), None)
                except aws.UnavailableError:
                    return {"FunctionError": "Unhandled"}
                return {}
            return aws.call(service, operation, **parameters)

        with patch.object(authorizer, "call", invoke):
            yield made


def _credentials() -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def _made(github: GitHub) -> dict[str, str]:
    """Make what the stacks make, and return the environment of the Lambdas."""
    secrets = boto3.client("secretsmanager", REGION)

    def secret(name: str, value: str) -> str:
        return str(secrets.create_secret(Name=name, SecretString=value)["ARN"])

    make_tables(boto3.client("dynamodb", REGION), "people", "quota")
    ssm = boto3.client("ssm", REGION)
    ssm.put_parameter(Name=NAMES.url_parameter, Value=PUBLIC_URL, Type="String")
    told = json.dumps(INSTALLATION)
    ssm.put_parameter(Name=NAMES.installation_parameter, Value=told, Type="String")
    return {
        "HUSH_DEPLOYMENT": f"us-east-1/123456789012/{NAMES.prefix}",
        "HUSH_PEOPLE_TABLE": "people",
        "HUSH_QUOTA_TABLE": "quota",
        "HUSH_SIGNING_KEYS": secret("signing-1", "a" * 64),
        "HUSH_FRONT_DOOR_SECRET": secret("front-door", FRONT_DOOR),
        "HUSH_DEPLOYMENT_KEY_SECRET": secret("deployment-key", DEPLOYMENT_KEY),
        "HUSH_GITHUB_SECRET": secret(NAMES.github_secret, github.credentials),
        "HUSH_GITHUB_URL": github.url,
        "HUSH_GITHUB_API_URL": github.url,
        "HUSH_URL_PARAMETER": NAMES.url_parameter,
        "HUSH_INSTALLATION_PARAMETER": NAMES.installation_parameter,
        "HUSH_AUTH_FUNCTION": "auth",
        "HUSH_POLICY": json.dumps({"users": ["octocat"], "administrators": ["hubot"]}),
        "HUSH_LIMITS": json.dumps(
            {
                "person": {"requests": 100, "seconds": 3600},
                "anonymous": {"requests": 5, "seconds": 60},
            }
        ),
    }
