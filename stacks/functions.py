"""Lambdas made of the folders of `lambda/`."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.acknowledged import acknowledge

ROOT = Path(__file__).parents[1]


def python_function(
    scope: Construct,
    construct_id: str,
    folder: str,
    environment: dict[str, str],
    timeout: cdk.Duration,
) -> lambda_.Function:
    """Return a Lambda made of one folder of `lambda/`, which needs nothing but boto3.

    Its module is called as its folder, and its handler `handler`.
    """
    function_logs = logs.LogGroup(
        scope,
        f"{construct_id}Log",
        retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    role = iam.Role(
        scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
    )
    function_logs.grant_write(role)
    acknowledge(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "Descriptions of groups and listeners know no resources; what changes them is bound",
    )
    return lambda_.Function(
        scope,
        construct_id,
        runtime=lambda_.Runtime.PYTHON_3_14,
        architecture=lambda_.Architecture.ARM_64,
        code=lambda_.Code.from_asset(
            str(ROOT / "lambda" / folder), exclude=["__pycache__", "*.pyc"]
        ),
        handler=f"{folder}.handler",
        role=role,
        environment=environment,
        timeout=timeout,
        memory_size=256,
        log_group=function_logs,
    )
