"""What all routes of one service share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from hush_service.metrics import Metrics
from hush_service.served_models import Models
from hush_service.settings import Settings
from hush_service.work import WorkQueue

if TYPE_CHECKING:
    from hush_service.quota import Quotas


@dataclass(frozen=True)
class Service:
    """One running service."""

    settings: Settings
    models: Models
    queue: WorkQueue
    metrics: Metrics
    quotas: "Quotas | None" = None


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]
