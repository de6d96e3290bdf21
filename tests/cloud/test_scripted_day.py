"""The demonstration's fleet goes through its day, and whoever steps in has their way."""

import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws

from local.administered import make_fleet
from local.emulated_group import emulated_groups
from local.scripted_day import DAY, PARTS, Day
from stacks.names import Names
from stacks.settings import Settings

NAMES = Names("hush")
REGION = "us-east-1"


def client(service: str) -> Any:
    return boto3.client(service, REGION)


@pytest.fixture
def _aws() -> Iterator[None]:
    known = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with patch.dict(os.environ, known), mock_aws(), emulated_groups():
        make_fleet(Settings(), NAMES, client)
        yield


@pytest.mark.usefixtures("_aws")
def test_the_fleet_wakes_grows_loses_an_instance_and_sleeps() -> None:
    now = 0.0
    day = Day(NAMES, client, lambda: now)

    def states() -> list[str]:
        group = client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
        return sorted(each["LifecycleState"] for each in group["Instances"])

    def until(seconds: float) -> list[str]:
        nonlocal now
        while now < seconds:
            now += 2
            day.tick()
        return states()

    begins = {name: at for at, name, _ in PARTS[1:]}
    assert until(begins["waking"] - 2) == []
    assert until(begins["waking"] + 2) == ["Pending"]
    assert until(begins["waking"] + 12) == ["Pending:Wait"]
    assert until(begins["growing"] - 2) == ["InService"]
    assert until(begins["interrupted"] - 2) == ["InService"] * 3
    assert until(begins["interrupted"] + 2) == ["InService"] * 2 + ["Terminating:Wait"]
    (alarm,) = client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert alarm["AlarmName"] == NAMES.alarm("interruptions")
    assert until(begins["quiet"] - 2) == ["InService"] * 3
    # Somebody bounds the fleet, and keeps it awake.
    client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=NAMES.group, MinSize=1, MaxSize=1, DesiredCapacity=1
    )
    assert len(until(DAY + begins["interrupted"] - 2)) == 1
    assert client("cloudwatch").list_metrics(Namespace="hush")["Metrics"]
