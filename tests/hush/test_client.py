import asyncio
import json
import threading
import wave
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pytest
import stamina

from hush.asking import Model, Options
from hush.blocking import Client
from hush.client import AsyncClient
from hush.connection import ServiceError
from hush.disguise import Privacy
from hush.folder import FolderError, FolderIndex, read_index, write_index, write_pictures
from hush.image import Encoding, MelImageError, decode, encode, quantize
from hush.segments import segments
from hush.sending import Progress
from hush.transcript import Phrase, Stretch, Transcript
from tests.hush.formats.test_png import END, PIXELS, header, png_file
from tests.hush.test_audio import recorded
from tests.hush.test_segments import TALK, WHOLE

pytestmark = pytest.mark.anyio

Answer = Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Try again at once, as often as the real back-off would."""
    with stamina.set_testing(True, attempts=10, cap=False):
        yield


def model(mel_bins: int = 80) -> dict[str, object]:
    return {"id": "demo", "mel_bins": mel_bins, "languages": ["en"], "tasks": ["transcribe"]}


def words_of(picture: bytes) -> str:
    return f"{decode(picture).frames} frames"


class FakeService:
    """Answers with a picture's width.

    Some answers can be given before that, and the first pictures kept until a few are together.
    """

    def __init__(self, *before: httpx2.Response | Exception, together: int = 1) -> None:
        self.before = list(before)
        self._together = together
        self._gathered = asyncio.Event()
        self.requests: list[httpx2.Request] = []
        self.most_at_once = 0
        self._at_once = 0

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self.before:
            answer = self.before.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if request.method == "GET":
            body = {"data": [model()]} if request.url.path == "/v1/models" else model()
            return httpx2.Response(200, json=body)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        if self._at_once == self._together:
            self._gathered.set()
        await self._gathered.wait()
        content = await request.aread()
        for _ in range(len(content) % 7):  # so that answers do not come in order
            await asyncio.sleep(0)
        self._at_once -= 1
        start = content.index(b"\x89PNG") if b"\x89PNG" in content else content.index(b"RIFF")
        words = words_of(content[start : content.rindex(b"\r\n--")])
        seconds = float(words.split()[0]) / 100
        transcript = Transcript(
            words,
            seconds,
            "english",
            phrases=(Phrase(0, seconds / 2, words),),
            unheard=(Stretch(seconds / 2, seconds),),
        )
        return httpx2.Response(200, json=transcript.verbose_json())


def client_of(service: Answer, **settings: object) -> AsyncClient:
    transport = httpx2.MockTransport(service)
    return AsyncClient("http://service/", "key", transport=transport, **settings)  # type: ignore[arg-type]


def refusal(status: int, message: str = "no", **headers: str) -> httpx2.Response:
    body = {"error": {"message": message, "type": "x", "param": None, "code": "some_code"}}
    return httpx2.Response(
        status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


PICTURE = encode(quantize(np.zeros((80, 42), np.float32)))


async def test_sends_the_picture_the_options_and_the_key() -> None:
    service = FakeService()
    options = Options("demo", "en", "translate", "before", 0.5, words=True)
    async with client_of(service) as client:
        transcript = await client.transcribe(PICTURE, options)
    assert transcript.text == "42 frames"
    (request,) = service.requests
    assert request.url.path == "/v1/audio/translations"
    assert request.headers["authorization"] == "Bearer key"
    content = await request.aread()
    for field in (
        b'name="model"\r\n\r\ndemo',
        b'name="language"\r\n\r\nen',
        b'name="prompt"\r\n\r\nbefore',
        b'name="temperature"\r\n\r\n0.5',
        b'name="response_format"\r\n\r\nverbose_json',
        b'name="timestamp_granularities[]"\r\n\r\nword',
    ):
        assert field in content


@pytest.mark.parametrize("header", ["x_request_id", "x_amzn_requestid"])
async def test_a_refusal_names_its_request_as_logs_do(header: str) -> None:
    bodiless = httpx2.Response(404, headers={header.replace("_", "-"): "one"})
    for answer, said in (
        (refusal(404, "no such model", **{header: "one"}), "no such model (request one)"),
        (bodiless, "the service answered 404 Not Found (request one)"),
    ):
        async with client_of(FakeService(answer)) as client:
            with pytest.raises(ServiceError) as refused:
                await client.transcribe(PICTURE)
        assert (str(refused.value), refused.value.request_id) == (said, "one")


async def test_waits_as_long_as_a_busy_service_wishes_within_reason() -> None:
    waits: list[tuple[str, float]] = []
    service = FakeService(
        refusal(503, "starting", retry_after="7"),
        refusal(429, "full", retry_after="500"),
        refusal(503, "soon", retry_after="0"),
        refusal(502, "who knows", retry_after="tomorrow"),
    )
    async with client_of(service, on_wait=lambda *wait: waits.append(wait)) as client:
        assert (await client.transcribe(PICTURE)).text == "42 frames"
    assert waits[:3] == [("starting", 7.0), ("full", 60.0), ("soon", 0.5)]
    assert waits[3][0] == "who knows"


async def test_an_answer_that_does_not_come_in_time_is_not_asked_for_again() -> None:
    service = FakeService(httpx2.ReadTimeout("late"))
    async with client_of(service) as client:
        with pytest.raises(ServiceError, match="did not answer in time"):
            await client.transcribe(PICTURE)
    assert len(service.requests) == 1


async def test_a_connection_that_breaks_is_tried_again() -> None:
    service = FakeService(httpx2.ConnectError("gone"), httpx2.ReadError("broken"))
    async with client_of(service) as client:
        assert (await client.transcribe(PICTURE)).text == "42 frames"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock whose only entry is the time."""
    now = [0.0]
    monkeypatch.setattr("hush.connection.monotonic", lambda: now[0])
    return now


async def test_a_service_that_never_answered_is_given_up_soon(clock: list[float]) -> None:
    waits: list[str] = []

    def wait(message: str, _: float) -> None:
        waits.append(message)
        clock[0] += 8

    service = FakeService(*[httpx2.ConnectError("refused")] * 20)
    async with client_of(service, on_wait=wait) as client:
        with pytest.raises(ServiceError, match="cannot be reached: refused") as caught:
            await client.transcribe(PICTURE)
    assert caught.value.status is None
    assert len(service.requests) == 5  # at 0, 8, 16, 24 and 32 s
    assert len(waits) == 4


async def test_a_service_that_went_away_is_asked_again_for_as_long_as_patience_lasts(
    clock: list[float],
) -> None:
    def wait(_: str, __: float) -> None:
        clock[0] += 60

    service = FakeService(refusal(503, "starting"), *[httpx2.ConnectError("gone")] * 8)
    async with client_of(service, on_wait=wait, patience=600) as client:
        assert (await client.transcribe(PICTURE)).text == "42 frames"
    assert clock[0] == 540
    service = FakeService(refusal(503, "starting"), *[httpx2.ConnectError("gone")] * 8)
    async with client_of(service, on_wait=wait, patience=300) as client:
        with pytest.raises(ServiceError, match="gone"):
            await client.transcribe(PICTURE)
    assert len(service.requests) == 6


@pytest.mark.parametrize("url", ["http://hush.example", "http://10.0.0.2:1337/v1"])
def test_a_key_never_goes_out_over_plain_http_unless_it_is_wished(url: str) -> None:
    with pytest.raises(ValueError, match="over plain http"):
        Client(url, "key")
    with pytest.raises(ValueError, match="over plain http"):
        AsyncClient(url, "key")
    Client(url)
    Client(url, "key", insecure=True)
    for near in ("http://localhost:1337", "http://127.0.0.1", "http://[::1]:1337", "https://a.b"):
        Client(near, "key")


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 422, 500])
async def test_a_refusal_is_not_tried_again(status: int) -> None:
    service = FakeService(refusal(status, "because"))
    async with client_of(service) as client:
        with pytest.raises(ServiceError, match="because") as caught:
            await client.transcribe(PICTURE)
    assert (caught.value.status, caught.value.code) == (status, "some_code")
    assert len(service.requests) == 1


async def test_an_answer_that_is_not_of_a_hush_service_is_an_error() -> None:
    for answer in (
        httpx2.Response(200, text="<html>"),
        httpx2.Response(200, json={"data": [{}]}),
        httpx2.Response(200, json={"data": []}),
        httpx2.Response(200, json=[]),
    ):
        async with client_of(FakeService(answer)) as client:
            with pytest.raises(ServiceError, match="is not a hush service"):
                await client.model()
    async with client_of(FakeService(httpx2.Response(404, text="<html>"))) as client:
        with pytest.raises(ServiceError, match="answered 404"):
            await client.models()


async def test_many_pictures_keep_their_order_and_are_few_at_once() -> None:
    service = FakeService(together=3)
    pictures = [encode(quantize(np.zeros((80, n), np.float32))) for n in range(1, 60)]
    async with client_of(service, concurrency=3) as client:
        texts = [transcript.text async for transcript in client.transcribe_each(pictures)]
    assert texts == [f"{n} frames" for n in range(1, 60)]
    assert service.most_at_once == 3


async def test_words_come_as_soon_as_they_are_known() -> None:
    """The next picture is not there yet, and there is room for more under way."""
    answered = threading.Event()

    def pictures() -> Iterator[bytes]:
        yield PICTURE
        assert answered.wait(20)
        yield PICTURE

    async with client_of(FakeService(), concurrency=4) as client:
        async for _ in client.transcribe_each(pictures()):
            answered.set()


async def test_a_refusal_comes_as_soon_as_it_is_known() -> None:
    made = 0

    def pictures() -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield PICTURE

    async with client_of(FakeService(*[refusal(401)] * 9), concurrency=4) as client:
        with pytest.raises(ServiceError):
            [one async for one in client.transcribe_each(pictures())]
    assert made <= 6


@pytest.mark.parametrize("audio", [recorded(TALK[:9000]), b"ID3\x04 mp3", b"", b"text"])
async def test_what_is_no_mel_image_is_never_sent(audio: bytes) -> None:
    service = FakeService()
    async with client_of(service) as client:
        with pytest.raises(MelImageError):
            await client.transcribe(audio)
        with pytest.raises(MelImageError):
            [one async for one in client.transcribe_each([audio])]
    assert service.requests == []


async def test_what_else_is_in_a_picture_stays_here() -> None:
    service = FakeService()
    texts = (b"tEXt", b"Author\0somebody"), (b"eXIf", b"MM\0*place")
    async with client_of(service) as client:
        await client.transcribe(png_file(header(), *texts, PIXELS, END))
    content = await service.requests[0].aread()
    assert b"somebody" not in content
    assert b"place" not in content


async def test_pictures_are_made_only_as_fast_as_they_are_sent() -> None:
    made = 0

    def pictures() -> Iterator[bytes]:
        nonlocal made
        for _ in range(50):
            made += 1
            yield PICTURE

    async with client_of(FakeService(), concurrency=2) as client:
        transcripts: AsyncIterator[Transcript] = client.transcribe_each(pictures())
        await anext(transcripts)
        assert made <= 3


async def test_a_recording_keeps_its_times() -> None:
    progress: list[Progress] = []
    async with client_of(FakeService()) as client:
        whole = await client.transcribe_audio(
            BytesIO(recorded(TALK)),
            encoding=Encoding("webp"),
            on_progress=progress.append,
        )
    assert whole.duration == pytest.approx(40)
    assert [one.seconds for one in progress] == sorted(one.seconds for one in progress)
    assert [phrase.start for phrase in whole.phrases] == [
        one.transcript.phrases[0].start for one in progress
    ]
    assert whole.phrases[-1].end <= 40
    assert whole.unheard == tuple(one.transcript.unheard[0] for one in progress)
    assert [stretch.start for stretch in whole.unheard] == [one.end for one in whole.phrases]
    assert 0 < progress[-1].bytes_sent < len(TALK) * 2


async def test_words_until_a_failure_are_not_lost() -> None:
    class Failing(FakeService):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if len(self.requests) == 3:
                return refusal(400, "enough")
            return await super().__call__(request)

    async with client_of(Failing(), concurrency=1) as client:
        with pytest.raises(ServiceError, match="enough") as caught:
            await client.transcribe_audio(BytesIO(recorded(np.tile(TALK, 3))))
    assert caught.value.partial is not None
    assert caught.value.partial.text.count("frames") == 2


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A folder of three segments."""
    parts = write_pictures(tmp_path, segments([TALK]))
    assert len(parts) >= 3
    write_index(tmp_path, FolderIndex("talk.wav", 80, 40.0, parts[:3]))
    return tmp_path


async def test_a_folder_has_the_words_and_times_of_its_recording(stored: Path) -> None:
    progress: list[Progress] = []
    async with client_of(FakeService()) as client:
        whole = await client.transcribe_folder(stored, on_progress=progress.append)
    index = read_index(stored)
    assert whole.duration == 40
    assert [phrase.start for phrase in whole.phrases] == [one.start for one in index.segments]
    assert [one.seconds for one in progress] == [one.end for one in index.segments]
    ends = [stretch.end for stretch in whole.unheard]
    assert ends == pytest.approx([one.end for one in index.segments])


async def test_a_refusal_of_a_folders_picture_keeps_its_status_and_the_words(stored: Path) -> None:
    class Refusing(FakeService):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if len(self.requests) == 2:
                return refusal(401, "sign in", retry_after="7")
            return await super().__call__(request)

    async with client_of(Refusing(), concurrency=1) as client:
        with pytest.raises(ServiceError, match="sign in") as caught:
            await client.transcribe_folder(stored)
    assert (caught.value.status, caught.value.retry_after) == (401, 7)
    assert caught.value.partial is not None
    assert caught.value.partial.text.count("frames") == 2
    assert caught.value.partial.duration == read_index(stored).segments[1].end


@pytest.mark.parametrize("damage", ["no picture", "missing"])
async def test_pictures_before_a_damaged_one_are_all_answered(stored: Path, damage: str) -> None:
    last = stored / read_index(stored).segments[-1].file
    last.unlink()
    if damage == "no picture":
        last.write_bytes(recorded(TALK[:9000]))
    async with client_of(FakeService(), concurrency=4) as client:
        with pytest.raises(FolderError, match=rf"^{last.name}: ") as caught:
            await client.transcribe_folder(stored)
    assert caught.value.partial is not None
    assert caught.value.partial.text.count("frames") == 2


def test_the_client_without_await_does_the_same(stored: Path) -> None:
    with Client("http://service", transport=httpx2.MockTransport(FakeService())) as client:
        assert client.models() == [client.model()] == [client.model("demo")]
        assert client.model() == Model("demo", 80, ("en",), ("transcribe",))
        assert client.transcribe(PICTURE).text == "42 frames"
        assert [one.text for one in client.transcribe_each([PICTURE] * 5)] == ["42 frames"] * 5
        assert client.transcribe_folder(stored).text.count("frames") == 3
        whole = client.transcribe_audio(BytesIO(recorded(TALK)))
    assert whole.text.count("frames") == len(whole.phrases) == len(whole.unheard) <= len(WHOLE)
    assert json.dumps(whole.verbose_json())


def test_what_cannot_work_is_said_at_once() -> None:
    for url in ("localhost:1337", "ftp://service", "http://[::1"):
        with pytest.raises(ValueError, match="is no address"):
            Client(url)
    with pytest.raises(ValueError, match="plain ASCII"):
        Client("http://service", "schlüssel")
    with pytest.raises(ValueError, match="at least one picture"):
        Client("http://service", concurrency=0)
    with pytest.raises(ValueError, match="transcribe or translate"):
        Options(task="translte")
    with pytest.raises(ValueError, match="0 to 1"):
        Options(temperature=2)
    with pytest.raises(RuntimeError, match="inside a with block"):
        Client("http://service").models()
    with (
        Client("http://service", transport=httpx2.MockTransport(FakeService())) as client,
        pytest.raises(TypeError, match="not <class 'str'>"),
    ):
        client.transcribe("talk.wav")  # type: ignore[arg-type]


def test_transcripts_that_nobody_reads_to_the_end_are_no_problem() -> None:
    with Client("http://service", transport=httpx2.MockTransport(FakeService())) as client:
        transcripts = client.transcribe_each([PICTURE] * 5)
        assert next(transcripts).text == "42 frames"
    del transcripts


@pytest.mark.parametrize("way", ["audio", "live", "speakers"])
def test_voices_are_disguised_alike_however_often_they_are_heard(way: str, tmp_path: Path) -> None:
    file = tmp_path / "call.wav"
    with wave.open(str(file), "wb") as call:
        call.setparams((2, 2, 16_000, 0, "NONE", ""))
        both = np.stack([TALK, np.roll(TALK, 8_000)], axis=1)
        call.writeframes((both * 32_767).astype("<i2").tobytes())

    def pictures(privacy: Privacy) -> list[bytes]:
        service = FakeService()
        with Client("http://service", transport=httpx2.MockTransport(service)) as client:
            if way == "live":
                client.transcribe_live([TALK], privacy=privacy)
            elif way == "audio":
                client.transcribe_audio(file, privacy=privacy)
            else:
                client.transcribe_speakers(file, privacy=privacy)
        bodies = [each.content for each in service.requests if each.method == "POST"]
        return [body[body.index(b"\x89PNG") : body.index(b"IEND")] for body in bodies]

    plain, strong = pictures("off"), pictures("strong")
    assert len(plain) == len(strong) >= 1
    assert sorted(plain) == sorted(pictures("off"))
    assert sorted(strong) == sorted(pictures("strong"))
    assert not {*plain} & {*strong}
