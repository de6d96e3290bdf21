"""Bounds on request bodies: how large, how long under way, and how many at once."""

import asyncio
import time
from collections.abc import Callable

from python_multipart.multipart import parse_options_header
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hush_service.core.errors import CallerGoneError, DrainingError, QueueFullError
from hush_service.web.errors import ApiError, over_http

_LOOK_EVERY = 1.0


class BodyBounds:
    """Refuses bodies that are too large, too slow or too many, before anything is done with them.

    Parameters
    ----------
    max_bytes
        Largest body.
    max_seconds
        Longest time for a body to arrive.
    max_uploads
        Most bodies under way at once, so that memory is bounded.
    draining
        Says whether the service is about to stop: then bodies that are not there yet are refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        max_seconds: float,
        max_uploads: int,
        draining: Callable[[], bool],
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._max_uploads = max_uploads
        self._draining = draining
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._max_bytes:
            await self._too_large().response()(scope, receive, send)
            return
        if _charset(headers.get(b"content-type", b"")) not in (b"", b"utf-8"):
            # Forms are decoded as they ask, and some of Python's codecs take quadratic time.
            refusal = ApiError(415, "text in a form has to be UTF-8", code="charset")
            await refusal.response()(scope, receive, send)
            return
        if self._uploads >= self._max_uploads:
            busy = QueueFullError("too many bodies are under way; try again", retry_after=2)
            await over_http(busy).response()(scope, receive, send)
            return
        received = 0
        complete = False
        deadline = time.monotonic() + self._max_seconds

        async def bounded() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            message = await self._next_part(receive, deadline)
            if message["type"] == "http.disconnect":
                raise over_http(CallerGoneError())
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                complete = True
                self._uploads -= 1
            return message

        self._uploads += 1
        try:
            await self._app(scope, bounded, send)
        finally:
            if not complete:
                self._uploads -= 1

    async def _next_part(self, receive: Receive, deadline: float) -> Message:
        while True:
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    return await receive()
            except TimeoutError:
                if self._draining():
                    stopping = DrainingError("this instance is about to stop")
                    raise over_http(stopping) from None
                if time.monotonic() > deadline:
                    raise ApiError(
                        408, f"the body took longer than {self._max_seconds:g} s", code="too_slow"
                    ) from None

    def _too_large(self) -> ApiError:
        return ApiError(
            413,
            f"the body is larger than {self._max_bytes} bytes; send shorter segments",
            code="too_large",
        )


def _charset(content_type: bytes) -> bytes:
    _, parameters = parse_options_header(content_type)
    return parameters.get(b"charset", b"").lower()
