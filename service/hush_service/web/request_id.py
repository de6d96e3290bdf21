"""One id for each request: in its answer, in the lines of the log about it, and in its trace."""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hush.contracts.headers import REQUEST

_SHAPE = re.compile(r"[A-Za-z0-9._:=/+-]{1,128}")
"""Of an id that is believed: it cannot pretend to be another line of the log."""

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Return the id of the request that is being answered; empty outside of one."""
    return _current.get()


class RequestId:
    """Gives each request an id, and says it in the answer.

    Parameters
    ----------
    believed
        Whether the one that a request brings is taken: where only a gateway can ask, which has told
        others of it.
    told
        Called with it.
    """

    def __init__(self, app: ASGIApp, believed: bool, told: Callable[[str], None]) -> None:
        self._app = app
        self._believed = believed
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        brought = Headers(scope=scope).get(REQUEST, "")
        taken = self._believed and _SHAPE.fullmatch(brought)
        name = brought if taken else uuid.uuid4().hex
        # It stays: the server says what failed after this has ended.
        _current.set(name)
        self._told(name)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST] = name
            await send(message)

        await self._app(scope, receive, named)


class WithRequest(logging.Formatter):
    """Writes the id of the request behind each line that is about one."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line, before a stack trace."""
        line = super().formatMessage(record).rstrip("\n")
        return f"{line} request={name}" if (name := current()) else line
