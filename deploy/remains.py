"""What outlives the stacks of an installation: buckets, and logs that AWS's services made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

LOG_GROUPS = {
    "AWS::CodeBuild::Project": "/aws/codebuild/",
    "AWS::Lambda::Function": "/aws/lambda/",
}
"""Where services write logs of what a stack has, if they are told of no other place."""


@dataclass(frozen=True)
class Resource:
    """Something that a stack has.

    Attributes
    ----------
    region
        Where it is.
    kind
        Its type, as CloudFormation calls it.
    name
        Its own name.
    """

    region: str
    kind: str
    name: str


def resources_of(stacks: Mapping[str, str]) -> list[Resource]:
    """Return what some stacks have, as far as they are there.

    Parameters
    ----------
    stacks
        In which region each is, by its name.
    """
    found = []
    for stack, region in stacks.items():
        client: Any = boto3.client("cloudformation", region)
        pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
        try:
            for page in pages:
                for each in page["StackResourceSummaries"]:
                    name = str(each.get("PhysicalResourceId", ""))
                    found.append(Resource(region, each["ResourceType"], name))
        except ClientError:
            continue
    return found


def delete_buckets(resources: list[Resource]) -> int:
    """Delete those buckets that were kept, with all that is in them; count them."""
    deleted = 0
    for each in resources:
        if each.kind != "AWS::S3::Bucket":
            continue
        bucket: Any = boto3.resource("s3", region_name=each.region).Bucket(each.name)
        try:
            bucket.object_versions.delete()
            bucket.delete()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
        else:
            deleted += 1
    return deleted


def delete_logs(resources: list[Resource], region: str, recipe: str) -> int:
    """Delete the logs that CodeBuild, Lambda and Image Builder made for themselves; count them.

    Parameters
    ----------
    resources
        What the stacks had.
    region, recipe
        Where images were built, and what comes before the base image in their recipe's name.
    """
    groups = {
        (each.region, LOG_GROUPS[each.kind] + each.name)
        for each in resources
        if each.kind in LOG_GROUPS
    }
    client: Any = boto3.client("logs", region)
    # One for each base image that there ever was.
    prefix = f"/aws/imagebuilder/{recipe}-ami-"
    for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
        names = [str(group["logGroupName"]) for group in page["logGroups"]]
        groups |= {
            (region, name) for name in names if re.fullmatch(r"[0-9a-f]+", name[len(prefix) :])
        }
    deleted = 0
    for where, name in sorted(groups):
        client = boto3.client("logs", where)
        try:
            client.delete_log_group(logGroupName=name)
        except client.exceptions.ResourceNotFoundException:
            continue
        deleted += 1
    return deleted
