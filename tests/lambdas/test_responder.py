"""The responder as it is deployed: its own bundle, run by AWS's runtime client, with real weights.

What it asks of AWS, a stand-in on loopback answers.
"""

import asyncio
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hush.audio import read_audio
from hush.contracts.headers import IDENTITY, REQUEST, TIER, VIEWER
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from hush_service.packaged import recording
from local.functions import Function, LambdaError, lambda_api
from local.gateway import Answer, Request, balancer_event, of_function
from local.processes import HANG
from local.responder_cloud import KEY, Cloud, responder_cloud
from stacks.functions import Bundle
from stacks.weights import MODEL, responder_weights, small_files
from tests.cloud.front_door import error_of
from tests.service.conftest import engine, http, loaded

TINY = "tiny.en"
pytestmark = pytest.mark.xdist_group("responder")


@dataclass
class Responder:
    """The function, what it asks of AWS, and its log."""

    function: Function
    cloud: Cloud
    log: Path

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Answer a request as the load balancer hands it on."""
        sent = {"authorization": f"Bearer {KEY}", IDENTITY: "github:1", TIER: "person"}
        request = Request(method, f"/live{path}", {**sent, **headers}, body)
        return of_function(self.function(balancer_event(request, "responder")))

    def transcribe(self, picture: bytes, **form: str) -> Answer:
        """Send a picture in a form, as OpenAI's clients do."""
        parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in form.items()]
        parts.append(b'name="file"; filename="speech.png"\r\n\r\n' + picture)
        body = b"".join(
            b"--x\r\nContent-Disposition: form-data; " + each + b"\r\n" for each in parts
        )
        content = {"content-type": "multipart/form-data; boundary=x"}
        return self.ask("POST", "/v1/audio/transcriptions", body + b"--x--\r\n", **content)

    def metrics(self) -> list[dict[str, Any]]:
        """Return what CloudWatch takes from the log."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [told for told in map(json.loads, lines) if "_aws" in told]


@pytest.fixture(scope="module")
def picture() -> bytes:
    return encode(quantize(log_mel_spectrogram(read_audio(recording())[: 5 * 16_000])))


@pytest.fixture(scope="module")
def code(real_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    files = {"model": small_files(responder_weights(TINY))}
    bundle = Bundle("responder", wanted=False, service=True, files=files, python=sys.executable)
    bundle.try_bundle(str(folder))
    return folder


def test_its_modules_are_compiled_and_never_looked_at_again(code: Path) -> None:
    for module in code.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(module)))
        magic, flags = compiled.read_bytes()[:4], compiled.read_bytes()[4:8]
        assert (magic, flags) == (importlib.util.MAGIC_NUMBER, b"\1\0\0\0"), module
    # What is not compiled is another bundle.
    made = [Bundle("responder", service=True, python=each) for each in (None, sys.executable)]
    assert [each.compiled for each in made] == [False, True]


@pytest.fixture(scope="module")
def responder(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Responder]:
    with (
        responder_cloud(responder_weights(TINY) / MODEL) as cloud,
        started(code, cloud, tmp_path_factory.mktemp("responder")) as running,
    ):
        yield running


@contextmanager
def started(code: Path, cloud: Cloud, folder: Path) -> Iterator[Responder]:
    """Run the function for as long as the block lasts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUSH_")}
    environment = {**kept, **cloud.environment(TINY, HUSH_DISK=str(folder))}
    function = Function("responder.handler", [code], environment, folder / "log")
    try:
        yield Responder(function, cloud, folder / "log")
    finally:
        function.stop()


def test_a_picture_is_answered_with_whose_words_these_are(
    responder: Responder, picture: bytes
) -> None:
    responder.cloud.told.clear()
    answer = responder.transcribe(picture, model="whisper-1")
    assert answer.status == 200, answer.body
    assert "fellow" in json.loads(answer.body)["text"].lower()
    assert answer.headers["hush-model"] == TINY
    assert answer.headers["hush-coming"] == "small, turbo"
    plain = responder.ask("POST", "/mel", picture)
    assert "fellow" in plain.body.decode().lower()
    models = json.loads(responder.ask("GET", "/v1/models").body)
    assert [each["id"] for each in models["data"]] == [TINY]
    assert models["coming"] == ["small", "turbo"]


def test_whoever_may_use_the_fleet_has_it_told(responder: Responder, picture: bytes) -> None:
    told = responder.cloud.told
    told.clear()
    responder.ask("POST", "/mel", picture, **{TIER: "none"})
    assert told == []
    responder.ask("POST", "/mel", picture)
    responder.ask("GET", "/v1/models", b"", **{TIER: "anonymous"})
    assert told == [{"segment": True, "wake": False}, {"segment": False, "wake": False}]


def test_what_the_fleet_alone_can_do_wakes_it_and_is_told_when_to_come_again(
    responder: Responder, picture: bytes
) -> None:
    responder.cloud.told.clear()
    answer = responder.transcribe(picture, model="turbo")
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert error_of(answer)["code"] == "starting"
    # Beside what it is told of every request, and before or after it.
    assert {"segment": True, "wake": True} in responder.cloud.told
    german = responder.transcribe(picture, language="de")
    assert (german.status, error_of(german)["code"]) == (503, "starting")
    unknown = responder.transcribe(picture, model="nobody")
    assert (unknown.status, error_of(unknown)["code"]) == (404, "model_not_found")


def test_limits_and_errors_are_the_services(responder: Responder, picture: bytes) -> None:
    responder.cloud.spent.clear()
    assert responder.ask("POST", "/mel", picture).status == 200
    (spent,) = responder.cloud.spent
    assert spent["Key"]["id"]["S"].startswith("github:1#")
    assert error_of(responder.ask("POST", "/mel", b"RIFF....WAVEfmt "))["code"] == "audio_refused"
    assert error_of(responder.ask("POST", "/mel", b"nothing"))["code"] == "invalid_image"
    stranger = responder.ask("POST", "/mel", picture, authorization="Bearer other")
    assert (stranger.status, error_of(stranger)["code"]) == (401, "invalid_api_key")
    nobody = responder.ask("POST", "/mel", picture, **{IDENTITY: "", TIER: "none"})
    assert nobody.status == 401


def test_what_it_counts_is_told_to_cloudwatch(responder: Responder, picture: bytes) -> None:
    before = len(responder.metrics())
    responder.ask("POST", "/mel", picture)
    told = responder.metrics()[before:]
    assert len(told) == 1
    assert told[0]["ResponderAnswers"] == 1
    assert told[0]["ResponderSpeech"] == pytest.approx(5.0)
    assert told[0]["ResponderSeconds"] > 0
    assert told[0]["AutoScalingGroupName"] == "hush-live"
    (metrics,) = told[0]["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "hush"
    assert {each["Name"] for each in metrics["Metrics"]} <= set(told[0])
    assert responder.metrics()[0]["cold_start_seconds"] > 0


def test_what_a_full_queue_has_no_room_for_is_heard_here_and_counts_once(
    responder: Responder, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = responder.cloud
    for name, value in cloud.environment(TINY).items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    go = threading.Event()
    fleet = engine(languages=("en", "de"), go=go)
    broken: list[str] = []

    def invoke(name: str, event: dict[str, Any]) -> Any:
        assert name == "arn:aws:lambda:us-east-1:123456789012:function:responder"
        if broken:
            raise LambdaError(broken.pop())
        return responder.function(event)

    async def ask_all() -> list[httpx2.Response]:
        settings = {
            "api_key": KEY,
            "queue_size": 0,
            "quota_table": "quota",
            "overflow": "arn:aws:lambda:us-east-1:123456789012:function:responder",
            "overflow_model": TINY,
        }
        async with http(loaded(turbo=fleet), **settings) as client:

            async def post(viewer: str = "", **form: str) -> httpx2.Response:
                who = {IDENTITY: "github:1", TIER: "person"}
                if viewer:
                    who = {IDENTITY: "anonymous", TIER: "anonymous", VIEWER: viewer}
                return await client.post(
                    "/v1/audio/transcriptions",
                    files={"file": picture},
                    data=form,
                    headers={"authorization": f"Bearer {KEY}", **who},
                    timeout=HANG,
                )

            first = asyncio.create_task(post())
            await asyncio.to_thread(fleet.begun.wait, HANG)
            answers = [
                await post(response_format="verbose_json", model="whisper-1"),
                await post(stream="true", viewer="2001:db8::1"),
                await post(model="turbo"),
                await post(language="de"),
            ]
            broken.append("Task timed out after 65.00 seconds")
            answers.append(await post())
            go.set()
            answers += [await first, await client.get("/metrics")]
            return answers

    cloud.spent.clear()
    before = len(responder.metrics())
    with lambda_api(invoke) as calls:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", calls)
        words, stream, named, german, failed, first, metrics = asyncio.run(ask_all())
    for answer in (words, stream):
        assert answer.status_code == 200, answer.text
        assert "fellow" in answer.text.lower()
        assert answer.headers["hush-model"] == TINY
        # Nothing larger is on its way: it is there.
        assert "hush-coming" not in answer.headers
    assert words.json()["segments"]
    assert responder.metrics()[before]["request"] == words.headers[REQUEST]
    for answer in (named, german, failed):
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "queue_full"
        assert answer.headers["retry-after"]
    assert first.headers["hush-model"] == "turbo"
    who = [each["Key"]["id"]["S"].rpartition("#")[0] for each in cloud.spent]
    assert sorted(who) == ["address:2001:db8::/64", "github:1", "github:1"]
    assert 'hush_overflow_total{result="heard"} 2.0' in metrics.text
    assert 'hush_overflow_total{result="refused"} 1.0' in metrics.text


def test_weights_that_are_not_there_yet_are_fetched_by_the_next_request(
    code: Path, picture: bytes, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"
    whole = (responder_weights(TINY) / MODEL).read_bytes()
    with responder_cloud(weights) as cloud, started(code, cloud, tmp_path) as unready:
        answer = unready.ask("POST", "/mel", picture, **{REQUEST: "a-request"})
        assert (answer.status, error_of(answer)["code"]) == (503, "starting")
        assert error_of(answer)["request_id"] == "a-request"
        assert '"request": "a-request"' in unready.log.read_text()
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        weights.write_bytes(whole[:20_000_000] + bytes(8) + whole[20_000_008:])
        assert unready.ask("POST", "/mel", picture).status == 503
        weights.write_bytes(whole)
        assert unready.ask("POST", "/mel", picture).status == 200
