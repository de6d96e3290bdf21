"""What moto's auto scaling groups do not do: refuse, remember, launch nothing, and launch spot.

- Sizes that do not go together are refused, as AWS does, and what an update does not name stays.
- While the process `Launch` is suspended, nothing is launched.
- Every launch and end, and every launch that failed, is one of the group's activities.
- A group with a mixed policy launches spot instances, if EC2 has some to give.
"""

import copy
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

NO_SPOT = (
    "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to"
    " your request configuration. Please adjust your request and try again. Launching EC2 instance"
    " failed."
)

_set_desired = FakeAutoScalingGroup.set_desired_capacity
_launch = FakeAutoScalingGroup.replace_autoscaling_group_instances
_update = FakeAutoScalingGroup.update


class EmulatedGroups:
    """All groups of the emulated AWS, by their names where that matters.

    Attributes
    ----------
    activities
        What they did, the newest last.
    spot
        Whether EC2 has spot instances to give.
    """

    def __init__(self) -> None:
        self.activities: list[dict[str, Any]] = []
        self.spot = True

    def did(self, group: str, description: str, failure: str = "") -> None:
        """Write down something that a group did."""
        now = datetime.now(UTC)
        self.activities.append(
            {
                "ActivityId": str(uuid.uuid4()),
                "AutoScalingGroupName": group,
                "Description": description,
                "Cause": "a difference between desired and actual capacity",
                "StartTime": now,
                "EndTime": now,
                "StatusCode": "Failed" if failure else "Successful",
                "StatusMessage": failure,
                "Progress": 100,
            }
        )


@contextmanager
def emulated_groups() -> Iterator[EmulatedGroups]:
    """Have moto's groups be like AWS's for as long as the block lasts."""
    here = EmulatedGroups()

    def set_desired(group: Any, capacity: int | None) -> None:
        wanted = group.min_size if capacity is None else capacity
        if not group.min_size <= wanted <= group.max_size:
            raise ValidationError(
                f"New SetDesiredCapacity value {wanted} is not between the group's"
                f" {group.min_size} and {group.max_size}."
            )
        before = {each.instance.id for each in group.instance_states}
        _set_desired(group, capacity)
        for name in sorted(before - {each.instance.id for each in group.instance_states}):
            here.did(group.name, f"Terminating EC2 instance: {name}")

    def launch(group: Any, count: int, tags: dict[str, str]) -> None:
        if any(each["ProcessName"] == "Launch" for each in group.suspended_processes):
            return
        for _ in range(count):
            spot = _wants_spot(group)
            if spot and not here.spot:
                said = f"Launching a new EC2 instance.  Status Reason: {NO_SPOT}"
                here.did(group.name, said, failure=NO_SPOT)
                continue
            _launch(group, 1, tags)
            instance = group.instance_states[-1].instance
            instance.lifecycle = "spot" if spot else None
            here.did(group.name, f"Launching a new EC2 instance: {instance.id}")

    def update(group: Any, **changes: Any) -> None:
        sizes = (changes.get("min_size"), changes.get("max_size"), changes.get("desired_capacity"))
        least, most = (
            had if new is None else new
            for new, had in zip(sizes[:2], (group.min_size, group.max_size), strict=True)
        )
        if least > most:
            raise ValidationError("Max bound, must be greater than or equal to min bound")
        if sizes[2] is None and any(size is not None for size in sizes):
            changes["desired_capacity"] = min(max(group.desired_capacity or 0, least), most)
        kept = copy.deepcopy(group.mixed_instances_policy) or {}
        for name, value in (changes.get("mixed_instances_policy") or {}).items():
            kept[name] = {**kept.get(name, {}), **value}
        for specified in [kept.get("LaunchTemplate", {}).get("LaunchTemplateSpecification", {})]:
            if "LaunchTemplateId" in specified:
                specified.pop("LaunchTemplateName", None)
        changes["mixed_instances_policy"] = kept or None
        _update(group, **changes)

    def activities(response: Any) -> ActionResult:
        name = response._get_param("AutoScalingGroupName")
        found = [each for each in here.activities if each["AutoScalingGroupName"] == name]
        return ActionResult({"Activities": found[::-1]})

    with ExitStack() as stack:
        for kind, name, replacement in (
            (FakeAutoScalingGroup, "set_desired_capacity", set_desired),
            (FakeAutoScalingGroup, "replace_autoscaling_group_instances", launch),
            (FakeAutoScalingGroup, "update", update),
            (AutoScalingResponse, "describe_scaling_activities", activities),
        ):
            stack.enter_context(patch.object(kind, name, replacement))
        yield here


def _wants_spot(group: Any) -> bool:
    """Tell whether a group's next instance is a spot one."""
    distribution = (group.mixed_instances_policy or {}).get("InstancesDistribution")
    if distribution is None:
        return False
    base = int(distribution.get("OnDemandBaseCapacity", 0))
    on_demand = sum(each.instance.lifecycle != "spot" for each in group.instance_states)
    return bool(on_demand >= base)
