"""The machines of the fleet: what an instance is and may do, and the group that has them."""

import json
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.limits import LONGEST_REQUEST_SECONDS, MAX_BODY_BYTES, QUEUE_SIZE, STAGE
from stacks.names import Names
from stacks.network import Network
from stacks.observability.metrics import fleet_metric
from stacks.office_hours import OfficeHours
from stacks.settings import Settings

ROOT = Path(__file__).parents[2]
LAUNCH_MINUTES = 20
"""An instance that is not ready by then is given up."""
VERSION_LETTERS = 12
"""Of the hash of an instance's code, by which its version is known."""
BAKE_SECONDS = 300
"""For as long after an instance refresh, errors of the API take the deployment back."""


class Machines(Construct):
    """The auto scaling group, its launch template, and the role of its instances.

    Parameters
    ----------
    network
        Where they are.
    targets
        Where the load balancer finds them.
    ami, image_version
        Id of the machine image, and what changes with what goes into it.
    quota
        Table in which the service keeps what each identity used.
    gateway_key
        Secret by which they know the API.
    overflow
        The Lambda that hears what their queues have no room for; nobody does if None.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        names: Names,
        *,
        network: Network,
        targets: balancing.ApplicationTargetGroup,
        ami: str,
        image_version: str,
        quota: dynamodb.ITable,
        gateway_key: secretsmanager.ISecret,
        overflow: lambda_.IFunction | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings, self._names = settings, names
        self._network, self._targets = network, targets
        self._quota, self._gateway_key, self._overflow = quota, gateway_key, overflow
        self._logs = logs.LogGroup(
            self,
            "Log",
            log_group_name=names.fleet_log,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        code = s3_assets.Asset(
            self,
            "Code",
            path=str(ROOT),
            # Everything but these two packages stays at home.
            exclude=["*", "!hush", "!service", "!hush/**", "!service/**", "**/__pycache__"],
            ignore_mode=cdk.IgnoreMode.GIT,
        )
        user_data = ec2.UserData.for_linux()
        user_data.add_commands(*self._commands(code, image_version))
        group = self._group(self._launch_template(ami, user_data, self._instance_role(code)))
        # What each instance is, for as long as it runs: the next deployment tags the next ones.
        cdk.Tags.of(group).add("hush-version", code.asset_hash[:VERSION_LETTERS])
        cdk.Tags.of(group).add("hush-models", " ".join(settings.models))

    def _group(self, template: ec2.LaunchTemplate) -> autoscaling.AutoScalingGroup:
        settings = self._settings
        group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            auto_scaling_group_name=self._names.group,
            vpc=self._network.vpc,
            vpc_subnets=self._network.outside,
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
                bake_time=cdk.Duration.seconds(BAKE_SECONDS),
            ),
        )
        definition = group.node.default_child
        assert isinstance(definition, autoscaling.CfnAutoScalingGroup)
        # By its name, as the alarm is made of what is made of the group.
        definition.add_override(
            "UpdatePolicy.AutoScalingInstanceRefresh.Preferences.AlarmSpecification",
            {"Alarms": [self._names.alarm("api-errors")]},
        )
        group.attach_to_application_target_group(self._targets)
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
            heartbeat_timeout=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS + 90),
        )
        if settings.office_hours:
            hours = OfficeHours.parse(settings.office_hours)
            # Of an idle instance, the group keeps its least size; whatever is busy stays anyway.
            for name, cron, least in (
                ("Warm", hours.warm_from, 1),
                ("Cold", hours.warm_until, 0),
            ):
                group.scale_on_schedule(
                    name,
                    schedule=autoscaling.Schedule.expression(cron),
                    time_zone=hours.zone,
                    min_capacity=least,
                )
        group.scale_to_track_metric(
            "InFlight",
            metric=fleet_metric("InFlight", self._names.group, "Average"),
            target_value=settings.in_flight_per_instance,
        )
        return group

    def _launch_template(
        self, ami: str, user_data: ec2.UserData, role: iam.IRole
    ) -> ec2.LaunchTemplate:
        template = ec2.LaunchTemplate(
            self,
            "Template",
            machine_image=_Ami(ami, user_data),
            instance_type=ec2.InstanceType(self._settings.instance_types[0]),
            role=role,
            security_group=self._network.fleet,
            associate_public_ip_address=True,
            user_data=user_data,
            require_imdsv2=True,
            http_put_response_hop_limit=1,
        )
        volume: dict[str, object] = {
            "Encrypted": True,
            "VolumeType": "gp3",
            "VolumeSize": self._settings.volume_gigabytes,
            "DeleteOnTermination": True,
        }
        if rate := self._settings.volume_initialization:
            volume["VolumeInitializationRate"] = rate
            # As fast as it is filled it has to be read: of itself, gp3 gives 125 MiB/s.
            volume["Throughput"] = max(125, rate)
        definition = template.node.default_child
        assert isinstance(definition, ec2.CfnLaunchTemplate)
        definition.add_property_override(
            "LaunchTemplateData.BlockDeviceMappings",
            [{"DeviceName": self._settings.accelerator.root_device, "Ebs": volume}],
        )
        return template

    def _commands(self, code: s3_assets.Asset, image_version: str) -> list[str]:
        """Return the commands that tell the image what it is to be, and start it."""
        settings = self._settings
        values = {
            # The image is in another stack, and a reference to it is looked up only when something
            # in this template changes: this changes with it, so that a new one reaches the fleet.
            "HUSH_IMAGE": image_version,
            "HUSH_CODE": code.s3_object_url,
            "HUSH_GATEWAY_KEY_SECRET": self._gateway_key.secret_arn,
            "HUSH_LOG_GROUP": self._names.fleet_log,
            "HUSH_GROUP": self._names.group,
            "HUSH_TARGET_GROUP": self._targets.target_group_arn,
            "HUSH_IDLE_SECONDS": str(settings.idle_minutes * 60),
            "HUSH_ROOT_PATH": f"/{STAGE}",
            "HUSH_MODELS": ",".join(settings.models),
            "HUSH_ENGINE": settings.running_engine,
            "HUSH_QUEUE_SIZE": str(QUEUE_SIZE),
            "HUSH_ANSWER_SECONDS": str(LONGEST_REQUEST_SECONDS),
            "HUSH_MAX_SECONDS": str(LONGEST_REQUEST_SECONDS),
            "HUSH_MAX_BODY_BYTES": str(MAX_BODY_BYTES),
            "HUSH_QUOTA_TABLE": self._quota.table_name,
            "HUSH_QUOTA_LIMITS": json.dumps(settings.limits),
            "AWS_DEFAULT_REGION": cdk.Stack.of(self).region,
        }
        if self._overflow is not None:
            values["HUSH_OVERFLOW"] = self._overflow.function_arn
            values["HUSH_OVERFLOW_MODEL"] = str(settings.responder)
        # Within single quotes, systemd takes everything as it is, JSON too.
        lines = [f"{name}='{value}'" for name, value in values.items()]
        return [
            "cat >/etc/hush/environment <<'END'",
            *lines,
            "END",
            "systemctl enable --now hush-code.service hush-agent.service hush.service"
            " hush-watcher.service hush-drain.path",
        ]

    def _instance_role(self, code: s3_assets.Asset) -> iam.Role:
        role = iam.Role(self, "InstanceRole", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        # Session Manager instead of SSH. AWS's own policy for it would read every parameter of the
        # account too, whatever others keep there.
        session = (
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        )
        of_the_group = (
            "autoscaling:CompleteLifecycleAction",
            "autoscaling:SetInstanceHealth",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
        )
        for resource, actions in (
            ("*", session),
            # The CDK would grant the whole bucket, with all else that was ever deployed from here.
            (code.bucket.arn_for_objects(code.s3_object_key), ("s3:GetObject",)),
            (self._quota.table_arn, ("dynamodb:UpdateItem",)),
            (group_arn(self, self._names.group), of_the_group),
            (self._targets.target_group_arn, ("elasticloadbalancing:DeregisterTargets",)),
            ("*", ("ec2:DescribeTags",)),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[resource]))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": "hush"}},
            )
        )
        if self._overflow is not None:
            # The CDK would grant its versions too, whichever those are.
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["lambda:InvokeFunction"], resources=[self._overflow.function_arn]
                )
            )
        self._gateway_key.grant_read(role)
        self._logs.grant_write(role)
        return role


def group_arn(scope: Construct, name: str) -> str:
    """Return the ARN of the auto scaling group, which holds an id of AWS's making."""
    return cdk.Stack.of(scope).format_arn(
        service="autoscaling",
        resource="autoScalingGroup",
        resource_name=f"*:autoScalingGroupName/{name}",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
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
