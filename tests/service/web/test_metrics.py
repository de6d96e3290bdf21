"""What `/metrics` says of a service's work."""

from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hush.mel import Spectrogram
from hush_service.core.served_models import ServedModels
from hush_service.engine import DecodingRequest
from hush_service.engine.procedure import Heard, Transcription
from hush_service.engine.questions import Decode, Decoded, Encode
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.windows import Rules, transcription, unheeded
from tests.service.conftest import ToldEngine, engine, http, loaded, picture

pytestmark = pytest.mark.anyio

TOKENIZER = Tokenizer.of_size(51_864)
TRANSCRIPTIONS = "/v1/audio/transcriptions"


@dataclass(eq=False)
class Scripted(ToldEngine):
    """Writes one text after the other, whatever it hears."""

    texts: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    batch: int = 8
    written: int = 0

    def begin(
        self, spectrogram: Spectrogram, request: DecodingRequest, heard: Heard = unheeded
    ) -> Transcription:
        return transcription(spectrogram, request, TOKENIZER, Rules(), heard)

    def kind(self, question: Any) -> Hashable:
        return id(question)

    def answers(self, questions: Sequence[Any], stop: Callable[[], bool]) -> Sequence[object]:
        return [self._answer(question) for question in questions]

    def _answer(self, question: Encode | Decode) -> Decoded | None:
        if isinstance(question, Encode):
            question.window.encoded = True
            return None
        text, probability = self.texts[self.written], self.probabilities[self.written]
        self.written += 1
        return Decoded(tuple(TOKENIZER.encode(text)), probability, 0.01)


async def metrics(client: httpx2.AsyncClient) -> dict[str, float]:
    """Return the values of all series, by their names with labels."""
    lines = (await client.get("/metrics")).text.splitlines()
    values = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in values}


async def test_requests_and_pictures_are_counted(client: httpx2.AsyncClient) -> None:
    for data in (picture(frames=250), b"nothing"):
        await client.post(TRANSCRIPTIONS, files={"file": ("speech.png", data)})
    await client.get("/nowhere/else")
    expected = {
        'hush_requests_total{route="/v1/audio/transcriptions",status="200"}': 1,
        'hush_requests_total{route="/v1/audio/transcriptions",status="400"}': 1,
        'hush_requests_total{route="other",status="404"}': 1,
        'hush_speech_seconds_total{model="demo"}': 2.5,
        'hush_real_time_factor_count{model="demo"}': 1,
        "hush_queue_waiting": 0,
        "hush_wait_seconds_count": 1,
        'hush_batch_windows_bucket{le="1.0"}': 1,
        'hush_refused_total{reason="invalid_image"}': 1,
        "hush_held_bytes": 0,
        "hush_in_flight": 0,
        "hush_models_ready": 1,
    }
    found = await metrics(client)
    assert {name: found[name] for name in expected} == expected
    assert found['hush_engine_seconds_total{model="demo"}'] > 0
    assert found["hush_tasks"] > 0


async def test_bodies_that_are_refused_are_counted_by_reason() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(50)

    async with http(loaded(demo=engine()), max_body_bytes=100, max_uploads=1) as client:
        assert (await client.post("/", content=bytes(101))).status_code == 413
        assert (await client.post("/", content=parts())).status_code == 413
        odd = {"content-type": "multipart/form-data; boundary=x; charset=utf-7"}
        assert (await client.post("/", content=b"", headers=odd)).status_code == 415
        found = await metrics(client)
    assert found['hush_refused_total{reason="too_large"}'] == 2
    assert found['hush_refused_total{reason="charset"}'] == 1


async def test_windows_tokens_and_what_is_decoded_again_are_counted() -> None:
    texts = (" no" * 40, " Perhaps.", " Hello.")
    told = Scripted(engine().info, texts=texts, probabilities=(-0.2, -1.5, -0.2))
    async with http(loaded(base_en=told)) as client:
        answer = await client.post("/", content=picture(200))
        assert answer.text == "Hello.\n"
        found = await metrics(client)
    assert found['hush_window_seconds_bucket{le="15.0"}'] == 1
    assert found["hush_window_seconds_sum"] == 15
    tokens = sum(len(TOKENIZER.encode(text)) for text in texts)
    assert found['hush_tokens_total{model="base-en"}'] == tokens
    assert found['hush_decoded_again_total{reason="loop"}'] == 1
    assert found['hush_decoded_again_total{reason="improbable"}'] == 1
    assert found['hush_decoded_again_total{reason="unheard"}'] == 0


async def test_how_long_each_model_took_to_load_is_said() -> None:
    models = ServedModels(["demo", "base"])

    def load(source: str | Path) -> ToldEngine:
        if source == "base":
            raise OSError("damaged")
        return engine()

    async with http(models) as client:
        before = await metrics(client)
        models.load(load)
        after = await metrics(client)
    assert before["hush_models_ready"] == 0
    assert 'hush_model_load_seconds{model="demo"}' not in before
    assert after['hush_model_load_seconds{model="demo"}'] > 0
    assert 'hush_model_load_seconds{model="base"}' not in after
