"""A deployment's later life: a change, and its end. These come last, as nothing is left then."""

import pytest

from stacks.weights import responder_weights
from tests.cloud.conftest import APPLICATION, NAMES, SETTINGS, Deployment
from tests.cloud.fleet import instance_settings
from tests.stacks.conftest import synthesize

pytestmark = pytest.mark.xdist_group("cloud")


def test_a_change_reaches_the_fleet_and_only_what_it_concerns(deployment: Deployment) -> None:
    changed = deployment.assembly.parent / "changed"
    weights = responder_weights(str(SETTINGS.responder))
    slower = SETTINGS.model_copy(update={"idle_minutes": 5})
    synthesize(slower, changed, pipeline=False, weights=weights, checked=False)
    said = deployment.aws.cdk("diff", "--app", changed, "--method=template", *APPLICATION)
    assert "HUSH_IDLE_SECONDS" in said
    assert "Number of stacks with differences: 1" in said

    deployment.aws.deploy(changed, *APPLICATION)
    ec2 = deployment.aws.client("ec2")
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    assert template["LatestVersionNumber"] == 2
    assert instance_settings(deployment)["HUSH_IDLE_SECONDS"] == "300"


def test_it_can_be_taken_down(deployment: Deployment) -> None:
    # moto cannot delete subnets that it has put something into: the service stays there.
    gone = {NAMES.stack("people"), NAMES.pipeline}
    deployment.aws.cdk(
        "destroy", "--app", deployment.assembly, "--force", "--exclusively", *sorted(gone)
    )
    stacks = deployment.aws.client("cloudformation").describe_stacks()["Stacks"]
    left = {stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"}
    assert not left & gone
