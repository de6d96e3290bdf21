"""The FastAPI application: routes, sign-in by key, limits, and what they share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.formparsers import MultiPartParser

import hush
from hush_service.core.served_models import ServedModels
from hush_service.core.transcriber import Overflow, Transcriber
from hush_service.packaged import page_headers
from hush_service.settings import ServiceSettings
from hush_service.web.api_key import ApiKey
from hush_service.web.bodies import BodyBounds, BodyLimits, RestOfBodies
from hush_service.web.caller import identity_of
from hush_service.web.device_models import DeviceModelsMiddleware
from hush_service.web.errors import install_error_handlers
from hush_service.web.metrics import Metrics, MetricsMiddleware
from hush_service.web.page import PageMiddleware, load_page
from hush_service.web.request_id import RequestId
from hush_service.web.routes import health, openai, original, sign_in
from hush_service.web.traces import OFF, Traces
from hush_service.weights.models import default_folder

_DESCRIPTION = """
Speech-to-text on pictures: send a *mel image*, an 8-bit grayscale picture of the log-mel
spectrogram of speech, and get its words. The service does not take audio.

`/v1` is OpenAI's audio API, with a mel image as `file`; `POST /` is the short way: a picture as
the body, plain words as the answer.
"""


def create_app(
    settings: ServiceSettings,
    models: ServedModels,
    page: Path | None = None,
    traces: Traces | None = None,
) -> FastAPI:
    """Put a service together.

    Parameters
    ----------
    settings
        Its settings.
    models
        Its models, which may become ready later.
    page
        Where the built web page is; None serves none.
    traces
        Follow each request; none is followed if None.
    """
    transcriber = Transcriber.from_settings(settings, models, _overflow(settings))

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await transcriber.close()
        if traces:
            await asyncio.to_thread(traces.close)

    app = FastAPIOffline(
        title="hush",
        version=hush.__version__,
        description=_DESCRIPTION,
        root_path=settings.root_path,
        # A gateway in front has another name.
        redirect_slashes=False,
        lifespan=life,
        telemetry=traces.of_requests if traces else OFF,
    )
    metrics = Metrics(transcriber)
    if traces:
        traces.follow(transcriber)
    app.state.transcriber, app.state.metrics = transcriber, metrics
    # Only described here: `ApiKey` looks before any body is read.
    described = [Depends(HTTPBearer(auto_error=False))] if settings.api_key is not None else []
    for routes in (openai, original):
        app.include_router(routes.router, dependencies=described)
    app.include_router(health.router)
    app.include_router(sign_in.router)
    install_error_handlers(app)
    # Larger files would be spooled to disk, where no picture of anybody's voice belongs.
    MultiPartParser.spool_max_size = settings.max_body_bytes
    limits = BodyLimits(
        bytes=settings.max_body_bytes,
        seconds=settings.max_body_seconds,
        rate=settings.min_body_rate,
        uploads=settings.max_uploads,
    )
    app.add_middleware(
        BodyBounds,
        limits=limits,
        held=transcriber.held,
        caller=identity_of if settings.quota_table else lambda said: None,
        draining=lambda: transcriber.queue.draining,
        on_refused=transcriber.on_refused,
    )
    if settings.api_key is not None:
        app.add_middleware(ApiKey, key=settings.api_key.get_secret_value())
    app.add_middleware(RestOfBodies, most=2 * settings.max_body_bytes)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    if page is not None:
        # Whoever may see the page may have what it runs.
        app.add_middleware(
            DeviceModelsMiddleware,
            folder=settings.download_folder or default_folder(),
            headers=page_headers(),
        )
        app.add_middleware(PageMiddleware, files=load_page(page, page_headers()))
    # A gateway knows the key, and has said its own id to others.
    told = traces.name_request if traces else lambda name: None
    app.add_middleware(RequestId, believed=settings.api_key is not None, told=told)
    return app


def _overflow(settings: ServiceSettings) -> Overflow | None:
    if settings.overflow is None or settings.api_key is None:
        return None
    try:
        from hush_service.web.overflow import LambdaOverflow  # boto3 is of no use elsewhere
    except ImportError as error:
        raise OSError("HUSH_OVERFLOW wants hush's extra 'instance' installed") from error
    return LambdaOverflow(
        settings.overflow,
        settings.overflow_model,
        settings.api_key.get_secret_value(),
        settings.answer_seconds,
        settings.region,
    )
