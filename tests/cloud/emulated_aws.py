"""An AWS in this process, to which the real CDK command line deploys.

It is moto's server. What moto's CloudFormation does not make is made here: by the call to the same
server that CloudFormation would make, or, where moto has nothing of the kind, by writing down what
was asked for. Every resource's properties, with all references looked up, stand in `deployed`.

What this shows is that references, their order and the shapes of parameters fit. It does not show
that AWS accepts the templates, enforces permissions, serves through CloudFront or boots a GPU.
"""

import copy
import io
import json
import logging
import os
import re
import secrets
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from moto.cloudformation import cloudformation_backends, parsing
from moto.cloudformation.models import CloudFormationBackend
from moto.core.common_models import CloudFormationModel
from moto.elbv2.models import ELBv2Backend
from moto.server import ThreadedMotoServer

from local.emulated_group import emulated_groups
from local.emulated_metrics import emulated_metrics
from local.emulated_pipeline import States, emulated_pipelines

ROOT = Path(__file__).parents[2]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
ACCOUNT, REGION = "123456789012", "us-east-1"
DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:(.+?):SecretString:::?:?\}\}")

_clean_json = parsing.clean_json
_create = parsing.parse_and_create_resource
_update = parsing.parse_and_update_resource
_update_parameters = CloudFormationBackend._resolve_update_parameters


class EmulatedAws:
    """A running server, and what was deployed to it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self.deployed: dict[str, dict[str, Any]] = {}
        self.pipelines: States = {}
        self.environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CI": "true",
        }
        self.environment.pop("AWS_PROFILE", None)

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        return boto3.client(
            service,
            REGION,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def cdk(self, *arguments: str | Path) -> str:
        """Run the CDK's command line to its end, and return what it said."""
        ran = subprocess.run(
            [CDK, "--no-notices", "--no-color", *map(str, arguments)],
            cwd=self._folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def deploy(self, assembly: Path, *stacks: str) -> str:
        """Deploy stacks of an assembly. With change sets, moto records no outputs."""
        return self.cdk(
            "deploy",
            "--app",
            assembly,
            "--method=direct",
            "--require-approval=never",
            "--concurrency=1",
            *stacks,
        )

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of all resources of a type by their physical ids."""
        found: dict[str, dict[str, Any]] = {}
        for name, each in self.deployed.items():
            if each["Type"] == f"AWS::{kind}":
                # Some of moto's resources have no ids of their own.
                known = each["Id"] is None or str(each["Id"]) in found
                found[name if known else str(each["Id"])] = each["Properties"]
        return found

    def secret(self, text: str) -> str:
        """Look up CloudFormation's dynamic references in a text."""

        def value(reference: re.Match[str]) -> str:
            client = self.client("secretsmanager")
            return str(client.get_secret_value(SecretId=reference[1])["SecretString"])

        return DYNAMIC_REFERENCE.sub(value, text)

    def asset(self, bucket: str, key: str) -> bytes:
        """Return a file that the CDK uploaded."""
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


@contextmanager
def emulated_aws(folder: Path) -> Iterator[EmulatedAws]:
    """Run an AWS for as long as the block lasts.

    Parameters
    ----------
    folder
        Where the CDK's command line runs.
    """
    server = ThreadedMotoServer(port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    _, port = server.get_host_and_port()
    # With 127.0.0.1 the address of an uploaded template is not understood.
    aws = EmulatedAws(f"http://localhost:{port}", folder)
    replaced = patch.multiple(
        parsing,
        clean_json=_look_up,
        resource_class_from_type=_class_of(aws),
        parse_and_create_resource=_recording(aws, _create),
        parse_and_update_resource=_recording(aws, _update),
    )
    parameters = patch.object(
        CloudFormationBackend, "_resolve_update_parameters", _previous_parameters
    )
    # It does not know the regular expressions of rules.
    expressions = patch.object(ELBv2Backend, "_validate_http_header_condition")
    try:
        with (
            replaced,
            parameters,
            expressions,
            emulated_groups(),
            emulated_metrics(),
            emulated_pipelines() as aws.pipelines,
        ):
            yield aws
    finally:
        server.stop()


def _previous_parameters(backend: Any, instance: Any, incoming_params: list[dict[str, Any]]) -> Any:
    """Leave those at their defaults that were so before, which moto does not remember."""
    known = [
        each
        for each in incoming_params
        if not each.get("UsePreviousValue") or each["ParameterKey"] in instance.parameters
    ]
    return _update_parameters(backend, instance, known)


def _look_up(value: Any, resources: Any) -> Any:
    """Look up `Fn::GetStackOutput` and full names as well, which moto does not know."""
    if isinstance(value, dict) and "Fn::GetStackOutput" in value:
        wanted = value["Fn::GetStackOutput"]
        stack = cloudformation_backends[ACCOUNT][REGION].get_stack(wanted["StackName"])
        return next(
            output["OutputValue"]
            for output in stack.outputs
            if output["OutputKey"] == wanted["OutputName"]
        )
    if isinstance(value, dict) and str(value.get("Fn::GetAtt", [""])[-1]).endswith("FullName"):
        arn = str(resources[value["Fn::GetAtt"][0]].physical_resource_id)
        return arn.rpartition(":")[2].removeprefix("loadbalancer/")
    return _clean_json(value, resources)


def _recording(aws: EmulatedAws, make: Callable[..., Any]) -> Callable[..., Any]:
    def made(logical_id: str, definition: dict[str, Any], resources: Any, **where: str) -> Any:
        if definition["Type"] == "AWS::EC2::LaunchTemplate":
            definition = copy.deepcopy(definition)
            for mapping in definition["Properties"]["LaunchTemplateData"]["BlockDeviceMappings"]:
                # EC2 takes the image's own size; moto wants one.
                mapping["Ebs"]["VolumeSize"] = 8
        resource = make(logical_id, definition, resources, **where)
        name = f"{resources['AWS::StackName']}/{logical_id}"
        properties = parsing.clean_json(definition.get("Properties", {}), resources)
        aws.deployed[name] = {
            "Type": definition["Type"],
            "Properties": properties,
            "Id": getattr(resource, "physical_resource_id", None),
        }
        return resource

    return made


def _class_of(aws: EmulatedAws) -> Callable[[str], type[CloudFormationModel]]:
    makers: dict[str, Callable[[EmulatedAws, dict[str, Any]], dict[str, str]]] = {
        "AWS::SecretsManager::Secret": _secret,
        "AWS::ApiGatewayV2::VpcLink": _vpc_link,
        "AWS::AutoScaling::LifecycleHook": _lifecycle_hook,
        "AWS::ImageBuilder::Image": _image,
        "AWS::ApiGateway::GatewayResponse": _gateway_response,
        "Custom::CDKBucketDeployment": _upload,
    }
    known = parsing.get_model_map()

    def class_of(kind: str) -> type[CloudFormationModel]:
        if kind in makers or kind not in known:
            return _stand_in(aws, kind, makers.get(kind))
        model: type[CloudFormationModel] = known[kind]
        return model

    return class_of


def _stand_in(
    aws: EmulatedAws,
    kind: str,
    make: Callable[[EmulatedAws, dict[str, Any]], dict[str, str]] | None,
) -> type[CloudFormationModel]:
    """Return a class for resources of a type that moto's CloudFormation does not make."""

    class StandIn(CloudFormationModel):  # type: ignore[misc]
        def __init__(self, name: str, attributes: dict[str, str]) -> None:
            self._name, self._attributes = name, attributes

        @property
        def physical_resource_id(self) -> str:
            return self._attributes.get("Ref", self._name)

        def get_cfn_attribute(self, attribute: str) -> str:
            arn = f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}:{self._name}"
            return self._attributes.get(attribute, arn if attribute == "Arn" else self._name)

        @staticmethod
        def cloudformation_type() -> str:
            return kind

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: dict[str, Any], *_: str, **__: str
        ) -> "StandIn":
            properties = cloudformation_json["Properties"]
            return cls(resource_name, make(aws, properties) if make else {})

        @classmethod
        def update_from_cloudformation_json(
            cls, original_resource: "StandIn", cloudformation_json: dict[str, Any], **_: str
        ) -> "StandIn":
            if make is _upload:
                _upload(aws, cloudformation_json["Properties"])
            return original_resource

        @classmethod
        def delete_from_cloudformation_json(cls, *_: Any) -> None:
            pass

        def is_created(self) -> bool:
            return True

    # moto tells by the module what to reset, and counts its parts.
    StandIn.__module__ = "moto.emulated.models"
    return StandIn


def _secret(aws: EmulatedAws, _properties: dict[str, Any]) -> dict[str, str]:
    made = aws.client("secretsmanager").create_secret(
        Name=f"secret-{secrets.token_hex(4)}", SecretString=secrets.token_hex(24)
    )
    return {"Ref": made["ARN"]}


def _vpc_link(aws: EmulatedAws, properties: dict[str, Any]) -> dict[str, str]:
    made = aws.client("apigatewayv2").create_vpc_link(
        Name=properties["Name"],
        SubnetIds=properties["SubnetIds"],
        SecurityGroupIds=properties["SecurityGroupIds"],
    )
    return {"Ref": made["VpcLinkId"], "VpcLinkId": made["VpcLinkId"]}


def _lifecycle_hook(aws: EmulatedAws, properties: dict[str, Any]) -> dict[str, str]:
    aws.client("autoscaling").put_lifecycle_hook(**properties)
    return {"Ref": properties["LifecycleHookName"]}


def _image(aws: EmulatedAws, _properties: dict[str, Any]) -> dict[str, str]:
    return {"ImageId": aws.client("ec2").describe_images()["Images"][0]["ImageId"]}


def _gateway_response(aws: EmulatedAws, properties: dict[str, Any]) -> dict[str, str]:
    status = {"statusCode": properties["StatusCode"]} if "StatusCode" in properties else {}
    aws.client("apigateway").put_gateway_response(
        restApiId=properties["RestApiId"],
        responseType=properties["ResponseType"],
        responseParameters=properties["ResponseParameters"],
        responseTemplates=properties["ResponseTemplates"],
        **status,
    )
    return {}


def _upload(aws: EmulatedAws, properties: dict[str, Any]) -> dict[str, str]:
    """Do what CDK's own Lambda does: unpack an archive into a bucket."""
    pairs = zip(properties["SourceBucketNames"], properties["SourceObjectKeys"], strict=True)
    for bucket, key in pairs:
        with zipfile.ZipFile(io.BytesIO(aws.asset(bucket, key))) as archive:
            for name in archive.namelist():
                aws.client("s3").put_object(
                    Bucket=properties["DestinationBucketName"],
                    Key=name,
                    Body=archive.read(name),
                    Metadata={"system": json.dumps(properties.get("SystemMetadata", {}))},
                )
    return {}
