"""The FastAPI application: routes, sign-in by key, limits, and what they share."""

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.formparsers import MultiPartParser

import hush
from hush_service.api_key import ApiKey
from hush_service.bodies import BodyBounds
from hush_service.errors import install_error_handlers
from hush_service.metrics import Metrics, MetricsMiddleware
from hush_service.page import PageMiddleware, load_page, page_folder, page_headers
from hush_service.routes import health, openai, original, sign_in
from hush_service.served_models import Models
from hush_service.settings import Settings
from hush_service.state import Service
from hush_service.work import WorkQueue

if TYPE_CHECKING:
    from hush_service.quota import Quotas

_DESCRIPTION = """
Speech-to-text on pictures: send a *mel image*, an 8-bit grayscale picture of the log-mel
spectrogram of speech, and get its words. The service does not take audio.

`/v1` is OpenAI's audio API, with a mel image as `file`; `POST /` is the short way: a picture as
the body, plain words as the answer.
"""


def create_app(settings: Settings, models: Models, page: Path | None = None) -> FastAPI:
    """Put a service together.

    Parameters
    ----------
    settings
        Its settings.
    models
        Its models, which may become ready later.
    page
        Where the built web page is; `page_folder` if None.
    """
    app = FastAPIOffline(
        title="hush",
        version=hush.__version__,
        description=_DESCRIPTION,
        root_path=settings.root_path,
    )
    queue = WorkQueue(settings.queue_size, settings.max_seconds)
    service = Service(settings, models, queue, Metrics(queue, models), _quotas(settings))
    app.state.service = service
    # Only described here: `ApiKey` looks before any body is read.
    described = [Depends(HTTPBearer(auto_error=False))] if settings.api_key is not None else []
    for routes in (openai, original):
        app.include_router(routes.router, dependencies=described)
    app.include_router(health.router)
    app.include_router(sign_in.router)
    install_error_handlers(app)
    # Larger files would be spooled to disk, where no picture of anybody's voice belongs.
    MultiPartParser.spool_max_size = settings.max_body_bytes
    app.add_middleware(
        BodyBounds,
        max_bytes=settings.max_body_bytes,
        max_seconds=settings.max_body_seconds,
        max_uploads=settings.max_uploads,
        draining=lambda: queue.draining,
    )
    if settings.api_key is not None:
        app.add_middleware(ApiKey, key=settings.api_key.get_secret_value())
    app.add_middleware(MetricsMiddleware, metrics=service.metrics)
    if folder := page or page_folder():
        app.add_middleware(PageMiddleware, files=load_page(folder, page_headers()))
    return app


def _quotas(settings: Settings) -> "Quotas | None":
    if settings.quota_table is None:
        return None
    try:
        from hush_service.quota import NoRegionError, Quotas  # boto3 is of no use elsewhere
    except ImportError as error:
        raise OSError("HUSH_QUOTA_TABLE wants hush's extra 'instance' installed") from error
    try:
        return Quotas(settings.quota_table, settings.quota_limits, settings.region)
    except NoRegionError as error:
        raise OSError("HUSH_QUOTA_TABLE wants HUSH_REGION, its AWS region") from error
