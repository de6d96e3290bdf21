"""The interface that the original hush had: a picture in, plain words out."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from hush.openai_form import headers
from hush.transcript import TranscriptFormat
from hush_service.core.served_models import ModelState
from hush_service.web.caller import account_of, departure, terms_of
from hush_service.web.errors import documented
from hush_service.web.routes.openai import ANSWER_HEADERS, entity_tag, whose_words
from hush_service.web.state import TheTranscriber

router = APIRouter()


class Status(BaseModel):
    """How the service is."""

    models: dict[str, ModelState]
    queue: int
    done: int


_PICTURE = {
    "requestBody": {
        "required": True,
        "description": "A mel image: PNG, WebP, AVIF or TGA, 80 or 128 pixels high",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The words",
        "headers": ANSWER_HEADERS,
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": "Set a timer for 42 minutes."}
        },
    },
    **documented(400, 401, 408, 413, 415, 422, 429, 503),
}


@router.post("/", response_class=Response, responses=_ANSWERS, openapi_extra=_PICTURE)
@router.post("/mel", response_class=Response, responses=_ANSWERS, openapi_extra=_PICTURE)
async def words(transcriber: TheTranscriber, request: Request) -> PlainTextResponse:
    """Transcribe the mel image in the body."""
    data = await request.body()
    names: list[str] = []
    transcript = await transcriber.transcribe(
        data,
        chosen=names.append,
        terms=terms_of(request),
        account=account_of(request.headers),
        departure=partial(departure, request),
    )
    answer = PlainTextResponse(transcript.written(TranscriptFormat.TEXT))
    answer.headers.update(
        {
            **headers(transcript),
            **whose_words(transcriber, names),
            "etag": entity_tag(answer.body),
        }
    )
    return answer


@router.get("/")
@router.get("/mel")
async def status(transcriber: TheTranscriber) -> Status:
    """Tell which models there are and how much work waits."""
    return Status(
        models={model.name: model.state for model in transcriber.models.all},
        queue=transcriber.queue.waiting,
        done=transcriber.queue.done,
    )
