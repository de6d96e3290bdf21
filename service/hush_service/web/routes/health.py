"""Whether the service lives, can answer, and how it fares: for what looks after it."""

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from hush_service.web.errors import documented
from hush_service.web.state import TheMetrics, TheTranscriber

router = APIRouter()


class Health(BaseModel):
    """A good answer."""

    status: Literal["alive", "ready"]


@router.get("/healthz", responses=documented(503))
async def healthz(transcriber: TheTranscriber) -> Health:
    """Say that the process lives, and that its engine does not hang."""
    transcriber.check_alive()
    return Health(status="alive")


@router.get("/readyz", responses=documented(503))
async def readyz(transcriber: TheTranscriber) -> Health:
    """Say whether a picture sent now would be answered."""
    transcriber.check_ready()
    return Health(status="ready")


@router.get("/metrics", include_in_schema=False)
async def metrics(metrics: TheMetrics) -> Response:
    """Show Prometheus its metrics."""
    content = generate_latest(metrics.registry)
    return Response(content, headers={"content-type": CONTENT_TYPE_LATEST})
