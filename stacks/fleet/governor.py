"""The governor: a Lambda that counts what the fleet costs, and stops it when that is too much."""

import json

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from hush.contracts import ledger
from stacks.fleet.machines import group_arn
from stacks.functions import python_function
from stacks.names import Names
from stacks.prices import hourly_prices, launch_price
from stacks.settings import Settings

LOOK_EVERY = cdk.Duration.minutes(5)


class Governor(Construct):
    """The Lambda, and what gives it cause to look.

    Parameters
    ----------
    quota
        Table in which it keeps what it counted: one item, which is all that it may touch.
    topic
        By which it sends mails.

    Attributes
    ----------
    function
        The Lambda.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        names: Names,
        *,
        quota: dynamodb.ITable,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = python_function(
            self,
            "Look",
            "governor",
            environment={
                "GROUP": names.group,
                "LEDGER": quota.table_name,
                "TOPIC": topic.topic_arn,
                "LAUNCH": str(launch_price(settings)),
                "PRICES": json.dumps(hourly_prices(settings)),
                "BOUND": str(settings.fleet_dollars_a_month),
                "MAXIMUM": str(settings.maximum_instances),
                "FALLBACK": str(settings.fallback_dollars_a_month),
                "BASE": str(settings.on_demand_instances),
            },
            timeout=cdk.Duration.minutes(1),
            name=names.governor,
        )
        look = (
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeScalingActivities",
            "ec2:DescribeInstances",
        )
        act = (
            "autoscaling:ResumeProcesses",
            "autoscaling:SuspendProcesses",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
            "autoscaling:UpdateAutoScalingGroup",
        )
        for resource, actions in (
            ("*", look),
            (group_arn(self, names.group), act),
            (topic.topic_arn, ("sns:Publish",)),
        ):
            self.function.add_to_role_policy(
                iam.PolicyStatement(actions=list(actions), resources=[resource])
            )
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["dynamodb:GetItem", "dynamodb:PutItem"],
                resources=[quota.table_arn],
                conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [ledger.KEY]}},
            )
        )
        target = event_targets.LambdaFunction(self.function)
        events.Rule(self, "Often", schedule=events.Schedule.rate(LOOK_EVERY), targets=[target])
        # Whoever opened the group: what starts is ended as soon as it is noticed. And where spot is
        # not to be had, nobody should wait for the next look.
        events.Rule(
            self,
            "Launches",
            event_pattern=events.EventPattern(
                source=["aws.autoscaling"],
                detail_type=[
                    "EC2 Instance-launch Lifecycle Action",
                    "EC2 Instance Launch Unsuccessful",
                ],
                detail={"AutoScalingGroupName": [names.group]},
            ),
            targets=[target],
        )
