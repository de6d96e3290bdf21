"""The fleet: spot instances with GPUs behind an internal load balancer, none while nobody asks.

While no instance is ready, the load balancer passes everything to the *lobby*, the status Lambda,
which answers 503 with Retry-After, and wakes the fleet. When one is, the Lambda opens the
listener's first rule, the *door*, by which everything goes to the fleet.
"""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_elasticloadbalancingv2_targets as targets
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from hush.contracts import door
from hush.contracts.errors import error_body
from stacks.acknowledged import acknowledge, acknowledge_resource
from stacks.functions import python_function
from stacks.limits import LONGEST_REQUEST_SECONDS, MAX_BODY_BYTES, QUEUE_SIZE, STAGE
from stacks.machine_image import MachineImage, base_image
from stacks.network import PORT, Network
from stacks.observability import MINUTE, Alerts, fleet_metric, group_metric
from stacks.part import Part
from stacks.people import People
from stacks.settings import Settings

ROOT = Path(__file__).parents[1]
LAUNCH_MINUTES = 20
"""An instance that is not ready by then is given up."""


class Fleet(Part):
    """The auto scaling group with its network, load balancer, status Lambda and alarms.

    Parameters
    ----------
    image
        The machine image.
    people
        Where the service keeps what each identity used.

    Attributes
    ----------
    network, balancer, link, status, alerts
        What the API is built upon.
    front_door
        Secret by which the API knows CloudFront.
    gateway_key
        Secret by which instances know the API.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        image: MachineImage,
        people: People,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, settings, **stack)
        self._settings, self._people = settings, people
        self.group_name = f"{settings.name}-fleet"
        self.alerts = Alerts(self, "Alerts", settings)
        self.network = Network(self, "Network", settings)
        # Two, so that an instance which somebody broke into does not open the API.
        self.front_door = self._secret("FrontDoor", "Proves that a request came through CloudFront")
        self.gateway_key = self._secret("GatewayKey", "Proves that a request came through the API")
        self.link = apigatewayv2.VpcLink(
            self,
            # One in other zones is another link, of which the API learns by its name alone.
            f"Link{settings.zone_letters}",
            vpc=self.network.vpc,
            subnets=self.network.inside,
            security_groups=[self.network.link],
        )
        self.balancer = balancing.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self.network.vpc,
            vpc_subnets=self.network.inside,
            internet_facing=False,
            security_group=self.network.balancer,
            idle_timeout=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS + 5),
            drop_invalid_header_fields=True,
        )
        acknowledge(
            self.balancer, "AwsSolutions-ELB2", "It is internal, and the API logs every request"
        )
        self.targets = balancing.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=self.network.vpc,
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
        self.status = self._status_function()
        self.lobby = balancing.ApplicationTargetGroup(
            self, "Lobby", targets=[targets.LambdaTarget(self.status)]
        )
        self._listener()
        self.logs = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/{settings.name}/fleet",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.group = self._group(image)
        self._reconcile_on_changes()
        self._alarms()

    def _secret(self, name: str, description: str) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            f"{name}{self._settings.secrets}",
            description=description,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, password_length=48
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "Rotated by hand: CloudFront, the API and the instances take it at a deployment"
            " (docs/deploy.md)",
        )
        return secret

    def lobby_requests(self) -> cloudwatch.Metric:
        """Return how many requests found nobody, a minute."""
        return cloudwatch.Metric(
            namespace="AWS/ApplicationELB",
            metric_name="RequestCount",
            dimensions_map={
                "LoadBalancer": self.balancer.load_balancer_full_name,
                "TargetGroup": self.lobby.target_group_full_name,
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
            default_target_groups=[self.lobby],
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

    def _group(self, image: MachineImage) -> autoscaling.AutoScalingGroup:
        settings = self._settings
        template = self._launch_template(image)
        group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            auto_scaling_group_name=self.group_name,
            vpc=self.network.vpc,
            vpc_subnets=self.network.outside,
            min_capacity=0,
            max_capacity=settings.maximum_instances,
            capacity_rebalance=True,
            mixed_instances_policy=autoscaling.MixedInstancesPolicy(
                launch_template=template,
                launch_template_overrides=[
                    autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType(kind))
                    for kind in settings.instance_types
                ],
                instances_distribution=autoscaling.InstancesDistribution(
                    on_demand_base_capacity=settings.on_demand_instances,
                    on_demand_percentage_above_base_capacity=0,
                    spot_allocation_strategy=(
                        autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED
                    ),
                ),
            ),
            # The watcher reports what EC2 cannot see: a service that does not answer /healthz.
            health_checks=autoscaling.HealthChecks.ec2(
                grace_period=cdk.Duration.minutes(LAUNCH_MINUTES)
            ),
            default_instance_warmup=cdk.Duration.seconds(60),
            group_metrics=[autoscaling.GroupMetrics.all()],
            update_policy=autoscaling.UpdatePolicy.instance_refresh(
                strategy=autoscaling.InstanceRefreshStrategy.ROLLING,
                min_healthy_percentage=100,
                max_healthy_percentage=200,
                skip_matching=True,
            ),
        )
        group.attach_to_application_target_group(self.targets)
        group.add_lifecycle_hook(
            "LaunchHook",
            lifecycle_hook_name="launch",
            lifecycle_transition=autoscaling.LifecycleTransition.INSTANCE_LAUNCHING,
            default_result=autoscaling.DefaultResult.ABANDON,
            heartbeat_timeout=cdk.Duration.minutes(LAUNCH_MINUTES),
        )
        group.add_lifecycle_hook(
            "TerminationHook",
            lifecycle_hook_name="termination",
            lifecycle_transition=autoscaling.LifecycleTransition.INSTANCE_TERMINATING,
            default_result=autoscaling.DefaultResult.CONTINUE,
            heartbeat_timeout=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS + 60),
        )
        group.scale_to_track_metric(
            "InFlight",
            metric=fleet_metric("InFlight", self.group_name, "Average"),
            target_value=settings.in_flight_per_instance,
        )
        acknowledge(
            group, "AwsSolutions-EC26", "The launch template encrypts the volume (and a test looks)"
        )
        acknowledge(
            group, "AwsSolutions-AS3", "Alarms tell what matters; launches are daily business here"
        )
        return group

    def _launch_template(self, image: MachineImage) -> ec2.LaunchTemplate:
        code = s3_assets.Asset(
            self,
            "Code",
            path=str(ROOT),
            # Everything but these two packages stays at home.
            exclude=["*", "!hush", "!service", "!hush/**", "!service/**", "**/__pycache__"],
            ignore_mode=cdk.IgnoreMode.GIT,
        )
        role = self._instance_role(code)
        user_data = ec2.UserData.for_linux()
        user_data.add_commands(*self._environment(code, image))
        template = ec2.LaunchTemplate(
            self,
            "Template",
            machine_image=_Ami(image.ami, user_data),
            instance_type=ec2.InstanceType(self._settings.instance_types[0]),
            role=role,
            security_group=self.network.fleet,
            associate_public_ip_address=True,
            user_data=user_data,
            require_imdsv2=True,
            http_put_response_hop_limit=1,
        )
        volume: dict[str, object] = {
            "Encrypted": True,
            "VolumeType": "gp3",
            "DeleteOnTermination": True,
        }
        if self._settings.volume_initialization is not None:
            volume["VolumeInitializationRate"] = self._settings.volume_initialization
            # As fast as it is filled it has to be read: of itself, gp3 gives 125 MiB/s.
            volume["Throughput"] = max(125, self._settings.volume_initialization)
        definition = template.node.default_child
        assert isinstance(definition, ec2.CfnLaunchTemplate)
        definition.add_property_override(
            "LaunchTemplateData.BlockDeviceMappings", [{"DeviceName": "/dev/xvda", "Ebs": volume}]
        )
        return template

    def _environment(self, code: s3_assets.Asset, image: MachineImage) -> list[str]:
        """Return the commands that tell the image what it is to be, and start it."""
        values = {
            # References between stacks are looked up only when something in a template changes:
            # these change with the image, so that a new one reaches the fleet.
            "HUSH_IMAGE": f"{base_image(self)} {image.version}",
            "HUSH_CODE": code.s3_object_url,
            "HUSH_GATEWAY_KEY_SECRET": self.gateway_key.secret_arn,
            "HUSH_LOG_GROUP": f"/{self._settings.name}/fleet",
            "HUSH_GROUP": self.group_name,
            "HUSH_TARGET_GROUP": self.targets.target_group_arn,
            "HUSH_IDLE_SECONDS": str(self._settings.idle_minutes * 60),
            "HUSH_ROOT_PATH": f"/{STAGE}",
            "HUSH_MODELS": ",".join(self._settings.models),
            "HUSH_ENGINE": self._settings.engine,
            "HUSH_QUEUE_SIZE": str(QUEUE_SIZE),
            "HUSH_MAX_SECONDS": str(LONGEST_REQUEST_SECONDS),
            "HUSH_MAX_BODY_BYTES": str(MAX_BODY_BYTES),
            "HUSH_QUOTA_TABLE": self._people.quota.table_name,
            "HUSH_QUOTA_LIMITS": json.dumps(self._settings.limits),
            "AWS_DEFAULT_REGION": self.region,
        }
        # Within single quotes, systemd takes everything as it is, JSON too.
        lines = [f"{name}='{value}'" for name, value in values.items()]
        return [
            "cat >/etc/hush/environment <<'END'",
            *lines,
            "END",
            "systemctl enable --now hush-code.service hush-agent.service hush.service"
            " hush-watcher.service",
        ]

    def _instance_role(self, code: s3_assets.Asset) -> iam.Role:
        role = iam.Role(self, "InstanceRole", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        # Session Manager instead of SSH. AWS's own policy for it would read every parameter of the
        # account too, and the GitHub App's private key is one.
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ssm:UpdateInstanceInformation",
                    "ssmmessages:CreateControlChannel",
                    "ssmmessages:CreateDataChannel",
                    "ssmmessages:OpenControlChannel",
                    "ssmmessages:OpenDataChannel",
                ],
                resources=["*"],
            )
        )
        # The CDK would grant the whole bucket, with all else that was ever deployed from here.
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[code.bucket.arn_for_objects(code.s3_object_key)],
            )
        )
        self.gateway_key.grant_read(role)
        self.logs.grant_write(role)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["dynamodb:UpdateItem"], resources=[self._people.quota.table_arn]
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "autoscaling:CompleteLifecycleAction",
                    "autoscaling:SetInstanceHealth",
                    "autoscaling:TerminateInstanceInAutoScalingGroup",
                ],
                resources=[self._group_arn()],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["elasticloadbalancing:DeregisterTargets"],
                resources=[self.targets.target_group_arn],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": "hush"}},
            )
        )
        role.add_to_policy(iam.PolicyStatement(actions=["ec2:DescribeTags"], resources=["*"]))
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "PutMetricData, DescribeTags and Session Manager's own know no resources; the first is"
            " bound to a namespace",
        )
        acknowledge_resource(role, self._group_arn(), "A group's ARN holds an id of AWS's making")
        return role

    def _group_arn(self) -> str:
        return self.format_arn(
            service="autoscaling",
            resource="autoScalingGroup",
            resource_name=f"*:autoScalingGroupName/{self.group_name}",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def _status_function(self) -> lambda_.Function:
        function = python_function(
            self,
            "Status",
            "status",
            environment={
                "GROUP": self.group_name,
                "BALANCER": self.balancer.load_balancer_arn,
                "TARGETS": self.targets.target_group_arn,
                "LINK": self.link.vpc_link_id,
                "MAX_BODY_BYTES": str(MAX_BODY_BYTES),
            },
            timeout=cdk.Duration.seconds(20),
        )
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[
                    "autoscaling:DescribeAutoScalingGroups",
                    "autoscaling:DescribeScalingActivities",
                    "elasticloadbalancing:DescribeListeners",
                    "elasticloadbalancing:DescribeRules",
                    "elasticloadbalancing:DescribeTargetHealth",
                ],
                resources=["*"],
            )
        )
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["autoscaling:SetDesiredCapacity"], resources=[self._group_arn()]
            )
        )
        rules = self.format_arn(
            service="elasticloadbalancing",
            resource="listener-rule",
            resource_name=f"{self.balancer.load_balancer_full_name}/*",
        )
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["elasticloadbalancing:ModifyRule"],
                resources=[rules],
            )
        )
        self.front_door.grant_read(function)
        role = function.role
        assert role is not None
        acknowledge_resource(role, self._group_arn(), "A group's ARN holds an id of AWS's making")
        acknowledge_resource(role, rules, "The rules of this one load balancer")
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "Descriptions of groups and listeners know no resources; what changes them is bound",
        )
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["apigateway:GET"],
                resources=[
                    self.format_arn(
                        service="apigateway",
                        account="",
                        resource=f"/vpclinks/{self.link.vpc_link_id}",
                    )
                ],
            )
        )
        return function

    def _reconcile_on_changes(self) -> None:
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
                detail={"AutoScalingGroupName": [self.group_name]},
            ),
            targets=[event_targets.LambdaFunction(self.status)],
        )

    def _alarms(self) -> None:
        desired = group_metric("GroupDesiredCapacity", self.group_name)
        in_service = group_metric("GroupInServiceInstances", self.group_name)
        self.alerts.alarm(
            "no-capacity",
            cloudwatch.MathExpression(
                expression="FILL(desired, 0) > 0 AND FILL(serving, 0) < 1",
                using_metrics={"desired": desired, "serving": in_service},
                period=MINUTE,
            ),
            "The fleet was woken 15 minutes ago and no instance is ready.",
            threshold=0,
            minutes=15,
        )
        self.alerts.alarm(
            "interruptions",
            fleet_metric("Interruptions", self.group_name, "Sum").with_(
                period=cdk.Duration.hours(1)
            ),
            "EC2 took back more than three spot instances within an hour.",
            threshold=3,
        )
        self.alerts.alarm(
            "always-on",
            in_service.with_(period=cdk.Duration.hours(1), statistic="Minimum"),
            "The fleet has not slept for 12 hours.",
            threshold=0,
            minutes=12,
        )
        self.alerts.alarm(
            "door-stuck",
            cloudwatch.MathExpression(
                expression="FILL(lobby, 0) > 0 AND FILL(serving, 0) > 0",
                using_metrics={
                    "lobby": self.lobby_requests(),
                    "serving": in_service,
                },
                period=MINUTE,
            ),
            "Instances are ready, and requests still end in the lobby.",
            threshold=0,
            minutes=5,
        )
        self.alerts.alarm(
            "status-errors",
            self.status.metric_errors(period=MINUTE),
            "The status Lambda fails: the fleet may not wake, or its door may not open.",
            threshold=0,
            minutes=3,
            of=5,
        )


@jsii.implements(ec2.IMachineImage)
class _Ami:
    """A machine image whose id another stack knows."""

    def __init__(self, ami: str, user_data: ec2.UserData) -> None:
        self._ami, self._user_data = ami, user_data

    def get_image(self, _scope: Construct) -> ec2.MachineImageConfig:
        return ec2.MachineImageConfig(
            image_id=self._ami,
            os_type=ec2.OperatingSystemType.LINUX,
            user_data=self._user_data,
        )
