"""The load balancer with its door and its lobby, and the link by which the API reaches it."""

import json

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_elasticloadbalancingv2_targets as balancing_targets
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from hush.contracts import door
from hush.contracts.errors import error_body
from stacks.fleet.machines import group_arn
from stacks.functions import python_function
from stacks.limits import LONGEST_REQUEST_SECONDS, MAX_BODY_BYTES
from stacks.network import PORT, Network
from stacks.observability.metrics import MINUTE


class Lobby(Construct):
    """Link, load balancer, and the status Lambda, which opens the door and wakes the fleet.

    Parameters
    ----------
    group_name
        The auto scaling group behind the door.
    network
        Where it is.
    front_door
        Secret that the Lambda sends with the call that keeps the link awake.

    Attributes
    ----------
    link, balancer
        The way in.
    targets
        What is behind the door.
    status
        The Lambda.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        group_name: str,
        network: Network,
        front_door: secretsmanager.ISecret,
    ) -> None:
        super().__init__(scope, construct_id)
        self.link = apigatewayv2.VpcLink(
            self,
            "Link",
            vpc=network.vpc,
            subnets=network.inside,
            security_groups=[network.link],
        )
        self.balancer = balancing.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            vpc_subnets=network.inside,
            internet_facing=False,
            security_group=network.balancer,
            idle_timeout=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS + 5),
            drop_invalid_header_fields=True,
        )
        self.targets = balancing.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=network.vpc,
            port=PORT,
            protocol=balancing.ApplicationProtocol.HTTP,
            target_type=balancing.TargetType.INSTANCE,
            load_balancing_algorithm_type=(
                balancing.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS
            ),
            deregistration_delay=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS + 5),
            health_check=balancing.HealthCheck(
                path="/readyz",
                interval=cdk.Duration.seconds(5),
                timeout=cdk.Duration.seconds(4),
                healthy_threshold_count=2,
                unhealthy_threshold_count=2,
            ),
        )
        self.status = self._status_function(group_name, front_door)
        self._lobby = balancing.ApplicationTargetGroup(
            self, "Lobby", targets=[balancing_targets.LambdaTarget(self.status)]
        )
        self._listener()
        self._reconcile_on_changes(group_name)

    def requests(self) -> cloudwatch.Metric:
        """Return how many requests found nobody, a minute."""
        return cloudwatch.Metric(
            namespace="AWS/ApplicationELB",
            metric_name="RequestCount",
            dimensions_map={
                "LoadBalancer": self.balancer.load_balancer_full_name,
                "TargetGroup": self._lobby.target_group_full_name,
            },
            statistic="Sum",
            period=MINUTE,
            label="Lobby",
        )

    def _listener(self) -> None:
        listener = self.balancer.add_listener(
            "Listener",
            port=80,
            protocol=balancing.ApplicationProtocol.HTTP,
            open=False,
            default_target_groups=[self._lobby],
        )
        listener.add_action(
            "Door",
            priority=door.PRIORITY,
            conditions=[balancing.ListenerCondition.path_patterns([door.CLOSED])],
            action=balancing.ListenerAction.forward([self.targets]),
        )
        # A load balancer refuses a Lambda bodies of a megabyte: those are answered here instead.
        rule = balancing.CfnListenerRule
        rule(
            self,
            "LargeInLobby",
            listener_arn=listener.listener_arn,
            priority=door.PRIORITY + 1,
            conditions=[
                rule.RuleConditionProperty(
                    field="http-header",
                    http_header_config=rule.HttpHeaderConfigProperty(
                        http_header_name="content-length",
                        # A rule may have five wildcards: with those, seven digits cannot be told.
                        regex_values=["^[0-9]{7,}$"],
                    ),
                )
            ],
            actions=[
                rule.ActionProperty(
                    type="fixed-response",
                    fixed_response_config=rule.FixedResponseConfigProperty(
                        status_code="503",
                        content_type="application/json",
                        message_body=json.dumps(
                            error_body(
                                503,
                                "the service is starting; try again in a minute",
                                code=door.STARTING,
                            )
                        ),
                    ),
                )
            ],
        )

    def _status_function(
        self, group_name: str, front_door: secretsmanager.ISecret
    ) -> lambda_.Function:
        function = python_function(
            self,
            "Status",
            "status",
            environment={
                "GROUP": group_name,
                "BALANCER": self.balancer.load_balancer_arn,
                "TARGETS": self.targets.target_group_arn,
                "LINK": self.link.vpc_link_id,
                "MAX_BODY_BYTES": str(MAX_BODY_BYTES),
            },
            timeout=cdk.Duration.seconds(20),
        )
        stack = cdk.Stack.of(self)
        rules = stack.format_arn(
            service="elasticloadbalancing",
            resource="listener-rule",
            resource_name=f"{self.balancer.load_balancer_full_name}/*",
        )
        link = stack.format_arn(
            service="apigateway", account="", resource=f"/vpclinks/{self.link.vpc_link_id}"
        )
        descriptions = (
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeScalingActivities",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeTargetHealth",
        )
        for resource, actions in (
            ("*", descriptions),
            (group_arn(self, group_name), ("autoscaling:SetDesiredCapacity",)),
            (rules, ("elasticloadbalancing:ModifyRule",)),
            (link, ("apigateway:GET",)),
        ):
            function.add_to_role_policy(
                iam.PolicyStatement(actions=list(actions), resources=[resource])
            )
        front_door.grant_read(function)
        return function

    def _reconcile_on_changes(self, group_name: str) -> None:
        """Have the Lambda open or close the door whenever an instance comes or goes."""
        events.Rule(
            self,
            "Changes",
            event_pattern=events.EventPattern(
                source=["aws.autoscaling"],
                detail_type=[
                    "EC2 Instance Launch Successful",
                    "EC2 Instance Launch Unsuccessful",
                    "EC2 Instance Terminate Successful",
                    "EC2 Instance-terminate Lifecycle Action",
                ],
                detail={"AutoScalingGroupName": [group_name]},
            ),
            targets=[event_targets.LambdaFunction(self.status)],
        )
