"""`make destroy`: nothing of an installation is left but what it says."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError
from botocore.stub import Stubber
from moto import mock_aws

from deploy import __main__ as deploy
from deploy import stack
from deploy.remains import Resource, delete_buckets, delete_logs, resources_of
from stacks.names import STAGES, STAGING, Names
from stacks.settings import Settings, SettingsError

SETTINGS = Settings(
    account="123456789012",
    region="eu-west-1",
    zones=("eu-west-1a", "eu-west-1b"),
    domain="speech.example.org",
    hosted_zone="Z0123456789",
)
NAMES = Names(SETTINGS.name)
IN_STAGING = Names(SETTINGS.name, STAGING)
OF_STAGING = [IN_STAGING.stack(part) for part in IN_STAGING.parts]
OF_LIVE = [NAMES.pipeline, *map(NAMES.stack, NAMES.parts)]
SUPPORT = "hush-pipeline-support-us-east-1"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("YES", "hush")
    for name in ("AWS_PROFILE", "STAGE"):
        monkeypatch.delenv(name, raising=False)
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


def there(region: str) -> list[str]:
    described = boto3.client("cloudformation", region).describe_stacks()["Stacks"]
    return [each["StackName"] for each in described]


@pytest.mark.parametrize("domain", [SETTINGS.domain, None])
def test_neither_stack_nor_bucket_is_left_in_either_region(
    domain: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    # A domain may have been taken out of the settings by then.
    zone = domain and SETTINGS.hosted_zone
    settings = SETTINGS.model_copy(update={"domain": domain, "hosted_zone": zone})
    # So may the stage before live.
    for name in (*OF_LIVE, *OF_STAGING):
        make_stack(name, "eu-west-1")
    for name in (NAMES.stack("certificate"), SUPPORT, "another"):
        make_stack(name, "us-east-1")
    assert deploy.destroy(settings)
    assert there("eu-west-1") == []
    assert there("us-east-1") == ["another"]
    (bucket,) = boto3.client("s3", "us-east-1").list_buckets()["Buckets"]
    assert bucket["Name"] == "another-bucket"
    assert "8 buckets" in capsys.readouterr().out


def test_what_is_built_upon_others_goes_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*OF_LIVE, *OF_STAGING):
        make_stack(name, "eu-west-1")
    make_stack(NAMES.stack("certificate"), "us-east-1")
    deleted = []
    monkeypatch.setattr(stack, "delete", lambda name, _: deleted.append(name))
    assert deploy.destroy(SETTINGS)
    staging = ["hush-staging-service", "hush-staging-people"]
    live = ["hush-live-service", "hush-live-people", "hush-live-image", "hush-live-certificate"]
    assert deleted == ["hush-pipeline", *staging, *live]


def test_staging_goes_alone_with_its_credentials_and_live_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = boto3.client("secretsmanager", "eu-west-1")
    for name in (*OF_LIVE, *OF_STAGING):
        make_stack(name, "eu-west-1")
    for names in (NAMES, IN_STAGING):
        secrets.create_secret(Name=names.github_secret, SecretString="{}")
        boto3.client("dynamodb", "eu-west-1").create_table(
            TableName=f"{names.stack('people')}-People1",
            AttributeDefinitions=[{"AttributeName": "who", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "who", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    monkeypatch.setenv("STAGE", "staging")
    monkeypatch.setattr("builtins.input", lambda *_: "hush")
    assert not deploy.destroy(SETTINGS)
    monkeypatch.setenv("YES", "hush-staging")
    assert deploy.destroy(SETTINGS)
    assert set(there("eu-west-1")) == set(OF_LIVE)
    (left,) = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert left["Name"] == NAMES.github_secret
    said = capsys.readouterr().out
    assert "hush-staging-people-People1" in said
    assert "hush-live" not in said


@pytest.mark.parametrize(
    ("chosen", "said"),
    [("staging", 'take "staging" out of stages in cloud.toml'), ("live", "live cannot go alone")],
)
def test_a_stage_that_pushes_go_through_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], chosen: str, said: str
) -> None:
    for name in OF_STAGING:
        make_stack(name, "eu-west-1")
    monkeypatch.setenv("STAGE", chosen)
    monkeypatch.setenv("YES", f"hush-{chosen}")
    assert not deploy.destroy(SETTINGS.model_copy(update={"stages": STAGES}))
    assert said in capsys.readouterr().out
    assert set(there("eu-west-1")) == set(OF_STAGING)


def test_a_stage_that_there_is_not_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "production")
    for command in (deploy.destroy, deploy.lift):
        with pytest.raises(SettingsError, match="no such stage, but staging and live"):
            command(SETTINGS)


def test_it_ends_what_it_began_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (NAMES.pipeline, NAMES.stack("service")):
        make_stack(name, "eu-west-1")
    delete = stack.delete

    def fails(name: str, region: str) -> None:
        if name != NAMES.pipeline:
            raise WaiterError("StackDeleteComplete", "DELETE_FAILED", {})
        delete(name, region)

    monkeypatch.setattr(stack, "delete", fails)
    with pytest.raises(WaiterError):
        deploy.destroy(SETTINGS)
    assert there("eu-west-1") == [NAMES.stack("service")]
    monkeypatch.setattr(stack, "delete", delete)
    assert deploy.destroy(SETTINGS)
    assert boto3.client("s3", "us-east-1").list_buckets()["Buckets"] == []


def test_what_is_not_there_is_no_problem() -> None:
    assert deploy.destroy(SETTINGS)
    assert resources_of({"hush-pipeline": "eu-west-1"}) == []


def test_a_bucket_that_was_never_made_or_is_gone_is_not_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def summary(status: str, **name: str) -> dict[str, Any]:
        kind, now = "AWS::S3::Bucket", datetime.now(UTC)
        times = {"LastUpdatedTimestamp": now, "ResourceStatus": status}
        return {"LogicalResourceId": "Bucket", "ResourceType": kind, **times, **name}

    client = boto3.client("cloudformation", "eu-west-1")
    gone = {
        "StackName": NAMES.pipeline,
        "StackId": "arn:1",
        "CreationTime": datetime.now(UTC),
        "StackStatus": "DELETE_COMPLETE",
    }
    had = [
        summary("DELETE_COMPLETE"),
        summary("DELETE_COMPLETE", PhysicalResourceId=""),
        summary("DELETE_COMPLETE", PhysicalResourceId="anybodys-by-now"),
        summary("DELETE_SKIPPED", PhysicalResourceId="kept"),
    ]
    with Stubber(client) as stubber:
        stubber.add_response("list_stacks", {"StackSummaries": [gone]})
        stubber.add_response(
            "list_stack_resources", {"StackResourceSummaries": had}, {"StackName": "arn:1"}
        )
        monkeypatch.setattr("deploy.remains.boto3.client", lambda *_: client)
        found = resources_of({NAMES.pipeline: "eu-west-1"})
    assert found == [Resource("eu-west-1", "AWS::S3::Bucket", "kept")]
    assert delete_buckets(found) == 0


def test_a_pipeline_that_runs_ends_what_it_does_and_begins_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = boto3.client("codepipeline", "eu-west-1")
    old, new = f"{1:08}-0000-0000-0000-{0:012}", f"{2:08}-0000-0000-0000-{0:012}"
    asked = {"pipelineName": NAMES.pipeline}
    with Stubber(client) as stubber:
        for status in ("InProgress", "Stopping", "Stopped"):
            executions = [
                {"pipelineExecutionId": new, "status": status},
                {"pipelineExecutionId": old, "status": "Succeeded"},
            ]
            answer = {"pipelineExecutionSummaries": executions}
            stubber.add_response("list_pipeline_executions", answer, asked)
            if status == "InProgress":
                stop = {**asked, "pipelineExecutionId": new}
                stubber.add_response("stop_pipeline_execution", {"pipelineExecutionId": new}, stop)
        monkeypatch.setattr("deploy.__main__.boto3.client", lambda *_: client)
        waited: list[float] = []
        monkeypatch.setattr("deploy.__main__.time.sleep", waited.append)
        deploy.stop_pipeline(SETTINGS)
        stubber.assert_no_pending_responses()
    assert len(waited) == 2


def test_in_the_region_of_certificates_there_is_nothing_in_another_region() -> None:
    in_virginia = SETTINGS.model_copy(update={"region": "us-east-1"})
    assert deploy.support_places(in_virginia) == {}
    assert set(deploy.places(in_virginia).values()) == {"us-east-1"}


def test_logs_that_services_made_are_deleted_and_no_others() -> None:
    client = boto3.client("logs", "eu-west-1")
    ours = (
        "/aws/codebuild/PipelineBuildSynth-0A1B",
        f"/aws/lambda/{NAMES.stack('service')}-AutoDelete-2C3D",
        f"/aws/imagebuilder/{NAMES.stack('image')}",
    )
    others = (
        "/aws/codebuild/another",
        f"/aws/imagebuilder/{NAMES.stack('image')}-talk",
        f"/aws/imagebuilder/{Names('speech').stack('image')}",
        "/aws/lambda/another",
    )
    for name in (*ours, *others):
        client.create_log_group(logGroupName=name)
    resources = [
        Resource("eu-west-1", "AWS::CodeBuild::Project", "PipelineBuildSynth-0A1B"),
        Resource("eu-west-1", "AWS::Lambda::Function", f"{NAMES.stack('service')}-AutoDelete-2C3D"),
        Resource("eu-west-1", "AWS::Lambda::Function", "never-called"),
        Resource("eu-west-1", "AWS::SNS::Topic", "another"),
    ]
    assert delete_logs(resources, ("eu-west-1", NAMES.build_log)) == 3
    assert groups("eu-west-1") == set(others)
