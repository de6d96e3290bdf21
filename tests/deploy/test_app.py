"""`make app` and what it leaves: stacks that failed, and a pipeline that runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.cloudformation import cloudformation_backends

from deploy import __main__ as deploy
from stacks.names import Names
from stacks.settings import Settings

ACCOUNT = "123456789012"
SETTINGS = Settings(account=ACCOUNT, region="us-east-1", zones=("us-east-1a", "us-east-1b"))
TEMPLATE = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'


class Laptop:
    """What `make app` did, with the CDK's command line and CodePipeline left out."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.executions: list[str] = []

    def client(self, service: str, *where: Any) -> Any:
        return self if service == "codepipeline" else boto3.client(service, *where)

    def start_pipeline_execution(self, name: str) -> None:
        self.executions.append(name)


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Laptop]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "YES"):
        monkeypatch.delenv(name, raising=False)
    made = Laptop()
    settings = tmp_path / "cloud.toml"
    settings.write_text('region = "us-east-1"\n', encoding="utf-8")
    monkeypatch.setattr(deploy, "CLOUD_TOML", settings)
    monkeypatch.setattr(deploy, "doctor", lambda *_, **__: True)
    monkeypatch.setattr(deploy, "cdk", lambda *arguments: made.commands.append(arguments))
    with mock_aws():
        monkeypatch.setattr(deploy, "boto3", made)
        make_stack("CDKToolkit")
        yield made


def make_stack(name: str, state: str = "CREATE_COMPLETE") -> None:
    client = boto3.client("cloudformation", "us-east-1")
    client.create_stack(StackName=name, TemplateBody=TEMPLATE)
    cloudformation_backends[ACCOUNT]["us-east-1"].get_stack(name).status = state


def stacks() -> set[str]:
    client = boto3.client("cloudformation", "us-east-1")
    return {each["StackName"] for each in client.describe_stacks()["Stacks"]}


def test_the_first_time_the_pipeline_runs_by_itself(laptop: Laptop) -> None:
    assert deploy.app(SETTINGS)
    assert laptop.commands == [("deploy", "--require-approval=never", "hush-pipeline")]
    assert laptop.executions == []


def test_other_settings_are_deployed_by_a_pipeline_that_is_there(laptop: Laptop) -> None:
    make_stack("hush-pipeline")
    assert deploy.app(SETTINGS)
    stored = boto3.client("ssm", "us-east-1").get_parameter(
        Name=Names(SETTINGS.name).settings_parameter
    )
    assert stored["Parameter"]["Value"] == 'region = "us-east-1"\n'
    assert laptop.executions == ["hush-pipeline"]


@pytest.mark.parametrize("command", [deploy.app, deploy.sandbox])
@pytest.mark.parametrize("state", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_what_failed_for_good_is_deleted_if_that_is_wanted(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, command: Any, state: str
) -> None:
    make_stack("hush-live-image", state)
    make_stack("hush-live-people", "UPDATE_ROLLBACK_COMPLETE")
    monkeypatch.setattr("builtins.input", lambda *_: "yes")
    assert command(SETTINGS)
    assert stacks() == {"CDKToolkit", "hush-live-people"}
    assert laptop.commands


def test_nothing_is_deployed_over_it_otherwise(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_stack("hush-live-image", "ROLLBACK_COMPLETE")
    monkeypatch.setattr("builtins.input", lambda *_: "no")
    assert not deploy.app(SETTINGS)
    assert "hush-live-image" in capsys.readouterr().out
    assert "hush-live-image" in stacks()
    assert laptop.commands == []


def test_a_stack_that_cannot_be_looked_at_is_not_taken_for_one_that_is_not_there(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks")

    monkeypatch.setattr("deploy.stack.boto3.client", lambda *_: Mock(describe_stacks=denied))
    with pytest.raises(ClientError):
        deploy.app(SETTINGS)
    assert laptop.commands == []


def test_settings_may_be_longer_than_a_standard_parameter(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / "long.toml"
    long.write_text("# a remark\n" * 400, encoding="utf-8")
    monkeypatch.setattr(deploy, "CLOUD_TOML", long)
    assert deploy.app(SETTINGS)
    client = boto3.client("ssm", "us-east-1")
    (stored,) = client.describe_parameters()["Parameters"]
    assert stored["Tier"] == "Intelligent-Tiering"
