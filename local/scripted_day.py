"""A day of the demonstration's fleet, over and over: it wakes, grows, loses an instance, sleeps.

The day takes ten minutes. Who wakes the fleet or lets it sleep meanwhile has that done: the script
acts when one part of the day follows another, and at no other time.
"""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.autoscaling.models import autoscaling_backends

from local.administered import BALANCED, Client, set_alarm
from stacks.limits import STAGE
from stacks.names import Names

ACCOUNT, REGION = "123456789012", "us-east-1"
DAY = 600.0
"""Seconds that it takes."""
PARTS = (
    (0.0, "asleep", 0),
    (30.0, "waking", 1),
    (150.0, "growing", 3),
    (300.0, "interrupted", 3),
    (420.0, "quiet", 1),
    (510.0, "asleep", 0),
)
"""When each part begins, and how many instances are wanted in it."""
STARTING, BOOTING, LEAVING = 8.0, 25.0, 12.0
"""Seconds: until an instance boots, until it is ready, and for which one leaves."""
MEASURED_EVERY = 30.0
TICK = 2.0

Metric = tuple[str, str, dict[str, str], float, datetime]


class Day:
    """The script.

    Parameters
    ----------
    names
        Of what moves.
    client
        Returns boto3's client of a service.
    clock
        Tells the time, in seconds.
    """

    def __init__(
        self, names: Names, client: Client, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._names, self._client, self._clock = names, client, clock
        self._began = clock()
        self._part = ""
        self._seen: dict[str, float] = {}
        self._leaving: dict[str, float] = {}
        self._measured = -math.inf
        self._chance = random.Random(2)

    def tick(self) -> None:
        """Do what is due."""
        now = self._clock()
        _, part, wanted = [each for each in PARTS if each[0] <= (now - self._began) % DAY][-1]
        if part != self._part:
            self._part = part
            self._want(wanted)
            if part == "interrupted":
                self._interrupt(now)
            raised = "ALARM" if part == "interrupted" else "OK"
            set_alarm(self._names, self._client, "interruptions", raised, f"the fleet is {part}")
        self._move(now)
        if now - self._measured >= MEASURED_EVERY:
            self._measured = now
            self._put(self._now(part))

    @property
    def _group(self) -> Any:
        return autoscaling_backends[ACCOUNT][REGION].autoscaling_groups[self._names.group]

    def _want(self, instances: int) -> None:
        group = self._group
        wanted = min(max(instances, group.min_size), group.max_size)
        self._client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self._names.group, DesiredCapacity=wanted
        )

    def _interrupt(self, now: float) -> None:
        ready = [each for each in self._group.instance_states if each.instance.id in self._seen]
        if ready:
            self._leaving[ready[0].instance.id] = now
            group = {"AutoScalingGroupName": self._names.group}
            self._put([("hush", "Interruptions", group, 1.0, datetime.now(UTC))])

    def _move(self, now: float) -> None:
        """Have instances boot and leave as time passes."""
        for each in list(self._group.instance_states):
            name = each.instance.id
            age = now - self._seen.setdefault(name, now)
            if name in self._leaving:
                each.lifecycle_state = "Terminating:Wait"
                if now - self._leaving[name] > LEAVING:
                    self._client("autoscaling").terminate_instance_in_auto_scaling_group(
                        InstanceId=name, ShouldDecrementDesiredCapacity=False
                    )
            elif age < STARTING:
                each.lifecycle_state = "Pending"
            else:
                each.lifecycle_state = "Pending:Wait" if age < BOOTING else "InService"

    def _now(self, part: str) -> list[Metric]:
        ready = sum(each.lifecycle_state == "InService" for each in self._group.instance_states)
        busy = {"asleep": 0.0, "waking": 8.0, "quiet": 4.0}.get(part, 40.0)
        requests = busy * self._chance.uniform(0.7, 1.3)
        return list(_measures(self._names, datetime.now(UTC), ready, requests, self._chance))

    def history(self) -> None:
        """Write down the thirty days before, as CloudWatch would have them."""
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        hours = [now - timedelta(hours=back) for back in range(720, 24, -1)]
        fives = [now - timedelta(minutes=5 * back) for back in range(288, 0, -1)]
        metrics: list[Metric] = []
        for at in (*hours, *fives):
            often = 12 if at in hours else 1
            awake = at.weekday() < 5 and 7 <= at.hour < 19
            ready = round(1 + 2 * math.sin((at.hour - 7) / 12 * math.pi)) if awake else 0
            requests = often * ready * self._chance.uniform(10, 20) if awake else 0.0
            metrics += _measures(self._names, at, ready, requests, self._chance)
        self._put(metrics)

    def _put(self, metrics: list[Metric]) -> None:
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for namespace, name, dimensions, value, at in metrics:
            described = [{"Name": each, "Value": text} for each, text in dimensions.items()]
            by_namespace.setdefault(namespace, []).append(
                {"MetricName": name, "Dimensions": described, "Value": value, "Timestamp": at}
            )
        for namespace, data in by_namespace.items():
            for first in range(0, len(data), 500):
                self._client("cloudwatch").put_metric_data(
                    Namespace=namespace, MetricData=data[first : first + 500]
                )

    @contextmanager
    def going_on(self, also: Callable[[], None]) -> Iterator[None]:
        """Have the day go on until the end of the block.

        Parameters
        ----------
        also
            What else is to be done at every tick.
        """
        ended = threading.Event()

        def go_on() -> None:
            while not ended.wait(TICK):
                self.tick()
                also()

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _measures(
    names: Names, at: datetime, ready: int, requests: float, chance: random.Random
) -> Iterator[Metric]:
    """Return what AWS and the fleet measure in some minutes."""
    api = {"ApiName": names.api, "Stage": STAGE}
    group = {"AutoScalingGroupName": names.group}
    behind = {"LoadBalancer": BALANCED.balancer}
    fleet = {**behind, "TargetGroup": BALANCED.targets}
    responder = {**behind, "TargetGroup": BALANCED.responder}
    requests = round(requests)
    to_fleet = round(requests * (0.9 if ready else 0.0))
    yield "AWS/AutoScaling", "GroupInServiceInstances", group, ready, at
    if requests:
        yield "AWS/ApiGateway", "Count", api, requests, at
        yield "AWS/ApiGateway", "5XXError", api, round(requests * chance.uniform(0, 0.02)), at
        yield "AWS/ApiGateway", "Latency", api, chance.uniform(600, 2400), at
        yield "AWS/ApplicationELB", "RequestCount", fleet, to_fleet, at
        rest = requests - to_fleet
        yield "AWS/ApplicationELB", "RequestCount", responder, rest, at
    if ready:
        yield "hush", "InFlight", group, min(8.0, requests / ready / 6), at
        gpu = min(95.0, requests / ready * chance.uniform(2, 4))
        yield "hush", "nvidia_smi_utilization_gpu", group, gpu, at
