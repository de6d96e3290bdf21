import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from deploy import doctor, images
from deploy.__main__ import (
    delete_credentials,
    delete_images,
    delete_settings,
    destroy,
    main,
    tables,
)
from deploy.check import Verdict
from deploy.doctor import examine
from stacks.accelerators import AMD, NVIDIA
from stacks.machine_image import description
from stacks.names import STAGES, STAGING, Names
from stacks.settings import Settings

ACCOUNT = "123456789012"
SETTINGS = Settings(
    account=ACCOUNT,
    region="us-east-1",
    zones=("us-east-1a", "us-east-1b"),
    alarm_email="someone@example.org",
)
NAMES = Names(SETTINGS.name)
IN_STAGING = Names(SETTINGS.name, STAGING)
ON_AMD = SETTINGS.model_copy(update={"instance_types": ("g4ad.xlarge", "g4ad.2xlarge")})
BOTH = SETTINGS.model_copy(update={"stages": STAGES})
LINK = f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/1-2"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "STAGE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def findings(settings: Settings, pipeline: bool = False) -> dict[str, tuple[Verdict, str]]:
    return {check.subject: (check.verdict, check.finding) for check in examine(settings, pipeline)}


def test_without_settings_it_lists_what_is_missing_and_asks_aws_nothing() -> None:
    checks = list(examine(Settings()))
    subjects = [check.subject for check in checks]
    assert subjects == ["Node", *["cloud.toml"] * 7, "who may use it"]
    assert {check.verdict for check in checks[1:-1]} == {Verdict.BAD}


def test_credentials_of_another_account_are_told() -> None:
    verdict, finding = findings(SETTINGS.model_copy(update={"account": "999999999999"}))[
        "credentials"
    ]
    assert verdict is Verdict.BAD
    assert finding == f"you are signed in to {ACCOUNT}, and cloud.toml says 999999999999"


def test_it_names_the_zones_that_have_gpus_and_links() -> None:
    verdict, finding = findings(SETTINGS.model_copy(update={"zones": ()}))["zones"]
    assert verdict is Verdict.BAD
    assert finding.startswith('put into cloud.toml: zones = ["us-east-1')
    described = boto3.client("ec2", "us-east-1").describe_availability_zones()
    without_links = next(
        zone["ZoneName"] for zone in described["AvailabilityZones"] if zone["ZoneId"] == "use1-az3"
    )
    assert without_links not in finding


def test_a_zone_that_does_not_fit_is_told() -> None:
    verdict, finding = findings(SETTINGS.model_copy(update={"zones": ("us-east-1x",)}))["zones"]
    assert verdict is Verdict.BAD
    assert finding.startswith("us-east-1x lacks g4dn.xlarge or VPC links")


def older_stack(name: str, tag: str) -> None:
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    boto3.client("cloudformation", "us-east-1").create_stack(
        StackName=name, TemplateBody=template, Tags=[{"Key": "hush", "Value": tag}]
    )


def test_an_older_version_is_told_before_a_second_one_is_deployed_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "older version" not in findings(SETTINGS)
    older_stack("hush-site", "another")
    assert "older version" not in findings(SETTINGS)
    for part in ("fleet", "people", "certificate"):
        older_stack(f"hush-{part}", "hush")
    verdict, finding = findings(SETTINGS)["older version"]
    assert verdict is Verdict.BAD
    assert finding.startswith("it deployed hush-fleet, hush-people, hush-certificate, which")
    monkeypatch.setenv("YES", "hush")
    assert not destroy(SETTINGS)
    assert "hush-fleet" in capsys.readouterr().out


def answered_by(monkeypatch: pytest.MonkeyPatch, client_of: Callable[..., Any]) -> None:
    for module in (doctor, images):
        monkeypatch.setattr(module, "client_of", client_of)


def stubbed(
    monkeypatch: pytest.MonkeyPatch, service: str, method: str, answer: dict[str, Any]
) -> None:
    client = boto3.client(service, "us-east-1")
    stubber = Stubber(client)
    stubber.add_response(method, answer)
    stubber.activate()
    answered_by(monkeypatch, lambda *_: client)


NEWEST, OLDER = "ami-0123456789abcdef0", "ami-0fedcba9876543210"
PLAIN = "al2023-ami-2023.12.20260930.0-kernel-6.12-x86_64"
UBUNTU = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261110"


@pytest.mark.parametrize(
    ("settings", "chosen", "size", "name", "verdict", "said"),
    [
        (SETTINGS, None, 8, PLAIN, Verdict.BAD, f'put into cloud.toml: base_image = "{NEWEST}"'),
        (SETTINGS, NEWEST, 8, PLAIN, Verdict.GOOD, f"{NEWEST}, the newest"),
        (SETTINGS, NEWEST, 90, PLAIN, Verdict.BAD, "put into cloud.toml: volume_gigabytes = 90"),
        (SETTINGS, OLDER, 8, PLAIN, Verdict.UNSURE, f'of 2026-09-25; .* base_image = "{NEWEST}"'),
        (SETTINGS, OLDER, None, PLAIN, Verdict.BAD, f'no more here.* base_image = "{NEWEST}"'),
        # What this was built upon before, which has another driver already.
        (
            SETTINGS,
            OLDER,
            75,
            "Deep Learning Base",
            Verdict.BAD,
            f'no plain .* base_image = "{NEWEST}"',
        ),
        (ON_AMD, NEWEST, 8, UBUNTU, Verdict.GOOD, f"{NEWEST}, the newest"),
        (ON_AMD, OLDER, 8, PLAIN, Verdict.BAD, "no plain Ubuntu 24.04"),
        (SETTINGS, OLDER, 8, UBUNTU, Verdict.BAD, "no plain Amazon Linux 2023"),
    ],
)
def test_a_newer_base_image_is_named_and_taken_only_if_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    chosen: str | None,
    size: int | None,
    name: str,
    verdict: Verdict,
    said: str,
) -> None:
    clients = {service: boto3.client(service, "us-east-1") for service in ("ssm", "ec2")}
    stubber = Stubber(clients["ssm"])
    parameter = AMD.base_image if settings is ON_AMD else NVIDIA.base_image
    answer = {"Parameter": {"Name": parameter, "Value": NEWEST}}
    stubber.add_response("get_parameter", answer, {"Name": parameter})
    stubber.activate()

    def described(**asked: Any) -> dict[str, Any]:
        """Answer as EC2, which refuses an id that it does not know, and finds nothing by it."""
        if size is None and "ImageIds" in asked:
            error = {"Code": "InvalidAMIID.NotFound", "Message": "does not exist"}
            raise ClientError({"Error": error}, "DescribeImages")
        if "Filters" in asked:
            assert asked["IncludeDeprecated"]
            assert asked["Filters"] == [{"Name": "image-id", "Values": [chosen]}]
        return {"Images": [] if size is None else [base(chosen or NEWEST, size, name)]}

    monkeypatch.setattr(clients["ec2"], "describe_images", described)
    answered_by(monkeypatch, lambda service, _: clients[service])
    check = images.base_image(settings.model_copy(update={"base_image": chosen}))
    assert check.verdict is verdict
    assert re.search(said, check.finding)


@pytest.mark.parametrize(
    ("wanted", "most", "free", "verdict", "said"),
    [
        (None, 10, 10, Verdict.GOOD, "runs 10 functions of this account at once$"),
        (None, 1000, 1000, Verdict.GOOD, "responder_concurrency = 20$"),
        (20, 1000, 900, Verdict.GOOD, "20 of 1000"),
        (20, 1000, 110, Verdict.UNSURE, "room for 10: .* take responder_concurrency out"),
        (2, 10, 10, Verdict.UNSURE, "room for 0: "),
    ],
)
def test_the_responder_is_bounded_only_where_lambda_has_room(
    monkeypatch: pytest.MonkeyPatch,
    wanted: int | None,
    most: int,
    free: int,
    verdict: Verdict,
    said: str,
) -> None:
    limits = {"ConcurrentExecutions": most, "UnreservedConcurrentExecutions": free}
    stubbed(monkeypatch, "lambda", "get_account_settings", {"AccountLimit": limits})
    check = doctor.responder(SETTINGS.model_copy(update={"responder_concurrency": wanted}))
    assert check.verdict is verdict
    assert re.search(said, check.finding)


def base(image: str, size: int, name: str) -> dict[str, Any]:
    """Return an image as EC2 describes it."""
    mapping = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": size}}
    return {
        "ImageId": image,
        "Name": name,
        "CreationDate": "2026-09-25T01:02:03.000Z",
        "BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}, mapping],
    }


OWN = description(SETTINGS)
KEPT = [{"Key": "hush-keep", "Value": "yes"}]


@pytest.mark.parametrize(
    ("changed", "verdict", "said"),
    [
        ({}, Verdict.GOOD, "of 2026-09-25, made of the same files"),
        (None, Verdict.BAD, "not in us-east-1, or not for the account 123456789012"),
        ({"State": "disabled"}, Verdict.BAD, "not in us-east-1"),
        ({"Description": "Amazon Linux"}, Verdict.BAD, "no machine image of hush"),
        ({"Description": "hush 0a1b: reference, small turbo"}, Verdict.BAD, 'engine: .*reference"'),
        (
            {"Description": "hush 0a1b: ctranslate2, tiny small"},
            Verdict.BAD,
            "it holds no turbo: .*small",
        ),
        (
            {"Description": "hush 0a1b: onnx, small turbo"},
            Verdict.BAD,
            r'for other GPUs: .* instance_types = \["g4ad.xlarge"\]',
        ),
        ({"Description": OWN + " tiny"}, Verdict.GOOD, "made of the same files"),
        ({"Description": OWN.replace("hush ", "hush f")}, Verdict.UNSURE, "made of other files"),
        ({"size": 75}, Verdict.BAD, "volume_gigabytes = 75"),
        ({"OwnerId": ACCOUNT}, Verdict.UNSURE, f"14 days .*{OLDER} --tags Key=hush-keep,Value=yes"),
        ({"OwnerId": ACCOUNT, "Tags": KEPT}, Verdict.GOOD, "made of the same files"),
        ({"OwnerId": "210987654321"}, Verdict.GOOD, "made of the same files"),
    ],
)
def test_an_image_that_is_taken_is_there_and_holds_what_is_to_run(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any] | None, verdict: Verdict, said: str
) -> None:
    found = []
    if changed is not None:
        image = base(OLDER, changed.pop("size", 12), "hush")
        found = [image | {"State": "available", "Description": OWN} | changed]
    stubbed(monkeypatch, "ec2", "describe_images", {"Images": found})
    check = images.machine_image(SETTINGS.model_copy(update={"image": OLDER}))
    assert check.verdict is verdict
    assert re.search(said, check.finding)


def test_where_nothing_is_built_no_base_and_no_instance_on_demand_is_wanted() -> None:
    found = findings(SETTINGS.model_copy(update={"image": OLDER}))
    assert found["machine image"][0] is Verdict.BAD
    assert not {"base image", "on-demand quota", "publishing"} & set(found)


@pytest.mark.parametrize(
    ("who", "encrypts", "state", "verdict", "said"),
    [
        (("210987654321",), False, None, Verdict.GOOD, "210987654321 too"),
        (("210987654321",), True, None, Verdict.BAD, "disable-ebs-encryption-by-default"),
        ("everyone", False, "unblocked", Verdict.GOOD, "for everyone"),
        ("everyone", False, "block-new-sharing", Verdict.BAD, "disable-image-block-public-access"),
    ],
)
def test_an_image_is_published_where_the_account_lets_it_be(
    monkeypatch: pytest.MonkeyPatch,
    who: str | tuple[str, ...],
    encrypts: bool,
    state: str | None,
    verdict: Verdict,
    said: str,
) -> None:
    client = boto3.client("ec2", "us-east-1")
    stubber = Stubber(client)
    stubber.add_response("get_ebs_encryption_by_default", {"EbsEncryptionByDefault": encrypts})
    if state is not None:
        answer = {"ImageBlockPublicAccessState": state}
        stubber.add_response("get_image_block_public_access_state", answer)
    stubber.activate()
    answered_by(monkeypatch, lambda *_: client)
    check = images.publishing(SETTINGS.model_copy(update={"publish_image": who}))
    assert check.verdict is verdict
    assert said in check.finding
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.0, Verdict.BAD), (8.0, Verdict.UNSURE), (16.0, Verdict.GOOD)]
)
def test_quotas_are_compared_with_what_the_fleet_may_grow_to(
    monkeypatch: pytest.MonkeyPatch, value: float, verdict: Verdict
) -> None:
    stubbed(monkeypatch, "service-quotas", "get_service_quota", {"Quota": {"Value": value}})
    check = doctor.quota(SETTINGS, "spot quota", doctor.SPOT_QUOTA, 16, 4)
    assert check.verdict is verdict
    if verdict is not Verdict.GOOD:
        assert "16 are wanted: ask at https://us-east-1.console.aws" in check.finding


STAGINGS = f"arn:aws:iam::{ACCOUNT}:role/hush-staging-service-ApiRestCloudWatchR0A1B-2C3D"
OURS = f"arn:aws:iam::{ACCOUNT}:role/hush-live-service-ApiRestCloudWatchRole0A1B-2C3D"
ANOTHER = f"arn:aws:iam::{ACCOUNT}:role/gateway"


@pytest.mark.parametrize(
    ("role", "wanted", "verdict", "said"),
    [
        (None, True, Verdict.GOOD, "the deployment makes"),
        (OURS, True, Verdict.GOOD, OURS),
        (STAGINGS, True, Verdict.GOOD, STAGINGS),
        (ANOTHER, True, Verdict.BAD, "gateway_log_role = false"),
        (ANOTHER, False, Verdict.GOOD, ANOTHER),
        (None, False, Verdict.BAD, "take gateway_log_role out"),
    ],
)
def test_the_role_for_the_apis_log_is_made_where_none_is_set_and_never_replaced(
    monkeypatch: pytest.MonkeyPatch, role: str | None, wanted: bool, verdict: Verdict, said: str
) -> None:
    answer = {} if role is None else {"cloudwatchRoleArn": role}
    stubbed(monkeypatch, "apigateway", "get_account", answer)
    check = doctor.gateway_log_role(SETTINGS.model_copy(update={"gateway_log_role": wanted}))
    assert check.verdict is verdict
    assert said in check.finding


def test_an_account_without_a_distribution_may_have_to_be_verified() -> None:
    verdict, finding = findings(SETTINGS)["CloudFront"]
    assert verdict is Verdict.UNSURE
    assert "step 3" in finding


def test_amds_gpus_are_counted_by_the_same_quotas(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"g4ad.xlarge": 4, "g4ad.2xlarge": 8}
    described = [
        {"InstanceType": name, "VCpuInfo": {"DefaultVCpus": size}} for name, size in sizes.items()
    ]
    stubbed(monkeypatch, "ec2", "describe_instance_types", {"InstanceTypes": described})
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(doctor, "quota", lambda *given: asked.append(given[2:]))
    doctor.spot_quota(ON_AMD)
    # Both begin with G, for which Service Quotas has one number.
    assert asked == [(doctor.SPOT_QUOTA, 32, 4)]


def test_quotas_are_counted_in_the_largest_types_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.cpus(SETTINGS)["g4dn.2xlarge"] == 8
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(doctor, "quota", lambda *given: asked.append(given[3:]))
    doctor.spot_quota(SETTINGS)
    doctor.on_demand_quota(SETTINGS.model_copy(update={"on_demand_instances": 2}))
    doctor.on_demand_quota(SETTINGS.model_copy(update={"fallback_dollars_a_month": 20}))
    doctor.spot_quota(BOTH)
    # Four of a 2xlarge; one that builds the image beside two of them, or beside one without spot;
    # four and the one of staging.
    assert asked == [(32, 4), (24, 4), (16, 4), (40, 4)]


@pytest.mark.parametrize(
    ("large", "verdict"), [(0.0, Verdict.BAD), (1.0, Verdict.GOOD), (None, Verdict.BAD)]
)
def test_the_pipeline_wants_one_build_of_each_size(
    monkeypatch: pytest.MonkeyPatch, large: float | None, verdict: Verdict
) -> None:
    name = "Concurrently running builds for Linux/{} environment"
    quotas = [{"QuotaName": name.format("Small"), "Value": 1.0}]
    if large is not None:
        quotas.append({"QuotaName": name.format("Large"), "Value": large})
    stubbed(monkeypatch, "service-quotas", "list_service_quotas", {"Quotas": quotas})
    check = doctor.builds(SETTINGS)
    assert check.verdict is verdict
    assert ("Linux/Large" in check.finding) == (verdict is Verdict.BAD)
    assert "Linux/Small" not in check.finding


@pytest.mark.parametrize(
    ("state", "verdict"), [("AVAILABLE", Verdict.GOOD), ("PENDING", Verdict.BAD)]
)
def test_a_connection_has_to_be_finished(
    monkeypatch: pytest.MonkeyPatch, state: str, verdict: Verdict
) -> None:
    answer = {"Connection": {"ConnectionStatus": state}}
    stubbed(monkeypatch, "codeconnections", "get_connection", answer)
    settings = SETTINGS.model_copy(update={"connection": LINK})
    assert doctor.connection(settings).verdict is verdict


def test_what_aws_refuses_is_reported_and_the_rest_is_looked_at() -> None:
    found = findings(SETTINGS)
    assert found["base image"][0] is Verdict.BAD
    assert set(found) >= {"credentials", "zones", "base image", "spot quota", "on-demand quota"}


def test_images_that_outlived_their_stack_go_with_their_snapshots() -> None:
    client = boto3.client("ec2", "us-east-1")
    source = client.describe_images()["Images"][0]["ImageId"]
    instance = client.run_instances(ImageId=source, MinCount=1, MaxCount=1)["Instances"][0]
    for tag in ("hush-live", "another"):
        client.create_image(
            InstanceId=instance["InstanceId"],
            Name=f"image-of-{tag}",
            TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "hush", "Value": tag}]}],
        )
    assert delete_images(SETTINGS) == 1
    (kept,) = client.describe_images(Owners=["self"])["Images"]
    assert kept["Name"] == "image-of-another"


def test_what_was_stored_by_hand_is_deleted() -> None:
    client = boto3.client("ssm", "us-east-1")
    client.put_parameter(Name=NAMES.settings_parameter, Value="x", Type="String")
    client.put_parameter(Name="/hush/github", Value="x", Type="SecureString")
    secrets = boto3.client("secretsmanager", "us-east-1")
    for names in (NAMES, IN_STAGING):
        secrets.create_secret(Name=names.github_secret, SecretString="{}")
    delete_settings(SETTINGS)
    delete_credentials(SETTINGS)
    assert client.describe_parameters()["Parameters"] == []
    assert secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
    delete_settings(SETTINGS)
    delete_credentials(SETTINGS)


def test_tables_that_are_kept_are_named() -> None:
    client = boto3.client("dynamodb", "us-east-1")
    ours = ["hush-live-people-People1", "hush-staging-people-People1"]
    for name in (*ours, "speech-live-people-People1"):
        client.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "who", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "who", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    assert tables(SETTINGS) == ours


@pytest.mark.parametrize(
    ("chosen", "verdict", "said"),
    [
        ({}, Verdict.UNSURE, "nobody but you"),
        ({"users": ("a", "b"), "administrators": ("b", "c")}, Verdict.GOOD, "3 users"),
        ({"organisations": ("o",), "teams": ("o/t",)}, Verdict.GOOD, "1 organisations, 1 teams"),
        ({"everyone": True}, Verdict.GOOD, "everybody with a GitHub account"),
        ({"anonymous": True}, Verdict.GOOD, "everybody, within"),
    ],
)
def test_it_says_who_may_use_it(chosen: dict[str, Any], verdict: Verdict, said: str) -> None:
    check = doctor.who(Settings(**chosen))
    assert check.verdict is verdict
    assert said in check.finding


def test_it_says_when_nobody_can_sign_in_yet() -> None:
    check = doctor.github_app(SETTINGS)
    assert check.verdict is Verdict.UNSURE
    assert f"the secret {NAMES.github_secret}," in check.finding
    client = boto3.client("secretsmanager", "us-east-1")
    client.create_secret(Name=NAMES.github_secret, SecretString="{}")
    assert doctor.github_app(SETTINGS).verdict is Verdict.GOOD
    # It can be restored for some days, and is not read meanwhile.
    client.delete_secret(SecretId=NAMES.github_secret)
    assert doctor.github_app(SETTINGS).verdict is Verdict.UNSURE


def test_it_says_what_sign_in_wants_at_staging() -> None:
    parameters = boto3.client("ssm", "us-east-1")
    for names in (NAMES, IN_STAGING):
        url = f"https://{names.stage}.cloudfront.net"
        parameters.put_parameter(Name=names.url_parameter, Value=url, Type="String")
    found = [each for each in examine(BOTH, pipeline=False) if each.subject == "GitHub App"]
    assert [each.verdict for each in found] == [Verdict.UNSURE] * 2
    callback = "has to know https://{}.cloudfront.net/auth/callback: docs/deploy.md, {}"
    for check, where in zip(found, (("live", "step 7"), ("staging", "A stage")), strict=True):
        assert callback.format(*where) in check.finding
    assert IN_STAGING.github_secret in found[1].finding
    assert "smoke test does not need" in found[1].finding
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert f"\n### {doctor.SIGN_IN_SECTIONS[STAGING]}\n" in page
    secrets = boto3.client("secretsmanager", "us-east-1")
    secrets.create_secret(Name=IN_STAGING.github_secret, SecretString="{}")
    known = doctor.github_app(BOTH, STAGING)
    assert known.verdict is Verdict.GOOD
    assert "https://staging.cloudfront.net/auth/callback" in known.finding


def test_a_stage_that_costs_and_has_no_use_is_told() -> None:
    assert list(doctor.leftovers(SETTINGS)) == []
    boto3.client("cloudformation", "us-east-1").create_stack(
        StackName=IN_STAGING.stack("service"),
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )
    (check,) = doctor.leftovers(SETTINGS)
    assert (check.verdict, check.subject) == (Verdict.UNSURE, "staging")
    assert "make destroy STAGE=staging" in check.finding
    assert list(doctor.leftovers(BOTH)) == []


@pytest.mark.parametrize("moved", [False, True])
def test_it_says_where_the_apps_credentials_may_not_stay(moved: bool) -> None:
    client = boto3.client("ssm", "us-east-1")
    client.put_parameter(Name="/hush/github", Value="{}", Type="SecureString")
    if moved:
        secrets = boto3.client("secretsmanager", "us-east-1")
        secrets.create_secret(Name=NAMES.github_secret, SecretString="{}")
    check = doctor.github_app(SETTINGS)
    assert check.verdict is Verdict.BAD
    assert "parameter /hush/github" in check.finding
    assert "docs/deploy.md, step 7" in check.finding


def test_nothing_is_destroyed_without_being_asked_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("YES", raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: "no")
    assert not destroy(SETTINGS)
    assert "nothing was deleted" in capsys.readouterr().out


def test_app_refuses_without_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deploy.__main__.load_settings", Settings)
    assert main(["app"]) == 1
    said = capsys.readouterr().out
    for name in ("account", "region", "zones", "alarm_email", "repository", "connection"):
        assert f"{name}: " in said


def test_an_unknown_command_is_told_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy"]) == 2
    assert "doctor | app | sandbox | lift | destroy" in capsys.readouterr().out
