"""The administration: the Lambda behind `/administration/`, and what it is told of all the rest.

Every action that it may take is listed in full, on the names of this installation. What only
describes knows no resources in IAM.
"""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from hush.contracts import ledger
from stacks.api.sign_in import MEMORY, PACKAGES, SignIn, allow, parameter_arn
from stacks.fleet.machines import group_arn
from stacks.functions import python_function
from stacks.installation import Balanced, installation
from stacks.names import Names
from stacks.people import INDEX
from stacks.settings import Settings


class Administration(Construct):
    """The Lambda, and the parameter that tells it what there is.

    Parameters
    ----------
    sign_in
        By which it knows who asks, and whose logs it reads.
    people, quota
        The tables of people, and of what each identity used.
    balanced
        By what names metrics know the load balancer.

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
        sign_in: SignIn,
        people: dynamodb.ITable,
        quota: dynamodb.ITable,
        balanced: Balanced,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings, self._names = settings, names
        self.function = python_function(
            self,
            "Admin",
            "admin",
            environment={
                **sign_in.environment,
                "HUSH_URL_PARAMETER": names.url_parameter,
                "HUSH_INSTALLATION_PARAMETER": names.installation_parameter,
            },
            timeout=cdk.Duration.seconds(28),
            memory=MEMORY,
            packages=PACKAGES,
        )
        logs = [each.log_group for each in (sign_in.auth, sign_in.authorizer, self.function)]
        self._tell([each.log_group_name for each in logs], balanced)
        sign_in.allow_secrets(self.function)
        self._allow_people(people, quota)
        self._allow_fleet()
        allow(self.function, [each.log_group_arn for each in logs], "logs:FilterLogEvents")

    def _tell(self, audit_logs: list[str], balanced: Balanced) -> None:
        names = self._names
        told = installation(self._settings, names, balanced, audit_logs)
        # It is too much for the Lambda's environment, beside the policy.
        ssm.StringParameter(
            self,
            "Installation",
            parameter_name=names.installation_parameter,
            string_value=cdk.Stack.of(self).to_json_string(told),
        )
        parameters = (names.url_parameter, names.installation_parameter)
        arns = [parameter_arn(self, name) for name in parameters]
        allow(self.function, arns, "ssm:GetParameter")

    def _allow_people(self, people: dynamodb.ITable, quota: dynamodb.ITable) -> None:
        allow(
            self.function,
            [people.table_arn],
            "dynamodb:BatchGetItem",
            "dynamodb:DeleteItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        )
        allow(self.function, [f"{people.table_arn}/index/{INDEX}"], "dynamodb:Query")
        allow(self.function, [quota.table_arn], "dynamodb:BatchGetItem", "dynamodb:GetItem")
        if self._settings.cost_explorer:
            allow(self.function, ["*"], "ce:GetCostAndUsage")
            self.function.add_to_role_policy(
                iam.PolicyStatement(
                    actions=["dynamodb:PutItem"],
                    resources=[quota.table_arn],
                    conditions={
                        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [ledger.BILL]}
                    },
                )
            )

    def _allow_fleet(self) -> None:
        names, stack = self._names, cdk.Stack.of(self)
        allow(
            self.function,
            ["*"],
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeScheduledActions",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "ec2:DescribeInstances",
        )
        allow(
            self.function,
            [group_arn(self, names.group)],
            "autoscaling:DeleteScheduledAction",
            "autoscaling:PutScheduledUpdateGroupAction",
            "autoscaling:UpdateAutoScalingGroup",
        )
        governor = lambda_.Function.from_function_name(self, "Governor", names.governor)
        allow(self.function, [governor.function_arn], "lambda:InvokeFunction")
        pipeline = stack.format_arn(service="codepipeline", resource=names.pipeline)
        allow(self.function, [pipeline], "codepipeline:GetPipelineState")
        builds = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{names.pipeline_log}:log-stream:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(self.function, [builds], "logs:GetLogEvents")
