"""The OpenAI audio API, with a mel image where it has audio."""

import hashlib
import re
from collections.abc import Awaitable
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field, field_validator

from hush.contracts.headers import COMING, MODEL, UNHEARD
from hush.image import SMALL, Encoding
from hush.openai_events import HEADERS, MEDIA_TYPE, Events, events
from hush.openai_form import (
    LONGEST_PROMPT,
    FormError,
    ResponseFormat,
    Wishes,
    headers,
    written,
)
from hush.transcript import Transcript
from hush_service.core.model_names import is_any_model
from hush_service.core.served_models import ServedModel
from hush_service.core.transcriber import Transcriber
from hush_service.engine import DecodingRequest, Task
from hush_service.engine.languages import language_code
from hush_service.engine.procedure import Heard
from hush_service.web.caller import account_of, departure, terms_of
from hush_service.web.errors import ApiError, body_of, documented
from hush_service.web.state import TheTranscriber

router = APIRouter(prefix="/v1")

Granularity = Literal["segment", "word"]


class ModelDescription(BaseModel):
    """A model that is ready."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "hush"
    mel_bins: int
    languages: list[str]
    tasks: list[Task]
    parameters: int
    small_picture: Encoding = Field(
        description="How to write pictures of few bytes that cost no words worth mention"
    )


class ModelList(BaseModel):
    """The models that are ready, the largest first."""

    object: Literal["list"] = "list"
    data: list[ModelDescription]
    coming: list[str] = Field(
        [], description="Models that are on their way: who names one is told when to come again"
    )


SMALLEST_TEMPERATURE = 0.001
"""Logits are divided by the temperature: less than this is 0."""

ANSWER_HEADERS = {
    UNHEARD: {
        "description": "Where somebody speaks, and the model has no words for it, in seconds;"
        " missing where all speech has words",
        "schema": {"type": "string"},
        "example": "41.20-47.00, 123.40-126.00",
    },
    MODEL: {
        "description": "The model whose words these are",
        "schema": {"type": "string"},
        "example": "base",
    },
    COMING: {
        "description": "Larger models that are on their way, where there are some",
        "schema": {"type": "string"},
        "example": "small, turbo",
    },
    "etag": {
        "description": "Equal for equal answers; streams have none",
        "schema": {"type": "string"},
        "example": '"0cc175b9c0f1b6a831c399e269772661"',
    },
}
_ERRORS = documented(400, 401, 404, 408, 413, 415, 422, 429, 503)
_TEXT = "Set a timer for 42 minutes."
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The words, in the form asked for",
        "headers": ANSWER_HEADERS,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "examples": {
                    "json": {"value": {"text": _TEXT}},
                    "verbose_json": {
                        "value": Transcript(_TEXT, 2.4, "english").verbose_json(),
                    },
                },
            },
            "text/plain": {"schema": {"type": "string"}, "example": _TEXT},
            MEDIA_TYPE: {
                "schema": {"type": "string"},
                "example": (Events().words(_TEXT) + Events().end(Transcript(_TEXT, 2.4))).decode(),
            },
        },
    },
    204: {"description": "Interim words were asked for while others wait"},
    **_ERRORS,
}


class SpeechForm(BaseModel):
    """The fields of OpenAI's audio API that matter here, and hush's own; others are ignored.

    Names of lists may also be without brackets, or have a number in them; `Wishes` reads those.
    """

    file: UploadFile = Field(
        description="A mel image: PNG, WebP, AVIF or TGA, 80 or 128 pixels high"
    )
    model: str | None = Field(
        None,
        description="Name of a model, also as hubs have it (`openai/whisper-base`); without it, or"
        " as one of OpenAI's (`whisper-1`), the largest that can answers",
        examples=["base"],
    )
    language: str | None = Field(
        None,
        description="ISO 639-1 code or English name; detected if left out, or as `auto`",
        examples=["en"],
    )
    prompt: str | None = Field(
        None, max_length=LONGEST_PROMPT, description="Words that came before, or names to expect"
    )
    response_format: ResponseFormat = Field("json", description="Form of the answer")
    temperature: float = Field(
        0.0, ge=0, le=1, description="At 0, it is raised wherever the first try is poor"
    )
    stream: bool = Field(
        False, description="Whether words come as they are decoded, as server-sent events"
    )
    interim: bool = Field(
        False,
        description="Whether this is of something that still goes on, and will come again: the"
        " smallest model that can decodes it, or the answer is 204 if others wait",
    )
    granularities: list[Granularity] = Field(
        [],
        alias="timestamp_granularities[]",
        description="`word` adds times of words to `verbose_json` and `vtt`",
    )
    include: list[Literal["logprobs"]] = Field(
        [], alias="include[]", description="`logprobs` adds how sure the model is to `json`"
    )
    keywords: list[str] = Field([], alias="keywords[]", description="Names to expect")
    languages: list[str] = Field(
        [], alias="languages[]", description="One is as `language`; of several, it is detected"
    )
    max_line_width: int = Field(42, ge=8, description="Signs in a line of subtitles")
    max_lines: int = Field(2, ge=1, description="Lines of subtitles that are seen at once")
    max_words: int | None = Field(None, ge=1, description="Words that are seen at once")

    @field_validator("granularities", "include", mode="before")
    @classmethod
    def _without_empty(cls, value: object) -> object:
        """Drop what a client left empty; `Wishes` does it too."""
        return [each for each in value if each != ""] if isinstance(value, list) else value


Speech = Annotated[SpeechForm, Form(media_type="multipart/form-data")]


@router.post("/audio/transcriptions", response_class=Response, responses=_ANSWERS)
async def transcriptions(transcriber: TheTranscriber, request: Request, form: Speech) -> Response:
    """Transcribe a mel image."""
    return await _answer(transcriber, request, form, "transcribe")


@router.post("/audio/translations", response_class=Response, responses=_ANSWERS)
async def translations(transcriber: TheTranscriber, request: Request, form: Speech) -> Response:
    """Translate a mel image into English."""
    return await _answer(transcriber, request, form, "translate")


@router.get("/models", responses=documented(401, 503))
async def models(transcriber: TheTranscriber) -> ModelList:
    """List the models that are ready, and what pictures they take."""
    models = transcriber.models
    described = [_described(model) for model in models.any_ready()]
    return ModelList(data=described, coming=list(models.coming))


@router.get("/models/{name:path}", responses=documented(401, 404, 503))
async def model(transcriber: TheTranscriber, name: str) -> ModelDescription:
    """Describe one model; `whisper-1` is the largest that is ready."""
    if name and is_any_model(name):
        return _described(transcriber.models.any_ready()[0])
    return _described(transcriber.models.named(name))


def _described(model: ServedModel) -> ModelDescription:
    info = model.info
    return ModelDescription(
        id=model.name,
        mel_bins=info.mel_bins,
        languages=list(info.languages),
        tasks=list(info.tasks),
        parameters=info.parameters,
        small_picture=SMALL,
    )


async def _answer(
    transcriber: Transcriber, request: Request, form: SpeechForm, task: Task
) -> Response:
    wishes = await _wishes(request)
    if form.stream and wishes.response_format != "json":
        raise ApiError(400, "a stream of words is `json`", param="response_format")
    decoding = DecodingRequest(
        task=task,
        language=language_code(wishes.language),
        prompt=wishes.prompt,
        temperature=wishes.temperature if wishes.temperature >= SMALLEST_TEMPERATURE else 0.0,
        words=wishes.words,
        interim=form.interim,
    )
    data = await form.file.read()
    names: list[str] = []

    def work(heard: Heard | None = None) -> Awaitable[Transcript]:
        return transcriber.transcribe(
            data,
            form.model,
            decoding,
            terms=terms_of(request),
            account=account_of(request.headers),
            heard=heard,
            chosen=names.append,
            departure=partial(departure, request),
        )

    if form.stream:
        said = events(
            lambda tell: work(lambda phrases: tell("".join(each.text for each in phrases))),
            body_of,
        )
        begun = await said
        sent = {**HEADERS, **whose_words(transcriber, names)}
        return StreamingResponse(begun, headers=sent, media_type=MEDIA_TYPE)
    transcript = await work()
    body = written(transcript, wishes)
    answer = PlainTextResponse(body) if isinstance(body, str) else JSONResponse(body)
    answer.headers.update(
        {
            **headers(transcript),
            **whose_words(transcriber, names),
            "etag": entity_tag(answer.body),
        }
    )
    return answer


def whose_words(transcriber: Transcriber, names: list[str]) -> dict[str, str]:
    """Return the headers that say which model answers, and which larger ones are on their way."""
    coming = transcriber.models.coming
    sent = {COMING: ", ".join(coming)} if coming else {}
    return {MODEL: names[0], **sent} if names else sent


def entity_tag(body: bytes | memoryview) -> str:
    """Return what is equal for equal answers, as HTTP has it."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


async def _wishes(request: Request) -> Wishes:
    try:
        wishes = Wishes.from_form((await request.form()).multi_items())
    except FormError as error:
        raise ApiError(400, str(error), param=error.param) from error
    if wishes.prompt and re.search(r"<\|.*?\|>", wishes.prompt):
        raise ApiError(400, "a prompt is plain words, without <|…|> tokens", param="prompt")
    return wishes
