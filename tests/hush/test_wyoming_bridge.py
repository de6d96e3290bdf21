"""Home Assistant's side of the Wyoming protocol, before a service that keeps what it is sent."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

from hush import wyoming_bridge
from hush.disguise import Privacy
from hush.wyoming_bridge import LARGEST_EVENT, serve
from tests.hush.test_client import FakeService, client_of, refusal
from tests.hush.test_segments import TALK

pytestmark = pytest.mark.anyio

SOUND = np.round(TALK[:160_000] * 32767).astype("<i2").tobytes()


@pytest.fixture
def sink() -> FakeService:
    return FakeService()


@asynccontextmanager
async def bridge_to(sink: FakeService, privacy: Privacy = "off") -> AsyncIterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    serving = asyncio.create_task(serve(client_of(sink), port=port, privacy=privacy))
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0)
    writer.close()
    yield port
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def port(sink: FakeService) -> AsyncIterator[int]:
    async with bridge_to(sink) as port:
        yield port


def spoken(sound: bytes = SOUND, rate: int = 16_000, channels: int = 1) -> list[Eventable]:
    """Return what a satellite sends: a tenth of a second at a time."""
    form = {"rate": rate, "width": 2, "channels": channels}
    size = rate * 2 * channels // 10
    chunks = [
        AudioChunk(**form, audio=sound[first : first + size])
        for first in range(0, len(sound), size)
    ]
    return [AudioStart(**form), *chunks, AudioStop()]


async def ask(port: int, *events: Eventable) -> Event | None:
    """Return the first answer to events."""
    async with AsyncTcpClient("127.0.0.1", port) as satellite:
        for event in events:
            await satellite.write_event(event.event())
        answer: Event | None = await satellite.read_event()
        return answer


async def test_it_says_which_models_and_languages_there_are(port: int) -> None:
    answer = await ask(port, Describe())
    assert answer is not None
    (program,) = Info.from_event(answer).asr
    assert program.name == "hush"
    assert [(model.name, model.languages) for model in program.models] == [("demo", ["en"])]


async def test_speech_becomes_words_and_only_pictures_go_on(port: int, sink: FakeService) -> None:
    wanted = Transcribe(language="en-US", transcript_names=["Ada"], transcript_terms=["kitchen"])
    answer = await ask(port, wanted, *spoken())
    assert answer is not None
    heard = Transcript.from_event(answer)
    assert "frames" in heard.text
    assert heard.language == "english"
    pictures = [request for request in sink.requests if request.method == "POST"]
    for request in pictures:
        content = await request.aread()
        assert b"\x89PNG" in content
        assert SOUND[50_000:50_100] not in content
        assert b'name="language"\r\n\r\nen-US' in content
        assert b'name="prompt"\r\n\r\nAda, kitchen' in content


async def test_voices_are_disguised_alike_whenever_they_are_sent() -> None:
    sent = []
    steps: tuple[Privacy, ...] = ("off", "strong")
    for privacy in steps:
        sink = FakeService()
        async with bridge_to(sink, privacy) as port:
            for _ in range(2):
                await ask(port, *spoken())
        bodies = [await each.aread() for each in sink.requests if each.method == "POST"]
        sent.append([body[body.index(b"\x89PNG") : body.index(b"IEND")] for body in bodies])
    plain, disguised = sent
    half = len(plain) // 2
    assert len(plain) == len(disguised) >= 2
    for pictures in sent:
        assert pictures[:half] == pictures[half:]
    assert not {*plain} & {*disguised}


async def test_sound_of_any_rate_and_more_channels_is_taken(port: int) -> None:
    mono = np.frombuffer(SOUND, "<i2")
    stereo = np.repeat(mono, 2 * 3).astype("<i2").tobytes()  # 48 kHz, and twice each
    answer = await ask(port, *spoken(stereo, 48_000, 2))
    assert answer is not None
    assert "frames" in Transcript.from_event(answer).text


async def test_one_connection_is_good_for_several_commands(port: int) -> None:
    async with AsyncTcpClient("127.0.0.1", port) as satellite:
        for _ in range(2):
            for event in spoken():
                await satellite.write_event(event.event())
            answer = await satellite.read_event()
            assert answer is not None
            assert Transcript.is_type(answer.type)
        await satellite.write_event(Ping("here?").event())
        answer = await satellite.read_event()
        assert answer is not None
        assert Pong.from_event(answer).text == "here?"


async def test_who_says_nothing_gets_no_words(port: int, sink: FakeService) -> None:
    answer = await ask(port, AudioStart(rate=16_000, width=2, channels=1), AudioStop())
    assert answer is not None
    assert Transcript.from_event(answer).text == ""
    assert not sink.requests


async def test_a_refusal_is_said_and_ends_the_connection(port: int, sink: FakeService) -> None:
    sink.before.append(refusal(404, "no such model"))
    async with AsyncTcpClient("127.0.0.1", port) as satellite:
        for event in spoken():
            await satellite.write_event(event.event())
        answer = await satellite.read_event()
        assert answer is not None
        assert "no such model" in Error.from_event(answer).text
        assert await satellite.read_event() is None


@pytest.mark.parametrize(
    "nonsense",
    [
        AudioChunk(rate=0, width=2, channels=1, audio=b"1234").event(),
        AudioChunk(rate=16_000, width=9, channels=1, audio=b"1234").event(),
        Event("audio-chunk", {}, b"1234"),
        Event("transcribe", {"transcript_names": 7}),
    ],
)
async def test_nonsense_is_refused(port: int, nonsense: Event) -> None:
    async with AsyncTcpClient("127.0.0.1", port) as satellite:
        await satellite.write_event(nonsense)
        await satellite.write_event(AudioStop().event())
        answer = await satellite.read_event()
        assert answer is not None
        assert Error.is_type(answer.type)


@pytest.mark.parametrize("form", [(2**31, 4, 1000), (16_000, 2, 1)], ids=["absurd", "usual"])
async def test_no_more_sound_is_kept_than_may_be(
    port: int, monkeypatch: pytest.MonkeyPatch, form: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(wyoming_bridge, "MOST_KEPT", 1 << 20)
    rate, width, channels = form
    chunk = AudioChunk(rate=rate, width=width, channels=channels, audio=bytes(1 << 19)).event()
    async with AsyncTcpClient("127.0.0.1", port) as satellite:
        for _ in range(3):
            await satellite.write_event(chunk)
        answer = await asyncio.wait_for(satellite.read_event(), 10)
        assert answer is not None
        assert "at most 1048576 bytes" in Error.from_event(answer).text


async def test_an_event_of_any_size_is_not_waited_for(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    announced = {"type": "audio-chunk", "payload_length": LARGEST_EVENT + 1}
    writer.write(json.dumps(announced).encode() + b"\n")
    assert await reader.read() == b""
    writer.close()
