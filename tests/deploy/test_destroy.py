"""`make destroy`: nothing of an installation is left but what it says."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from deploy import __main__ as deploy
from deploy.remains import Resource, delete_logs, resources_of
from stacks.settings import Settings

SETTINGS = Settings(
    account="123456789012",
    region="eu-west-1",
    zones=("eu-west-1a", "eu-west-1b"),
    domain="speech.example.org",
    hosted_zone="Z0123456789",
)
SUPPORT = "hush-pipeline-support-us-east-1"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("YES", "hush")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def make_stack(name: str, region: str) -> None:
    """Make a stack with a bucket that it keeps, and something in it."""
    bucket = {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "Properties": {
            "BucketName": f"{name}-bucket",
            "VersioningConfiguration": {"Status": "Enabled"},
        },
    }
    boto3.client("cloudformation", region).create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": {"Artifacts": bucket}})
    )
    for body in (b"one", b"two"):
        boto3.client("s3", region).put_object(Bucket=f"{name}-bucket", Key="code", Body=body)


def groups(region: str) -> set[str]:
    found = boto3.client("logs", region).describe_log_groups()["logGroups"]
    return {group["logGroupName"] for group in found}


def test_neither_stack_nor_bucket_is_left_in_either_region(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_stack("hush-pipeline", "eu-west-1")
    make_stack(SUPPORT, "us-east-1")
    commands: list[tuple[str, ...]] = []

    def cdk(*arguments: str) -> None:
        commands.append(arguments)
        deploy.delete_stack("hush-pipeline", "eu-west-1")

    monkeypatch.setattr(deploy, "cdk", cdk)
    assert deploy.destroy(SETTINGS)
    # The CDK knows it by another name.
    assert SUPPORT not in commands[0]
    assert "hush-live-certificate" in commands[0]
    for region in ("eu-west-1", "us-east-1"):
        assert boto3.client("cloudformation", region).describe_stacks()["Stacks"] == []
    assert boto3.client("s3", "us-east-1").list_buckets()["Buckets"] == []
    assert "2 buckets" in capsys.readouterr().out


def test_what_is_not_there_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "cdk", lambda *_: None)
    assert deploy.destroy(SETTINGS)
    assert resources_of({"hush-pipeline": "eu-west-1"}) == []


def test_without_a_domain_there_is_nothing_in_another_region() -> None:
    at_home = SETTINGS.model_copy(update={"domain": None, "hosted_zone": None})
    assert deploy.support_places(at_home) == {}
    in_virginia = SETTINGS.model_copy(update={"region": "us-east-1"})
    assert deploy.support_places(in_virginia) == {}


def test_logs_that_services_made_are_deleted_and_no_others() -> None:
    client = boto3.client("logs", "eu-west-1")
    ours = (
        "/aws/codebuild/PipelineBuildSynth-0A1B",
        "/aws/lambda/hush-site-AutoDelete-2C3D",
        "/aws/imagebuilder/hush-live-ami-0a1b2c3d",
        "/aws/imagebuilder/hush-live-ami-4e5f",
    )
    others = (
        "/aws/codebuild/another",
        "/aws/imagebuilder/hush-live-ami-talk-ami-0a1b",
        "/aws/imagebuilder/speech-ami-0a1b",
        "/aws/lambda/another",
    )
    for name in (*ours, *others):
        client.create_log_group(logGroupName=name)
    resources = [
        Resource("eu-west-1", "AWS::CodeBuild::Project", "PipelineBuildSynth-0A1B"),
        Resource("eu-west-1", "AWS::Lambda::Function", "hush-site-AutoDelete-2C3D"),
        Resource("eu-west-1", "AWS::Lambda::Function", "never-called"),
        Resource("eu-west-1", "AWS::SNS::Topic", "another"),
    ]
    assert delete_logs(resources, "eu-west-1", "hush-live") == 4
    assert groups("eu-west-1") == set(others)
