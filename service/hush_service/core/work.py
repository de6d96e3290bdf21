"""The bounded queue before the engine: one picture at a time, a few waiting, the rest refused."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from hush_service.core.errors import (
    CallerGoneError,
    DrainingError,
    QueueFullError,
    TooSlowError,
)
from hush_service.engine import WorkStoppedError

T = TypeVar("T")
Stop = Callable[[], bool]


class WorkQueue:
    """Lets one piece of work run at a time, in the order of arrival.

    Parameters
    ----------
    size
        How many may wait while one runs.
    max_seconds
        Longest time for one piece of work.
    """

    def __init__(self, size: int, max_seconds: float) -> None:
        self._room = size + 1
        self._max_seconds = max_seconds
        self._turn = asyncio.Lock()
        # A thread of its own: what decodes pictures must not keep the model waiting.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._empty = asyncio.Event()
        self._empty.set()
        self._draining = False
        self._usual_seconds = 1.0
        self.admitted = 0
        self.done = 0

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for their turn."""
        return max(0, self.admitted - 1)

    @property
    def draining(self) -> bool:
        """Whether nothing new is taken."""
        return self._draining

    def drain(self) -> None:
        """Take nothing new from here on."""
        self._draining = True

    async def emptied(self) -> None:
        """Wait until all that was taken is finished."""
        await self._empty.wait()

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Hold one of the places in the queue.

        Raises
        ------
        QueueFullError
            If none is free.
        DrainingError
            If the service is about to stop.
        """
        if self._draining:
            raise DrainingError("this instance is about to stop; try again")
        if self.admitted >= self._room:
            raise QueueFullError(
                f"the queue is full: {self.admitted} pictures are being worked on; try again",
                retry_after=self.admitted * self._usual_seconds,
            )
        self.admitted += 1
        self._empty.clear()
        try:
            yield
        finally:
            self.admitted -= 1
            if self.admitted == 0:
                self._empty.set()

    async def run(self, work: Callable[[Stop], T], departure: Awaitable[None]) -> T:
        """Do a piece of work in a thread, when its turn has come. Wants an `admission`.

        Parameters
        ----------
        work
            Gets a function that says whether to stop, and then raises `WorkStoppedError`.
        departure
            Ends when nobody waits for the result any more.

        Raises
        ------
        TooSlowError
            If the work takes too long.
        CallerGoneError
            If nobody waits for it.
        """
        departed = asyncio.ensure_future(departure)
        try:
            await self._wait_for_turn(departed)
            started = time.monotonic()

            def stop() -> bool:
                return departed.done() or time.monotonic() - started > self._max_seconds

            try:
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(self._worker, work, stop)
            finally:
                self._turn.release()
            self.done += 1
            self._usual_seconds += 0.2 * (time.monotonic() - started - self._usual_seconds)
            return result
        except WorkStoppedError as error:
            if departed.done():
                raise CallerGoneError from error
            raise TooSlowError(
                f"this picture takes longer than {self._max_seconds:g} s; send shorter segments"
            ) from error
        finally:
            departed.cancel()

    async def _wait_for_turn(self, departed: "asyncio.Future[None]") -> None:
        turn = asyncio.ensure_future(self._turn.acquire())
        try:
            await asyncio.wait((turn, departed), return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                raise CallerGoneError
        finally:
            turn.cancel()
