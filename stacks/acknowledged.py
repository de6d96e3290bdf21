"""Findings of cdk-nag that are as they should be, each with its reason."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept a finding on a construct and all that is in it."""
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))


def acknowledge_resource(construct: IConstruct, arn: str, reason: str) -> None:
    """Accept that a role's policy names a resource with a wildcard."""
    resolved = cdk.Stack.of(construct).resolve(arn)
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{_as_text(resolved)}]", reason)


def acknowledge_library_policies(construct: IConstruct, reason: str) -> None:
    """Accept the wildcards in policies that a library's constructs made, once they are complete."""
    for policy in construct.node.find_all():
        if isinstance(policy, iam.CfnPolicy):
            document = cdk.Stack.of(policy).resolve(policy.policy_document)
            for statement in document["Statement"]:
                for kind in ("Action", "Resource"):
                    for value in _listed(statement.get(kind, [])):
                        if "*" in (text := _as_text(value)):
                            acknowledge(policy, f"AwsSolutions-IAM5[{kind}::{text}]", reason)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _as_text(value: Any) -> str:
    """Write a resolved value as cdk-nag does: references in angle brackets."""
    match value:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::Sub": text}:
            return str(text).replace("${", "<").replace("}", ">")
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_as_text(part) for part in parts)
        case _:
            return str(value)
