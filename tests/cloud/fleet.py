"""The deployed fleet: its instances' states, and the real service that stands for one of them."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.autoscaling.models import autoscaling_backends

from local.processes import service
from tests.cloud.conftest import Deployment
from tests.cloud.emulated_aws import ACCOUNT, REGION


def group(deployment: Deployment) -> dict[str, Any]:
    """Describe the auto scaling group."""
    described = deployment.aws.client("autoscaling").describe_auto_scaling_groups()
    (only,) = described["AutoScalingGroups"]
    return dict(only)


def set_instances(deployment: Deployment, state: str | None, healthy: bool = True) -> None:
    """Have the group's instances be in a state, or none, and tell as EventBridge does.

    Parameters
    ----------
    healthy
        Whether the load balancer finds them so. If not, nobody is told.
    """
    backend = autoscaling_backends[ACCOUNT][REGION]
    (fleet,) = backend.autoscaling_groups.values()
    client = deployment.aws.client("elbv2")
    (targets,) = fleet.target_group_arns
    ids = [{"Id": instance.instance.id} for instance in fleet.instance_states]
    if ids:
        change = client.register_targets if healthy else client.deregister_targets
        change(TargetGroupArn=targets, Targets=ids)
    if state is None:
        fleet.instance_states.clear()
        fleet.desired_capacity = 0
    for instance in fleet.instance_states:
        instance.lifecycle_state = state or ""
    if not healthy:
        return
    (function,) = (name for name in deployment.aws.of("Lambda::Function") if "Status" in name)
    event = {"source": "aws.autoscaling", "detail": {}}
    deployment.lambdas.invoke(f":function:{function}", event)


def instance_settings(deployment: Deployment) -> dict[str, str]:
    """Return what the launch template tells an instance."""
    ec2 = deployment.aws.client("ec2")
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    (newest,) = ec2.describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"]
    )["LaunchTemplateVersions"]
    commands = base64.b64decode(newest["LaunchTemplateData"]["UserData"]).decode()
    return dict(re.findall(r"^(\w+)='(.*)'$", commands, re.MULTILINE))


def inner_key(deployment: Deployment) -> str:
    """Return the key that the gateway sends with every request, and that instances ask for."""
    name = "integration.request.header.authorization"
    sent = next(
        method["Integration"]["RequestParameters"][name]
        for method in deployment.aws.of("ApiGateway::Method").values()
        if name in method["Integration"].get("RequestParameters", {})
    )
    return deployment.aws.secret(sent).strip("'").removeprefix("Bearer ")


@contextmanager
def running_instance(deployment: Deployment) -> Iterator[str]:
    """Run the service as on an instance, but for its models; and give its address."""
    told = instance_settings(deployment)
    environment = {
        name: value for name, value in deployment.aws.environment.items() if "AWS_" in name
    }
    wanted = ("HUSH_ROOT_PATH", "HUSH_QUOTA_TABLE", "HUSH_QUOTA_LIMITS", "HUSH_MAX_BODY_BYTES")
    settings = {name: told[name] for name in wanted}
    with service(**environment, **settings, HUSH_API_KEY=inner_key(deployment)) as (address, _):
        deployment.door.instance = address
        set_instances(deployment, None)
        deployment.aws.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=group(deployment)["AutoScalingGroupName"], DesiredCapacity=1
        )
        set_instances(deployment, "InService")
        yield address
