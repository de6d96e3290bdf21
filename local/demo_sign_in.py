"""`make demo AUTH=1`: the service behind real sign-in, on this machine alone.

The Lambdas' own code, CloudFront's function and the gateway's rules run in front of the service;
DynamoDB, Secrets Manager and the like are moto's, and GitHub is a stand-in.
"""

import functools
import json
import logging
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import httpx2
from moto.server import ThreadedMotoServer

from hush.contracts.headers import ORIGIN
from hush.contracts.routes import API_PATHS, ROUTES, Target
from hush_service.packaged import page_folder
from local.administered import (
    AUDIT_LOG,
    BALANCED,
    governor_environment,
    make_fleet,
    make_ledger,
    make_people,
    make_pipeline,
)
from local.cdn import Cdn
from local.demonstration import run, serving
from local.emulated_group import emulated_groups
from local.emulated_metrics import emulated_metrics
from local.emulated_pipeline import States, emulated_pipelines
from local.functions import Function, lambda_api
from local.gateway import (
    Answer,
    Authorizer,
    Context,
    Endpoint,
    Gateway,
    Integration,
    Parameters,
    Request,
    forwarded,
    mapped,
    rendered,
    to_function,
)
from local.github import GitHub
from local.log_delivery import LogDelivery
from local.model import chosen_model
from local.processes import ROOT, free_port
from local.scripted_day import Day
from local.tables import make_tables
from local.terminal import console
from stacks.gateway import DECISION_SECONDS, ERRORS, IDENTITY_SOURCES, service_headers
from stacks.installation import installation
from stacks.limits import STAGE
from stacks.names import Names
from stacks.settings import Settings

LAMBDAS = ROOT / "lambda"
SETTINGS = Settings(
    users=("octocat",),
    organisations=("friends",),
    administrators=("hubot",),
    alarm_email="hubot@example.org",
    requests_a_day=50,
    minutes_a_day=10,
)
NAMES = Names(SETTINGS.name)
REGION = "us-east-1"


class Aws:
    """The tables, secrets and parameters that sign-in needs, at moto's server.

    Parameters
    ----------
    endpoint
        Address of the server.
    """

    def __init__(self, endpoint: str) -> None:
        self.environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.client = functools.partial(
            boto3.client,
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def tables(self) -> None:
        """Make the tables `people` and `quota`."""
        make_tables(self.client("dynamodb"), "people", "quota")

    def secret(self, name: str, value: str) -> str:
        """Keep a secret, and return its ARN."""
        kept = self.client("secretsmanager").create_secret(Name=name, SecretString=value)
        return str(kept["ARN"])

    def parameter(self, name: str, value: str) -> str:
        """Keep a parameter, and return its name."""
        self.client("ssm").put_parameter(Name=name, Value=value, Type="String")
        return name


@contextmanager
def signing_in(service: str, key: str, url: str, aws: Aws, github: GitHub) -> Iterator[Cdn]:
    """Put sign-in before a service.

    Parameters
    ----------
    service, key
        Its address, and the key that it asks for.
    url
        The public address.
    aws, github
        What sign-in builds on.
    """
    front_door = secrets.token_hex(24)
    environment = {
        **os.environ,
        **aws.environment,
        "HUSH_PEOPLE_TABLE": "people",
        "HUSH_QUOTA_TABLE": "quota",
        "HUSH_SIGNING_KEYS": aws.secret("signing-key", secrets.token_hex(32)),
        "HUSH_FRONT_DOOR_SECRET": aws.secret("front-door", front_door),
        "HUSH_DEPLOYMENT_KEY_SECRET": aws.secret("deployment-key", secrets.token_hex(24)),
        "HUSH_POLICY": json.dumps(SETTINGS.policy),
        "HUSH_LIMITS": json.dumps(SETTINGS.limits),
        "HUSH_DEPLOYMENT": "local/demo",
        "HUSH_GITHUB_SECRET": aws.secret(NAMES.github_secret, github.credentials),
        "HUSH_URL_PARAMETER": aws.parameter(NAMES.url_parameter, url),
        "HUSH_GITHUB_URL": github.url,
        "HUSH_GITHUB_API_URL": github.url,
        "HUSH_AUTH_FUNCTION": "auth",
        "HUSH_INSTALLATION_PARAMETER": aws.parameter(
            NAMES.installation_parameter,
            json.dumps(installation(SETTINGS, NAMES, BALANCED, [AUDIT_LOG])),
        ),
        **governor_environment(SETTINGS, NAMES, aws.client),
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hush-demo-")))
        functions: dict[str, Function] = {}

        def start(name: str, calls: str) -> Function:
            own = {**environment, "AWS_ENDPOINT_URL_LAMBDA": calls}
            paths = [LAMBDAS / name, LAMBDAS, ROOT]
            function = Function(f"{name}.handler", paths, own, folder / f"{name}.log")
            stack.callback(function.stop)
            return function

        def invoke(name: str, event: dict[str, Any]) -> Any:
            return functions["governor" if name == NAMES.governor else name](event)

        calls = stack.enter_context(lambda_api(invoke))
        for name in ("admin", "auth", "authorizer", "governor"):
            functions[name] = start(name, calls)
        delivery = LogDelivery(aws.client("logs"))

        def deliver() -> None:
            for name in ("admin", "auth", "authorizer"):
                delivery.deliver(folder / f"{name}.log", AUDIT_LOG)

        day = Day(NAMES, aws.client)
        day.history()
        stack.enter_context(day.going_on(deliver))

        def to_service(request: Request, _: Parameters, context: Context) -> Answer:
            headers = mapped(request, service_headers(key), context)
            return forwarded(replace(request, headers=headers), service)

        def on_page(name: str) -> bytes | None:
            folder = page_folder()
            file = folder / name if folder else Path(name)
            inside = folder is not None and file.resolve().is_relative_to(folder.resolve())
            return file.read_bytes() if inside and file.is_file() else None

        integrations: dict[Target, Integration] = {
            "service": to_service,
            "status": _always_up,
            "sign-in": to_function(functions["auth"], STAGE),
            "administration": to_function(functions["admin"], STAGE),
        }
        gateway = Gateway(
            [
                Endpoint(each.method, each.path, each.guarded, integrations[each.target])
                for each in ROUTES
            ],
            Authorizer(functions["authorizer"], IDENTITY_SOURCES, DECISION_SECONDS),
            _gateway_error,
        )

        def api(request: Request) -> Answer:
            request.path = f"/{STAGE}{request.path}"
            return gateway.answer(request)

        yield Cdn(API_PATHS, lambda: {ORIGIN: front_door}, api, on_page)


def _always_up(_: Request, __: Parameters, ___: Context) -> Answer:
    state = {"state": "up", "step": None, "detail": "ready", "retry_after": 1}
    headers = httpx2.Headers({"content-type": "application/json"})
    return Answer(200, headers, json.dumps(state).encode())


def _gateway_error(name: str, request: Request) -> Answer:
    error = ERRORS[name]
    return Answer(error.status, httpx2.Headers(error.headers), rendered(error.body, request))


@contextmanager
def _moto() -> Iterator[tuple[str, States]]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        with emulated_groups(), emulated_metrics(), emulated_pipelines() as states:
            yield "http://{}:{}".format(*server.get_host_and_port()), states
    finally:
        server.stop()


@contextmanager
def emulated_cloud() -> Iterator[Aws]:
    """Run what stands for AWS, with all that administrators look after."""
    with _moto() as (endpoint, pipelines):
        aws = Aws(endpoint)
        aws.tables()
        make_fleet(SETTINGS, NAMES, aws.client)
        make_ledger(aws.client)
        make_people(aws.client)
        make_pipeline(NAMES, aws.client, pipelines)
        yield aws


def demonstrate(port: int) -> int:
    """Run all of it until Ctrl-C.

    Parameters
    ----------
    port
        Of loopback: the public address.
    """
    url, inner, key = f"http://localhost:{port}", free_port(), secrets.token_hex(24)
    people = {"octocat": 583231, "mona": 1024, "hubot": 480938, "mallory": 666}
    github = GitHub(accounts=people, members={"friends": {"mona"}})
    model = chosen_model()
    with ExitStack() as stack:
        started = time.monotonic()
        aws = stack.enter_context(emulated_cloud())
        stack.enter_context(github.serving())
        service = f"http://127.0.0.1:{inner}"
        cdn = stack.enter_context(signing_in(service, key, url, aws, github))
        console.print("  sign-in  the Lambdas' own code, with a stand-in for GitHub and for AWS")
        settings = {
            **aws.environment,
            "HUSH_API_KEY": key,
            "HUSH_QUOTA_TABLE": "quota",
            "HUSH_QUOTA_LIMITS": json.dumps(SETTINGS.limits),
        }
        stack.enter_context(serving(inner, model.name, **settings))
        stack.enter_context(cdn.listening(port))
        seconds = time.monotonic() - started
        console.print(f"  service  with model {model.name}: ready after {seconds:.1f} s")
        console.print(f"  page     [bold]{url}[/bold] in a browser; sign in there as")
        console.print("           octocat or mona (50 requests and 10 minutes of speech a day),")
        console.print("           hubot (an administrator), or mallory, who may not use it")
        console.print(f"  admin    [bold]{url}/admin[/bold] for hubot: a fleet whose day takes ten")
        console.print("           minutes, with people, keys, costs and what happened")
        console.print(f"  try      .venv/bin/hush login {url}")
        console.print(f"           .venv/bin/hush transcribe --url {url} YOUR_RECORDING")
        console.print("           Ctrl-C stops, and forgets everybody\n")
        signal.pause()
    return 0


if __name__ == "__main__":
    title = " with sign-in: all on this machine, nobody else is asked"
    sys.exit(run(title, "make demo AUTH=1", demonstrate))
