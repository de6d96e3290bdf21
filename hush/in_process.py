"""The service as a part of this process: with `hush serve` the one place that imports its code."""

import logging
from typing import Any

import httpx2

from hush.client import AsyncClient


class InProcessError(Exception):
    """The model cannot work in this process. The message says why."""


class MissingServiceError(InProcessError):
    """The service's libraries are not installed."""


class UnknownModelError(InProcessError):
    """There is no such model; the message says which there are."""


class WrongSettingError(InProcessError):
    """A setting of the service makes no sense; the message says which."""


def client_in_process(model: str | None = None) -> AsyncClient:
    """Load a model, and return a client of it that needs no network. Takes seconds.

    Parameters
    ----------
    model
        A name of `hush models`, or the path of a model; the first of HUSH_MODELS if None.

    Raises
    ------
    InProcessError
        One of its kinds above, or itself if the model cannot be loaded.
    """
    try:
        from hush_service.core.served_models import ModelSettingError, ServedModels
        from hush_service.engine.loading import load_engine
        from hush_service.settings import ServiceSettings
        from hush_service.web.app import create_app
    except ImportError as error:
        raise MissingServiceError("the service's libraries are not installed") from error
    # Who calls hears of failures from here; nobody reads a service's log.
    logging.getLogger("hush_service").addHandler(logging.NullHandler())
    chosen: dict[str, Any] = {} if model is None else {"models": (model,)}
    try:
        # Of the service's settings, only those that are about the model count here.
        settings = ServiceSettings(
            **chosen,
            host="127.0.0.1",
            port=0,
            api_key=None,
            queue_size=100,
            caller_queue_size=100,
            answer_seconds=3600,
            quota_table=None,
            cache_bytes=0,
            cache_url=None,
        )
        if settings.replicas == 0:
            # To measure what is faster takes longer than most recordings.
            settings = settings.model_copy(update={"replicas": 1})
        models = ServedModels(settings.models[:1])
    except ModelSettingError as error:
        raise UnknownModelError(str(error)) from error
    except ValueError as error:
        raise WrongSettingError(str(error)) from error
    models.load(lambda source: load_engine(settings, source))
    if not models.ready:
        failed = models.all[0]
        raise InProcessError(f"model {failed.name} cannot be loaded: {failed.problem}")
    transport = httpx2.ASGITransport(app=create_app(settings, models))
    return AsyncClient("http://in-process", timeout=2 * settings.max_seconds, transport=transport)
