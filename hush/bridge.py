"""An OpenAI audio endpoint on loopback that takes audio, and forwards only pictures of it.

Applications that know OpenAI's API become private without a change: they speak to the bridge, the
bridge makes mel images here, and only those go on to the service.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hush.audio import AudioError
from hush.client import AsyncClient, Model, Options
from hush.connection import ServiceError
from hush.contracts.errors import error_body
from hush.image import PNG, Encoding
from hush.openai_form import FormError, Wishes, headers, written
from hush.transcript import Transcript

_BAD_GATEWAY = 502


def create_bridge(connect: Callable[[], AsyncClient], encoding: Encoding = PNG) -> Starlette:
    """Put a bridge together.

    Parameters
    ----------
    connect
        Makes the client of the service behind it.
    encoding
        Of the pictures.
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
        async with request.form() as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HTTPException(400, "file: field required, with the audio")
            wishes = Wishes.from_form(form.multi_items())
            options = _options(form, wishes, request.url.path)
            work = client.transcribe_audio(file.file, options, encoding=encoding)
            transcript = await _while_connected(request, work)
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
        exception_handlers={
            AudioError: _refused,
            FormError: _refused,
            ServiceError: _refused,
            HTTPException: _refused,
            Exception: _refused,
        },
    )


async def _while_connected(request: Request, work: Any) -> Transcript:
    """Do the work, unless the application that wants it goes away."""

    async def departure() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(departure())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(499, "the application closed the connection")
        transcript: Transcript = working.result()
        return transcript
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def _options(form: FormData, wishes: Wishes, path: str) -> Options:
    """Return what the service is asked for: what the application said, word for word."""

    def text(name: str) -> str | None:
        value = form.get(name)
        return value if isinstance(value, str) and value else None

    if (text("stream") or "false").lower() not in ("false", "0"):
        raise HTTPException(400, "stream: this bridge answers whole; it does not stream")
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


def _refused(_: Request, error: Exception) -> Response:
    """Answer an error in OpenAI's shape, with the status that it knows."""
    headers = {}
    match error:
        case ServiceError():
            status = error.status or _BAD_GATEWAY
            body = error_body(status, str(error), error.param, error.code)
            if error.retry_after is not None:
                headers["retry-after"] = str(max(1, round(error.retry_after)))
        case HTTPException():
            status, body = error.status_code, error_body(error.status_code, str(error.detail))
        case FormError():
            status, body = 400, error_body(400, str(error), error.param)
        case AudioError():
            status, body = 400, error_body(400, str(error), "file", "invalid_audio")
        case _:
            status, body = 500, error_body(500, "the bridge failed on this request")
    return JSONResponse(body, status, headers)
