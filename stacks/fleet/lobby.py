"""The load balancer with its door and its lobby, and the link by which the API reaches it.

Its rules, in order: an open door passes everything to the fleet; bodies that no Lambda takes are
answered here; who waits for the fleet, and who only looks, ends in the lobby; what is left are
pictures, for the responder. A rule of the load balancer costs nothing and no time, where a route of
the API for the responder would have to change whenever the door does.
"""

import json

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
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
from hush.contracts.headers import FLEET, WAIT_FOR
from hush.contracts.routes import ROUTES
from stacks.fleet.machines import group_arn
from stacks.functions import python_function
from stacks.installation import Balanced
from stacks.limits import LONGEST_REQUEST_SECONDS, MAX_BODY_BYTES, STAGE
from stacks.network import PORT, Network
from stacks.observability.metrics import MINUTE

PICTURE_PATHS = tuple(
    dict.fromkeys(
        route.pattern
        for route in ROUTES
        if route.target == "service" and route.pattern != "/healthz"
    )
)
"""What the responder answers in the fleet's place: all but how the fleet is."""


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
    quota
        Table in which the Lambda counts segments, where the fleet is not woken by the first.
    wake_after
        Segments within an hour from which it is.

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
        quota: dynamodb.ITable,
        wake_after: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._responder: balancing.ApplicationTargetGroup | None = None
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
        if wake_after > 1:
            self.status.add_environment("WAKE_AFTER", str(wake_after))
            self.status.add_environment("COUNTS", quota.table_name)
            self.status.add_to_role_policy(
                iam.PolicyStatement(actions=["dynamodb:UpdateItem"], resources=[quota.table_arn])
            )
        self._lobby = balancing.ApplicationTargetGroup(
            self, "Lobby", targets=[balancing_targets.LambdaTarget(self.status)]
        )
        self._listener = self._closed_listener()
        self._reconcile_on_changes(group_name)

    def requests(self) -> cloudwatch.Metric:
        """Return how many requests found nobody, a minute."""
        return self._requests(self._lobby, "Lobby")

    def pictures(self) -> cloudwatch.Metric | None:
        """Return how many requests the responder had, a minute, if there is one."""
        return self._requests(self._responder, "Responder") if self._responder else None

    def balanced(self) -> Balanced:
        """Return the names by which metrics know all of this."""
        return Balanced(
            self.balancer.load_balancer_full_name,
            self.targets.target_group_full_name,
            self._responder.target_group_full_name if self._responder else "",
        )

    def _requests(self, targets: balancing.ApplicationTargetGroup, label: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApplicationELB",
            metric_name="RequestCount",
            dimensions_map={
                "LoadBalancer": self.balancer.load_balancer_full_name,
                "TargetGroup": targets.target_group_full_name,
            },
            statistic="Sum",
            period=MINUTE,
            label=label,
        )

    def pass_pictures_to(self, responder: lambda_.IFunction) -> None:
        """Have a Lambda answer what the service would, for those who do not wait for the fleet."""
        self._responder = balancing.ApplicationTargetGroup(
            self, "Responder", targets=[balancing_targets.LambdaTarget(responder)]
        )
        condition = balancing.ListenerCondition
        self._listener.add_action(
            "WaitForFleet",
            priority=door.PRIORITY + 2,
            conditions=[condition.http_header(WAIT_FOR, [FLEET])],
            action=balancing.ListenerAction.forward([self._lobby]),
        )
        self._listener.add_action(
            "Pictures",
            priority=door.PRIORITY + 3,
            conditions=[condition.path_patterns([f"/{STAGE}{path}" for path in PICTURE_PATHS])],
            action=balancing.ListenerAction.forward([self._responder]),
        )

    def _closed_listener(self) -> balancing.ApplicationListener:
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
        return listener

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
