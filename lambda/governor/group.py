"""The fleet's auto scaling group: what ran in it, and how it is kept from launching anything."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3

from ledger import Sighting

LAUNCHED = re.compile(r"Launching a new EC2 instance: (i-[0-9a-f]+)")
NO_SPOT = re.compile(
    r"spot.*(UnfulfillableCapacity|InsufficientInstanceCapacity|no spot capacity|"
    r"MaxSpotInstanceCountExceeded|max spot instance count)",
    re.IGNORECASE | re.DOTALL,
)
"""Of launches that failed where one on demand may not: EC2 has no spot to give, or not so many."""
ENDED = re.compile(r"Terminating EC2 instance: (i-[0-9a-f]+)")
GONE = ("shutting-down", "terminated")
"""States of EC2's instances that cost nothing any more."""
STARTING = "Launch"
"""The group's process without which no instance starts, whatever its sizes are."""


@dataclass
class History:
    """What the group did lately.

    Attributes
    ----------
    launched, ended
        When that was, by instance.
    refused
        When EC2 had no spot instance to give.
    """

    launched: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    refused: list[float] = field(default_factory=list)


def describe() -> dict[str, Any]:
    """Return what AWS says of the group."""
    groups = boto3.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[os.environ["GROUP"]]
    )
    group: dict[str, Any] = groups["AutoScalingGroups"][0]
    return group


def history(since: float) -> History:
    """Return what the group has done since some time, of which AWS keeps six weeks."""
    found = History()
    for activity in _activities(since):
        if activity["StatusCode"] == "Failed":
            if NO_SPOT.search(activity.get("StatusMessage", "")):
                found.refused.append(activity["StartTime"].timestamp())
        elif match := LAUNCHED.match(activity["Description"]):
            found.launched[match[1]] = activity["StartTime"].timestamp()
        elif match := ENDED.match(activity["Description"]):
            # While it drains, it runs.
            ended = activity.get("EndTime", datetime.now(UTC))
            found.ended[match[1]] = ended.timestamp()
    return found


def _activities(since: float) -> Iterator[dict[str, Any]]:
    """Return what the group has done since an hour before some time, the newest first.

    What began then may have ended later.
    """
    pages = boto3.client("autoscaling").get_paginator("describe_scaling_activities")
    for page in pages.paginate(AutoScalingGroupName=os.environ["GROUP"]):
        for activity in page["Activities"]:
            if activity["StartTime"].timestamp() < since - 3600:
                return
            yield activity


def sightings(past: History, since: float, now: float) -> list[Sighting]:
    """Return every instance that runs, or ended since some time.

    Even one that came and went without being looked at, as the group remembers it: its type alone
    is forgotten after an hour.
    """
    pages = boto3.client("ec2").get_paginator("describe_instances")
    filters = [{"Name": "tag:aws:autoscaling:groupName", "Values": [os.environ["GROUP"]]}]
    found = {}
    for page in pages.paginate(Filters=filters):
        for instance in (each for some in page["Reservations"] for each in some["Instances"]):
            name, gone = instance["InstanceId"], instance["State"]["Name"] in GONE
            found[name] = Sighting(
                name,
                instance["InstanceType"],
                instance["LaunchTime"].timestamp(),
                past.ended.get(name, now) if gone else None,
                on_demand=instance.get("InstanceLifecycle") != "spot",
            )
    for name in (past.launched.keys() | past.ended.keys()) - found.keys():
        launched = past.launched.get(name, since)
        found[name] = Sighting(name, None, launched, past.ended.get(name, now))
    return list(found.values())


def close(group: dict[str, Any]) -> None:
    """Have the group end all instances and launch none, if it would.

    Its sizes alone would not do: a deployment that changes them writes them all. No deployment
    resumes a process.
    """
    client = boto3.client("autoscaling")
    name = os.environ["GROUP"]
    if STARTING not in _suspended(group):
        client.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=[STARTING])
    if any(group[size] for size in ("MinSize", "MaxSize", "DesiredCapacity")):
        client.update_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=0, MaxSize=0, DesiredCapacity=0
        )


def reopen(group: dict[str, Any]) -> None:
    """Undo what `close` did. Who asks next wakes the fleet."""
    client = boto3.client("autoscaling")
    name = os.environ["GROUP"]
    if group["MaxSize"] == 0:
        client.update_auto_scaling_group(
            AutoScalingGroupName=name, MaxSize=int(os.environ["MAXIMUM"])
        )
    if STARTING in _suspended(group):
        client.resume_processes(AutoScalingGroupName=name, ScalingProcesses=[STARTING])


def set_base(group: dict[str, Any], base: int) -> None:
    """Have so many of the group's instances be on demand, and only what is above those spot."""
    distribution = group["MixedInstancesPolicy"]["InstancesDistribution"]
    if distribution["OnDemandBaseCapacity"] != base:
        boto3.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=os.environ["GROUP"],
            MixedInstancesPolicy={"InstancesDistribution": {"OnDemandBaseCapacity": base}},
        )


def end(group: dict[str, Any], names: set[str]) -> None:
    """End some of the group's instances once they have finished, and have others replace them."""
    for instance in group["Instances"]:
        if instance["InstanceId"] in names and instance["LifecycleState"] == "InService":
            boto3.client("autoscaling").terminate_instance_in_auto_scaling_group(
                InstanceId=instance["InstanceId"], ShouldDecrementDesiredCapacity=False
            )


def _suspended(group: dict[str, Any]) -> set[str]:
    return {each["ProcessName"] for each in group["SuspendedProcesses"]}
