"""How the last deployments went, and which alarms are raised."""

from typing import Any

from fastapi import APIRouter

from administrators import Administrator
from answers import Action, Alarm, Alarms, Deployments, Stage, Unknown, moment
from identity.aws import UnavailableError, call
from installation import installation
from parts import kept, known

FRESH_SECONDS = 10.0
LOG_LINES = 20
RUNBOOK = "operations.md"

router = APIRouter(prefix="/administration")


@router.get("/deployments")
def deployments(_: Administrator) -> Deployments | Unknown:
    """Tell how the pipeline's stages ended, with the last lines of what failed."""
    return known(lambda: kept("deployments", FRESH_SECONDS, _stages))


@router.get("/alarms")
def alarms(_: Administrator) -> Alarms | Unknown:
    """Tell the state of every alarm."""
    return known(lambda: kept("alarms", FRESH_SECONDS, _alarms))


def _stages() -> Deployments:
    answer = call("codepipeline", "get_pipeline_state", name=installation().pipeline)
    return Deployments(stages=[_stage(each) for each in answer["stageStates"]])


def _stage(stage: dict[str, Any]) -> Stage:
    actions = stage.get("actionStates", [])
    runs = [each.get("latestExecution", {}) for each in actions]
    changes = [run["lastStatusChange"].timestamp() for run in runs if "lastStatusChange" in run]
    return Stage(
        name=stage["stageName"],
        state=stage.get("latestExecution", {}).get("status", "None"),
        changed=moment(max(changes)) if changes else None,
        actions=[_action(each) for each in actions],
    )


def _action(action: dict[str, Any]) -> Action:
    run = action.get("latestExecution", {})
    failed = run.get("status") == "Failed"
    return Action(
        name=action["actionName"],
        state=run.get("status", "None"),
        summary=run.get("errorDetails", {}).get("message") or run.get("summary"),
        log_tail=_log_tail(run.get("externalExecutionId", "")) if failed else None,
        console=run.get("externalExecutionUrl") or action.get("entityUrl"),
    )


def _log_tail(build: str) -> list[str] | None:
    """Return the last lines of a build, which CodeBuild calls `PROJECT:NUMBER`."""
    number = build.rpartition(":")[2]
    if ":" not in build:
        return None
    try:
        found = call(
            "logs",
            "get_log_events",
            logGroupName=installation().pipeline_log,
            logStreamName=number,
            limit=LOG_LINES,
            startFromHead=False,
        )
    except UnavailableError:
        # No build of the pipeline's, or a log that is gone: the rest is worth telling.
        return None
    return [event["message"].rstrip() for event in found["events"]]


def _alarms() -> Alarms:
    prefix = installation().alarms
    answer = call("cloudwatch", "describe_alarms", AlarmNamePrefix=prefix, MaxRecords=100)
    return Alarms(
        alarms=[
            Alarm(
                name=alarm["AlarmName"].removeprefix(prefix),
                state=alarm["StateValue"],
                since=moment(alarm["StateUpdatedTimestamp"].timestamp()),
                reason=alarm.get("StateReason", ""),
                runbook=f"{RUNBOOK}#{alarm['AlarmName'].removeprefix(prefix)}",
            )
            for alarm in answer["MetricAlarms"]
        ]
    )
