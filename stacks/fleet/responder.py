"""The responder: the inference service within a Lambda, which answers while no GPU is ready."""

import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from hush.contracts import ledger
from stacks.functions import libraries, python_function
from stacks.limits import LONGEST_REQUEST_SECONDS, MAX_BODY_BYTES, STAGE
from stacks.names import Names
from stacks.settings import Settings
from stacks.weights import MODEL, no_weights, responder_weights, small_files

WEIGHTS = "hush:weights"
"""Context: a folder of weights for what leaves out libraries, as tests of the whole do."""


class Responder(Construct):
    """The Lambda, and its weights in S3.

    Parameters
    ----------
    model
        What hears.
    quota
        Table in which the service keeps what each identity used, and the governor whether the fleet
        is stopped.
    gateway_key
        Secret by which it knows the API.
    status
        The Lambda that is told whenever somebody wants words, and wakes the fleet.

    Attributes
    ----------
    target
        What the load balancer asks: the function, or an alias of which some are kept ready.
    function
        The function.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        names: Names,
        *,
        model: str,
        quota: dynamodb.ITable,
        gateway_key: secretsmanager.ISecret,
        status: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        given = self.node.try_get_context(WEIGHTS)
        made = responder_weights if libraries(self) else no_weights
        folder = Path(given) if given else made(model)
        weights = s3_assets.Asset(self, "Weights", path=str(folder / MODEL))
        self.function = python_function(
            self,
            "Function",
            "responder",
            environment={
                "HUSH_RESPONDER_MODEL": model,
                "HUSH_WEIGHTS_URL": weights.http_url,
                "HUSH_GATEWAY_KEY_SECRET": gateway_key.secret_arn,
                "HUSH_STATUS_FUNCTION": status.function_name,
                "HUSH_GROUP": names.group,
                "HUSH_COMING": ",".join(settings.models),
                "HUSH_ROOT_PATH": f"/{STAGE}",
                "HUSH_ANSWER_SECONDS": str(LONGEST_REQUEST_SECONDS),
                "HUSH_MAX_SECONDS": str(LONGEST_REQUEST_SECONDS),
                "HUSH_MAX_BODY_BYTES": str(MAX_BODY_BYTES),
                "HUSH_QUOTA_TABLE": quota.table_name,
                "HUSH_QUOTA_LIMITS": json.dumps(settings.limits),
                # As the service does for itself.
                "OPENBLAS_NUM_THREADS": "1",
            },
            timeout=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS + 5),
            memory=settings.responder_memory,
            service=True,
            files={"model": small_files(folder)},
            most=settings.responder_concurrency,
        )
        self.target: lambda_.IFunction = self.function
        if settings.responder_provisioned:
            self.target = lambda_.Alias(
                self,
                "Ready",
                alias_name="ready",
                version=self.function.current_version,
                provisioned_concurrent_executions=settings.responder_provisioned,
            )
        for resource, action in (
            # The CDK would grant the whole bucket, with all else that was ever deployed from here.
            (weights.bucket.arn_for_objects(weights.s3_object_key), "s3:GetObject"),
            (quota.table_arn, "dynamodb:UpdateItem"),
            (gateway_key.secret_arn, "secretsmanager:GetSecretValue"),
            (status.function_arn, "lambda:InvokeFunction"),
        ):
            self.function.add_to_role_policy(
                iam.PolicyStatement(actions=[action], resources=[resource])
            )
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["dynamodb:GetItem"],
                resources=[quota.table_arn],
                conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [ledger.KEY]}},
            )
        )
