"""The interface that the original hush had: a picture in, plain words out."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from hush.transcript import TranscriptFormat
from hush_service.engine import DecodingRequest
from hush_service.errors import documented
from hush_service.served_models import ModelState
from hush_service.state import TheService
from hush_service.transcription import transcribe

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
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": "Set a timer for 42 minutes."}
        },
    },
    **documented(400, 401, 408, 413, 415, 422, 429, 503),
}


@router.post("/", response_class=Response, responses=_ANSWERS, openapi_extra=_PICTURE)
@router.post("/mel", response_class=Response, responses=_ANSWERS, openapi_extra=_PICTURE)
async def words(service: TheService, request: Request) -> PlainTextResponse:
    """Transcribe the mel image in the body."""
    data = await request.body()
    transcript = await transcribe(service, request, data, None, DecodingRequest())
    return PlainTextResponse(transcript.written(TranscriptFormat.TEXT))


@router.get("/")
@router.get("/mel")
async def status(service: TheService) -> Status:
    """Tell which models there are and how much work waits."""
    return Status(
        models={model.name: model.state for model in service.models.all},
        queue=service.queue.waiting,
        done=service.queue.done,
    )
