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
import status
from ledger import Ledger
from tests.cloud.emulated_group import NO_SPOT, EmulatedGroups, emulated_groups

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
            LaunchTemplateName="fleet", LaunchTemplateData=_instance("g4dn.xlarge")
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


def _instance(kind: str) -> dict[str, str]:
    image = next(iter(ec2_backends[DEFAULT_ACCOUNT_ID][REGION].amis))
    return {"ImageId": image, "InstanceType": kind}


def change_type(kind: str) -> None:
    """Have the group launch another type from now on."""
    boto3.client("ec2").create_launch_template_version(
        LaunchTemplateName="fleet", LaunchTemplateData=_instance(kind)
    )


def deploy(fleet: Fleet) -> None:
    """Write all sizes of the group, as CloudFormation does when its template's have changed."""
    boto3.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=GROUP, MinSize=0, MaxSize=4
    )


class TestCounting:
    def test_a_fleet_that_sleeps_costs_nothing(self, fleet: Fleet) -> None:
        assert fleet.after(5) == 0
        assert fleet.mails == []

    def test_hours_are_counted_from_the_launch_on(self, fleet: Fleet) -> None:
        fleet.look()
        fleet.wake(2)
        assert fleet.after(0.5) == 0.5
        assert fleet.after(1) == 1.5

    def test_each_type_has_its_price(self, fleet: Fleet) -> None:
        fleet.wake()
        change_type("g5.2xlarge")
        fleet.wake(2)
        assert fleet.after(2) == 2 * (0.5 + 1.25)

    def test_a_type_without_a_price_counts_as_the_dearest(self, fleet: Fleet) -> None:
        change_type("g6.xlarge")
        fleet.wake()
        assert fleet.after(2) == 2 * 1.25

    def test_each_launch_has_its_price_once(
        self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LAUNCH", "0.04")
        fleet.wake(2)
        assert [fleet.after(0) for _ in range(3)] == [0.08] * 3
        fleet.wake(0)
        fleet.wake(1)
        assert fleet.after(1) == 3 * 0.04 + 0.5

    def test_what_has_ended_is_counted_once(self, fleet: Fleet) -> None:
        fleet.wake()
        fleet.look()
        fleet.passes(0.5)
        fleet.wake(0)
        assert [fleet.after(1) for _ in range(5)] == [0.25] * 5

    def test_looks_that_were_missed_lose_nothing(self, fleet: Fleet) -> None:
        fleet.look()
        fleet.passes(1)
        fleet.wake()
        fleet.passes(2)
        fleet.wake(0)
        # EC2 has forgotten it by now, and its type with it.
        _forget_ended_instances()
        fleet.passes(9)
        fleet.wake()
        assert fleet.after(1) == 2 * 1.25 + 0.5
        assert fleet.after(1) == 2 * 1.25 + 1.0

    def test_what_was_known_keeps_its_type_when_it_was_forgotten(self, fleet: Fleet) -> None:
        fleet.wake()
        fleet.look()
        fleet.passes(2)
        fleet.wake(0)
        _forget_ended_instances()
        assert fleet.after(9) == 1.0

    def test_what_vanished_without_a_trace_counts_until_that_is_seen(self, fleet: Fleet) -> None:
        fleet.wake()
        fleet.look()
        fleet.passes(2)
        fleet.wake(0)
        _forget_ended_instances()
        fleet.groups.activities.clear()
        assert fleet.after(1) == 1.5
        assert fleet.after(1) == 1.5

    def test_two_looks_at_once_count_an_hour_once(self, fleet: Fleet) -> None:
        fleet.wake()
        fleet.look()
        fleet.passes(1)
        slow = governor.load()
        assert fleet.look()["dollars"] == 0.5
        with (
            patch.object(governor, "load", lambda: slow),
            pytest.raises(ClientError, match="conditional request failed"),
        ):
            fleet.look()
        assert fleet.after(0) == 0.5

    def test_a_new_month_begins_with_nothing(self, fleet: Fleet) -> None:
        fleet.clock.move_to(datetime(2026, 11, 30, 22, tzinfo=UTC))
        fleet.wake()
        assert fleet.after(1) == 0.5
        # It runs on: an hour in November, which nobody looked at, and two in December.
        assert fleet.after(3) == 1.0
        assert fleet.look()["month"] == "2026-12"

    def test_what_others_run_is_not_counted(self, fleet: Fleet) -> None:
        boto3.client("ec2").run_instances(MinCount=1, MaxCount=1, **_instance("g4dn.xlarge"))
        assert fleet.after(5) == 0


def _forget_ended_instances() -> None:
    for reservation in ec2_backends[DEFAULT_ACCOUNT_ID][REGION].reservations.values():
        reservation.instances = [
            each for each in reservation.instances if each.state != "terminated"
        ]


@pytest.fixture
def spent(fleet: Fleet) -> Fleet:
    """A fleet that has cost what it may: four instances for five hours."""
    fleet.wake(4)
    assert fleet.after(5) == 10
    return fleet


class TestTheBound:
    def test_at_80_per_cent_a_mail_is_sent_once(self, fleet: Fleet) -> None:
        fleet.wake()
        fleet.after(15)
        assert fleet.mails == []
        fleet.after(1)
        assert fleet.mails == ["80 % of the month's dollars"]
        fleet.after(1)
        assert len(fleet.mails) == 1
        assert fleet.sizes == (0, 4, 1)

    def test_at_100_per_cent_all_ends_and_nothing_starts(self, spent: Fleet) -> None:
        assert spent.sizes == (0, 0, 0)
        assert spent.running == []
        assert spent.mails == ["stopped for this month"]
        spent.look()
        assert len(spent.mails) == 1

    def test_nobody_wakes_it_then(self, spent: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TARGETS", _no_targets())
        status.wake()
        assert spent.sizes == (0, 0, 0)
        told = status.fleet_state()
        assert (told["state"], told["step"]) == ("down", "stopped")
        assert "may cost this month" in told["detail"]

    def test_a_deployment_that_opens_it_starts_nothing(self, spent: Fleet) -> None:
        deploy(spent)
        assert spent.sizes == (0, 4, 0)
        # Whoever asks wakes nothing, nor does a person who does not know of it.
        status.wake()
        assert spent.sizes == (0, 4, 0)
        spent.wake()
        assert spent.running == []
        spent.look()
        assert spent.sizes == (0, 0, 0)

    def test_whoever_lets_it_launch_again_has_it_ended_as_soon_as_it_starts(
        self, spent: Fleet
    ) -> None:
        deploy(spent)
        boto3.client("autoscaling").resume_processes(AutoScalingGroupName=GROUP)
        spent.wake(2)
        assert len(spent.running) == 2
        spent.look(EVENT)
        assert spent.running == []
        assert status.stopped(spent.described)

    def test_office_hours_do_not_keep_it(self, fleet: Fleet) -> None:
        boto3.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=1)
        fleet.after(20)
        assert fleet.sizes == (0, 0, 0)

    def test_a_new_month_lifts_it(self, spent: Fleet) -> None:
        spent.clock.move_to(datetime(2026, 12, 1, 0, 1, tzinfo=UTC))
        assert spent.look()["stopped"] is False
        assert spent.sizes == (0, 4, 0)
        assert spent.mails[1:] == ["may run again"]
        status.wake()
        assert len(spent.running) == 1

    def test_an_administrator_lifts_it_for_as_much_again(self, spent: Fleet) -> None:
        said = spent.look(LIFT)
        assert (said["dollars"], said["allowed"], said["stopped"]) == (10, 20, False)
        assert spent.sizes == (0, 4, 0)
        spent.wake(4)
        spent.after(5)
        assert spent.sizes == (0, 0, 0)
        assert spent.mails == [
            "stopped for this month",
            "may run again",
            "stopped for this month",
        ]

    def test_what_was_granted_ends_with_its_month(self, spent: Fleet) -> None:
        spent.look(LIFT)
        spent.clock.move_to(datetime(2026, 12, 1, 0, 1, tzinfo=UTC))
        assert spent.look()["allowed"] == 10

    @pytest.mark.parametrize("bound", ["50", "0"])
    def test_a_higher_bound_or_none_lifts_it(
        self, spent: Fleet, monkeypatch: pytest.MonkeyPatch, bound: str
    ) -> None:
        monkeypatch.setenv("BOUND", bound)
        assert spent.look()["stopped"] is False
        assert spent.sizes == (0, 4, 0)

    def test_without_a_bound_nothing_is_stopped(
        self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BOUND", "0")
        fleet.wake(4)
        assert fleet.after(400) == 800
        assert (fleet.sizes, fleet.mails) == ((0, 4, 4), [])

    def test_what_a_person_suspended_is_left_alone(self, fleet: Fleet) -> None:
        boto3.client("autoscaling").suspend_processes(
            AutoScalingGroupName=GROUP, ScalingProcesses=["Launch"]
        )
        fleet.look()
        assert fleet.described["SuspendedProcesses"]


REFUSED = {"source": "aws.autoscaling", "detail-type": "EC2 Instance Launch Unsuccessful"}
ON_DEMAND = "no spot, one on demand instead"


def base(fleet: Fleet) -> int:
    """Return how many of the group's instances are to be on demand."""
    policy = fleet.described["MixedInstancesPolicy"]
    return int(policy["InstancesDistribution"]["OnDemandBaseCapacity"])


def tries(fleet: Fleet, times: int, minutes: float = 2) -> None:
    """Have the group try to launch, each time telling as EventBridge does where that fails."""
    for _ in range(times):
        fleet.passes(minutes / 60)
        fleet.wake()
        if not fleet.running:
            fleet.look(REFUSED)


@pytest.fixture
def drought(fleet: Fleet) -> Fleet:
    """A fleet that was woken, where EC2 had no spot instance three times."""
    fleet.groups.spot = False
    tries(fleet, 3)
    return fleet


class TestWithoutSpot:
    def test_one_on_demand_starts_instead_after_three_refusals(self, fleet: Fleet) -> None:
        fleet.groups.spot = False
        tries(fleet, 2)
        assert (base(fleet), fleet.mails) == (0, [])
        tries(fleet, 1)
        assert (base(fleet), fleet.mails) == (1, [ON_DEMAND])
        tries(fleet, 1)
        assert len(fleet.running) == 1
        # A second one beside it would be spot.
        fleet.wake(2)
        assert len(fleet.running) == 1

    def test_three_refusals_in_an_hour_are_not_enough(self, fleet: Fleet) -> None:
        fleet.groups.spot = False
        tries(fleet, 4, minutes=15)
        assert base(fleet) == 0

    @pytest.mark.parametrize(
        "message",
        [
            "Could not launch On-Demand Instances. InsufficientInstanceCapacity - There is no"
            " capacity. Launching EC2 instance failed.",
            "Could not launch Spot Instances. InvalidFleetConfiguration - Your requested instance"
            " type is not supported. Launching EC2 instance failed.",
        ],
    )
    def test_other_failures_do_not_count(self, fleet: Fleet, message: str) -> None:
        for _ in range(5):
            fleet.groups.did(GROUP, "Launching a new EC2 instance", failure=message)
        fleet.look(REFUSED)
        assert base(fleet) == 0

    def test_a_quota_for_spot_that_is_used_up_counts(self, fleet: Fleet) -> None:
        message = "Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot"
        for _ in range(3):
            fleet.groups.did(GROUP, "Launching a new EC2 instance", failure=message)
        fleet.look(REFUSED)
        assert base(fleet) == 1

    def test_after_an_hour_it_is_spot_again(self, drought: Fleet) -> None:
        drought.after(0.9)
        assert base(drought) == 1
        drought.after(0.2)
        assert base(drought) == 0
        assert drought.mails == [ON_DEMAND, "spot alone again"]

    def test_refusals_before_that_do_not_count_again(self, drought: Fleet) -> None:
        drought.passes(0.9)
        for _ in range(5):
            drought.groups.did(GROUP, "Launching", failure=NO_SPOT)
        drought.after(0.1)
        drought.after(0.1)
        assert base(drought) == 0
        tries(drought, 3)
        assert base(drought) == 1

    def test_an_instance_that_is_busy_stays_after_the_hour(self, drought: Fleet) -> None:
        tries(drought, 1)
        drought.after(1.5)
        assert (base(drought), len(drought.running)) == (0, 1)

    def test_it_ends_when_these_have_cost_what_they_may(self, drought: Fleet) -> None:
        tries(drought, 1)
        drought.after(1.5)
        (running,) = drought.running
        said = drought.look()
        assert 0.7 < said["fallback_dollars"] < 1
        drought.after(0.6)
        assert running not in drought.running
        # Nor does another one start, however often spot is refused.
        tries(drought, 6)
        assert base(drought) == 0
        assert drought.mails == [ON_DEMAND, "spot alone again"]

    def test_a_new_month_has_dollars_for_it_again(self, drought: Fleet) -> None:
        tries(drought, 1)
        drought.after(3)
        drought.clock.move_to(datetime(2026, 12, 1, 1, tzinfo=UTC))
        tries(drought, 3)
        assert base(drought) == 1

    def test_a_deployment_that_takes_it_back_is_noticed(self, drought: Fleet) -> None:
        boto3.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=GROUP,
            MixedInstancesPolicy={"InstancesDistribution": {"OnDemandBaseCapacity": 0}},
        )
        drought.look()
        assert base(drought) == 1

    def test_it_does_not_lift_the_bound(
        self, drought: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BOUND", "0.2")
        tries(drought, 1)
        drought.after(0.5)
        assert drought.sizes == (0, 0, 0)
        assert base(drought) == 0

    def test_unless_it_is_wanted_all_is_spot(
        self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FALLBACK", "0")
        fleet.groups.spot = False
        tries(fleet, 10)
        assert (base(fleet), fleet.mails) == (0, [])

    @pytest.mark.parametrize("operation", ["UpdateAutoScalingGroup", "PutItem", "Publish"])
    def test_a_call_that_fails_is_made_up_for(self, fleet: Fleet, operation: str) -> None:
        fleet.groups.spot = False
        tries(fleet, 2)
        with _failing(operation), pytest.raises(ClientError, match=operation):
            tries(fleet, 1)
        fleet.look()
        assert (base(fleet), fleet.mails) == (1, [ON_DEMAND])

    def test_what_a_newer_version_kept_is_read(self, drought: Fleet) -> None:
        ledger = governor.load()
        newer = json.dumps({**json.loads(ledger.text()), "something_new": 1})
        assert Ledger.parse(newer) == ledger


class TestFailures:
    @pytest.mark.parametrize(
        "operation",
        [
            "DescribeAutoScalingGroups",
            "DescribeScalingActivities",
            "DescribeInstances",
            "GetItem",
            "PutItem",
            "SuspendProcesses",
            "UpdateAutoScalingGroup",
            "Publish",
        ],
    )
    def test_whatever_call_fails_the_next_look_goes_on_from_there(
        self, fleet: Fleet, operation: str
    ) -> None:
        fleet.wake(4)
        fleet.look()
        fleet.passes(5)
        with _failing(operation), pytest.raises(ClientError, match=operation):
            fleet.look()
        assert fleet.after(0) == 10
        assert fleet.sizes == (0, 0, 0)
        assert fleet.running == []
        assert fleet.mails == ["stopped for this month"]

    @pytest.mark.parametrize("operation", ["ResumeProcesses", "UpdateAutoScalingGroup", "Publish"])
    def test_nor_is_a_lift_lost(self, spent: Fleet, operation: str) -> None:
        with _failing(operation), pytest.raises(ClientError, match=operation):
            spent.look(LIFT)
        assert spent.look()["allowed"] == 20
        assert spent.sizes == (0, 4, 0)
        assert not status.stopped(spent.described)
        assert spent.mails == ["stopped for this month", "may run again"]


def _failing(operation: str) -> Any:
    """Have a call of AWS's fail, and the others work."""
    call = BaseClient._make_api_call

    def refuse(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        if name == operation:
            error = {"Error": {"Code": "InternalFailure", "Message": "try again"}}
            raise ClientError(error, name)
        return call(client, name, parameters)

    return patch.object(BaseClient, "_make_api_call", refuse)


def _no_targets() -> str:
    client = boto3.client("elbv2")
    made = client.create_target_group(Name="none", Protocol="HTTP", Port=80, VpcId=_vpc())
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def _vpc() -> str:
    return str(boto3.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"])
