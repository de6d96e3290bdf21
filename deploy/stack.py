"""CloudFormation's stacks by their names: whether they are there, and their end."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

from stacks.application import CERTIFICATE_REGION
from stacks.settings import Settings

FORMER_PARTS = ("fleet", "api", "site", "image", "people", "certificate")
"""What each stack was called after the setting `name`, in versions before the three stacks."""


def describe(name: str, region: str) -> dict[str, Any] | None:
    """Return what CloudFormation says of a stack; None if it is not there."""
    try:
        stacks = boto3.client("cloudformation", region).describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # It has no code of its own for that.
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return dict(stacks[0])


def delete(name: str, region: str) -> None:
    """Delete a stack, and wait until it is gone."""
    client: Any = boto3.client("cloudformation", region)
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name)


def former(settings: Settings) -> list[str]:
    """Return the stacks of an older version of hush that are there: none that this one knows."""
    found = []
    for part in FORMER_PARTS:
        name = f"{settings.name}-{part}"
        region = CERTIFICATE_REGION if part == "certificate" else str(settings.region)
        stack = describe(name, region)
        # Somebody else's may be called so too.
        if stack is not None and {"Key": "hush", "Value": settings.name} in stack["Tags"]:
            found.append(name)
    return found
