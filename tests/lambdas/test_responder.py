"""The responder as it is deployed: its own bundle, run by AWS's runtime client, with real weights.

What it asks of AWS, a stand-in on loopback answers.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hush.audio import read_audio
from hush.contracts.headers import IDENTITY, REQUEST, TIER
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from hush_service.packaged import recording
from local.functions import Function
from local.gateway import Answer, Request, balancer_event, of_function
from local.responder_cloud import KEY, Cloud, responder_cloud
from stacks.functions import Bundle
from stacks.weights import MODEL, responder_weights, small_files
from tests.cloud.front_door import error_of

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
    Bundle("responder", wanted=False, service=True, files=files).try_bundle(str(folder))
    return folder


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
    assert responder.cloud.told[-1]["wake"] is True
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
