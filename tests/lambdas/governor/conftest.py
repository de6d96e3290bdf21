"""The governor as it is deployed: its own handler, on what it has in an emulated AWS."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import boto3
import pytest
import time_machine
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.sns.models import sns_backends

import governor
from local.emulated_group import EmulatedGroups, emulated_groups

REGION = "us-east-1"
GROUP = "hush-live-fleet"
HOUR = 3600.0
KINDS = {"g4dn.xlarge": 0.5, "g5.2xlarge": 1.25}
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
LIFT = {"lift": True}
EVENT = {"source": "aws.autoscaling", "detail-type": "EC2 Instance-launch Lifecycle Action"}


@dataclass
class Fleet:
    """The group, who looks at it, and a clock."""

    groups: EmulatedGroups
    clock: time_machine.Traveller

    @property
    def described(self) -> dict[str, Any]:
        client = boto3.client("autoscaling")
        group = client.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])
        return dict(group["AutoScalingGroups"][0])

    @property
    def sizes(self) -> tuple[int, int, int]:
        group = self.described
        return group["MinSize"], group["MaxSize"], group["DesiredCapacity"]

    @property
    def running(self) -> list[str]:
        return [each["InstanceId"] for each in self.described["Instances"]]

    def wake(self, capacity: int = 1) -> None:
        boto3.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=GROUP, DesiredCapacity=capacity
        )

    def passes(self, hours: float) -> None:
        self.clock.shift(hours * HOUR)

    def look(self, event: dict[str, Any] | None = None) -> dict[str, Any]:
        return governor.handler(event or {}, None)

    def after(self, hours: float) -> float:
        """Look after some hours, and return what the month has cost."""
        self.passes(hours)
        return float(self.look()["dollars"])

    @property
    def mails(self) -> list[str]:
        """The subjects of all mails."""
        return [each[2].removeprefix(f"{GROUP}: ") for each in _topic().sent_notifications]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedGroups]:
    """An AWS with a launch template, a table and a topic, made once as that takes seconds."""
    known = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "GROUP": GROUP,
        "LEDGER": "quota",
        "PRICES": json.dumps(KINDS),
        "LAUNCH": "0",
        "BOUND": "10",
        "MAXIMUM": "4",
        "FALLBACK": "1",
        "BASE": "0",
    }
    with patch.dict(os.environ, known), mock_aws(), emulated_groups() as groups:
        boto3.client("dynamodb").create_table(
            TableName="quota",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        os.environ["TOPIC"] = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
        boto3.client("ec2").create_launch_template(
            LaunchTemplateName="fleet", LaunchTemplateData=instance("g4dn.xlarge")
        )
        yield groups


@pytest.fixture
def fleet(aws: EmulatedGroups) -> Iterator[Fleet]:
    """A fleet that is asleep, on the tenth of a month."""
    client = boto3.client("autoscaling")
    with time_machine.travel(NOON, tick=False) as clock:
        client.create_auto_scaling_group(
            AutoScalingGroupName=GROUP,
            MinSize=0,
            MaxSize=4,
            AvailabilityZones=[f"{REGION}a"],
            MixedInstancesPolicy={
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": {
                        "LaunchTemplateName": "fleet",
                        "Version": "$Latest",
                    },
                    "Overrides": [{"InstanceType": each} for each in KINDS],
                },
                "InstancesDistribution": {
                    "OnDemandBaseCapacity": 0,
                    "OnDemandPercentageAboveBaseCapacity": 0,
                },
            },
        )
        yield Fleet(aws, clock)
        client.delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    aws.activities.clear()
    aws.spot = True
    ec2_backends[DEFAULT_ACCOUNT_ID][REGION].reservations.clear()
    _topic().sent_notifications.clear()
    boto3.client("dynamodb").delete_item(TableName="quota", Key={"id": {"S": "fleet"}})
    change_type("g4dn.xlarge")


def _topic() -> Any:
    (topic,) = sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics.values()
    return topic


def instance(kind: str) -> dict[str, str]:
    """Return what EC2 is told to launch."""
    image = next(iter(ec2_backends[DEFAULT_ACCOUNT_ID][REGION].amis))
    return {"ImageId": image, "InstanceType": kind}


def change_type(kind: str) -> None:
    """Have the group launch another type from now on."""
    boto3.client("ec2").create_launch_template_version(
        LaunchTemplateName="fleet", LaunchTemplateData=instance(kind)
    )


def failing(operation: str) -> Any:
    """Have a call of AWS's fail, and the others work."""
    call = BaseClient._make_api_call

    def refuse(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        if name == operation:
            error = {"Error": {"Code": "InternalFailure", "Message": "try again"}}
            raise ClientError(error, name)
        return call(client, name, parameters)

    return patch.object(BaseClient, "_make_api_call", refuse)
