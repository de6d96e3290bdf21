"""An OpenAI audio endpoint on loopback that takes audio, and forwards only pictures of it.

Applications that know OpenAI's API become private without a change: they speak to the bridge, the
bridge makes mel images here, and only those go on to the service.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, cast, get_args

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hush.audio import AudioError
from hush.client import AsyncClient, Options, ServiceError
from hush.image import PNG, Encoding
from hush.transcript import Transcript, TranscriptFormat

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]
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
        async with request.form() as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HTTPException(400, "file: field required, with the audio")
            response_format = _response_format(form)
            transcript = await client.transcribe_audio(
                file.file, _options(form, request.url.path), encoding=encoding
            )
        return _written(transcript, response_format)

    async def models(request: Request) -> Response:
        client: AsyncClient = request.app.state.client
        found = await client.models()
        data = [
            {
                "id": model.name,
                "object": "model",
                "created": 0,
                "owned_by": "hush",
                "languages": model.languages,
                "tasks": model.tasks,
            }
            for model in found
        ]
        return JSONResponse({"object": "list", "data": data})

    return Starlette(
        routes=[
            Route("/v1/audio/transcriptions", answer, methods=["POST"]),
            Route("/v1/audio/translations", answer, methods=["POST"]),
            Route("/v1/models", models),
        ],
        lifespan=lifespan,
        exception_handlers={
            AudioError: _refused(400),
            ServiceError: _refused(_BAD_GATEWAY),
            HTTPException: _refused(400),
        },
    )


def _response_format(form: FormData) -> ResponseFormat:
    wanted = form.get("response_format") or "json"
    formats = get_args(ResponseFormat)
    if wanted not in formats:
        raise HTTPException(400, f"response_format: has to be one of {', '.join(formats)}")
    return cast(ResponseFormat, wanted)


def _options(form: FormData, path: str) -> Options:
    def text(name: str) -> str | None:
        value = form.get(name)
        return value if isinstance(value, str) and value else None

    try:
        temperature = float(text("temperature") or 0)
    except ValueError as error:
        raise HTTPException(400, "temperature: has to be a number from 0 to 1") from error
    return Options(
        model=text("model"),
        language=text("language"),
        task="translate" if path.endswith("/translations") else "transcribe",
        prompt=text("prompt"),
        temperature=temperature,
        words="word" in form.getlist("timestamp_granularities[]"),
    )


def _written(transcript: Transcript, response_format: ResponseFormat) -> Response:
    match response_format:
        case "json":
            return JSONResponse({"text": transcript.text})
        case "verbose_json":
            return JSONResponse(transcript.verbose_json())
        case "text" | "srt" | "vtt":
            return PlainTextResponse(transcript.written(TranscriptFormat(response_format)))


def _refused(status: int) -> Callable[[Request, Exception], Response]:
    """Answer an error in OpenAI's shape, with the status that the error knows, else this one."""

    def refuse(_: Request, error: Exception) -> Response:
        code, headers = None, {}
        answered = status
        message = str(error)
        if isinstance(error, ServiceError):
            answered, code = error.status or status, error.code
            if error.retry_after is not None:
                headers["retry-after"] = str(round(error.retry_after))
        elif isinstance(error, HTTPException):
            answered, message = error.status_code, str(error.detail)
        kind = "invalid_request_error" if answered < 500 else "server_error"
        body: dict[str, Any] = {"message": message, "type": kind, "param": None, "code": code}
        return JSONResponse({"error": body}, answered, headers)

    return refuse
