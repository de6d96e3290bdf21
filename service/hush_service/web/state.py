"""What all routes share. FastAPI would have other functions run in threads."""

from typing import Annotated

from fastapi import Depends, Request

from hush_service.core.transcriber import Transcriber
from hush_service.web.metrics import Metrics


async def _transcriber(request: Request) -> Transcriber:
    transcriber: Transcriber = request.app.state.transcriber
    return transcriber


async def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics


TheTranscriber = Annotated[Transcriber, Depends(_transcriber)]
TheMetrics = Annotated[Metrics, Depends(_metrics)]
