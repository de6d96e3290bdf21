"""What is measured: by the fleet's instances, by its group, and by the API."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.limits import STAGE

MINUTE = cdk.Duration.minutes(1)
NAMESPACE = "hush"
"""Of the metrics that instances publish."""


def fleet_metric(name: str, group: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric that the fleet's instances publish."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"AutoScalingGroupName": group},
        statistic=statistic,
        period=MINUTE,
    )


def group_metric(name: str, group: str) -> cloudwatch.Metric:
    """Return a metric of the auto scaling group itself."""
    return cloudwatch.Metric(
        namespace="AWS/AutoScaling",
        metric_name=name,
        dimensions_map={"AutoScalingGroupName": group},
        statistic="Maximum",
        period=MINUTE,
    )


def api_metric(name: str, api: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric of API Gateway's."""
    return cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map={"ApiName": api, "Stage": STAGE},
        statistic=statistic,
        period=MINUTE,
        label=f"{name} {statistic}",
    )
