"""What is watched: each alarm with what it means; `docs/operations.md` says what to do."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_lambda as lambda_

from stacks.observability.alerts import RUNBOOK, Alerts
from stacks.observability.metrics import MINUTE, api_metric, fleet_metric, group_metric


def watch_fleet(
    alerts: Alerts,
    *,
    group: str,
    lobby: cloudwatch.IMetric,
    pictures: cloudwatch.IMetric | None,
    status: lambda_.IFunction,
) -> None:
    """Raise alarms about the fleet.

    Parameters
    ----------
    group
        Name of the auto scaling group.
    lobby
        Requests that found nobody.
    pictures
        Those that the responder answered, if there is one.
    status
        The Lambda that answers those.
    """
    desired = group_metric("GroupDesiredCapacity", group)
    in_service = group_metric("GroupInServiceInstances", group)
    outside = {"lobby": lobby, **({"pictures": pictures} if pictures else {})}
    alerts.alarm(
        "no-capacity",
        cloudwatch.MathExpression(
            expression="FILL(desired, 0) > 0 AND FILL(serving, 0) < 1",
            using_metrics={"desired": desired, "serving": in_service},
            period=MINUTE,
        ),
        "The fleet was woken 15 minutes ago and no instance is ready.",
        threshold=0,
        minutes=15,
    )
    alerts.alarm(
        "interruptions",
        fleet_metric("Interruptions", group, "Sum").with_(period=cdk.Duration.hours(1)),
        "EC2 took back more than three spot instances within an hour.",
        threshold=3,
    )
    alerts.alarm(
        "always-on",
        in_service.with_(period=cdk.Duration.hours(1), statistic="Minimum"),
        "The fleet has not slept for 12 hours.",
        threshold=0,
        minutes=12,
    )
    alerts.alarm(
        "door-stuck",
        cloudwatch.MathExpression(
            expression=f"{' + '.join(f'FILL({name}, 0)' for name in outside)} > 0"
            " AND FILL(serving, 0) > 0",
            using_metrics={**outside, "serving": in_service},
            period=MINUTE,
        ),
        "Instances are ready, and requests still end before their door.",
        threshold=0,
        minutes=5,
    )
    alerts.alarm(
        "status-errors",
        status.metric_errors(period=MINUTE),
        "The status Lambda fails: the fleet may not wake, or its door may not open.",
        threshold=0,
        minutes=3,
        of=5,
    )


def watch_responder(alerts: Alerts, responder: lambda_.IFunction) -> None:
    """Raise an alarm about what answers while no GPU is ready."""
    alerts.alarm(
        "responder-errors",
        cloudwatch.MathExpression(
            expression="FILL(errors, 0) + FILL(throttles, 0)",
            using_metrics={
                "errors": responder.metric_errors(period=MINUTE, statistic="Sum"),
                "throttles": responder.metric_throttles(period=MINUTE, statistic="Sum"),
            },
            period=MINUTE,
        ),
        "The responder fails, or more want it at once than it may be.",
        threshold=0,
        minutes=3,
        of=5,
    )


def watch_governor(alerts: Alerts, governor: lambda_.IFunction) -> None:
    """Raise an alarm if nobody looks at what the fleet costs."""
    quarter = cdk.Duration.minutes(15)
    alerts.alarm(
        "governor-errors",
        cloudwatch.MathExpression(
            expression="IF(FILL(runs, 0) - FILL(errors, 0) < 1, 1, 0)",
            using_metrics={
                "runs": governor.metric_invocations(period=quarter, statistic="Sum"),
                "errors": governor.metric_errors(period=quarter, statistic="Sum"),
            },
            period=quarter,
        ),
        "For half an hour, nobody could count what the fleet costs: it would not be stopped.",
        threshold=0,
        minutes=2,
    )


def watch_errors(alerts: Alerts, *, api: str, lobby: cloudwatch.IMetric) -> None:
    """Raise the alarm that takes back a deployment, too.

    Parameters
    ----------
    api
        Its name.
    lobby
        Requests that found nobody.
    """
    alerts.alarm(
        "api-errors",
        cloudwatch.MathExpression(
            # Cold calls are answered 503 as well: those that the lobby sends do not count.
            expression="FILL(errors, 0) - FILL(lobby, 0)",
            using_metrics={"errors": api_metric("5XXError", api, "Sum"), "lobby": lobby},
            period=MINUTE,
        ),
        "More than five requests a minute fail with a status of 500 and above.",
        threshold=5,
        minutes=3,
        of=5,
    )


def watch_latency(alerts: Alerts, *, api: str) -> None:
    """Raise an alarm about an API, given by its name, that is slow."""
    alerts.alarm(
        "api-latency",
        api_metric("Latency", api, "p95"),
        "One request in twenty takes longer than 20 seconds.",
        threshold=20_000,
        minutes=5,
        of=10,
    )


def watch_pipeline(alerts: Alerts, pipeline: str) -> None:
    """Mail what to do when a run of the pipeline fails, whose name is given.

    It is watched from here, as the pipeline is there before anything that could send a mail is.
    """
    detail = events.EventField.from_path
    console = f"https://{detail('$.region')}.console.aws.amazon.com/codesuite/codepipeline"
    name, run = detail("$.detail.pipeline"), detail("$.detail.execution-id")
    shown = f"{console}/pipelines/{name}/executions/{run}/timeline"
    lines = (
        f"The pipeline {name} failed: the last push is not deployed, or not all of it.",
        "What was deployed before serves on, unless it was the smoke test that failed.",
        f"The action that failed, with its last lines: {shown}",
        f"What to do: {RUNBOOK}#a-deployment-that-failed. Once the cause is away, push again, or"
        " run make app.",
    )
    events.Rule(
        alerts,
        "PipelineFailed",
        event_pattern=events.EventPattern(
            source=["aws.codepipeline"],
            detail_type=["CodePipeline Pipeline Execution State Change"],
            detail={"state": ["FAILED"], "pipeline": [pipeline]},
        ),
        targets=[
            event_targets.SnsTopic(
                alerts.topic, message=events.RuleTargetInput.from_multiline_text("\n".join(lines))
            )
        ],
    )
