"""A service in this process, with engines that do as they are told."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import dataclass, field

import httpx2
import numpy as np
import pytest

from hush.image import Encoding, encode, quantize
from hush.mel import Spectrogram
from hush.transcript import Phrase, Stretch, Transcript, Word
from hush_service.core.served_models import ModelState, ServedModel, ServedModels
from hush_service.engine import DecodingRequest, ModelInfo, Task, WorkStoppedError
from hush_service.engine.procedure import Heard, Transcription
from hush_service.engine.questions import Encode, Window
from hush_service.engine.windows import unheeded
from hush_service.settings import ServiceSettings
from hush_service.web.app import create_app
from local.processes import HANG


@dataclass(eq=False)
class ToldEngine:
    """Answers at once, or when `go` is set, and remembers what it was asked."""

    info: ModelInfo
    go: threading.Event | None = None
    unheard: tuple[Stretch, ...] = ()
    begun: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[Spectrogram, DecodingRequest]] = field(default_factory=list)

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        self.asked.append((spectrogram, request))
        self.begun.set()
        while self.go is not None and not self.go.wait(0.01):
            if stop():
                raise WorkStoppedError
        seconds = spectrogram.shape[1] / 100
        words = (Word("Hello.", 0.1, 0.5),) if request.words else None
        phrases = (Phrase(0, seconds, " Hello."),)
        return Transcript("Hello.", seconds, "english", request.task, phrases, words, self.unheard)


@dataclass(eq=False)
class SayingEngine(ToldEngine):
    """Says a phrase for each second of a picture, as soon as it may say the next."""

    may: Callable[[int], bool] = lambda said: True
    batch: int = 8
    said: int = 0

    def begin(
        self, spectrogram: Spectrogram, request: DecodingRequest, heard: Heard = unheeded
    ) -> Transcription:
        phrases: list[Phrase] = []
        for second in range(spectrogram.shape[1] // 100):
            yield Encode(Window(spectrogram[:, :100], 100, first=100 * second))
            phrases.append(Phrase(second, second + 1, f" Second {second}."))
            heard(phrases[-1:])
        text = "".join(phrase.text for phrase in phrases).strip()
        return Transcript(text, len(phrases), "english", request.task, tuple(phrases))

    def kind(self, question: Encode) -> Hashable:
        return None

    def answers(self, questions: Sequence[Encode], stop: Callable[[], bool]) -> Sequence[object]:
        while not self.may(self.said):
            if stop():
                raise WorkStoppedError
            time.sleep(0.01)
        self.said += 1
        return [None] * len(questions)


def engine(
    mel_bins: int = 80,
    languages: tuple[str, ...] = ("en",),
    tasks: tuple[Task, ...] = ("transcribe",),
    parameters: int = 1000,
    go: threading.Event | None = None,
) -> ToldEngine:
    return ToldEngine(ModelInfo(mel_bins, languages, tasks, parameters), go)


def loaded(**engines: ToldEngine) -> ServedModels:
    """Return models that are ready."""
    models = ServedModels(())
    models.all = [
        ServedModel(name.replace("_", "-"), "", 0, ModelState.READY, told)
        for name, told in engines.items()
    ]
    return models


def http(models: ServedModels, **settings: object) -> httpx2.AsyncClient:
    """Return a client of a service in this process."""
    app = create_app(ServiceSettings(**settings), models)  # type: ignore[arg-type]
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://service")


def picture(frames: int = 100, mel_bins: int = 80, encoding: Encoding | None = None) -> bytes:
    ramp = np.linspace(-0.5, 1.5, mel_bins * frames, dtype=np.float32).reshape(mel_bins, frames)
    return encode(quantize(ramp), encoding or Encoding())


def get(url: str) -> httpx2.Response:
    """Ask a service, which may take its time."""
    return httpx2.get(url, timeout=HANG)


def post(url: str, data: bytes) -> httpx2.Response:
    """Send a service a picture, and wait for as long as it takes."""
    return httpx2.post(url, content=data, timeout=HANG)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something to happen; what never does is ended by pytest."""
    while not condition():
        time.sleep(0.01)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """A service with one English model of 80 bins."""
    async with http(loaded(demo=engine())) as client:
        yield client
