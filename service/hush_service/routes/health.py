"""Whether the service lives, can answer, and how it fares: for what looks after it."""

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from hush_service.errors import ApiError, documented
from hush_service.state import TheService

router = APIRouter()


class Health(BaseModel):
    """A good answer."""

    status: Literal["alive", "ready"]


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process lives."""
    return Health(status="alive")


@router.get("/readyz", responses=documented(503))
async def readyz(service: TheService) -> Health:
    """Say whether a picture sent now would be answered."""
    if service.queue.draining:
        raise ApiError(503, "this instance is about to stop", code="draining", retry_after=1)
    service.models.any_ready()
    return Health(status="ready")


@router.get("/metrics", include_in_schema=False)
async def metrics(service: TheService) -> Response:
    """Show Prometheus its metrics."""
    content = generate_latest(service.metrics.registry)
    return Response(content, headers={"content-type": CONTENT_TYPE_LATEST})
