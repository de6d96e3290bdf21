"""What the instance asks of AWS: of its auto scaling group, load balancer and metrics."""

import logging
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

log = logging.getLogger(__name__)

NAMESPACE = "hush"
"""CloudWatch's name for the fleet's metrics."""
CALL_SECONDS = 2 * (2 + 5)
"""Longest call of AWS: the watcher has an instance to look after, and tries again soon."""

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})


class Group:
    """The auto scaling group that an instance belongs to.

    Parameters
    ----------
    name
        The group's name.
    target_group
        ARN of the target group that its instances are in.
    instance
        The instance's id.
    region
        The region that all are in.
    """

    def __init__(self, name: str, target_group: str, instance: str, region: str) -> None:
        self._name = name
        self._target_group = target_group
        self._instance = instance
        self._autoscaling: Any = boto3.client("autoscaling", region, config=_CONFIG)
        self._balancer: Any = boto3.client("elbv2", region, config=_CONFIG)
        self._cloudwatch: Any = boto3.client("cloudwatch", region, config=_CONFIG)

    def complete(self, hook: str) -> None:
        """Say that what a lifecycle hook waits for is done."""
        try:
            self._autoscaling.complete_lifecycle_action(
                AutoScalingGroupName=self._name,
                LifecycleHookName=hook,
                InstanceId=self._instance,
                LifecycleActionResult="CONTINUE",
            )
        except ClientError as error:
            # After a restart of the watcher there is nothing left that waits.
            log.warning("hook %s: %s", hook, error)

    def leave_balancer(self) -> None:
        """Have the load balancer send nothing new here."""
        self._balancer.deregister_targets(
            TargetGroupArn=self._target_group, Targets=[{"Id": self._instance}]
        )

    def retire(self) -> bool:
        """Give this instance back, without another in its place.

        Returns
        -------
        bool
            Whether the group agrees; it does not if it would become smaller than its minimum.
        """
        try:
            self._autoscaling.terminate_instance_in_auto_scaling_group(
                InstanceId=self._instance, ShouldDecrementDesiredCapacity=True
            )
        except ClientError as error:
            log.info("the group keeps this instance: %s", error)
            return False
        return True

    def report_unhealthy(self) -> None:
        """Have the group replace this instance."""
        self._autoscaling.set_instance_health(
            InstanceId=self._instance, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False
        )

    def publish(self, name: str, values: list[float], unit: str) -> None:
        """Publish some values of a metric of the fleet."""
        self._cloudwatch.put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": "AutoScalingGroupName", "Value": self._name}],
                    "Unit": unit,
                    "StatisticValues": {
                        "SampleCount": len(values),
                        "Sum": sum(values),
                        "Minimum": min(values),
                        "Maximum": max(values),
                    },
                }
            ],
        )
