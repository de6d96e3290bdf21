"""What Prometheus reads at `/metrics`."""

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hush_service.core.transcriber import Transcriber


class Metrics:
    """The metrics of one service, in a registry of their own.

    Parameters
    ----------
    transcriber
        Whose state the gauges show, and whose work is counted.
    """

    def __init__(self, transcriber: Transcriber) -> None:
        queue, models, held = transcriber.queue, transcriber.models, transcriber.held
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "hush_requests",
            "Answers by route and status",
            ["route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "hush_request_seconds",
            "Time from a request's header to the end of its answer",
            ["route"],
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300),
            registry=self.registry,
        )
        heard = Counter(
            "hush_speech_seconds", "Seconds of sound transcribed", ["model"], registry=self.registry
        )
        refused = Counter(
            "hush_refused", "Pictures not heard, by reason", ["reason"], registry=self.registry
        )
        wait = Histogram(
            "hush_wait_seconds",
            "Time from a picture's admission to its first turn",
            buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
            registry=self.registry,
        )
        together = Histogram(
            "hush_batch_windows",
            "Questions that the engine was asked at once",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        busy = Counter("hush_engine_seconds", "Time that the engine worked", registry=self.registry)

        def stepped(questions: int, seconds: float) -> None:
            together.observe(questions)
            busy.inc(seconds)

        queue.on_begun = wait.observe
        queue.on_step = stepped
        transcriber.on_refused = lambda reason: refused.labels(reason).inc()
        transcriber.on_heard = lambda model, seconds: heard.labels(model).inc(seconds)
        self._gauge("hush_queue_waiting", "Pictures waiting for their turn", lambda: queue.waiting)
        self._gauge("hush_in_flight", "Pictures taken and not yet answered", lambda: queue.admitted)
        self._gauge("hush_models_ready", "Models that can answer", lambda: len(models.ready))
        self._gauge("hush_held_bytes", "Bytes of bodies and pictures", lambda: held.held)
        self._gauge("hush_tasks", "Tasks of the event loop", lambda: len(asyncio.all_tasks()))
        self._gauge("hush_draining", "1 while nothing new is taken", lambda: queue.draining)

    def _gauge(self, name: str, description: str, value: Any) -> None:
        Gauge(name, description, registry=self.registry).set_function(value)


class MetricsMiddleware:
    """Counts and times every answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            route = _route(scope)
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.monotonic() - started)


def _route(scope: MutableMapping[str, Any]) -> str:
    """Return the path template, so that addresses nobody serves make no series of their own."""
    route = scope.get("route")
    return str(getattr(route, "path", "other"))
