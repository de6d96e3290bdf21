"""The bounded queue before the engine: one picture at a time, a few waiting, the rest refused."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from hush_service.engine import WorkStoppedError
from hush_service.errors import ApiError

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
        ApiError
            429 if none is free, 503 if the service is about to stop.
        """
        if self._draining:
            raise ApiError(
                503, "this instance is about to stop; try again", code="draining", retry_after=1
            )
        if self.admitted >= self._room:
            raise ApiError(
                429,
                f"the queue is full: {self.admitted} pictures are being worked on; try again",
                code="queue_full",
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

    async def run(self, work: Callable[[Stop], T], disconnected: Awaitable[None]) -> T:
        """Do a piece of work in a thread, when its turn has come. Wants an `admission`.

        Parameters
        ----------
        work
            Gets a function that says whether to stop, and then raises `WorkStoppedError`.
        disconnected
            Ends when nobody waits for the result any more.

        Raises
        ------
        ApiError
            422 if the work takes too long, 499 if nobody waits for it.
        """
        departure = asyncio.ensure_future(disconnected)
        try:
            await self._wait_for_turn(departure)
            started = time.monotonic()

            def stop() -> bool:
                return departure.done() or time.monotonic() - started > self._max_seconds

            try:
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(self._worker, work, stop)
            finally:
                self._turn.release()
            self.done += 1
            self._usual_seconds += 0.2 * (time.monotonic() - started - self._usual_seconds)
            return result
        except WorkStoppedError as error:
            if departure.done():
                raise _client_is_gone() from error
            raise ApiError(
                422,
                f"this picture takes longer than {self._max_seconds:g} s; send shorter segments",
                code="too_slow",
                param="file",
            ) from error
        finally:
            departure.cancel()

    async def _wait_for_turn(self, departure: "asyncio.Future[None]") -> None:
        turn = asyncio.ensure_future(self._turn.acquire())
        try:
            await asyncio.wait((turn, departure), return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                raise _client_is_gone()
        finally:
            turn.cancel()


def _client_is_gone() -> ApiError:
    return ApiError(499, "the client closed the connection")
