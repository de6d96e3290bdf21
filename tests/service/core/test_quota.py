"""Quotas of real services, counted in moto's DynamoDB over HTTP."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import httpx2
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from hush_service.core.accounts import Account, DayLimit
from hush_service.core.errors import QuotaSpentError
from hush_service.core.quota import Quotas
from local.processes import HANG, ROOT, environment, free_port, hush
from tests.service.conftest import picture
from tests.service.told_service import told_service
from tests.service.web.test_api import error_of

TABLE = "quotas"
KEY = "the front door's"
LIMITS = '{"person": {"requests": 4, "seconds": 3}, "anonymous": {"requests": 2, "seconds": 600}}'
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[str]:
    """Run moto, one request at a time: it has nothing else that makes an update one step."""
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    client(url).create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield url
    server.shutdown()
    thread.join()


def client(url: str) -> Any:
    return boto3.client(
        "dynamodb",
        "us-east-1",
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@contextmanager
def counting(dynamodb: str) -> Iterator[str]:
    """Run a service that counts there."""
    with told_service(
        HUSH_API_KEY=KEY,
        HUSH_QUOTA_TABLE=TABLE,
        HUSH_QUOTA_LIMITS=LIMITS,
        HUSH_REGION="us-east-1",
        AWS_ENDPOINT_URL=dynamodb,
        **AWS,
    ) as (url, _):
        yield url


@pytest.fixture(scope="module")
def url(dynamodb: str) -> Iterator[str]:
    with counting(dynamodb) as url:
        yield url


def send(url: str, said: Mapping[str, str], seconds: float = 1, path: str = "/") -> httpx2.Response:
    """Send a picture as the gateway does, which says who asks."""
    headers = {"authorization": f"Bearer {KEY}"}
    headers |= {f"x-hush-{name}": value for name, value in said.items()}
    data = picture(round(seconds * 100))
    if path.startswith("/v1"):
        return httpx2.post(url + path, files={"file": data}, headers=headers, timeout=HANG)
    return httpx2.post(url + path, content=data, headers=headers, timeout=HANG)


def person(name: str, tier: str = "person") -> Mapping[str, str]:
    return {"identity": f"github:{name}", "tier": tier}


def test_every_way_of_sending_counts_and_what_is_too_much_is_refused(
    url: str, dynamodb: str
) -> None:
    octocat = person("1")
    for path in ("/", "/mel", "/v1/audio/transcriptions"):
        assert send(url, octocat, 0.85, path).status_code == 200
    refused = send(url, octocat, 0.85)
    error = error_of(refused)
    assert (refused.status_code, error["code"]) == (429, "quota_exceeded")
    assert error["type"] == "rate_limit_error"
    assert "today's 3 seconds of speech; the next day begins at 00:00 UTC" in str(error["message"])
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert send(url, octocat, 0.3).status_code == 200
    assert "today's 4 requests" in str(error_of(send(url, octocat, 0.01))["message"])
    assert send(url, person("2"), 0.85).status_code == 200
    (item,) = (
        item
        for item in client(dynamodb).scan(TableName=TABLE)["Items"]
        if item["id"]["S"].startswith("github:1#")
    )
    assert (item["requests"]["N"], float(item["seconds"]["N"])) == ("4", 3.0)
    day = datetime.fromisoformat(item["id"]["S"].partition("#")[2]).replace(tzinfo=UTC)
    assert int(item["expires"]["N"]) - day.timestamp() == 31 * 86_400


def test_of_two_that_race_for_the_last_second_one_passes(url: str) -> None:
    racer = person("3")
    assert send(url, racer, 2).status_code == 200
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: send(url, racer, 1), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429]


def test_a_picture_longer_than_a_day_allows_is_not_even_the_first(url: str) -> None:
    refused = send(url, person("4"), 3.1)
    assert error_of(refused)["code"] == "quota_exceeded"
    assert send(url, person("4"), 3).status_code == 200


def test_people_without_limits_are_not_counted(url: str, dynamodb: str) -> None:
    assert send(url, person("5", "unlimited"), 4).status_code == 200
    items = client(dynamodb).scan(TableName=TABLE)["Items"]
    assert not [item for item in items if item["id"]["S"].startswith("github:5#")]


@pytest.mark.parametrize(
    ("addresses", "another"),
    [
        (["192.0.2.7", "::ffff:192.0.2.7", "192.0.2.7"], "192.0.2.8"),
        (["2001:db8:1:2::1", "2001:db8:1:2:ff::9", "2001:db8:1:2::2"], "2001:db8:1:3::1"),
    ],
    ids=["IPv4", "IPv6"],
)
def test_people_who_have_not_signed_in_are_counted_by_their_network(
    url: str, addresses: list[str], another: str
) -> None:
    nobody = {"identity": "anonymous", "tier": "anonymous"}
    statuses = [send(url, {**nobody, "viewer": viewer}).status_code for viewer in addresses]
    assert statuses == [200, 200, 429]
    assert send(url, {**nobody, "viewer": another}).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"identity": "github:6"},
        {"identity": "", "tier": "person"},
        {"identity": "github:6", "tier": "king"},
        {"identity": "anonymous", "tier": "anonymous", "viewer": "nowhere"},
    ],
    ids=str,
)
def test_who_is_not_named_is_refused(url: str, said: dict[str, str]) -> None:
    refused = send(url, said)
    assert (refused.status_code, error_of(refused)["code"]) == (401, "no_identity")


def test_a_picture_that_is_refused_costs_nothing(url: str, dynamodb: str) -> None:
    headers = {"authorization": f"Bearer {KEY}", "x-hush-identity": "github:7"}
    headers["x-hush-tier"] = "person"
    assert (
        httpx2.post(url, content=b"RIFF\0\0\0\0WAVE", headers=headers, timeout=HANG).status_code
        == 415
    )
    items = client(dynamodb).scan(TableName=TABLE)["Items"]
    assert not [item for item in items if item["id"]["S"].startswith("github:7#")]


def test_nothing_passes_uncounted_while_dynamodb_is_away() -> None:
    with counting(f"http://127.0.0.1:{free_port()}") as url:
        refused = send(url, person("8"))
        assert (refused.status_code, error_of(refused)["code"]) == (503, "quota_unavailable")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert send(url, person("8", "unlimited")).status_code == 200


@pytest.mark.anyio
async def test_a_new_day_begins_at_midnight_utc(
    dynamodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**AWS, "AWS_ENDPOINT_URL": dynamodb}.items():
        monkeypatch.setenv(name, value)
    time = datetime(2026, 11, 23, 23, 59, 40, tzinfo=UTC)
    limits = {"person": DayLimit(requests=1, seconds=1)}
    quotas = Quotas(TABLE, limits, "us-east-1", lambda: time)
    octocat = Account("github:9", "person")
    await quotas.spend(octocat, 100)
    with pytest.raises(QuotaSpentError, match="in 0 h 1 min") as refused:
        await quotas.spend(octocat, 100)
    assert refused.value.retry_after == 20
    time = datetime(2026, 11, 24, 0, 0, 0, tzinfo=UTC)
    await quotas.spend(octocat, 100)


def test_without_a_table_nothing_is_counted_and_nobody_believed() -> None:
    with told_service() as (url, _):
        nobody = {"identity": "anonymous", "tier": "anonymous"}
        assert [send(url, nobody).status_code for _ in range(3)] == [200] * 3


def test_without_a_table_boto3_stays_out() -> None:
    program = (
        "import sys; from hush_service.core.served_models import ServedModels;"
        " from hush_service.core.transcriber import Transcriber;"
        " from hush_service.settings import ServiceSettings;"
        " Transcriber.from_settings(ServiceSettings(), ServedModels(()));"
        " sys.exit('boto3' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment(), check=True)


def test_a_table_wants_the_key_of_the_gateway_and_a_region() -> None:
    ended = hush("serve", HUSH_QUOTA_TABLE=TABLE)
    assert ended.returncode == 2
    assert "set HUSH_API_KEY" in ended.stderr
    wrong = hush("serve", HUSH_QUOTA_TABLE=TABLE, HUSH_API_KEY=KEY, HUSH_QUOTA_LIMITS="many")
    assert (wrong.returncode, "HUSH_QUOTA_LIMITS" in wrong.stderr) == (2, True)
