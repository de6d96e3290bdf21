"""What outlives the stacks of an installation: buckets, and logs that AWS's services made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

LOG_GROUPS = {
    "AWS::CodeBuild::Project": "/aws/codebuild/",
    "AWS::Lambda::Function": "/aws/lambda/",
}
"""Where services write logs of what a stack has, if they are told of no other place."""

BUCKET = "AWS::S3::Bucket"


@dataclass(frozen=True)
class Resource:
    """Something that a stack had.

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
    """Return what some stacks had until they were deleted, and what of it they may have kept.

    CloudFormation tells it for 90 days, so that what did not end can be tried again.

    Parameters
    ----------
    stacks
        In which region each was, by its name.
    """
    found: list[Resource] = []
    for region in sorted(set(stacks.values())):
        names = {name for name, where in stacks.items() if where == region}
        client: Any = boto3.client("cloudformation", region)
        listed = client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
        for each in [each for page in listed for each in page["StackSummaries"]]:
            if each["StackName"] in names:
                found += _resources(client, region, each["StackId"])
    return found


def _resources(client: Any, region: str, stack: str) -> Iterator[Resource]:
    for page in client.get_paginator("list_stack_resources").paginate(StackName=stack):
        for each in page["StackResourceSummaries"]:
            kind, name = each["ResourceType"], each.get("PhysicalResourceId")
            # What was never made has no name; and the name of a bucket that is gone is anybody's.
            gone = kind == BUCKET and each["ResourceStatus"] == "DELETE_COMPLETE"
            if name and not gone:
                yield Resource(region, kind, name)


def delete_buckets(resources: list[Resource]) -> int:
    """Delete those buckets that were kept, with all that is in them; count them."""
    deleted = 0
    for each in resources:
        if each.kind != BUCKET:
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


def delete_logs(resources: list[Resource], *others: tuple[str, str]) -> int:
    """Delete the logs that CodeBuild and Lambda made for themselves; count them.

    Parameters
    ----------
    resources
        What the stacks had.
    others
        Regions and names of other groups, such as Image Builder's, which it calls by the recipe.
    """
    groups = {
        (each.region, LOG_GROUPS[each.kind] + each.name)
        for each in resources
        if each.kind in LOG_GROUPS
    }
    deleted = 0
    for where, name in sorted({*groups, *others}):
        client: Any = boto3.client("logs", where)
        try:
            client.delete_log_group(logGroupName=name)
        except client.exceptions.ResourceNotFoundException:
            continue
        deleted += 1
    return deleted
