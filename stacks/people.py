"""What has to outlast the rest: the people who may use hush, what they used, and who signed in.

Two DynamoDB tables and the keys that sessions are signed with. The tables stay when everything else
is taken down, as nobody could make them anew.
"""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from stacks.secrets import generated_secret

INDEX = "listed"
"""Of the table of people, in which people and keys are listed."""


class People(Construct):
    """The tables of people and quotas, and the signing keys.

    Parameters
    ----------
    secrets
        The generation of the newest signing key, from 1.

    Attributes
    ----------
    table
        People with their permission, sessions and API keys: `who`, `what`.
    quota
        What each identity used on a day, what the governor counted, and what Cost Explorer said:
        `id`.
    signing_keys
        The newest signs sessions; the one before it is still accepted, so that a rotation signs
        nobody out.
    """

    def __init__(self, scope: Construct, construct_id: str, *, secrets: int) -> None:
        super().__init__(scope, construct_id)
        self.table = self._table("People", "who", "what")
        # Profiles and keys alone are in it: all of either are listed without reading sessions.
        self.table.add_global_secondary_index(
            index_name=INDEX,
            partition_key=_text("listed"),
            sort_key=_text("place"),
        )
        self.quota = self._table("Quota", "id")
        generations = range(secrets, max(0, secrets - 2), -1)
        self.signing_keys = [
            generated_secret(
                self, f"SigningKey{each}", "Signs the sessions of those who signed in", letters=64
            )
            for each in generations
        ]

    def _table(self, name: str, partition: str, sort: str | None = None) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            name,
            partition_key=_text(partition),
            sort_key=None if sort is None else _text(sort),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            time_to_live_attribute="expires",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
