"""An OpenAI audio endpoint on loopback that takes audio, and forwards only pictures of it.

Applications that know OpenAI's API become private without a change: they speak to the bridge, the
bridge makes mel images here, and only those go on to the service.
"""

import asyncio
import tempfile
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
)
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, TypeVar

from python_multipart.multipart import parse_options_header
from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from hush.asking import Model, Options
from hush.audio import AudioError
from hush.client import AsyncClient
from hush.connection import ServiceError
from hush.contracts.errors import error_body
from hush.disguise import Privacy
from hush.image import Encoding
from hush.loopback import OnlyFromHere
from hush.openai_events import HEADERS, MEDIA_TYPE, events
from hush.openai_form import FormError, Wishes, headers, written
from hush.sound.spool import MOST_KEPT, SETTING
from hush.transcript import Transcript
from hush.wording import in_words

T = TypeVar("T")

_BAD_GATEWAY = 502
_FALSE = ("false", "0", "off", "no", "f", "n")
_NO_STORAGE = 507


def create_bridge(
    connect: Callable[[], AsyncClient],
    encoding: Encoding,
    privacy: Privacy,
    *,
    allowed_hosts: Collection[str] = (),
    allowed_origins: Collection[str] = (),
    most_bytes: int = MOST_KEPT,
) -> Starlette:
    """Put a bridge together.

    Parameters
    ----------
    connect
        Makes the client of the service behind it.
    encoding
        Of the pictures.
    privacy
        How much of the voice is kept back; all requests are disguised alike.
    allowed_hosts, allowed_origins
        Who may ask beside programs of this machine; see `hush.loopback.OnlyFromHere`.
    most_bytes
        Largest request.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with connect() as client:
            app.state.client = client
            yield

    async def answer(request: Request) -> Response:
        client: AsyncClient = request.app.state.client
        _, parameters = parse_options_header(request.headers.get("content-type", ""))
        if parameters.get(b"charset", b"utf-8").lower() != b"utf-8":
            raise HTTPException(415, "text in a form has to be UTF-8")
        request = Request(request.scope, _bounded(request, most_bytes))
        async with AsyncExitStack() as until_answered:
            read = request.form(max_files=10, max_fields=100)
            form = await until_answered.enter_async_context(read)
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HTTPException(400, "file: field required, with the audio")
            wishes = Wishes.from_form(form.multi_items())
            options = _options(form, wishes, request.url.path)
            if _stream(form, wishes):

                def work(tell: Callable[[str], None]) -> Awaitable[Transcript]:
                    return client.transcribe_audio(
                        file.file,
                        options,
                        encoding=encoding,
                        privacy=privacy,
                        on_progress=lambda done: tell(f" {done.transcript.text}".rstrip()),
                    )

                begun = events(work, lambda error: _status_and_body(error)[1])
                said = await _while_connected(request, begun)
                return _Stream(said, until_answered.pop_all())
            whole = client.transcribe_audio(file.file, options, encoding=encoding, privacy=privacy)
            transcript = await _while_connected(request, whole)
        body = written(transcript, wishes)
        answer = PlainTextResponse(body) if isinstance(body, str) else JSONResponse(body)
        answer.headers.update(headers(transcript))
        return answer

    async def models(request: Request) -> Response:
        client: AsyncClient = request.app.state.client
        data = [_described(model) for model in await client.models()]
        return JSONResponse({"object": "list", "data": data})

    async def model(request: Request) -> Response:
        client: AsyncClient = request.app.state.client
        return JSONResponse(_described(await client.model(request.path_params["name"])))

    return Starlette(
        routes=[
            Route("/v1/audio/transcriptions", answer, methods=["POST"]),
            Route("/v1/audio/translations", answer, methods=["POST"]),
            Route("/v1/models", models),
            Route("/v1/models/{name:path}", model),
        ],
        lifespan=lifespan,
        middleware=[
            Middleware(OnlyFromHere, allowed_hosts=allowed_hosts, allowed_origins=allowed_origins)
        ],
        exception_handlers={
            AudioError: _refused,
            FormError: _refused,
            OSError: _refused,
            ServiceError: _refused,
            HTTPException: _refused,
            Exception: _refused,
        },
    )


def _bounded(request: Request, most_bytes: int) -> Receive:
    """Return what receives a request's body, and refuses one that is too large."""
    too_large = HTTPException(413, f"at most {most_bytes} bytes are taken ({SETTING})")
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > most_bytes:
        raise too_large
    left = most_bytes

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise too_large
        return message

    return receive


class _Stream(StreamingResponse):
    """An answer whose parts come one by one, and what is closed when nobody wants more of them."""

    def __init__(self, said: AsyncGenerator[bytes, None], kept: AsyncExitStack) -> None:
        super().__init__(said, headers=HEADERS, media_type=MEDIA_TYPE)
        self._said = said
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._kept, aclosing(self._said):
            await super().__call__(scope, receive, send)


def _stream(form: FormData, wishes: Wishes) -> bool:
    """Return whether words are to come as they are there."""
    said = form.get("stream")
    wanted = isinstance(said, str) and said.lower() not in ("", *_FALSE)
    if wanted and wishes.response_format != "json":
        raise FormError("response_format", "a stream of words is json")
    return wanted


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, unless the application that wants it goes away."""

    async def departure() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(departure())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(499, "the application closed the connection")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def _options(form: FormData, wishes: Wishes, path: str) -> Options:
    """Return what the service is asked for: what the application said, word for word."""

    def text(name: str) -> str | None:
        value = form.get(name)
        return value if isinstance(value, str) and value else None

    return Options(
        model=text("model"),
        language=wishes.language,
        task="translate" if path.endswith("/translations") else "transcribe",
        prompt=wishes.prompt,
        temperature=wishes.temperature,
        words=wishes.words,
    )


def _described(model: Model) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": "hush",
        "languages": model.languages,
        "tasks": model.tasks,
    }


def _unkept(error: OSError) -> str:
    """Say why a temporary file cannot be written, and where."""
    try:
        return f"{error.filename or tempfile.gettempdir()}: {in_words(error)}"
    except OSError as none:  # which names the folders that were tried
        return none.strerror or str(none)


def _refused(_: Request, error: Exception) -> Response:
    """Answer an error in OpenAI's shape, with the status that it knows."""
    headers = {}
    if isinstance(error, ServiceError) and error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    status, body = _status_and_body(error)
    return JSONResponse(body, status, headers)


def _status_and_body(error: Exception) -> tuple[int, dict[str, Any]]:
    match error:
        case ServiceError():
            status = error.status or _BAD_GATEWAY
            found = (error.param, error.code, error.request_id)
            return status, error_body(status, error.message, *found)
        case HTTPException():
            return error.status_code, error_body(error.status_code, str(error.detail))
        case FormError():
            return 400, error_body(400, str(error), error.param)
        case AudioError():
            return 400, error_body(400, str(error), "file", "invalid_audio")
        case OSError():
            problem = f"the recording cannot be kept here: {_unkept(error)}"
            return _NO_STORAGE, error_body(_NO_STORAGE, problem)
    return 500, error_body(500, "the bridge failed on this request")
