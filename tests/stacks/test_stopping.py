"""The time that an instance takes to stop fits into the time that it is given, wherever that is."""

import re
from typing import Any

import pytest

from hush_service.instance.group import CALL_SECONDS
from hush_service.instance.watcher import BALANCER_SECONDS, LOOK_EVERY
from hush_service.web.server import CLOSING_SECONDS, KEPT_SECONDS
from stacks.limits import LONGEST_REQUEST_SECONDS
from tests.stacks.conftest import ROOT, Templates

pytestmark = pytest.mark.xdist_group("stacks")

BALANCER = "ElasticLoadBalancingV2::LoadBalancer"
TARGETS = "ElasticLoadBalancingV2::TargetGroup"
SPOT_NOTICE_SECONDS = 120
"""From EC2's notice to the end of a spot instance."""
STEP_SECONDS = 5
"""A model looks as often whether it is to stop, with seconds to spare."""


@pytest.fixture(scope="module")
def longest(everything_set: Templates) -> int:
    """Return after how many seconds the load balancer gives up a request, whoever has it."""
    return int(_attribute(everything_set.the("service", BALANCER), "idle_timeout.timeout_seconds"))


def test_the_load_balancer_waits_for_the_longest_request(
    everything_set: Templates, longest: int
) -> None:
    assert longest > LONGEST_REQUEST_SECONDS
    instances = [each for each in everything_set.of("service", TARGETS) if "Port" in each]
    (delay,) = (int(_attribute(each, "deregistration_delay.timeout_seconds")) for each in instances)
    assert delay >= longest


def test_systemd_lets_the_service_finish_the_longest_request(longest: int) -> None:
    assert _stop_seconds() >= longest + STEP_SECONDS + CLOSING_SECONDS


def test_the_termination_hook_and_a_spot_notice_last_for_all_of_it(
    everything_set: Templates,
) -> None:
    # Seen at the next look, told to the load balancer, and to the service some looks later.
    before = LOOK_EVERY + CALL_SECONDS + max(LOOK_EVERY, BALANCER_SECONDS)
    assert before + _stop_seconds() <= SPOT_NOTICE_SECONDS
    hooks = everything_set.of("service", "AutoScaling::LifecycleHook")
    (heartbeat,) = (
        each["HeartbeatTimeout"] for each in hooks if each["LifecycleHookName"] == "termination"
    )
    # The hook is completed at the look after that.
    assert before + _stop_seconds() + LOOK_EVERY + CALL_SECONDS <= heartbeat


def test_the_service_keeps_connections_for_longer_than_the_load_balancer(longest: int) -> None:
    # Else one closes while the other sends, which is a 502.
    assert longest < KEPT_SECONDS


def _attribute(resource: dict[str, Any], name: str) -> str:
    (attributes,) = (each for key, each in resource.items() if key.endswith("Attributes"))
    (value,) = (each["Value"] for each in attributes if each["Key"] == name)
    return str(value)


def _stop_seconds() -> int:
    unit = (ROOT / "ami" / "hush.service").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    return int(seconds)
