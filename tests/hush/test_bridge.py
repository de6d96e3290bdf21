"""The bridge alone, before a service that keeps what it is sent."""

import asyncio
import errno
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from starlette.formparsers import MultiPartParser

from hush.bridge import create_bridge
from hush.client import AsyncClient
from hush.disguise import Privacy
from hush.image import Encoding
from hush.openai_events import events
from hush.transcript import Transcript
from local.processes import HANG
from tests.hush.test_audio import recorded
from tests.hush.test_client import Answer, FakeService, refusal
from tests.hush.test_segments import TALK

pytestmark = pytest.mark.anyio

SPEECH = recorded(TALK)


HERE = "http://127.0.0.1:1338"


async def bridge_to(
    service: Answer, encoding: Encoding, privacy: Privacy = "off", **settings: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.MockTransport(service)
    app = create_bridge(
        lambda: AsyncClient("http://service", transport=transport), encoding, privacy, **settings
    )
    async with app.router.lifespan_context(app):
        through = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=through, base_url=HERE) as client:
            yield client


@pytest.fixture
def sink() -> FakeService:
    return FakeService()


@pytest.fixture
async def bridge(sink: FakeService) -> AsyncIterator[httpx2.AsyncClient]:
    async for client in bridge_to(sink, Encoding("webp")):
        yield client


async def test_voices_are_disguised_alike_whenever_they_are_sent() -> None:
    sent = []
    steps: tuple[Privacy, ...] = ("off", "strong")
    for privacy in steps:
        sink = FakeService()
        async for bridge in bridge_to(sink, Encoding("png"), privacy):
            for _ in range(2):
                answer = await bridge.post("/v1/audio/transcriptions", files={"file": SPEECH})
                assert answer.status_code == 200
        bodies = [await each.aread() for each in sink.requests if each.method == "POST"]
        sent.append([body[body.index(b"\x89PNG") : body.index(b"IEND")] for body in bodies])
    plain, disguised = sent
    half = len(plain) // 2
    assert len(plain) == len(disguised) >= 4
    for pictures in sent:
        assert set(pictures[:half]) == set(pictures[half:])
    assert not {*plain} & {*disguised}


async def test_only_pictures_go_on(bridge: httpx2.AsyncClient, sink: FakeService) -> None:
    answer = await bridge.post(
        "/v1/audio/transcriptions",
        files={"file": ("secret-name.wav", SPEECH)},
        data={"model": "whisper-1", "prompt": "Ada"},
    )
    assert answer.status_code == 200
    assert answer.json()["text"].count("frames") >= 2
    pictures = [request for request in sink.requests if request.method == "POST"]
    assert len(pictures) >= 2
    for request in pictures:
        content = await request.aread()
        assert content.count(b"WEBPVP8") == 1
        assert len(content) < len(SPEECH) / 3
        for private in (b"WAVE", b"secret-name", SPEECH[50_000:50_100]):
            assert private not in content
    assert b'name="prompt"\r\n\r\nAda' in await pictures[0].aread()


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("text", ""), ("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n"), ("verbose_json", '{"task"')],
)
async def test_every_form_of_answer(bridge: httpx2.AsyncClient, form: str, beginning: str) -> None:
    answer = await bridge.post(
        "/v1/audio/transcriptions", files={"file": SPEECH}, data={"response_format": form}
    )
    assert answer.status_code == 200
    assert answer.text.startswith(beginning)
    # Of every segment, as in the service's answers; their times are those of the recording.
    stretches = [part.split("-") for part in answer.headers["x-hush-unheard"].split(", ")]
    assert len(stretches) >= 2
    assert 30 < float(stretches[-1][1]) <= 40


@pytest.mark.parametrize(
    ("data", "file", "status", "message"),
    [
        ({}, b"no audio", 400, "not an audio or video file"),
        ({}, b"", 400, "not an audio or video file"),
        ({"response_format": "yaml"}, SPEECH, 400, "response_format"),
        ({"temperature": "warm"}, SPEECH, 400, "temperature"),
        ({"temperature": "7"}, SPEECH, 400, "temperature"),
        ({"timestamp_granularities": "phrase"}, SPEECH, 400, "timestamp_granularities"),
        ({"include[]": "everything"}, SPEECH, 400, "include[]"),
        ({"max_lines": "0"}, SPEECH, 400, "max_lines"),
        ({"stream": "true", "response_format": "srt"}, SPEECH, 400, "a stream of words is json"),
        ({"stream": "true"}, b"no audio", 400, "not an audio or video file"),
    ],
)
async def test_bad_input_is_one_error_in_openais_shape(
    bridge: httpx2.AsyncClient, data: dict[str, str], file: bytes, status: int, message: str
) -> None:
    answer = await bridge.post("/v1/audio/transcriptions", files={"file": file}, data=data)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


async def test_what_clients_ask_for_goes_on_word_for_word(
    bridge: httpx2.AsyncClient, sink: FakeService
) -> None:
    answer = await bridge.post(
        "/v1/audio/transcriptions",
        files={"file": SPEECH},
        data={
            "model": "Systran/faster-whisper-base",
            "language": "en-US",
            "prompt": "Ada",
            "temperature": "0.2",
            "include[]": "logprobs",
        },
    )
    assert "logprobs" in answer.json()
    (path, *_) = [request.url.raw_path for request in sink.requests if request.method == "GET"]
    assert path == b"/v1/models/Systran%2Ffaster-whisper-base"
    sent = await next(request for request in sink.requests if request.method == "POST").aread()
    for field in (
        b'name="model"\r\n\r\nSystran/faster-whisper-base',
        b'name="language"\r\n\r\nen-US',
        b'name="prompt"\r\n\r\nAda',
        b'name="temperature"\r\n\r\n0.2',
        b'name="timestamp_granularities[]"\r\n\r\nword',
    ):
        assert field in sent


@pytest.mark.parametrize("stream", ["", "false", "False", "0", "off", "no"])
async def test_what_does_not_ask_for_a_stream_is_answered(
    bridge: httpx2.AsyncClient, stream: str
) -> None:
    answer = await bridge.post(
        "/v1/audio/transcriptions", files={"file": SPEECH}, data={"stream": stream}
    )
    assert answer.status_code == 200


async def test_silence_has_a_language_too(bridge: httpx2.AsyncClient) -> None:
    answer = await bridge.post(
        "/v1/audio/transcriptions",
        files={"file": recorded(np.zeros(16_000, np.float32))},
        data={"response_format": "verbose_json"},
    )
    assert answer.json()["language"] == ""
    assert answer.json()["text"] == ""


async def test_words_of_each_segment_come_as_events(bridge: httpx2.AsyncClient) -> None:
    answer = await bridge.post(
        "/v1/audio/transcriptions", files={"file": SPEECH}, data={"stream": "true"}
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line]
    assert [event["type"] for event in events[:-1]] == ["transcript.text.delta"] * len(events[:-1])
    assert len(events) >= 3
    whole = await bridge.post("/v1/audio/transcriptions", files={"file": SPEECH})
    assert events[-1]["type"] == "transcript.text.done"
    assert events[-1]["text"] == whole.json()["text"]
    assert "".join(event["delta"] for event in events[:-1]) == whole.json()["text"]


async def test_a_missing_file_and_a_strange_encoding_are_refused(
    bridge: httpx2.AsyncClient,
) -> None:
    answer = await bridge.post("/v1/audio/transcriptions", data={"file": "text"})
    assert answer.status_code == 400
    headers = {"content-type": "multipart/form-data; boundary=x; charset=punycode"}
    answer = await bridge.post("/v1/audio/transcriptions", content=b"--x--", headers=headers)
    assert answer.status_code == 415
    assert (await bridge.get("/v2")).json()["error"]["message"] == "Not Found"


async def test_refusals_are_passed_on() -> None:
    service = FakeService(refusal(404, "no such model", x_request_id="one"))
    async for bridge in bridge_to(service, Encoding()):
        answer = await bridge.post("/v1/audio/transcriptions", files={"file": SPEECH})
        assert answer.status_code == 404
        assert answer.json()["error"] == {
            "message": "no such model",
            "type": "invalid_request_error",
            "param": None,
            "code": "some_code",
            "request_id": "one",
        }


async def test_models_are_those_of_the_service(bridge: httpx2.AsyncClient) -> None:
    assert [one["id"] for one in (await bridge.get("/v1/models")).json()["data"]] == ["demo"]
    assert (await bridge.get("/v1/models/demo")).json()["id"] == "demo"


async def test_no_more_is_sent_for_an_application_that_left() -> None:
    left = asyncio.Event()
    begun = asyncio.Event()

    class Slow(FakeService):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "POST":
                begun.set()
                await left.wait()
            return await super().__call__(request)

    service = Slow()
    transport = httpx2.MockTransport(service)
    client = AsyncClient("http://service", transport=transport, concurrency=1)
    app = create_bridge(lambda: client, Encoding(), "off")
    body = httpx2.Request("POST", "http://x/", files={"file": recorded(np.tile(TALK, 5))})
    content = await body.aread()
    messages = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> dict[str, object]:
        if messages:
            return messages.pop()
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        left.set()

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/audio/transcriptions",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", body.headers["content-type"].encode()),
        ],
        "query_string": b"",
    }
    async with app.router.lifespan_context(app):
        await app(scope, receive, send)
    assert len([request for request in service.requests if request.method == "POST"]) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1338", "[::1]:1338", "LOCALHOST"])
async def test_it_answers_to_the_names_of_this_machine(
    bridge: httpx2.AsyncClient, host: str
) -> None:
    assert (await bridge.get("/v1/models", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "attacker.example"},
        {"host": "attacker.example:1338"},
        {"host": "127.0.0.1.attacker.example"},
        {"host": "localhost@attacker.example:x"},
        {"host": ""},
        {"origin": "https://attacker.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
async def test_a_foreign_page_spends_nobodys_key(
    bridge: httpx2.AsyncClient, sink: FakeService, headers: dict[str, str]
) -> None:
    answer = await bridge.post("/v1/audio/transcriptions", files={"file": SPEECH}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "permission_error"
    assert (await bridge.get("/v1/models", headers=headers)).status_code == 403
    assert not sink.requests


async def test_its_own_page_and_a_link_to_it_are_not_foreign(bridge: httpx2.AsyncClient) -> None:
    followed = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    for headers in ({"origin": HERE, "sec-fetch-site": "same-origin"}, followed):
        assert (await bridge.get("/v1/models", headers=headers)).status_code == 200
    answer = await bridge.post("/v1/audio/transcriptions", headers=followed)
    assert answer.status_code == 403


async def test_hosts_and_origins_that_are_allowed_are_answered(sink: FakeService) -> None:
    allowed: dict[str, Any] = {
        "allowed_hosts": ["hush.home"],
        "allowed_origins": ["http://localhost:3000/"],
    }
    page = {"origin": "http://localhost:3000", "sec-fetch-site": "cross-site"}
    async for bridge in bridge_to(sink, Encoding(), **allowed):
        answer = await bridge.get("/v1/models", headers={"host": "hush.home"})
        assert answer.status_code == 200
        answer = await bridge.get("/v1/models", headers=page)
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        asked = {**page, "access-control-request-method": "POST"}
        answer = await bridge.options("/v1/audio/transcriptions", headers=asked)
        assert answer.status_code == 200
        answer = await bridge.get("/v1/models", headers={"origin": "http://localhost:3001"})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("hush.home:8443", "hush.home:8443"),
        ("hush.home:8443", "hush.home"),
        ("[fd00::5]", "[fd00::5]:1338"),
        ("fd00::5", "[fd00::5]"),
        ("Hush.Home", "hush.home:80"),
    ],
)
async def test_a_host_is_allowed_however_it_is_written(
    sink: FakeService, allowed: str, host: str
) -> None:
    async for bridge in bridge_to(sink, Encoding(), allowed_hosts=[allowed]):
        assert (await bridge.get("/v1/models", headers={"host": host})).status_code == 200
        assert (await bridge.get("/v1/models", headers={"host": "other"})).status_code == 403


@pytest.mark.parametrize("announced", [True, False])
async def test_what_is_too_large_is_refused_before_it_is_kept(
    sink: FakeService, announced: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield b"0" * 1000

    async for bridge in bridge_to(sink, Encoding(), most_bytes=50_000):
        content = b"0" * 60_000 if announced else pieces()
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = await bridge.post("/v1/audio/transcriptions", content=content, headers=headers)
        assert answer.status_code == 413
        assert "at most 50000 bytes" in answer.json()["error"]["message"]


async def test_work_ends_where_nobody_takes_a_word_of_its_stream() -> None:
    ended = asyncio.Event()

    async def work(tell: Callable[[str], None]) -> Transcript:
        tell("Hello.")
        try:
            return await asyncio.Future[Transcript]()
        finally:
            ended.set()

    said = await events(work, lambda _: {})
    await said.aclose()
    async with asyncio.timeout(HANG):
        await ended.wait()


async def test_a_recording_that_cannot_be_kept_is_said_in_words(
    bridge: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", full)
    # A service in the same process keeps more in memory.
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1 << 20)
    answer = await bridge.post(
        "/v1/audio/transcriptions", files={"file": recorded(np.tile(TALK, 3))}
    )
    assert answer.status_code == 507
    assert answer.json()["error"]["message"] == (
        f"the recording cannot be kept here: {tmp_path}: the disk is full"
    )
