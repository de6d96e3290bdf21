"""The fleet: what runs, and the controls of it."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter, HTTPException

from administrators import Administrator, act
from answers import (
    Awake,
    Fleet,
    Group,
    Instance,
    InstanceState,
    Maximum,
    Nothing,
    Prices,
    Unknown,
    moment,
)
from identity.aws import UnavailableError, call
from identity.front_door import NotNowError
from installation import installation
from measured import Load, load, traffic
from parts import known

AWAKE = "awake-until"
"""Name of the group's scheduled action by which an instance is kept no longer."""
LONGEST_AWAKE = timedelta(days=7)
STATES: dict[str, InstanceState] = {"Pending": "starting", "InService": "ready"}
"""By the group's lifecycle states; what waits for a hook is booting, all else is leaving."""
NOTE = (
    "At most: list price on demand, with volume and public address. Spot costs less, most often"
    " less than half."
)

router = APIRouter(prefix="/administration")


@router.get("/fleet")
def fleet(_: Administrator) -> Fleet:
    """Tell what runs, what is asked of it, and what the controls cost."""
    described = known(_described)
    group: Group | Unknown
    instances: list[Instance] | Unknown
    if isinstance(described, Unknown):
        group = instances = described
    else:
        group, instances = known(partial(_group, described)), known(partial(_instances, described))
    return Fleet(
        now=moment(time.time()),
        group=group,
        instances=instances,
        traffic=known(traffic),
        prices=_prices(),
    )


@router.post("/fleet/wake")
def wake(by: Administrator, _: Nothing | None = None) -> Group:
    """Ask for one instance, if there is none and none is on its way."""
    described = _running()
    if described["DesiredCapacity"] == 0:
        _update(DesiredCapacity=1)
    act("fleet-woken", by)
    return _group(_described())


@router.post("/fleet/sleep")
def sleep(by: Administrator, _: Nothing | None = None) -> Group:
    """Let all instances finish what they have and end, and keep none awake any longer."""
    _keep_no_longer()
    _update(MinSize=0, DesiredCapacity=0)
    act("fleet-sent-to-sleep", by)
    return _group(_described())


@router.post("/fleet/awake")
def awake(by: Administrator, wanted: Awake) -> Group:
    """Keep an instance awake until some time, whether anybody asks or not; or no longer."""
    if wanted.until is None:
        _keep_no_longer()
        _update(MinSize=0)
        act("fleet-kept-awake", by, until=None)
        return _group(_described())
    until = wanted.until if wanted.until.tzinfo else wanted.until.replace(tzinfo=UTC)
    left = until - datetime.now(UTC)
    if not timedelta(minutes=1) <= left <= LONGEST_AWAKE:
        raise HTTPException(
            400, f"until: a time from a minute to {LONGEST_AWAKE.days} days from now, please"
        )
    described = _running()
    # First its end: an instance that nothing ends would cost for ever.
    call(
        "autoscaling",
        "put_scheduled_update_group_action",
        AutoScalingGroupName=installation().group,
        ScheduledActionName=AWAKE,
        StartTime=until.astimezone(UTC),
        MinSize=0,
    )
    _update(MinSize=1, DesiredCapacity=max(1, described["DesiredCapacity"]))
    act("fleet-kept-awake", by, until=moment(until.timestamp()))
    return _group(_described())


@router.post("/fleet/maximum")
def maximum(by: Administrator, wanted: Maximum) -> Group:
    """Set how many instances there may be. What is above ends once it has finished."""
    _running()
    _update(MaxSize=wanted.instances)
    act("fleet-maximum", by, instances=wanted.instances)
    return _group(_described())


def _described() -> dict[str, Any]:
    names = [installation().group]
    answer = call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=names)
    if not answer["AutoScalingGroups"]:
        raise UnavailableError("there is no such group")
    described: dict[str, Any] = answer["AutoScalingGroups"][0]
    return described


def _running() -> dict[str, Any]:
    """Return the group, if it may launch anything.

    Raises
    ------
    NotNowError
        If the governor stopped it.
    """
    described = _described()
    if _stopped(described):
        raise NotNowError(
            409,
            "the fleet is stopped, as what it may cost this month is spent: lift that first"
            " (POST /administration/costs/lift)",
            "stopped",
        )
    return described


def _update(**sizes: int) -> None:
    call(
        "autoscaling",
        "update_auto_scaling_group",
        AutoScalingGroupName=installation().group,
        **sizes,
    )


def _keep_no_longer() -> None:
    if _awake_until() is not None:
        call(
            "autoscaling",
            "delete_scheduled_action",
            AutoScalingGroupName=installation().group,
            ScheduledActionName=AWAKE,
        )


def _awake_until() -> datetime | None:
    found = call(
        "autoscaling",
        "describe_scheduled_actions",
        AutoScalingGroupName=installation().group,
        ScheduledActionNames=[AWAKE],
    )["ScheduledUpdateGroupActions"]
    return found[0]["StartTime"] if found else None


def _suspended(described: dict[str, Any]) -> list[str]:
    return sorted(each["ProcessName"] for each in described["SuspendedProcesses"])


def _stopped(described: dict[str, Any]) -> bool:
    return described["MaxSize"] == 0 or "Launch" in _suspended(described)


def _group(described: dict[str, Any]) -> Group:
    until, most, own = _awake_until(), described["MaxSize"], installation().maximum
    stopped = _stopped(described)
    if stopped:
        said = f"The fleet is stopped; lifted, its maximum is {own} again."
    elif most == own:
        said = f"As in cloud.toml: {own}. A deployment leaves it so."
    else:
        said = (
            f"cloud.toml says {own}. A deployment leaves {most} as it is, unless it changes"
            " maximum_instances."
        )
    return Group(
        minimum=described["MinSize"],
        maximum=most,
        desired=described["DesiredCapacity"],
        awake_until=None if until is None else moment(until.timestamp()),
        stopped="fleet budget" if stopped else None,
        suspended=_suspended(described),
        next_deployment=said,
    )


def _instances(described: dict[str, Any]) -> list[Instance]:
    members = described["Instances"]
    if not members:
        return []
    names = [each["InstanceId"] for each in members]
    filters = [{"Name": "instance-id", "Values": names}]
    found = {
        each["InstanceId"]: each
        for reservation in call("ec2", "describe_instances", Filters=filters)["Reservations"]
        for each in reservation["Instances"]
    }
    ready = [each for each in members if each["LifecycleState"] == "InService"]
    shared = known(load) if len(ready) == 1 else Load(None, None)
    alone = Load(None, None) if isinstance(shared, Unknown) else shared
    return [
        _instance(
            each,
            found.get(each["InstanceId"], {}),
            alone if each in ready else Load(None, None),
        )
        for each in members
    ]


def _instance(member: dict[str, Any], instance: dict[str, Any], of_it: Load) -> Instance:
    state = member["LifecycleState"]
    waiting: InstanceState = "booting" if state.startswith("Pending:") else "leaving"
    launched = instance.get("LaunchTime")
    tags = {each["Key"]: each["Value"] for each in instance.get("Tags", [])}
    kind = member.get("InstanceType") or instance.get("InstanceType", "")
    hours = installation().hours
    return Instance(
        id=member["InstanceId"],
        type=kind,
        zone=member["AvailabilityZone"],
        market="spot" if instance.get("InstanceLifecycle") == "spot" else "on-demand",
        launched=None if launched is None else moment(launched.timestamp()),
        age_seconds=None if launched is None else round(time.time() - launched.timestamp(), 1),
        state=STATES.get(state, waiting),
        version=tags.get("hush-version"),
        models=tags.get("hush-models", "").split(),
        pictures_in_flight=of_it.in_flight,
        gpu_percent=of_it.gpu,
        dollars_an_hour=hours.get(kind, max(hours.values())),
    )


def _prices() -> Prices:
    known_here = installation()
    return Prices(instance_hour=max(known_here.hours.values()), wake=known_here.launch, note=NOTE)
