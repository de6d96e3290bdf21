"""The process of an engine: `python -m hush_service.engine.worker`, for `EngineProcess` alone."""

import os
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any, Protocol, cast

from hush_service.engine.batching import BatchingEngine, batching
from hush_service.engine.messages import Answered, Ask, Failed, Load, Loaded, Stop, unpacked
from hush_service.engine.procedure import Procedure
from hush_service.engine.questions import Encode, Window
from hush_service.log_lines import log_to_stderr
from hush_service.memory import FreedMemory


class _Portable(BatchingEngine, Protocol):
    """An engine of which that can be sent which needs no weights."""

    procedure: Procedure
    description: str


class Worker:
    """Loads a model, and answers what is asked of it.

    Parameters
    ----------
    connection
        To whoever asks.
    """

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self._connection = connection
        self._windows: dict[int, Window] = {}
        self._left = False
        self._freed = FreedMemory()

    def run(self) -> None:
        """Answer until whoever asks has left."""
        engine = None
        while not self._left:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                return
            match message:
                case Load():
                    engine = self._load(message)
                case Ask() if engine is not None:
                    self._answer(engine, message)
                case Stop():
                    pass  # the answer was on its way already

    def _load(self, message: Load) -> _Portable | None:
        try:
            engine = cast(_Portable, batching(message.loader(*message.arguments)))
        except Exception as error:
            self._tell(Failed.of(error))
            return None
        self._tell(Loaded(engine.procedure, engine.batch, engine.description))
        return engine

    def _answer(self, engine: _Portable, message: Ask) -> None:
        for number in message.forgotten:
            self._windows.pop(number, None)
        self._windows |= message.heard
        try:
            questions = unpacked(message.questions, self._windows)
            self._encode_again(engine, questions)
            answers = engine.answers(questions, self._stopped) if questions else []
        except Exception as error:
            self._tell(Failed.of(error))
        else:
            self._tell(Answered(answers, engine.batch))
            self._freed.give_back(at_once=not questions)

    def _encode_again(self, engine: _Portable, questions: list[Any]) -> None:
        """Encode windows that only a process before this one has encoded."""
        for question in questions:
            window: Window | None = getattr(question, "window", None)
            if window is None or isinstance(question, Encode):
                continue
            if window.encoded is None:
                engine.answers([Encode(window)], self._stopped)

    def _stopped(self) -> bool:
        """Tell whether nobody waits any more."""
        if not self._left and self._connection.poll():
            try:
                self._left = not isinstance(self._connection.recv(), Stop)
            except (EOFError, OSError):
                self._left = True
            return True
        return self._left

    def _tell(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError:
            self._left = True


def _end_with_the_service() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main(descriptor: int) -> None:
    """Answer what is asked on a connection, until its other end is closed."""
    log_to_stderr()
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    Worker(Connection(descriptor)).run()
    # What holds a GPU or a pool of threads may not let Python end by itself.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
