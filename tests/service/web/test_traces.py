"""Traces, in memory and as a collector gets them."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hush.contracts.headers import REQUEST
from hush_service.settings import ServiceSettings
from hush_service.web import traces
from hush_service.web.app import create_app
from hush_service.web.traces import Traces
from local.processes import HANG, ROOT, environment, free_port
from tests.service.conftest import SayingEngine, engine, loaded, picture
from tests.service.told_service import told_service

pytestmark = pytest.mark.anyio

PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"


class Traced:
    """A service in this process whose spans are kept."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        app = create_app(
            ServiceSettings(),
            loaded(demo=SayingEngine(engine().info)),
            traces=Traces(provider),
        )
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        self.client = httpx2.AsyncClient(transport=transport, base_url="http://service")

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._kept.get_finished_spans()


def request_span(spans: tuple[ReadableSpan, ...], request: str) -> ReadableSpan:
    (found,) = (
        span
        for span in spans
        if span.attributes and span.attributes.get("hush.request_id") == request
    )
    return found


async def test_a_request_its_wait_and_its_work_are_one_trace() -> None:
    traced = Traced()
    async with traced.client as client:
        answer = await client.post(
            "/", content=picture(200), headers={"traceparent": f"00-{PARENT}-00f067aa0ba902b7-01"}
        )
    asked = request_span(traced.spans, answer.headers[REQUEST])
    assert asked.attributes is not None
    assert asked.attributes["http.route"] == "/"
    assert asked.attributes["http.response.status_code"] == 200
    assert asked.attributes["hush.model"] == "demo"
    assert asked.context is not None
    assert f"{asked.context.trace_id:032x}" == PARENT
    parts = [span for span in traced.spans if span.parent and span is not asked]
    assert [span.name for span in parts] == ["queue", "engine.Encode", "engine.Encode"]
    times: list[int] = []
    for span in parts:
        assert span.parent is not None
        assert span.parent.span_id == asked.context.span_id
        times += [span.start_time or 0, span.end_time or 0]
    assert times == sorted(times)
    assert times[0] > 0
    assert parts[1].attributes == {"hush.batch": 1}


async def test_each_request_has_its_own_trace_though_they_are_heard_together() -> None:
    traced = Traced()
    async with traced.client as client:
        answers = await asyncio.gather(
            *(client.post("/", content=picture(100 * n)) for n in (1, 2, 3))
        )
    spans = traced.spans
    for seconds, answer in enumerate(answers, 1):
        asked = request_span(spans, answer.headers[REQUEST])
        assert asked.context is not None
        own = [
            span.name
            for span in spans
            if span.parent and span.parent.span_id == asked.context.span_id
        ]
        assert own == ["queue", *["engine.Encode"] * seconds]


async def test_streams_and_refusals_are_traced_and_probes_are_not() -> None:
    traced = Traced()
    async with traced.client as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            await client.get(path)
        assert list(traced.spans) == []
        stream = await client.post(
            "/v1/audio/transcriptions", files={"file": picture()}, data={"stream": "true"}
        )
        refused = await client.post("/", content=b"nothing")
    names = [span.name for span in traced.spans]
    assert names[:2] == ["queue", "engine.Encode"]
    asked = request_span(traced.spans, refused.headers[REQUEST])
    assert (asked.attributes or {})["http.response.status_code"] == 400
    assert request_span(traced.spans, stream.headers[REQUEST]).attributes


async def test_a_trace_has_no_words_and_no_address() -> None:
    traced = Traced()
    async with traced.client as client:
        form = {"prompt": "Names of people", "response_format": "verbose_json"}
        await client.post("/v1/audio/transcriptions", files={"file": picture()}, data=form)
        await client.post("/v1/audio/transcriptions", data={"prompt": "Names of people"})
    said = " ".join(span.to_json() for span in traced.spans)
    assert "Second 0" not in said
    assert "Names of people" not in said
    assert "127.0.0.1" not in said


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Listen as a collector of OpenTelemetry does."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


def test_a_service_sends_what_it_did_to_a_collector_before_it_ends() -> None:
    with collector() as (to, received):
        with told_service(OTEL_EXPORTER_OTLP_ENDPOINT=to) as (url, process):
            answer = httpx2.post(f"{url}/", content=picture(), timeout=HANG)
            process.send_signal(signal.SIGTERM)
            assert process.wait(HANG) == 0
        resources = [each for request in received for each in request.resource_spans]
    spans = [span for each in resources for scope in each.scope_spans for span in scope.spans]
    assert {span.name for span in spans} >= {"queue", "engine.Whole"}
    said = {
        attribute.key: attribute.value.string_value
        for span in spans
        for attribute in span.attributes
    }
    assert said["hush.request_id"] == answer.headers[REQUEST]
    names = {item.key: item.value.string_value for item in resources[0].resource.attributes}
    assert names["service.name"] == "hush"


def test_a_collector_that_is_not_there_fails_no_request() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with told_service(OTEL_EXPORTER_OTLP_ENDPOINT=nowhere, OTEL_EXPORTER_OTLP_TIMEOUT="1") as (
        url,
        process,
    ):
        assert httpx2.post(f"{url}/", content=picture(), timeout=HANG).text == "Hello.\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG) == 0


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
        {"FASTAPI_OTEL_AUTO_CONFIGURE": "true"},
    ],
    ids=str,
)
def test_it_is_off_unless_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name in traces.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Traces.from_environment() is None


def test_where_it_is_off_its_library_is_not_loaded() -> None:
    program = (
        "import sys; from hush_service.core.served_models import ServedModels;"
        "from hush_service.settings import ServiceSettings;"
        "from hush_service.web.app import create_app;"
        "create_app(ServiceSettings(), ServedModels(['demo']));"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "[]\n"
