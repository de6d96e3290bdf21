"""Instances on demand where EC2 has no spot, for as much as they may cost."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError

import governor
from ledger import Ledger
from local.emulated_group import NO_SPOT
from tests.lambdas.governor.conftest import (
    GROUP,
    Fleet,
    failing,
)

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
        with failing(operation), pytest.raises(ClientError, match=operation):
            tries(fleet, 1)
        fleet.look()
        assert (base(fleet), fleet.mails) == (1, [ON_DEMAND])

    def test_what_a_newer_version_kept_is_read(self, drought: Fleet) -> None:
        ledger = governor.load()
        newer = json.dumps({**json.loads(ledger.text()), "something_new": 1})
        assert Ledger.parse(newer) == ledger
