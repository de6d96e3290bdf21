"""What the service counts, as CloudWatch takes it from a log: the embedded metric format."""

import json
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry

NAMESPACE = "hush"
SHOWN = {
    "hush_requests_total": ("ResponderAnswers", "Count"),
    "hush_refused_total": ("ResponderRefused", "Count"),
    "hush_speech_seconds_total": ("ResponderSpeech", "Seconds"),
    "hush_request_seconds_sum": ("ResponderSeconds", "Seconds"),
}
"""What of it becomes a metric, which costs by the month, and how that is called. All that is told
is in the log's line, by its own name."""
TOLD = (
    *SHOWN,
    "hush_engine_seconds_total",
    "hush_tokens_total",
    "hush_decoded_again_total",
)


class Counted:
    """Tells what has changed since it last told.

    Parameters
    ----------
    registry
        Where the service counts.
    group
        Name of the fleet, which the metrics of both have as their dimension.
    """

    def __init__(self, registry: CollectorRegistry, group: str) -> None:
        self._registry, self._group = registry, group
        self._told: dict[tuple[str, str], float] = {}

    def line(self, **also: object) -> str:
        """Return the next line for the log, as JSON, with some values besides."""
        changed: dict[str, float] = {}
        for name, labels, value in self._samples():
            before = self._told.get((name, labels), 0.0)
            self._told[name, labels] = value
            if value != before:
                changed[name + labels] = changed.get(name + labels, 0.0) + value - before
        shown: dict[str, float] = {}
        for name, change in changed.items():
            if metric := SHOWN.get(name.partition("{")[0]):
                shown[metric[0]] = shown.get(metric[0], 0.0) + change
        units = dict(SHOWN.values())
        told = {
            "Namespace": NAMESPACE,
            "Dimensions": [["AutoScalingGroupName"]],
            "Metrics": [{"Name": name, "Unit": units[name]} for name in shown],
        }
        return json.dumps(
            {
                "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [told]},
                "AutoScalingGroupName": self._group,
                **shown,
                **changed,
                **also,
            }
        )

    def _samples(self) -> Iterable[tuple[str, str, float]]:
        for family in self._registry.restricted_registry(TOLD).collect():
            for sample in family.samples:
                if sample.name in TOLD:
                    named = ",".join(f"{name}={value}" for name, value in sample.labels.items())
                    yield sample.name, f"{{{named}}}" if named else "", sample.value
