"""Traces for OpenTelemetry: each request, its wait for its turn, and what an engine did for it."""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from starlette.types import Scope

from hush_service.core.transcriber import Transcriber
from hush_service.core.turns import Job

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Where traces go, as every program that knows OpenTelemetry is told."""
_UNTRACED = ("/healthz", "/readyz", "/metrics")
OFF = TelemetryConfig(
    tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False
)
"""FastAPI's own, which would send what failed, too: pictures are nobody's business."""


class Traces:
    """Makes spans of one service's requests.

    Parameters
    ----------
    provider
        Sends them.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("hush")

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return what OpenTelemetry's variables say; None if they say nothing.

        Raises
        ------
        OSError
            If its library is not installed.
        """
        wanted = any(os.environ.get(name) for name in ENDPOINTS)
        disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
        if not wanted or disabled or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
            return None
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import SERVICE_NAME, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise OSError(f"{ENDPOINTS[1]} wants hush's extra 'traces' installed") from error
        name = os.environ.get("OTEL_SERVICE_NAME", "hush")
        provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    @property
    def of_requests(self) -> TelemetryConfig:
        """What FastAPI is told: a span for each request, and nothing else."""
        return {**OFF, "tracing": True, "tracer_provider": self._provider, "exclude": _is_untraced}

    def name_request(self, name: str) -> None:
        """Say the id of the request that is being answered."""
        trace.get_current_span().set_attribute("hush.request_id", name)

    def follow(self, transcriber: Transcriber) -> None:
        """Make spans of what pictures wait for."""
        models = transcriber.models

        def left(job: Job) -> None:
            trace.get_current_span().set_attribute("hush.model", models.name_of(job.engine))
            now = time.monotonic()
            begun = job.shares[0].began if job.shares else now
            # The queue's clock is not that of the wall.
            offset = time.time() - now
            self._span("queue", offset + job.arrived, offset + begun, {})
            for share in job.shares:
                batch = {"hush.batch": share.together}
                times = (offset + share.began, offset + share.ended)
                self._span(f"engine.{share.question}", *times, batch)

        transcriber.queue.on_left = left

    def _span(self, name: str, began: float, ended: float, attributes: Mapping[str, int]) -> None:
        """Make a span of what is over, between times in seconds."""
        span = self._tracer.start_span(name, attributes=attributes, start_time=round(1e9 * began))
        span.end(round(1e9 * ended))

    def close(self) -> None:
        """Send what is left. Takes its time."""
        self._provider.shutdown()


def _is_untraced(scope: Scope) -> bool:
    return str(scope.get("path", "")).endswith(_UNTRACED)
