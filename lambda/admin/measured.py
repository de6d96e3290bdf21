"""What CloudWatch measured: of the API, the load balancer and the fleet."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from administrators import Administrator
from answers import Charts, Series, Traffic, Unknown, moment
from identity.aws import call
from installation import installation
from parts import kept, known

FIVE_MINUTES, HOUR, DAY = 300, 3600, 86400
FRESH_SECONDS = 45.0
"""Instances are measured by the minute, and each look costs."""
STEPS = {24: FIVE_MINUTES, 720: HOUR}
"""Seconds of a step, by the hours of a chart: CloudWatch keeps minutes for two weeks alone."""
SHOWN = {
    "requests": ("Requests", "count"),
    "errors": ("Errors", "count"),
    "instances": ("Instances ready", "count"),
    "wait_p95": ("Longest wait of 95 %", "seconds"),
    "responder_share": ("Answered by the responder", "share"),
    "interruptions": ("Interruptions", "count"),
}
"""Label and unit of what charts show."""

Values = dict[str, dict[int, float]]
"""By name, and by the beginning of the step in seconds since 1970."""

router = APIRouter(prefix="/administration")


@dataclass(frozen=True)
class Load:
    """What an instance does: pictures in flight, and per cent of its GPU; None if not measured."""

    in_flight: float | None
    gpu: float | None


@router.get("/charts")
def charts(
    _: Administrator, hours: Annotated[int, Query(description="24 or 720")] = 24
) -> Charts | Unknown:
    """Tell what was measured in the last day or in thirty days."""
    if hours not in STEPS:
        raise HTTPException(400, "hours: 24 or 720")
    return known(lambda: kept(f"charts {hours}", STEPS[hours], lambda: _charts(hours)))


def traffic() -> Traffic:
    """Return what is asked of the fleet.

    Raises
    ------
    UnavailableError
        If CloudWatch does not tell.
    """
    now = time.time()
    values = _lately()
    last = {name: _newest(each, now - 3 * FIVE_MINUTES) for name, each in values.items()}
    in_flight, instances = last["in_flight"], last["instances"]
    times = {name: _divided(last[name], 1000) for name in ("wait_p50", "wait_p95")}
    return Traffic(
        requests_5m=last["requests"],
        errors_5m=last["errors"],
        queue=None if in_flight is None or instances is None else round(in_flight * instances, 1),
        wait_seconds_p50=times["wait_p50"],
        wait_seconds_p95=times["wait_p95"],
        responder_share=_share(last["to_responder"], last["to_fleet"]),
        interruptions_24h=sum(values["interruptions"].values()),
    )


def load() -> Load:
    """Return what the fleet's instances do, on average.

    Raises
    ------
    UnavailableError
        If CloudWatch does not tell.
    """
    since = time.time() - 3 * FIVE_MINUTES
    values = _lately()
    return Load(_newest(values["in_flight"], since), _newest(values["gpu"], since))


def requests_since(began: float) -> float:
    """Return how many requests the API had since some time.

    Raises
    ------
    UnavailableError
        If CloudWatch does not tell.
    """
    found = _measured({"requests": _queries()["requests"]}, began, time.time(), DAY)
    return sum(found["requests"].values())


def _lately() -> Values:
    def measure() -> Values:
        now = time.time()
        return _measured(_queries(), now - DAY, now, FIVE_MINUTES)

    return kept("lately", FRESH_SECONDS, measure)


def _charts(hours: int) -> Charts:
    step = STEPS[hours]
    end = (int(time.time()) // step + 1) * step
    begin = end - hours * HOUR
    values = _measured(_queries(), begin, end, step)
    moments = range(begin, end, step)
    lines: dict[str, list[float | None]] = {
        name: [values[name].get(each) for each in moments]
        for name in ("requests", "errors", "instances", "interruptions")
    }
    lines["wait_p95"] = [_divided(values["wait_p95"].get(each), 1000) for each in moments]
    lines["responder_share"] = [
        _share(values["to_responder"].get(each), values["to_fleet"].get(each)) for each in moments
    ]
    return Charts(
        since=moment(begin),
        to=moment(end),
        step_seconds=step,
        series=[
            Series(name=name, label=label, unit=unit, values=lines[name])
            for name, (label, unit) in SHOWN.items()
        ],
    )


def _queries() -> dict[str, tuple[str, str, str, dict[str, str]]]:
    """Return namespace, name, statistic and dimensions of what is measured."""
    there = installation()
    api = {"ApiName": there.api, "Stage": there.stage}
    group = {"AutoScalingGroupName": there.group}
    balancer = {"LoadBalancer": there.balancer}
    found = {
        "requests": ("AWS/ApiGateway", "Count", "Sum", api),
        "errors": ("AWS/ApiGateway", "5XXError", "Sum", api),
        "wait_p50": ("AWS/ApiGateway", "Latency", "p50", api),
        "wait_p95": ("AWS/ApiGateway", "Latency", "p95", api),
        "instances": ("AWS/AutoScaling", "GroupInServiceInstances", "Maximum", group),
        "interruptions": ("hush", "Interruptions", "Sum", group),
        "in_flight": ("hush", "InFlight", "Average", group),
        "gpu": ("hush", there.gpu, "Average", group),
    }
    for name, targets in (("to_fleet", there.targets), ("to_responder", there.responder)):
        if targets:
            counted = {**balancer, "TargetGroup": targets}
            found[name] = ("AWS/ApplicationELB", "RequestCount", "Sum", counted)
    return found


def _measured(
    queries: Mapping[str, tuple[str, str, str, dict[str, str]]],
    begin: float,
    end: float,
    step: int,
) -> Values:
    asked: list[dict[str, Any]] = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                },
                "Period": step,
                "Stat": statistic,
            },
        }
        for name, (namespace, metric, statistic, dimensions) in queries.items()
    ]
    begin = begin // step * step
    values: Values = {name: {} for name in (*queries, "to_responder", "to_fleet")}
    token: dict[str, str] = {}
    while True:
        answer = call(
            "cloudwatch",
            "get_metric_data",
            MetricDataQueries=asked,
            StartTime=begin,
            EndTime=end,
            **token,
        )
        for result in answer["MetricDataResults"]:
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                values[result["Id"]][int(at.timestamp()) // step * step] = value
        if "NextToken" not in answer:
            return values
        token = {"NextToken": answer["NextToken"]}


def _newest(values: Mapping[int, float], since: float) -> float | None:
    """Return the value of the newest step, if it is no older."""
    newest = max(values, default=0)
    return round(values[newest], 3) if newest >= since else None


def _divided(value: float | None, by: float) -> float | None:
    return None if value is None else round(value / by, 3)


def _share(responder: float | None, fleet: float | None) -> float | None:
    together = (responder or 0.0) + (fleet or 0.0)
    return round((responder or 0.0) / together, 3) if together else None
