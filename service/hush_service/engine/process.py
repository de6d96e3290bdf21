"""An engine in a process of its own: what ends it, or hangs it, does not end the service."""

import logging
import multiprocessing.connection
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from hush.mel import FRAMES_PER_SECOND
from hush_service.engine import WorkStoppedError
from hush_service.engine.batching import cost
from hush_service.engine.messages import Answered, Ask, Failed, Load, Loaded, Stop, packed
from hush_service.engine.procedure import ByProcedure
from hush_service.engine.questions import Encode, Window
from hush_service.engine.windows import LONGEST_WINDOW

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds that an engine may take at least before it is taken for hung: for an answer, if it was
ever faster, and to take a question."""
SLOWER = 20.0
"""How much longer than the slowest so far an answer may take, for each second of sound."""
GRACE = 15.0
"""Seconds in which an engine at least ends what nobody waits for any more."""
WHOLE = 5.0
"""How much longer than usual that may take: some engines look between whole answers alone."""
FADING = 0.98
"""What is left of the slowest answer's share with each that comes after it: a machine that once
stood still is not waited for longer for ever."""
LOOK_SECONDS = 0.05
"""How often whoever waits for an answer looks whether somebody still wants it."""
AGAIN_SECONDS = 10.0
"""How long it is not tried again to start what could not be started."""


class Condition(Enum):
    """How an engine's process is."""

    STARTING = "starting"
    READY = "ready"
    LOST = "lost"


class EngineDiedError(Exception):
    """The engine's process ended, or hung and was ended, while it was asked."""


class EngineProcess(ByProcedure):
    """A loaded model in another process, which is started again whenever it ends or hangs.

    Parameters
    ----------
    loader, *arguments
        What loads the model there: a function of a module, and what it is called with. It returns
        an engine that has a `procedure`, or an `Engine`.
    longest
        Seconds that 30 s of sound, or less, may take at most.

    Attributes
    ----------
    on_change
        Called when its condition changes, in the thread that asks.

    Raises
    ------
    Exception
        What `loader` raised.
    EngineDiedError
        If the process ended while it loaded.
    """

    def __init__(
        self, loader: Callable[..., object], *arguments: object, longest: float = 300.0
    ) -> None:
        self._load = Load(loader, arguments)
        self._longest = longest
        self._slowest = 0.0
        self._closed = False
        self._asking = threading.Lock()
        self._lost = float("-inf")
        self._numbers: weakref.WeakKeyDictionary[Window, int] = weakref.WeakKeyDictionary()
        self._forgotten: list[int] = []
        self._number = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self.on_change: Callable[[Condition], None] = lambda condition: None
        loaded = self._start()
        self.procedure = loaded.procedure
        self.info = loaded.procedure.info
        self.description = loaded.description
        self.batch = loaded.batch

    @property
    def pid(self) -> int | None:
        """The number of its process, if there is one."""
        return None if self._process is None else self._process.pid

    @property
    def may_start_again(self) -> bool:
        """Whether a process that is lost would be tried again for a question."""
        return time.monotonic() - self._lost >= AGAIN_SECONDS

    def answers(self, questions: Sequence[Any], stop: Callable[[], bool]) -> Sequence[object]:
        """Answer questions of one kind; see `hush_service.engine.batching.BatchingEngine`.

        Raises
        ------
        WorkStoppedError
            If `stop` said so.
        EngineDiedError
            If the process ended or hung; by then, another one has been started if that is
            possible, and the questions can be asked again.
        """
        with self._asking:
            answered = self._asked_anew(questions, stop)
        self.batch = answered.batch
        for question in questions:
            if isinstance(question, Encode):
                question.window.encoded = True  # there
        return answered.answers

    def forget(self) -> None:
        """Have the process forget what nobody asks about any more, and give its memory back."""
        with self._asking:
            if self._process is not None:
                self._asked_anew([], lambda: False)

    def close(self) -> None:
        """End the process for good, from any thread; who waits for an answer gets none."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()
        with self._asking:
            self._end()

    def _asked_anew(self, questions: Sequence[Any], stop: Callable[[], bool]) -> Answered:
        if self._process is None:
            if not self.may_start_again:
                raise EngineDiedError("the engine cannot be started again")
            self._start_again()
        try:
            return self._asked(questions, stop)
        except EngineDiedError as error:
            if not self._closed:
                log.error("%s; it is started again", error)
            self._start_again()
            raise

    def _end(self) -> None:
        if self._process is not None and self._connection is not None:
            self._connection.close()
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process = self._connection = None

    def _start(self) -> Loaded:
        """Start the process, and have it load the model. Takes its time."""
        self._numbers.clear()
        self._forgotten.clear()
        ours, theirs = socket.socketpair()
        # Who does not read for so long hangs.
        ours.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", round(PATIENCE), 0)
        )
        with ours, theirs:
            self._process = _started(theirs)
            self._connection = multiprocessing.connection.Connection(ours.detach())
        try:
            self._tell(self._load)
            loaded = self._answer(lambda: False, float("inf"), float("inf"))
        except BaseException:
            self._end()
            raise
        assert isinstance(loaded, Loaded)
        return loaded

    def _start_again(self) -> None:
        self._end()
        if self._closed:
            raise EngineDiedError("the engine is closed")
        self.on_change(Condition.STARTING)
        try:
            loaded = self._start()
            if loaded.procedure != self.procedure:
                self._end()
                raise EngineDiedError("its model has been replaced by one of another kind")
            self.batch = loaded.batch
        except Exception as error:
            self._lost = time.monotonic()
            self.on_change(Condition.LOST)
            raise EngineDiedError(f"the engine cannot be started again: {error}") from error
        self.on_change(Condition.READY)

    def _asked(self, questions: Sequence[Any], stop: Callable[[], bool]) -> Answered:
        heard: dict[int, Window] = {}

        def number(window: Window) -> int:
            known = self._numbers.get(window)
            if known is None:
                known = self._numbers[window] = next(self._number)
                heard[known] = replace(window, encoded=None)
                weakref.finalize(window, self._forgotten.append, known).atexit = False
            return known

        content = packed(questions, number)
        forgotten = self._forgotten[:]
        began = time.monotonic()
        self._tell(Ask(content, heard, forgotten))
        del self._forgotten[: len(forgotten)]
        seconds = sum(max(1.0, cost(question)) for question in questions)
        answered = self._answer(stop, *self._patience(seconds))
        assert isinstance(answered, Answered)
        if questions:
            took = (time.monotonic() - began) / seconds
            self._slowest = max(FADING * self._slowest, took)
        return answered

    def _patience(self, seconds: float) -> tuple[float, float]:
        """Return how long to wait for answers about seconds of sound, and for their giving up."""
        longest = self._longest * max(1.0, seconds * FRAMES_PER_SECOND / LONGEST_WINDOW)
        if self._slowest == 0:
            return longest, longest
        usual = self._slowest * seconds
        return min(longest, max(PATIENCE, SLOWER * usual)), max(GRACE, WHOLE * usual)

    def _tell(self, message: object) -> None:
        assert self._connection is not None
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._died() from error

    def _answer(self, stop: Callable[[], bool], patience: float, grace: float) -> object:
        """Return what the process says next: within a time, or in grace once nobody wants it."""
        assert self._connection is not None
        began, stopped = time.monotonic(), False
        deadline = began + patience
        try:
            while not self._connection.poll(LOOK_SECONDS):
                if not stopped and stop():
                    self._tell(Stop())
                    stopped = True
                    now = time.monotonic()
                    deadline = max(now + GRACE, min(deadline, now + grace))
                if time.monotonic() > deadline:
                    waited = time.monotonic() - began
                    raise EngineDiedError(f"the engine has not answered for {waited:.0f} s")
            said = self._connection.recv()
        except (OSError, EOFError) as error:
            raise self._died() from error
        if isinstance(said, Failed):
            raise said.error
        if stopped:
            raise WorkStoppedError
        return said

    def _died(self) -> EngineDiedError:
        assert self._process is not None
        try:
            code = self._process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            return EngineDiedError("the engine takes no questions")
        how = f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        return EngineDiedError(f"the engine's process ended {how}")


def _started(connection: socket.socket) -> "subprocess.Popen[bytes]":
    # SIGTERM and Ctrl-C are for the service, which drains. All threads of the process have this
    # mask, those of libraries too.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        return subprocess.Popen(
            # Nothing of the folder it is started in.
            [sys.executable, "-P", "-m", "hush_service.engine.worker", str(connection.fileno())],
            pass_fds=[connection.fileno()],
            # It ends when this end is closed, however this process ends.
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
