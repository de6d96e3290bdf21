"""An engine that is asked in batches, goes on when it is told, and remembers what it was asked."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hush.mel import Spectrogram
from hush.transcript import Transcript
from hush_service.core.turns import Terms
from hush_service.core.work import WorkQueue
from hush_service.engine import DecodingRequest, ModelInfo, WorkStoppedError
from hush_service.engine.procedure import Heard, Transcription
from hush_service.engine.process import EngineDiedError
from hush_service.engine.questions import Encode, Window
from hush_service.engine.windows import unheeded

SECONDS = 10.0
"""Of a window."""


@dataclass(frozen=True)
class Asked(Encode):
    """Asks for a window of somebody's picture; those of one kind are asked together."""

    name: str
    kind: str


@dataclass(eq=False)
class Stepping:
    """Answers `batch` questions at once, at once or when it is let."""

    batch: int = 4
    let: threading.Semaphore | None = None
    info: ModelInfo = field(default_factory=lambda: ModelInfo(80, ("en",), ("transcribe",), 1))
    steps: list[list[str]] = field(default_factory=list)
    fails: frozenset[str] = frozenset()
    ends: list[str] = field(default_factory=list)

    def begin(self, _: Spectrogram, __: DecodingRequest, ___: Heard = unheeded) -> Transcription:
        return picture("somebody")

    def kind(self, question: Asked) -> Hashable:
        return question.kind

    def answers(self, questions: Sequence[Asked], stop: Callable[[], bool]) -> Sequence[object]:
        self.steps.append([question.name for question in questions])
        while self.let is not None and not self.let.acquire(timeout=0.005):
            if stop():
                raise WorkStoppedError
        for question in questions:
            if question.name in self.ends:
                self.ends.remove(question.name)
                raise EngineDiedError("the engine's process ended")
            if question.name in self.fails:
                raise ValueError(f"{question.name} cannot be heard")
        return [question.name for question in questions]


def picture(name: str, windows: int = 1, questions: int = 1, kind: str = "") -> Transcription:
    """Ask for a picture of so many windows, each with so many questions."""
    heard: list[str] = []
    for place in range(windows):
        window = Window(
            np.zeros((80, 1000), np.float32),
            round(100 * SECONDS),
            0.0,
            round(100 * place * SECONDS),
        )
        for _ in range(questions):
            heard += [(yield Asked(window, name, kind))]
    return Transcript(" ".join(heard), windows * SECONDS, "english")


async def never() -> None:
    await asyncio.Event().wait()


async def do(
    queue: WorkQueue,
    engine: Stepping,
    name: str,
    terms: Terms | None = None,
    windows: int = 1,
    questions: int = 1,
    kind: str = "",
    departure: Callable[[], Awaitable[None]] = never,
) -> str:
    """Return the words of a picture, which are its name, once for each question."""
    with queue.admission(engine, windows * SECONDS, terms) as job:
        asking = picture(name, windows, questions, kind)
        return (await queue.run(job, asking, next(asking), departure())).text


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def closed(batch: int = 4) -> Stepping:
    """Return an engine that does nothing until it is let."""
    return Stepping(batch, threading.Semaphore(0))


def let(engine: Stepping, steps: int = 1000) -> None:
    assert engine.let is not None
    engine.let.release(steps)


async def begun(queue: WorkQueue, engine: Stepping, *names: str) -> list["asyncio.Task[str]"]:
    """Have an engine work on the first picture, and the others wait."""
    tasks = []
    for number, name in enumerate(names, 1):
        tasks.append(asyncio.create_task(do(queue, engine, name)))
        await until(lambda n=number: queue.admitted == n and engine.steps != [])  # type: ignore[misc]
    return tasks
