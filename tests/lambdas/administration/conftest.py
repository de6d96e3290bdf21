"""An administrator, and a fleet to look after."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest

from local.administered import make_fleet
from local.emulated_group import EmulatedGroups, emulated_groups
from stacks.settings import Settings
from tests.lambdas.conftest import (
    NAMES,
    PUBLIC_URL,
    REGION,
    Answer,
    Deployment,
)

OCTOCAT = "583231"


class Boss:
    """An administrator, by session, who asks for something below `/administration/`."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.credential = deployment.session_of("hubot")

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return self.deployment.ask(
            method,
            f"/administration/{path}",
            credential=self.credential,
            body=body,
            origin=PUBLIC_URL,
        )

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def does(self, path: str, body: Any = None, method: str = "POST") -> Any:
        answer = self.ask(method, path, {} if body is None else body)
        assert answer.status == 200, answer.body
        return answer.json


@pytest.fixture
def boss(deployment: Deployment) -> Boss:
    return Boss(deployment)


@pytest.fixture
def groups(deployment: Deployment) -> Iterator[EmulatedGroups]:
    """The fleet's group, asleep."""
    with emulated_groups() as here:
        make_fleet(Settings(), NAMES, partial(boto3.client, region_name=REGION))
        yield here


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was written to the audit log since the last look."""
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def measure() -> None:
    """Write down some of what AWS and the fleet measure."""
    client = boto3.client("cloudwatch", REGION)
    group = {"AutoScalingGroupName": NAMES.group}
    api = {"ApiName": NAMES.api, "Stage": "live"}
    balanced = {
        name: {"LoadBalancer": "app/balancer/1", "TargetGroup": f"targetgroup/{name}/1"}
        for name in ("fleet", "responder")
    }
    at = datetime.now(UTC) - timedelta(minutes=5)
    for namespace, name, dimensions, value in (
        ("AWS/ApiGateway", "Count", api, 60),
        ("AWS/ApiGateway", "5XXError", api, 3),
        ("AWS/ApiGateway", "Latency", api, 1500),
        ("AWS/AutoScaling", "GroupInServiceInstances", group, 2),
        ("AWS/ApplicationELB", "RequestCount", balanced["fleet"], 30),
        ("AWS/ApplicationELB", "RequestCount", balanced["responder"], 10),
        ("hush", "InFlight", group, 2),
        ("hush", "Interruptions", group, 2),
    ):
        client.put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                    "Timestamp": at,
                    "Value": value,
                }
            ],
        )
