"""What Prometheus reads at `/metrics`."""

import asyncio
import time
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hush.transcript import Transcript
from hush_service.core.served_models import ServedModels
from hush_service.core.transcriber import Transcriber
from hush_service.core.work import WorkQueue
from hush_service.engine.batching import BatchingEngine
from hush_service.engine.questions import Decode, Decoded, Encode, Reason


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
        self._count_pictures(transcriber)
        self._count_work(queue, models)
        self.registry.register(_LoadTimes(models))
        self._gauge("hush_queue_waiting", "Pictures waiting for their turn", lambda: queue.waiting)
        self._gauge("hush_in_flight", "Pictures taken and not yet answered", lambda: queue.admitted)
        self._gauge("hush_models_ready", "Models that can answer", lambda: len(models.ready))
        self._gauge("hush_held_bytes", "Bytes of bodies and pictures", lambda: held.held)
        self._gauge("hush_tasks", "Tasks of the event loop", lambda: len(asyncio.all_tasks()))
        self._gauge("hush_draining", "1 while nothing new is taken", lambda: queue.draining)

    def _count_pictures(self, transcriber: Transcriber) -> None:
        speech = self._counter("hush_speech_seconds", "Seconds of sound transcribed", "model")
        refused = self._counter(
            "hush_refused", "Pictures and bodies not taken, by reason", "reason"
        )
        looked_up = self._counter(
            "hush_cache_lookups", "Pictures whose words might be known already", "result"
        )
        for result in ("hit", "miss"):
            looked_up.labels(result)
        overflow = self._counter(
            "hush_overflow", "Pictures asked about elsewhere, as the queue was full", "result"
        )
        for result in ("heard", "refused"):
            overflow.labels(result)
        factor = Histogram(
            "hush_real_time_factor",
            "Seconds that the engine worked on a picture, for each second of its sound",
            ["model"],
            buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
            registry=self.registry,
        )
        wait = Histogram(
            "hush_wait_seconds",
            "Time from a picture's admission to its first turn",
            buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
            registry=self.registry,
        )

        def heard(model: str, seconds: float, worked: float) -> None:
            speech.labels(model).inc(seconds)
            factor.labels(model).observe(worked / seconds)

        transcriber.on_heard = heard
        transcriber.on_refused = lambda reason: refused.labels(reason).inc()
        transcriber.on_looked_up = lambda known: looked_up.labels("hit" if known else "miss").inc()
        transcriber.on_overflow = lambda heard: overflow.labels(
            "heard" if heard else "refused"
        ).inc()
        transcriber.queue.on_begun = wait.observe

    def _count_work(self, queue: WorkQueue, models: ServedModels) -> None:
        busy = self._counter("hush_engine_seconds", "Time that an engine worked", "model")
        tokens = self._counter("hush_tokens", "Tokens of all texts, of poor ones too", "model")
        again = self._counter("hush_decoded_again", "Texts asked for again, by reason", "reason")
        for reason in get_args(Reason):
            again.labels(reason)
        together = Histogram(
            "hush_batch_windows",
            "Questions that the engine was asked at once",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        length = Histogram(
            "hush_window_seconds",
            "Length of what a model heard at once, silence included",
            buckets=(15, 17.5, 20, 22.5, 25, 27.5, 30),
            registry=self.registry,
        )

        def stepped(
            engine: BatchingEngine, answered: Sequence[tuple[Any, object]], seconds: float
        ) -> None:
            model = models.name_of(engine)
            busy.labels(model).inc(seconds)
            if answered:
                together.observe(len(answered))
            for question, answer in answered:
                match question:
                    case Encode():
                        length.observe(question.window.seconds)
                    case Decode(again=str(reason)):
                        again.labels(reason).inc()
                match answer:
                    case Decoded():
                        tokens.labels(model).inc(len(answer.tokens))
                    case Transcript():
                        tokens.labels(model).inc(sum(len(each.tokens) for each in answer.phrases))

        queue.on_step = stepped

    def _counter(self, name: str, description: str, label: str) -> Counter:
        return Counter(name, description, [label], registry=self.registry)

    def _gauge(self, name: str, description: str, value: Any) -> None:
        Gauge(name, description, registry=self.registry).set_function(value)


class _LoadTimes(Collector):
    """How long models took to load, of those that are loaded."""

    def __init__(self, models: ServedModels) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        times = GaugeMetricFamily(
            "hush_model_load_seconds", "Time that loading a model took", labels=["model"]
        )
        for model in self._models.all:
            if model.load_seconds is not None:
                times.add_metric([model.name], model.load_seconds)
        yield times


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
