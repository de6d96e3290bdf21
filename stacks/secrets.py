"""Secrets that nobody chooses or has to know: AWS makes them up."""

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct


def generated_secret(
    scope: Construct, construct_id: str, description: str, letters: int = 48
) -> secretsmanager.Secret:
    """Return a secret of random letters and digits."""
    return secretsmanager.Secret(
        scope,
        construct_id,
        description=description,
        generate_secret_string=secretsmanager.SecretStringGenerator(
            exclude_punctuation=True, password_length=letters
        ),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
