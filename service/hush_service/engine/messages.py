"""What a service and the process of an engine tell each other.

Windows are sent once: afterwards, whoever names one means the window that the engine's process has
heard, and has what its encoder made of it.
"""

import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hush_service.engine.procedure import Procedure
from hush_service.engine.questions import Window


@dataclass(frozen=True)
class Load:
    """Asks for a model to be loaded, by `loader` of `arguments`: answered with `Loaded`."""

    loader: Any
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Ask:
    """Asks questions of one kind: answered with `Answered`.

    Attributes
    ----------
    questions
        As bytes, of `packed`. Where there are none, windows are only forgotten, and freed memory is
        given back.
    heard
        Windows that they are of and that were not sent before, by number.
    forgotten
        Numbers of windows of which nothing will be asked any more.
    """

    questions: bytes
    heard: dict[int, Window]
    forgotten: Sequence[int]


@dataclass(frozen=True)
class Stop:
    """Says that nobody waits for the answers any more."""


@dataclass(frozen=True)
class Loaded:
    """A model is loaded: how it is asked, how many questions at once, and on what it runs."""

    procedure: Procedure
    batch: int
    description: str


@dataclass(frozen=True)
class Answered:
    """Answers to all questions, and how many may be asked at once from now on."""

    answers: Sequence[object]
    batch: int


@dataclass(frozen=True)
class Failed:
    """What was asked failed."""

    error: Exception

    @classmethod
    def of(cls, error: Exception) -> "Failed":
        """Return it with an error that can be sent; one that cannot is told in its words."""
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return cls(RuntimeError(str(error) or type(error).__name__))
        return cls(error)


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, numbers: Callable[[Window], int]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._numbers = numbers

    def persistent_id(self, packed: object) -> int | None:
        return self._numbers(packed) if isinstance(packed, Window) else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, windows: dict[int, Window]) -> None:
        super().__init__(file)
        self._windows = windows

    def persistent_load(self, number: int) -> Window:
        return self._windows[number]


def packed(questions: Sequence[Any], numbers: Callable[[Window], int]) -> bytes:
    """Return questions as bytes, with a number in each window's place.

    Parameters
    ----------
    questions
        What is asked.
    numbers
        Called with a window; returns its number.
    """
    file = io.BytesIO()
    _Packer(file, numbers).dump(list(questions))
    return file.getvalue()


def unpacked(content: bytes, windows: dict[int, Window]) -> list[Any]:
    """Return the questions that `packed` made bytes of, given their windows by number."""
    questions: list[Any] = _Unpacker(io.BytesIO(content), windows).load()
    return questions
