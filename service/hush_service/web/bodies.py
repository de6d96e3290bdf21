"""Bounds on request bodies: how large, how slow, how many at once, and what is left of them."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hush_service.core.errors import (
    CallerGoneError,
    DrainingError,
    RefusedError,
)
from hush_service.core.held import Held
from hush_service.web.errors import ApiError, over_http

_LOOK_EVERY = 1.0
SLOW_START = 5.0
"""Seconds for which a body may be slower than the lowest rate."""
COPIES = 2
"""Of a body in memory: as it comes, and as it is read."""
REST_SECONDS = 5.0
"""For as long, the rest of a body is read that was refused before its end."""
RESTS = 64
"""Rests of bodies that are read at once: they keep connections from others."""


@dataclass(frozen=True)
class BodyLimits:
    """How request bodies may be.

    Attributes
    ----------
    bytes
        Largest body.
    seconds
        Longest time for one to arrive, whatever trickles in meanwhile.
    rate
        Lowest mean rate, in bytes a second.
    uploads
        Most bodies under way at once; half of them are the most for one caller.
    """

    bytes: int
    seconds: float
    rate: float
    uploads: int


class BodyBounds:
    """Refuses bodies that are too large, too slow or too many, before anything is done with them.

    Parameters
    ----------
    limits
        How they may be.
    held
        Counts their bytes, until their requests are answered.
    caller
        Says whose a request with such headers is, as far as that is known.
    draining
        Says whether the service is about to stop: then bodies that are not there yet are refused.
    on_refused
        Called with the reason of each refusal.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: BodyLimits,
        held: Held,
        caller: Callable[[Mapping[str, str]], Hashable],
        draining: Callable[[], bool],
        on_refused: Callable[[str], None],
    ) -> None:
        self._app = app
        self._limits = limits
        self._held = held
        self._caller = caller
        self._draining = draining
        self._on_refused = on_refused
        self._uploads = Held(limits.uploads, "too many bodies are")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        caller = self._caller(Headers(scope=scope))
        try:
            self._check(dict(scope["headers"]))
            self._take(self._uploads, 1, caller)
        except ApiError as refusal:
            self._on_refused(str(refusal.code))
            await refusal.response()(scope, receive, send)
            return
        received = 0
        complete = False
        began = time.monotonic()

        async def bounded() -> Message:
            try:
                return await next_part()
            except ApiError as refusal:
                self._on_refused(str(refusal.code))
                raise

        async def next_part() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            message = await self._next_part(receive, began, received)
            if message["type"] == "http.disconnect":
                raise over_http(CallerGoneError())
            part = len(message.get("body", b""))
            if received + part > self._limits.bytes:
                raise self._too_large()
            self._take(self._held, COPIES * part, caller)
            received += part
            if not message.get("more_body", False):
                complete = True
                self._uploads.release(1, caller)
            else:
                self._check_time(received, time.monotonic() - began)
            return message

        try:
            await self._app(scope, bounded, send)
        finally:
            self._held.release(COPIES * received, caller)
            if not complete:
                self._uploads.release(1, caller)

    def _check(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse what can be refused by its headers."""
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limits.bytes:
            raise self._too_large()
        if _charset(headers.get(b"content-type", b"")) not in (b"", b"utf-8"):
            # Forms are decoded as they ask, and some of Python's codecs take quadratic time.
            raise ApiError(415, "text in a form has to be UTF-8", code="charset")

    @staticmethod
    def _take(held: Held, count: int, caller: Hashable) -> None:
        try:
            held.take(count, caller)
        except RefusedError as error:
            raise over_http(error) from error

    async def _next_part(self, receive: Receive, began: float, received: int) -> Message:
        while True:
            try:
                async with asyncio.timeout(min(_LOOK_EVERY, self._limits.seconds)):
                    return await receive()
            except TimeoutError:
                if self._draining():
                    stopping = DrainingError("this instance is about to stop")
                    raise over_http(stopping) from None
                self._check_time(received, time.monotonic() - began)

    def _check_time(self, received: int, seconds: float) -> None:
        slow = seconds > SLOW_START and received < self._limits.rate * seconds
        if slow or seconds > self._limits.seconds:
            raise self._too_slow()

    def _too_slow(self) -> ApiError:
        return ApiError(
            408,
            f"the body took longer than {self._limits.seconds:g} s, or came with less than"
            f" {self._limits.rate:g} bytes a second",
            code="too_slow",
        )

    def _too_large(self) -> ApiError:
        return ApiError(
            413,
            f"the body is larger than {self._limits.bytes} bytes; send shorter segments",
            code="too_large",
        )


class RestOfBodies:
    """Reads the rest of a body that is answered before its end.

    Clients that send all of it before they look would see a closed connection, and no answer.

    Parameters
    ----------
    most
        Bytes of it that are read.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._reading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        names = {name for name, _ in scope.get("headers", ())}
        if scope["type"] != "http" or not names & {b"content-length", b"transfer-encoding"}:
            await self._app(scope, receive, send)
            return
        complete = False

        async def noticed() -> Message:
            nonlocal complete
            message = await receive()
            complete = complete or not message.get("more_body", False)
            return message

        async def read_rest() -> None:
            read = 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REST_SECONDS):
                    while not complete and read < self._most:
                        read += len((await noticed()).get("body", b""))

        async def send_after(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last and not complete and self._reading < RESTS:
                await send({**message, "more_body": True})
                message = {"type": "http.response.body", "body": b"", "more_body": False}
                self._reading += 1
                try:
                    await read_rest()
                finally:
                    self._reading -= 1
            await send(message)

        await self._app(scope, noticed, send_after)


def _charset(content_type: bytes) -> bytes:
    _, parameters = parse_options_header(content_type)
    return parameters.get(b"charset", b"").lower()
