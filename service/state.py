"""What all routes of one service share."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from service.metrics import Metrics
from service.models import Models
from service.settings import Settings
from service.work import WorkQueue


@dataclass(frozen=True)
class Service:
    """One running service."""

    settings: Settings
    models: Models
    queue: WorkQueue
    metrics: Metrics


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]
