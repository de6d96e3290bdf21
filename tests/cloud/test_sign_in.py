"""From a stranger to words, and out again: through all that is deployed, GitHub standing in.

CloudFront's function runs in Node, the Lambdas under AWS's runtime client, the page in Chromium.
"""

import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from local.gateway import Answer
from tests.cloud.conftest import NAMES, Deployment
from tests.cloud.fleet import group, running_instance
from tests.cloud.front_door import error_of
from tests.conftest import ROOT, Samples

pytestmark = pytest.mark.xdist_group("cloud")

LONGEST_MILLISECONDS = 240_000
"""Nothing but a hang takes longer."""
expect.set_options(timeout=LONGEST_MILLISECONDS)

SAMPLE = ROOT / "models" / "sample.flac"
DECISION_SECONDS = 60


@pytest.fixture(scope="module")
def url(deployment: Deployment) -> Iterator[str]:
    """The public address, with an instance awake and the GitHub App's credentials set."""
    ssm = deployment.aws.client("ssm")
    with running_instance(deployment), deployment.door.listening() as url:
        ssm.put_parameter(Name=NAMES.url_parameter, Value=url, Overwrite=True)
        deployment.aws.client("secretsmanager").create_secret(
            Name=NAMES.github_secret, SecretString=deployment.github.credentials
        )
        # They may have read the address of the site before.
        deployment.lambdas.stop()
        yield url


@pytest.fixture
def page(url: str) -> Iterator[Page]:
    """The page in a browser of its own."""
    executable = shutil.which("chromium")
    assert executable, "Chromium is not here: `sh setup.sh packages chromium`"
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(LONGEST_MILLISECONDS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        yield page
        browser.close()
    assert problems == []


@pytest.fixture(scope="module")
def picture(sample: Samples) -> bytes:
    return encode(quantize(log_mel_spectrogram(sample)))


def ask(deployment: Deployment, method: str, path: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return deployment.door.cloudfront(method, path, {"host": "localhost", **named}, b"")


def came_back(deployment: Deployment, login: str) -> Answer:
    """Go to GitHub as somebody, agree, and return how the callback answers."""
    begun = ask(deployment, "GET", "/auth/login?return=/")
    assert begun.status == 302
    state = begun.headers["set-cookie"].partition(";")[0]
    back = urlsplit(deployment.github.authorize(begun.headers["location"], login))
    return ask(deployment, "GET", f"{back.path}?{back.query}", cookie=state)


def session_of(deployment: Deployment, login: str) -> str:
    """Sign somebody in, and return their cookie."""
    cookies = came_back(deployment, login).headers.get_list("set-cookie")
    return next(each.partition(";")[0] for each in cookies if each.startswith("__Host-hush="))


def count(deployment: Deployment, identity: str) -> int:
    """Return how many requests were counted for somebody."""
    table = next(name for name in deployment.aws.of("DynamoDB::Table") if "Quota" in name)
    items = deployment.aws.client("dynamodb").scan(TableName=table)["Items"]
    return sum(
        int(item["requests"]["N"]) for item in items if item["id"]["S"].startswith(f"{identity}#")
    )


def test_a_person_signs_in_transcribes_makes_a_key_spends_the_quota_and_revokes_it(
    deployment: Deployment, url: str, page: Page, picture: bytes, sample_words: str
) -> None:
    # What was said before signing in is sent afterwards.
    page.set_input_files("input[type=file]", SAMPLE)
    expect(page.get_by_text("1 waiting")).to_be_visible()
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="octocat").click()
    expect(page.locator(".said", has_text=sample_words).first).to_be_visible()
    assert count(deployment, "github:583231") == 1

    page.get_by_role("button", name="Account of octocat").click()
    page.get_by_label("Name of a new key").fill("laptop")
    page.get_by_role("button", name="Create").click()
    key = page.get_by_label("Copy your new key now").input_value()
    assert key.startswith("hush_583231_")

    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        transcribe = client.audio.transcriptions.create
        for _ in range(3):
            assert transcribe(model="whisper-1", file=("a.png", picture)).text == sample_words
        with pytest.raises(openai.RateLimitError, match="4 ") as spent:
            transcribe(model="whisper-1", file=("a.png", picture))
        assert spent.value.code == "quota_exceeded"
        assert int(spent.value.response.headers["retry-after"]) <= 60

        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Revoke laptop").click()
        expect(page.get_by_role("button", name="Revoke laptop")).to_have_count(0)
        # The gateway remembers for a minute that the key was good.
        with pytest.raises(openai.RateLimitError):
            transcribe(model="whisper-1", file=("a.png", picture))
        deployment.door.now += DECISION_SECONDS + 1
        with pytest.raises(openai.AuthenticationError):
            transcribe(model="whisper-1", file=("a.png", picture))
    assert count(deployment, "github:583231") == 4
    session = next(
        each["value"] for each in page.context.cookies() if each["name"] == "__Host-hush"
    )
    said = deployment.lambdas.said()
    assert "signed-in" in said
    assert session not in said
    assert key.split("_", 2)[2] not in said


@pytest.mark.usefixtures("url")
class TestSignIn:
    def test_it_sets_one_cookie_and_clears_another(self, deployment: Deployment) -> None:
        answer = came_back(deployment, "hubot")
        assert (answer.status, answer.headers["location"]) == (302, "/")
        given, cleared = sorted(answer.headers.get_list("set-cookie"))
        assert given.startswith("__Host-hush-state=") or cleared.startswith("__Host-hush-state=")
        for cookie in (given, cleared):
            assert {"HttpOnly", "Secure", "Path=/"} <= set(cookie.split("; "))

    def test_whoever_is_not_permitted_stays_outside(self, deployment: Deployment) -> None:
        answer = came_back(deployment, "mallory")
        assert answer.headers["location"] == "/?sign-in=not-permitted"
        assert "__Host-hush=" not in str(answer.headers)

    def test_an_administrator_has_no_limit(self, deployment: Deployment) -> None:
        me = ask(deployment, "GET", "/auth/me", cookie=session_of(deployment, "hubot"))
        described = json.loads(me.body)
        assert (described["administrator"], described["tier"]) == (True, "unlimited")

    def test_a_stale_cookie_keeps_nobody_from_signing_in(self, deployment: Deployment) -> None:
        stale = "__Host-hush=stale"
        assert ask(deployment, "GET", "/v1/models", cookie=stale).status == 401
        assert ask(deployment, "GET", "/auth/login", cookie=stale).status == 302
        assert json.loads(ask(deployment, "GET", "/auth/me", cookie=stale).body)["sign_in"] is True

    def test_who_left_the_organisation_is_refused_within_ten_minutes(
        self, deployment: Deployment
    ) -> None:
        github = deployment.github
        github.accounts["mona"], github.members["friends"] = 1024, {"mona"}
        cookie = session_of(deployment, "mona")
        assert ask(deployment, "GET", "/v1/models", cookie=cookie).status == 200
        github.members["friends"].clear()
        deployment.door.now += DECISION_SECONDS + 1
        assert ask(deployment, "GET", "/v1/models", cookie=cookie).status == 200
        table = next(name for name in deployment.aws.of("DynamoDB::Table") if "People" in name)
        deployment.aws.client("dynamodb").update_item(
            TableName=table,
            Key={"who": {"S": "github:1024"}, "what": {"S": "profile"}},
            UpdateExpression="SET checked = :long_ago",
            ExpressionAttributeValues={":long_ago": {"N": "0"}},
        )
        deployment.door.now += DECISION_SECONDS + 1
        refused = ask(deployment, "GET", "/v1/models", cookie=cookie)
        assert refused.status == 403
        assert error_of(refused)["code"] == "not_allowed"


class TestAdministration:
    """By the Lambda as it is deployed, in the place that is deployed."""

    def test_every_act_changes_aws_and_shows_in_the_audit(
        self, deployment: Deployment, url: str
    ) -> None:
        page = {"cookie": session_of(deployment, "hubot"), "host": url.partition("://")[2]}

        def asked(method: str, path: str, body: Any = None) -> Any:
            encoded = b"" if body is None else json.dumps(body).encode()
            headers = {**page, "origin": url, "content-type": "application/json"}
            below = f"/administration/{path}"
            answer = deployment.door.cloudfront(method, below, headers, encoded)
            assert answer.status in (200, 204), answer.body
            return json.loads(answer.body or "null")

        octocat = {"cookie": session_of(deployment, "octocat"), "host": page["host"]}
        deployment.door.now += DECISION_SECONDS + 1

        def may() -> bool:
            deployment.door.now += DECISION_SECONDS + 1
            return deployment.door.cloudfront("GET", "/v1/models", octocat, b"").status == 200

        assert asked("POST", "people/583231/block", {})["blocked"] is True
        assert not may()
        assert asked("POST", "people/583231/unblock", {})["blocked"] is False
        assert may()
        own = {"requests": 4000, "seconds": 60}
        assert asked("PUT", "people/583231/limits", own)["limits"] == own
        assert asked("PUT", "people/583231/limits")["limits"] is None
        for key in asked("GET", "keys")["keys"]:
            if key["login"] == "octocat":
                asked("DELETE", f"people/{key['person']}/keys/{key['id']}")
        assert asked("POST", "people/583231/revoke", {})["sessions"] == 0
        assert not may()
        assert asked("POST", "fleet/maximum", {"instances": 3})["maximum"] == 3
        until = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        assert asked("POST", "fleet/awake", {"until": until})["awake_until"] == until
        described = group(deployment)
        assert (described["MinSize"], described["MaxSize"]) == (1, 3)
        (instance, *_) = asked("GET", "fleet")["instances"]
        assert instance["models"] == ["small", "turbo"]
        assert len(instance["version"]) == 12
        assert asked("POST", "fleet/sleep", {})["desired"] == 0
        assert group(deployment)["DesiredCapacity"] == 0
        assert asked("POST", "fleet/wake", {})["desired"] == 1
        asked("POST", "fleet/maximum", {"instances": described["MaxSize"] + 1})
        # More where the month was lifted before: one cloud is there for all of these tests.
        assert asked("GET", "costs")["fleet_bound"] >= 500
        lifted = asked("POST", "costs/lift", {})
        assert lifted["stopped"] is False
        deployment.aws.pipelines[NAMES.pipeline] = [
            {
                "stageName": "Build",
                "latestExecution": {"status": "Failed", "pipelineExecutionId": "1"},
                "actionStates": [
                    {
                        "actionName": "Synth",
                        "latestExecution": {
                            "status": "Failed",
                            "lastStatusChange": 1_790_000_000,
                            "externalExecutionId": "project:0a1b",
                            "errorDetails": {"message": "the build failed"},
                        },
                    }
                ],
            }
        ]
        logs = deployment.aws.client("logs")
        logs.create_log_stream(logGroupName=NAMES.pipeline_log, logStreamName="0a1b")
        logs.put_log_events(
            logGroupName=NAMES.pipeline_log,
            logStreamName="0a1b",
            logEvents=[{"timestamp": round(1000 * time.time()), "message": "1 failed\n"}],
        )
        (stage,) = asked("GET", "deployments")["stages"]
        (synth,) = stage["actions"]
        assert (synth["state"], synth["log_tail"]) == ("Failed", ["1 failed"])
        assert synth["summary"] == "the build failed"
        assert asked("GET", "alarms") == {"alarms": []}

        deployment.lambdas.deliver_logs()
        told = asked("GET", "audit?limit=200")["events"]
        acts = {event["kind"] for event in told if event["by"] == "hubot"}
        assert acts >= {
            *("fleet-woken", "fleet-sent-to-sleep", "fleet-kept-awake", "fleet-maximum"),
            *("person-blocked", "person-unblocked", "person-limited", "person-revoked"),
            "budget-lifted",
        }
        refused = deployment.door.cloudfront("GET", "/administration/fleet", octocat, b"")
        assert refused.status in (401, 403)
        evil = {**page, "origin": "https://evil.example"}
        for path in ("fleet/sleep", "people/583231/block", "costs/lift"):
            answer = deployment.door.cloudfront("POST", f"/administration/{path}", evil, b"{}")
            assert error_of(answer)["code"] == "cross_site"


@pytest.mark.usefixtures("url")
class TestAttacks:
    def test_a_session_does_nothing_for_the_page_of_another_site(
        self, deployment: Deployment
    ) -> None:
        cookie = session_of(deployment, "hubot")
        for path in ("/v1/audio/transcriptions", "/mel", "/auth/keys", "/auth/logout"):
            refused = ask(deployment, "POST", path, cookie=cookie, origin="https://evil.example")
            assert refused.status == 403
            assert error_of(refused)["code"] == "cross_site"
        read = ask(deployment, "GET", "/v1/models", cookie=cookie, sec_fetch_site="cross-site")
        assert read.status == 403

    def test_nobody_can_say_who_they_are(self, deployment: Deployment, picture: bytes) -> None:
        headers = {
            "host": "localhost",
            "cookie": session_of(deployment, "hubot"),
            "origin": "http://localhost",
            "x-hush-identity": "github:583231",
            "x-hush-tier": "person",
            "x-hush-viewer": "192.0.2.1",
        }
        before = count(deployment, "github:583231")
        assert deployment.door.cloudfront("POST", "/mel", headers, picture).status == 200
        assert count(deployment, "github:583231") == before

    def test_around_the_cdn_sign_in_is_closed_too(self, deployment: Deployment) -> None:
        session = session_of(deployment, "hubot").partition("=")[2]
        for origin in ({}, {"x-hush-origin": "guess"}):
            headers = {"x-hush-credential": f"session {session}", **origin}
            for path in ("/live/auth/me", "/live/auth/login", "/live/auth/keys"):
                assert deployment.door.gateway("GET", path, headers, b"").status == 403
