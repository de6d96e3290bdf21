"""Bounds on connections: how many, and how long one may say nothing, or not listen."""

import asyncio
import logging
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger(__name__)

HEAD_SECONDS = 15.0
"""For a request's header to arrive, from its first byte, or from the connection's beginning."""
UNREAD_SECONDS = 60.0
"""For a client to read something of an answer that waits for it."""


def bounded(most: int) -> type[H11Protocol]:
    """Return uvicorn's protocol for connections with bounds.

    Where there are too many, the one goes that has been idle for longest; if none is, the new one
    is not taken.

    Parameters
    ----------
    most
        Connections at once.
    """
    idle: dict[BoundedProtocol, None] = {}

    class Bounded(BoundedProtocol):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(most, idle, *given, **named)

    return Bounded


class BoundedProtocol(H11Protocol):
    """A connection; see `bounded`.

    Parameters
    ----------
    most
        Connections at once.
    idle
        Those on which nothing is asked, the longest idle first.
    """

    def __init__(
        self, most: int, idle: "dict[BoundedProtocol, None]", *given: Any, **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self._most = most
        self._idle = idle
        self._head: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection, in the place of an idle one if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._most:
            longest_idle = next(iter(self._idle), self)
            longest_idle.give_up()
        if not transport.is_closing():
            self._idle[self] = None
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        super().connection_lost(exc)
        self._idle.pop(self, None)
        for timer in (self._head, self._unread):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Read what came; what is no whole header yet has to become one soon."""
        super().data_received(data)
        if self.is_asked:
            self._idle.pop(self, None)
            self._stop_waiting()
        elif not self.transport.is_closing() and self.timeout_keep_alive_task is None:
            self._wait_for_head()

    def on_response_complete(self) -> None:
        """Wait for another request, unless the client still sends what nobody reads."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self.transport.close()
        elif not self.is_asked and not self.transport.is_closing():
            self._idle[self] = None

    def pause_writing(self) -> None:
        """Give the client time to read what waits for it, and no more."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.give_up)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    @property
    def is_asked(self) -> bool:
        """Whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def give_up(self) -> None:
        """Close without another word."""
        self._idle.pop(self, None)
        self.connections.discard(self)
        self.transport.abort()

    def _wait_for_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.give_up)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
