"""The tables of people and of quotas, made as the stack makes them."""

from typing import Any


def make_tables(dynamodb: Any, people: str, quota: str) -> None:
    """Make both.

    Parameters
    ----------
    dynamodb
        boto3's client.
    people, quota
        Their names.
    """
    keys = {name: {"AttributeName": name, "AttributeType": "S"} for name in ("who", "what", "id")}
    in_list = [{"AttributeName": name, "AttributeType": "S"} for name in ("listed", "place")]
    dynamodb.create_table(
        TableName=people,
        AttributeDefinitions=[keys["who"], keys["what"], *in_list],
        KeySchema=_schema("who", "what"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "listed",
                "KeySchema": _schema("listed", "place"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.create_table(
        TableName=quota,
        AttributeDefinitions=[keys["id"]],
        KeySchema=_schema("id"),
        BillingMode="PAY_PER_REQUEST",
    )


def _schema(*names: str) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds, strict=False)
    ]
