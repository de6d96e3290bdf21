"""What the fleet may cost in a month: counted, told, and not exceeded."""

from datetime import UTC, datetime
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends

import governor
import status
from tests.lambdas.governor.conftest import (
    EVENT,
    GROUP,
    LIFT,
    REGION,
    Fleet,
    change_type,
    failing,
    instance,
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
        boto3.client("ec2").run_instances(MinCount=1, MaxCount=1, **instance("g4dn.xlarge"))
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
        with failing(operation), pytest.raises(ClientError, match=operation):
            fleet.look()
        assert fleet.after(0) == 10
        assert fleet.sizes == (0, 0, 0)
        assert fleet.running == []
        assert fleet.mails == ["stopped for this month"]

    @pytest.mark.parametrize("operation", ["ResumeProcesses", "UpdateAutoScalingGroup", "Publish"])
    def test_nor_is_a_lift_lost(self, spent: Fleet, operation: str) -> None:
        with failing(operation), pytest.raises(ClientError, match=operation):
            spent.look(LIFT)
        assert spent.look()["allowed"] == 20
        assert spent.sizes == (0, 4, 0)
        assert not status.stopped(spent.described)
        assert spent.mails == ["stopped for this month", "may run again"]


def _no_targets() -> str:
    client = boto3.client("elbv2")
    made = client.create_target_group(Name="none", Protocol="HTTP", Port=80, VpcId=_vpc())
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def _vpc() -> str:
    return str(boto3.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"])
