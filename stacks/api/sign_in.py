"""Sign-in: the Lambda that people sign in with, and the authorizer that lets them in afterwards.

What either may do is listed in full: neither has a permission that the other one needs alone.
"""

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.functions import python_function
from stacks.names import Names
from stacks.secrets import generated_secret
from stacks.settings import Settings

PACKAGES = ("identity",)
NOTED = ("who", "what", "seen", "used", "listed", "place")
"""All that the authorizer writes of people and keys, with what names them."""
MEMORY = 1024
"""MiB. Lambda gives CPU by it, and a cold start is nothing but CPU."""


class SignIn(Construct):
    """The two Lambdas, and the key of whoever deployed this.

    Parameters
    ----------
    people, quota
        The tables of people, and of what each identity used.
    signing_keys
        The newest signs sessions; all are accepted.
    front_door
        Secret by which CloudFront is known.

    Attributes
    ----------
    auth
        Answers `/auth/`, and asks GitHub.
    authorizer
        Decides about every other request.
    environment
        What every Lambda is told that has to know who asks.
    deployment_key, deployment_key_name
        Secret with the key that the smoke test uses, and with what its name begins.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        names: Names,
        *,
        people: dynamodb.ITable,
        quota: dynamodb.ITable,
        signing_keys: Sequence[secretsmanager.ISecret],
        front_door: secretsmanager.ISecret,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._people, self._quota = names, people, quota
        self.deployment_key = generated_secret(
            self,
            f"DeploymentKey{settings.secrets}",
            "API key of whoever deployed this, and of the smoke test",
        )
        definition = self.deployment_key.node.default_child
        assert isinstance(definition, cdk.CfnElement)
        # CloudFormation names a secret after it, and adds letters of its own.
        self.deployment_key_name = cdk.Stack.of(self).get_logical_id(definition)
        self._secrets = [front_door, self.deployment_key, *signing_keys]
        stack = cdk.Stack.of(self)
        self.environment = {
            "HUSH_PEOPLE_TABLE": people.table_name,
            "HUSH_QUOTA_TABLE": quota.table_name,
            "HUSH_SIGNING_KEYS": ",".join(key.secret_arn for key in signing_keys),
            "HUSH_FRONT_DOOR_SECRET": front_door.secret_arn,
            "HUSH_DEPLOYMENT_KEY_SECRET": self.deployment_key.secret_arn,
            "HUSH_POLICY": json.dumps(settings.policy),
            "HUSH_LIMITS": json.dumps(settings.limits),
            "HUSH_DEPLOYMENT": f"{stack.region}/{stack.account}/{names.prefix}",
        }
        self.auth = self._auth()
        self.authorizer = self._authorizer()

    def _auth(self) -> lambda_.Function:
        names = self._names
        function = python_function(
            self,
            "Auth",
            "auth",
            environment={
                **self.environment,
                "HUSH_GITHUB_SECRET": names.github_secret,
                "HUSH_URL_PARAMETER": names.url_parameter,
            },
            # GitHub may be slow.
            timeout=cdk.Duration.seconds(25),
            memory=MEMORY,
            packages=PACKAGES,
        )
        allow(
            function,
            [self._people.table_arn],
            "dynamodb:BatchGetItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        )
        allow(function, [self._quota.table_arn], "dynamodb:GetItem")
        self.allow_secrets(function)
        # Secrets Manager ends a name with six letters of its own.
        app = cdk.Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{names.github_secret}-??????",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(function, [app], "secretsmanager:GetSecretValue")
        allow(function, [parameter_arn(self, names.url_parameter)], "ssm:GetParameter")
        return function

    def _authorizer(self) -> lambda_.Function:
        function = python_function(
            self,
            "Authorizer",
            "authorizer",
            environment={**self.environment, "HUSH_AUTH_FUNCTION": self.auth.function_arn},
            timeout=cdk.Duration.seconds(28),
            memory=MEMORY,
            packages=PACKAGES,
        )
        allow(
            function,
            [self._people.table_arn],
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
        )
        # When somebody was seen, and nothing else: not who is blocked, nor what a key's hash is.
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["dynamodb:UpdateItem"],
                resources=[self._people.table_arn],
                conditions={"ForAllValues:StringEquals": {"dynamodb:Attributes": list(NOTED)}},
            )
        )
        self.allow_secrets(function)
        allow(function, [self.auth.function_arn], "lambda:InvokeFunction")
        return function

    def allow_secrets(self, function: lambda_.Function) -> None:
        """Allow a Lambda to tell who asks: by CloudFront's secret, keys and sessions."""
        arns = [each.secret_arn for each in self._secrets]
        allow(function, arns, "secretsmanager:GetSecretValue")


def allow(function: lambda_.Function, resources: list[str], *actions: str) -> None:
    """Allow a Lambda some actions on some resources."""
    function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=resources))


def parameter_arn(scope: Construct, name: str) -> str:
    """Return the ARN of a parameter of SSM."""
    return cdk.Stack.of(scope).format_arn(
        service="ssm", resource="parameter", resource_name=name.removeprefix("/")
    )
