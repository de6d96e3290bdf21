"""What roles may do, as IAM decides it, with the names that CloudFormation gives to resources.

It knows what the templates use: statements on actions and resources with wildcards, conditions as
they stand, and AWS's own policies. Names that AWS makes up end in letters and digits of its kind.
"""

import functools
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from stacks.names import Names as StageNames
from stacks.settings import Settings
from tests.stacks.conftest import Templates

MADE_UP = "0A1B2C3D4E5F"
"""What CloudFormation appends to the names that it makes."""

ARNS = {
    "ApiGatewayV2::VpcLink": "arn:aws:apigateway:{region}::/vpclinks/{name}",
    "AutoScaling::AutoScalingGroup": (
        "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:0a1b-2c3d:autoScalingGroupName/"
        "{name}"
    ),
    "CloudFront::Distribution": "arn:aws:cloudfront::{account}:distribution/{name}",
    "CodeBuild::Project": "arn:aws:codebuild:{region}:{account}:project/{name}",
    "CodePipeline::Pipeline": "arn:aws:codepipeline:{region}:{account}:{name}",
    "DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "ElasticLoadBalancingV2::ListenerRule": (
        "arn:aws:elasticloadbalancing:{region}:{account}:listener-rule/{balancer}/0a1b2c/3d4e5f"
    ),
    "ElasticLoadBalancingV2::LoadBalancer": (
        "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{balancer}"
    ),
    "ElasticLoadBalancingV2::TargetGroup": (
        "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/0a1b2c3d"
    ),
    "IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "Lambda::Alias": "arn:aws:lambda:{region}:{account}:function:{name}",
    "Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "S3::Bucket": "arn:aws:s3:::{name}",
    "SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "SSM::Parameter": "arn:aws:ssm:{region}:{account}:parameter{name}",
    "SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-a1B2c3",
}
NAME_PROPERTIES = (
    "AutoScalingGroupName",
    "BucketName",
    "FunctionName",
    "LogGroupName",
    "Name",
    "RoleName",
    "TableName",
)
NAMED_BY_ARN = (
    "ElasticLoadBalancingV2::LoadBalancer",
    "ElasticLoadBalancingV2::TargetGroup",
    "Lambda::Alias",
    "SNS::Topic",
    "SecretsManager::Secret",
)
"""Types whose `Ref` is an ARN."""
NAMED_BY_LOGICAL_ID = ("SecretsManager::Secret",)
"""Types whose made-up names do not begin with the stack's."""


class Names:
    """Names and ARNs of everything in some templates."""

    def __init__(self, templates: Templates, settings: Settings) -> None:
        self._templates, self._settings = templates, settings
        self.stage = StageNames(settings.name)
        self.account, self.region = str(settings.account), str(settings.region)
        self.assets = f"cdk-hnb659fds-assets-{self.account}-{self.region}"

    def existing(self) -> Iterator[str]:
        """Return the ARN of everything that is there after a deployment."""
        for part in self._templates:
            for logical_id, resource in self._templates[part]["Resources"].items():
                if (kind := resource["Type"].removeprefix("AWS::")) in ARNS:
                    arn = self.arn(part, logical_id)
                    yield arn
                    if kind == "DynamoDB::Table":
                        for index in resource["Properties"].get("GlobalSecondaryIndexes", ()):
                            yield f"{arn}/index/{index['IndexName']}"
                    if kind == "S3::Bucket":
                        yield f"{arn}/an-object"
                    if kind == "Logs::LogGroup":
                        yield f"{arn[:-1]}log-stream:a-stream"
                    if kind == "CodeBuild::Project":
                        name = arn.rpartition("/")[2]
                        group = self.at("logs", f"log-group:/aws/codebuild/{name}")
                        yield from (group, f"{group}:log-stream:a-stream")
                        yield self.at("codebuild", f"report-group/{name}-a-report")
        # What `make app`, the connection's owner and the CDK's bootstrapping make.
        yield self.at("ssm", f"parameter{self.stage.settings_parameter}")
        yield self.github_app
        yield str(self._settings.connection)
        yield f"arn:aws:s3:::{self.assets}"
        yield from (f"arn:aws:s3:::{self.assets}/{key}" for key in self.asset_keys())
        for region in (self.region, "us-east-1"):
            for role in ("deploy", "file-publishing", "cfn-exec", "lookup"):
                name = f"cdk-hnb659fds-{role}-role-{self.account}-{region}"
                yield f"arn:aws:iam::{self.account}:role/{name}"

    def asset_keys(self) -> Iterator[str]:
        """Return the names under which the CDK uploads files."""
        for manifest in self._templates.folder.rglob("*.assets.json"):
            files = json.loads(manifest.read_text(encoding="utf-8")).get("files", {})
            for file in files.values():
                for destination in file["destinations"].values():
                    yield str(destination["objectKey"])

    @property
    def github_app(self) -> str:
        """The ARN of the secret with the GitHub App's credentials, which a person makes."""
        return self.at("secretsmanager", f"secret:{self.stage.github_secret}-a1B2c3")

    def at(self, service: str, resource: str) -> str:
        """Return an ARN in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def named(self, part: str, beginning: str) -> str:
        """Return the ARN of the only resource whose logical id begins so."""
        resources = self._templates[part]["Resources"].items()
        (found,) = (
            name
            for name, each in resources
            if re.fullmatch(rf"{beginning}[0-9A-F]{{8}}", name)
            and each["Type"].removeprefix("AWS::") in ARNS
        )
        return self.arn(part, found)

    def arn(self, part: str, logical_id: str) -> str:
        """Return a resource's ARN."""
        kind = self._kind(part, logical_id)
        name = self._name(part, logical_id)
        region = "us-east-1" if part == "certificate" else self.region
        return ARNS[kind].format(
            region=region, account=self.account, name=name, balancer="app/speech-Balan-0A1B/0a1b2c"
        )

    def text(self, part: str, value: Any) -> str:  # noqa: PLR0911
        """Return what a template's value is once it is deployed."""
        match value:
            case str():
                return value.replace("${AWS::Partition}", "aws")
            case {"Ref": "AWS::Partition"}:
                return "aws"
            case {"Ref": "AWS::AccountId"}:
                return self.account
            case {"Ref": "AWS::Region"}:
                return self.region
            case {"Ref": name}:
                by_arn = self._kind(part, name) in NAMED_BY_ARN
                return self.arn(part, name) if by_arn else self._name(part, name)
            case {"Fn::GetAtt": [_, "LoadBalancerFullName"]}:
                return "app/speech-Balan-0A1B/0a1b2c"
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.arn(part, name)
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.text(part, each) for each in parts)
            case {"Fn::Sub": str() as text}:
                return self.text(part, text)
            case {"Fn::GetStackOutput": {"StackName": stack, "OutputName": output}}:
                other = str(stack).rpartition("-")[2]
                found = self._templates[other]["Outputs"][output]["Value"]
                return self.text(other, found)
        raise ValueError(f"{part}: {json.dumps(value)} is not understood")

    def _kind(self, part: str, logical_id: str) -> str:
        return str(self._templates[part]["Resources"][logical_id]["Type"]).removeprefix("AWS::")

    def _name(self, part: str, logical_id: str) -> str:
        properties = self._templates[part]["Resources"][logical_id].get("Properties", {})
        if self._kind(part, logical_id) == "Lambda::Alias":
            return f"{self.text(part, properties['FunctionName'])}:{properties['Name']}"
        for name in NAME_PROPERTIES:
            if isinstance(properties.get(name), str):
                return str(properties[name])
        if self._kind(part, logical_id) in NAMED_BY_LOGICAL_ID:
            return f"{logical_id}-{MADE_UP}"
        stack = self.stage.pipeline if part == "pipeline" else f"{self.stage.prefix}-{part}"
        if self._kind(part, logical_id) == "S3::Bucket":
            return f"{stack}-{logical_id}-{MADE_UP}".lower()
        return f"{stack}-{logical_id}-{MADE_UP}"


class Roles:
    """The roles of some templates, with what their own policies and AWS's allow."""

    def __init__(self, templates: Templates, names: Names) -> None:
        self._templates, self._names = templates, names

    def everyone(self) -> Iterator[tuple[str, str]]:
        """Return the part and the name of every role, without the hash of its logical id."""
        for part in self._templates:
            for name, each in self._templates[part]["Resources"].items():
                if each["Type"] == "AWS::IAM::Role":
                    yield part, name[:-8]

    def statements(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Return every statement with its part and its role's logical id."""
        for part in self._templates:
            for policy in self._templates.of(part, "IAM::Policy"):
                for role in policy["Roles"]:
                    for statement in policy["PolicyDocument"]["Statement"]:
                        yield part, str(role["Ref"]), statement

    def resources(self, part: str, statement: dict[str, Any]) -> list[str]:
        """Return the resources of a statement, by name."""
        return [self._names.text(part, each) for each in listed(statement["Resource"])]

    def managed(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Return every statement of AWS's own policies, with its part and its role's logical id."""
        for part in self._templates:
            for name, each in self._templates[part]["Resources"].items():
                if each["Type"] == "AWS::IAM::Role":
                    for arn in each["Properties"].get("ManagedPolicyArns", ()):
                        policy = self._names.text(part, arn).rpartition("/")[2]
                        for statement in managed_policy(policy):
                            yield part, name, statement

    def may(self, part: str, role: str, action: str, resource: str, **context: str) -> bool:
        """Decide whether the role whose logical id begins so may do something.

        Parameters
        ----------
        action, resource
            Such as "s3:GetObject", and an ARN.
        context
            What conditions look at, with an underscore for the colon.
        """
        own = [
            {**statement, "Resource": self.resources(part, statement)}
            for where, name, statement in (*self.statements(), *self.managed())
            if where == part and re.fullmatch(rf"{role}[0-9A-F]{{8}}", name)
        ]
        return allowed(own, action, resource, **context)


@functools.cache
def _managed_policies() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


def managed_policy(name: str) -> list[dict[str, Any]]:
    """Return the statements of a policy of AWS's, as moto has it."""
    statements: list[dict[str, Any]] = _managed_policies()[name]["Document"]["Statement"]
    return statements


def allowed(statements: list[dict[str, Any]], action: str, resource: str, **context: str) -> bool:
    """Decide whether some statements allow something, and none denies it; see `Roles.may`."""
    known = {name.replace("_", ":"): value for name, value in context.items()}
    effects = {
        statement["Effect"]
        for statement in statements
        if any(_matches(action, each) for each in listed(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        and _holds(statement.get("Condition", {}), known)
    }
    return effects == {"Allow"}


def listed(value: Any) -> list[Any]:
    """Return what may stand alone in a policy as a list."""
    return value if isinstance(value, list) else [value]


def _matches(action: str, pattern: str) -> bool:
    return fnmatchcase(action.lower(), pattern.lower())


def _holds(condition: dict[str, Any], context: dict[str, str]) -> bool:
    for operator, wanted in condition.items():
        if operator not in (
            "StringEquals",
            "ForAllValues:StringEquals",
            "ForAnyValue:StringEquals",
        ):
            raise ValueError(f"{operator} is not understood")
        for key, values in wanted.items():
            if context.get(key) not in listed(values):
                return False
    return True
