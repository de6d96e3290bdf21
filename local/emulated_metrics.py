"""What moto's CloudWatch does not do: percentiles, and a month of metrics in less than a minute."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from moto.cloudwatch.models import CloudWatchBackend


@contextmanager
def emulated_metrics() -> Iterator[None]:
    """Have moto tell metrics as AWS does, for as long as the block lasts."""
    with patch.object(CloudWatchBackend, "get_metric_data", _get_metric_data):
        yield


def _get_metric_data(
    backend: Any,
    queries: list[dict[str, Any]],
    start_time: datetime,
    end_time: datetime,
    **_: Any,
) -> list[dict[str, Any]]:
    found: dict[Any, list[Any]] = {}
    for each in backend.get_all_metrics():
        if start_time <= each.timestamp < end_time:
            dimensions = {dimension.name: dimension.value for dimension in each.dimensions}
            found.setdefault(_key(each.namespace, each.name, dimensions), []).append(each)
    return [_result(query, found, start_time) for query in queries]


def _key(namespace: str, name: str, dimensions: dict[str, str]) -> Any:
    return namespace, name, frozenset(dimensions.items())


def _result(query: dict[str, Any], found: dict[Any, list[Any]], start: datetime) -> dict[str, Any]:
    asked, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
    step = timedelta(seconds=int(asked["Period"]))
    steps: dict[int, list[float]] = {}
    for each in found.get(_key(metric["Namespace"], metric["MetricName"], dimensions), []):
        steps.setdefault((each.timestamp - start) // step, []).append(float(each.value))
    return {
        "id": query["Id"],
        "label": query["Id"],
        "values": [_statistic(asked["Stat"], steps[each]) for each in sorted(steps)],
        "timestamps": [start + each * step for each in sorted(steps)],
        "status_code": "Complete",
    }


def _statistic(name: str, values: list[float]) -> float:
    match name:
        case "Sum":
            return sum(values)
        case "Maximum":
            return max(values)
        case "Average":
            return sum(values) / len(values)
    share = float(name.removeprefix("p")) / 100
    return sorted(values)[math.ceil(share * len(values)) - 1]
