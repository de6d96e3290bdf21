import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from io import BytesIO

import httpx2
import numpy as np
import pytest
import stamina

from hush.client import AsyncClient, Client, Model, Options, Progress, ServiceError
from hush.image import Encoding, decode, encode, quantize
from hush.transcript import Phrase, Transcript
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
        transcript = Transcript(words, seconds, "english", phrases=(Phrase(0, seconds, words),))
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


async def test_waits_as_long_as_a_busy_service_wishes() -> None:
    waits: list[tuple[str, float]] = []
    service = FakeService(
        refusal(503, "starting", retry_after="7"), refusal(429, "full", retry_after="500")
    )
    async with client_of(service, on_wait=lambda *wait: waits.append(wait)) as client:
        assert (await client.transcribe(PICTURE)).text == "42 frames"
    assert waits == [("starting", 7.0), ("full", 60.0)]


async def test_retry_after_counts_more_than_back_off() -> None:
    with stamina.set_testing(False):
        service = FakeService(refusal(503, retry_after="0"), refusal(503, retry_after="0"))
        async with client_of(service) as client:
            await asyncio.wait_for(client.transcribe(PICTURE), 0.4)


async def test_a_connection_that_breaks_is_tried_again() -> None:
    service = FakeService(httpx2.ConnectError("gone"), httpx2.ReadError("broken"))
    async with client_of(service) as client:
        assert (await client.transcribe(PICTURE)).text == "42 frames"


async def test_a_service_that_is_not_there_is_given_up_soon() -> None:
    service = FakeService(*[httpx2.ConnectError("refused")] * 20)
    async with client_of(service) as client:
        with pytest.raises(ServiceError, match="cannot be reached: refused") as caught:
            await client.transcribe(PICTURE)
    assert caught.value.status is None
    assert len(service.requests) == 5


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
        httpx2.Response(200, json=[]),
    ):
        async with client_of(FakeService(answer)) as client:
            with pytest.raises(ServiceError, match="is not a hush service"):
                await client.models()
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


def test_the_client_without_await_does_the_same() -> None:
    with Client("http://service", transport=httpx2.MockTransport(FakeService())) as client:
        assert client.models() == [client.model()] == [client.model("demo")]
        assert client.model() == Model("demo", 80, ("en",), ("transcribe",))
        assert client.transcribe(PICTURE).text == "42 frames"
        assert [one.text for one in client.transcribe_each([PICTURE] * 5)] == ["42 frames"] * 5
        whole = client.transcribe_audio(BytesIO(recorded(TALK)))
    assert whole.text.count("frames") == len(whole.phrases) <= len(WHOLE)
    assert json.dumps(whole.verbose_json())
