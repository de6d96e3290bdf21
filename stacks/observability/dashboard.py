"""The picture of how it goes."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.accelerators import Accelerator
from stacks.names import Names
from stacks.observability.metrics import NAMESPACE, api_metric, fleet_metric, group_metric


def dashboard(
    scope: Construct,
    construct_id: str,
    names: Names,
    *,
    accelerator: Accelerator,
    lobby: cloudwatch.IMetric,
    pictures: cloudwatch.IMetric | None,
) -> cloudwatch.Dashboard:
    """Return the dashboard of API, fleet and cost.

    Parameters
    ----------
    accelerator
        The fleet's GPUs.
    lobby
        Requests that found nobody.
    pictures
        Those that the responder answered, if there is one.
    """
    api, group = names.api, names.group
    made = cloudwatch.Dashboard(scope, construct_id, dashboard_name=names.dashboard)
    made.add_widgets(
        _graph(
            "Requests",
            api_metric("Count", api, "Sum"),
            api_metric("4XXError", api, "Sum"),
            api_metric("5XXError", api, "Sum"),
            lobby,
            *([pictures] if pictures else []),
        ),
        _graph(
            "Latency, ms", *(api_metric("Latency", api, part) for part in ("p50", "p95", "p99"))
        ),
        _graph("Pictures in flight, an instance", fleet_metric("InFlight", group, "Average")),
        _graph(
            "Instances",
            group_metric("GroupDesiredCapacity", group),
            group_metric("GroupInServiceInstances", group),
            group_metric("GroupPendingInstances", group),
        ),
    )
    made.add_widgets(
        _graph(
            "GPU, %", *(fleet_metric(name, group, "Average") for name in accelerator.gpu_percent)
        ),
        _graph("GPU memory, MiB", fleet_metric(accelerator.gpu_memory, group, "Maximum")),
        _graph(
            "Interruptions",
            fleet_metric("Interruptions", group, "Sum"),
            fleet_metric("RebalanceRecommendations", group, "Sum"),
        ),
        _graph("Launch to ready, s", fleet_metric("LaunchToReady", group, "Maximum")),
    )
    made.add_widgets(
        cloudwatch.GraphWidget(
            title="Cost of the month so far, $ (us-east-1 only, if billing metrics are on)",
            left=[
                cloudwatch.Metric(
                    namespace="AWS/Billing",
                    metric_name="EstimatedCharges",
                    dimensions_map={"Currency": "USD"},
                    statistic="Maximum",
                    period=cdk.Duration.hours(6),
                    region="us-east-1",
                )
            ],
            width=12,
            height=5,
        ),
        cloudwatch.TextWidget(
            markdown=f"Metrics of the fleet: namespace `{NAMESPACE}`. Runbook: docs/operations.md.",
            width=12,
            height=5,
        ),
    )
    return made


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    """Return a graph, four to a row."""
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=6, height=5)
