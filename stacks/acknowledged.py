"""Findings of cdk-nag that are as they should be, each with its reason: one table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct


@dataclass(frozen=True)
class Accepted:
    """A row of the table.

    Attributes
    ----------
    where
        Path of a construct without the installation's and the stage's name; what is in it is meant
        too.
    finding
        What cdk-nag says, without its pack's name. In both, `…` stands for anything.
    reason
        Why that is as it should be.
    """

    where: str
    finding: str
    reason: str

    def covers(self, path: str, finding: str) -> bool:
        """Tell whether this is about a finding on the construct at a path."""
        return _fits(f"…-{self.where}", path, "(/.*)?") and _fits(
            f"AwsSolutions-{self.finding}", finding
        )


def _fits(pattern: str, text: str, end: str = "") -> bool:
    parts = (re.escape(part) for part in pattern.split("…"))
    return re.fullmatch(".*".join(parts) + end, text) is not None


ACCEPTED = (
    Accepted(
        "image/Image/Network/Resource", "VPC7", "A network that is in use for minutes a month"
    ),
    Accepted(
        "image/Image/BuilderRole",
        "IAM4[…/EC2InstanceProfileForImageBuilder]",
        "What Image Builder asks of an instance; its build takes part in nothing else",
    ),
    Accepted(
        "image/Image/BuilderRole",
        "IAM4[…/AmazonSSMManagedInstanceCore]",
        "How Image Builder runs commands on an instance; the account's parameters are denied",
    ),
    Accepted(
        "image/Image/CleanerRole",
        "IAM4[…/service-role/EC2ImageBuilderLifecycleExecutionPolicy]",
        "Image Builder's own policy for this role; it is limited to images that it made",
    ),
    Accepted(
        "people/People/SigningKey…", "SMG4", "Rotated by hand, in two steps (docs/operations.md)"
    ),
    Accepted(
        "service/FrontDoor…",
        "SMG4",
        "Rotated by hand: CloudFront and the API take it at a deployment (docs/deploy.md)",
    ),
    Accepted(
        "service/GatewayKey…",
        "SMG4",
        "Rotated by hand: the API and the instances take it at a deployment (docs/deploy.md)",
    ),
    Accepted("service/SignIn/DeploymentKey…", "SMG4", "Rotated by hand (docs/deploy.md)"),
    Accepted(
        "service/Fleet/Network/Vpc",
        "VPC7",
        "Flow logs would cost more than the idle fleet; nothing but the API's link comes in,"
        " and the API logs every request",
    ),
    Accepted(
        "service/Fleet/Lobby/Balancer", "ELB2", "It is internal, and the API logs every request"
    ),
    Accepted(
        "service/Fleet/Lobby/StatusRole",
        "IAM5[Resource::…:autoScalingGroup:*:autoScalingGroupName/…]",
        "A group's ARN holds an id of AWS's making",
    ),
    Accepted(
        "service/Fleet/Lobby/StatusRole",
        "IAM5[Resource::…:listener-rule/…*]",
        "The rules of this one load balancer",
    ),
    Accepted(
        "service/Fleet/Lobby/StatusRole",
        "IAM5[Resource::*]",
        "Descriptions of groups and listeners know no resources; what changes them is bound",
    ),
    Accepted(
        "service/Fleet/Machines/InstanceRole",
        "IAM5[Resource::*]",
        "PutMetricData, DescribeTags and Session Manager's own know no resources; the first is"
        " bound to a namespace",
    ),
    Accepted(
        "service/Fleet/Machines/InstanceRole",
        "IAM5[Resource::…:autoScalingGroup:*:autoScalingGroupName/…]",
        "A group's ARN holds an id of AWS's making",
    ),
    Accepted(
        "service/Fleet/Machines/Group",
        "EC26",
        "The launch template encrypts the volume (and a test looks)",
    ),
    Accepted(
        "service/Fleet/Machines/Group",
        "AS3",
        "Alarms tell what matters; launches are daily business here",
    ),
    Accepted(
        "service/Governor/LookRole",
        "IAM5[Resource::…:autoScalingGroup:*:autoScalingGroupName/…]",
        "A group's ARN holds an id of AWS's making",
    ),
    Accepted(
        "service/Governor/LookRole",
        "IAM5[Resource::*]",
        "Descriptions of groups and instances know no resources; what changes them is bound",
    ),
    Accepted(
        "service/Administration/AdminRole",
        "IAM5[Resource::…:autoScalingGroup:*:autoScalingGroupName/…]",
        "A group's ARN holds an id of AWS's making",
    ),
    Accepted(
        "service/Administration/AdminRole",
        "IAM5[Resource::*]",
        "Descriptions, metrics and what Cost Explorer says know no resources; what changes"
        " anything is bound",
    ),
    Accepted(
        "service/Administration/AdminRole",
        "IAM5[Resource::…:log-group:…/pipeline:log-stream:*]",
        "Each build has a stream of its own in the pipeline's one log group",
    ),
    Accepted("service/Api/Rest", "APIG2", "The service checks every request itself, and more"),
    Accepted(
        "service/Api/Rest",
        "APIG3",
        "A web ACL costs 5 $ a month and more; the authorizer refuses all that did not come"
        " through CloudFront, and the stage is throttled",
    ),
    Accepted(
        "service/Api/Rest",
        "APIG6",
        "Execution logs would hold headers and bodies; the access log has what is needed",
    ),
    Accepted(
        "service/Api/Rest/…/auth/…",
        "APIG4",
        "Sign-in itself: its Lambda refuses what is not for all",
    ),
    Accepted("service/Api/Rest", "COG4", "The authorizer is a Lambda of ours, not Cognito"),
    Accepted(
        "service/Api/Rest/CloudWatchRole",
        "IAM4[…/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        "What API Gateway asks of the account's role",
    ),
    Accepted("service/Site/Page", "S1", "CloudFront is its only reader"),
    Accepted("service/Site/Distribution", "CFR1", "hush is for people everywhere"),
    Accepted("service/Site/Distribution", "CFR2", "A web ACL costs 5 $ a month and more; optional"),
    Accepted(
        "service/Site/Distribution",
        "CFR3",
        "CloudFront's log has addresses of people; the API's has what operations need",
    ),
    Accepted(
        "service/Site/Distribution",
        "CFR4",
        "CloudFront's own certificate, which serves without a domain, sets the protocol",
    ),
    Accepted(
        "service/Custom::CDKBucketDeployment…",
        "…",
        "CDK's own Lambda, which runs at deployments alone",
    ),
    Accepted(
        "pipeline/Pipeline/…/SmokeTest",
        "IAM5[Resource::…:secret:SignInDeploymentKey…-*]",
        "A secret's ARN ends in letters of AWS's making",
    ),
    Accepted(
        "pipeline/Pipeline",
        "IAM5[…]",
        "CDK Pipelines' own roles: artifacts, logs, and CDK's roles for deployments",
    ),
    Accepted(
        "pipeline/Pipeline/…ArtifactsBucket",
        "S1",
        "The artifacts' bucket is read by the pipeline alone",
    ),
    Accepted(
        "region-stack-…/…ReplicationBucket",
        "S1",
        "The pipeline's artifacts for us-east-1, which it alone reads",
    ),
    Accepted("pipeline/Pipeline", "CB4", "Artifacts are encrypted with S3's own key"),
    Accepted("pipeline/Pipeline", "CB5", "A plain Debian, where the browsers are real"),
)


def check(app: cdk.App) -> list[Accepted]:
    """Have cdk-nag check an app when it is synthesised, and accept what stands in the table.

    Returns
    -------
    list of Accepted
        The rows that something was found for.
    """
    checks = AwsSolutionsChecks(app)
    used = []
    for finding, node in _findings(checks, app):
        for row in ACCEPTED:
            if row.covers(node.node.path, finding):
                accepted = cdk.Acknowledgment(id=finding, reason=row.reason)
                cdk.Validations.of(node).acknowledge(accepted)
                used.append(row)
                break
    cdk.Validations.of(app).add_plugins(checks)
    return used


def _findings(checks: AwsSolutionsChecks, app: cdk.App) -> Iterator[tuple[str, IConstruct]]:
    """Return what cdk-nag finds, and on what."""
    for violation in checks.validate_scope(app).violations or ():
        for resource in violation.violating_resources or ():
            node: IConstruct = app
            for name in str(resource.construct_path).split("/"):
                node = node.node.find_child(name)
            yield violation.rule_name, node
