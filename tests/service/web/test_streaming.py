"""Words that come as they are decoded, and interim ones, over real connections."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from openai import APIError, OpenAI

from hush.openai_events import Events
from hush.transcript import Transcript
from local.cdn import Cdn
from local.gateway import Answer, Authorizer, Endpoint, Gateway, Request, forwarded
from local.processes import HANG
from tests.service.conftest import get, picture, post, wait_until
from tests.service.told_service import told_service

TRANSCRIPTIONS = "/v1/audio/transcriptions"


class Told:
    """A service that says one more phrase each time it is told to."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self._said = 0

    def say(self, phrases: int = 1) -> None:
        for _ in range(phrases):
            (self._folder / str(self._said)).touch()
            self._said += 1

    def in_flight(self) -> float:
        lines = get(f"{self.url}/metrics").text.splitlines()
        return float(next(line for line in lines if line.startswith("hush_in_flight ")).split()[1])


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with told_service(TOLD_SAY=tmp_path) as (url, _):
        yield Told(url, tmp_path)


@pytest.fixture
def public(told: Told) -> Iterator[str]:
    """The same service behind what stands for CloudFront and API Gateway."""
    gateway = Gateway(
        [Endpoint("ANY", "/v1/{proxy+}", False, lambda asked, _, __: forwarded(asked, told.url))],
        Authorizer(lambda _: {}, (), 0),
        lambda name, _: Answer(403, body=name.encode()),
    )

    def api(request: Request) -> Answer:
        return gateway.answer(replace(request, path=f"/live{request.path}"))

    cdn = Cdn(("/v1/*",), dict, api, lambda _: None)
    with cdn.listening() as url:
        yield url


def openai(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0, timeout=HANG)


@pytest.mark.parametrize("way", ["straight", "public"])
def test_openais_client_gets_words_as_they_are_decoded(told: Told, public: str, way: str) -> None:
    url = told.url if way == "straight" else public
    told.say()
    with openai(url) as client:
        stream = client.audio.transcriptions.create(
            model="whisper-1", file=picture(300), stream=True
        )
        events = (event.to_dict() for event in stream)
        for second in range(3):
            said = {"type": "transcript.text.delta", "delta": f" Second {second}."}
            if second == 0:
                said["delta"] = "Second 0."
            assert next(events) == said
            told.say()
        (done,) = events
    assert done["type"] == "transcript.text.done"
    assert done["text"] == "Second 0. Second 1. Second 2."


@pytest.mark.parametrize("way", ["straight", "public"])
def test_work_stops_when_who_reads_the_stream_leaves(told: Told, public: str, way: str) -> None:
    url = told.url if way == "straight" else public
    told.say()
    form = {"stream": "true"}
    with httpx2.stream(
        "POST", url + TRANSCRIPTIONS, files={"file": picture(900)}, data=form, timeout=HANG
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = answer.iter_bytes()
        assert b"Second 0" in next(parts)
        assert told.in_flight() == 1
        if way == "public":
            # What passes it on notices when it writes.
            told.say(2)
    wait_until(lambda: told.in_flight() == 0)


def test_what_is_refused_has_a_status_and_is_no_stream(told: Told) -> None:
    answer = httpx2.post(
        told.url + TRANSCRIPTIONS, files={"file": b"RIFF0000WAVE"}, data={"stream": "true"}
    )
    assert answer.status_code == 415
    form = {"stream": "true", "response_format": "srt"}
    answer = httpx2.post(told.url + TRANSCRIPTIONS, files={"file": picture()}, data=form)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "response_format")


def test_what_fails_amid_the_words_is_an_error_to_openais_client(tmp_path: Path) -> None:
    with told_service(TOLD_SAY=tmp_path, HUSH_MAX_SECONDS="0.5") as (url, _):
        Told(url, tmp_path).say()
        with (
            openai(url) as client,
            client.audio.transcriptions.create(
                model="whisper-1", file=picture(300), stream=True
            ) as stream,
            pytest.raises(APIError, match="takes longer than"),
        ):
            list(stream)


def test_interim_words_are_204_where_others_wait(told: Told, public: str) -> None:
    form = {"interim": "true"}

    def interim() -> httpx2.Response:
        return httpx2.post(
            public + TRANSCRIPTIONS, files={"file": picture()}, data=form, timeout=HANG
        )

    told.say()
    answer = interim()
    assert (answer.status_code, answer.json()["text"]) == (200, "Second 0.")
    with ThreadPoolExecutor() as threads:
        others = []
        for count in (1, 2):
            others.append(threads.submit(post, told.url, picture()))
            wait_until(lambda n=count: told.in_flight() == n)  # type: ignore[misc]
        answer = interim()
        assert (answer.status_code, answer.content) == (204, b"")
        told.say(2)
        assert [other.result().text for other in others] == ["Second 0.\n"] * 2


def test_deltas_make_up_the_text_whatever_is_told_when() -> None:
    events = Events()
    parts = [events.words(" One"), events.words(""), events.words(" two.")]
    parts.append(events.end(Transcript("One two. Three.", 3.0)))
    told = [json.loads(line[6:]) for line in b"".join(parts).decode().splitlines() if line]
    assert "".join(each.get("delta", "") for each in told) == "One two. Three."
    assert told[-1]["text"] == "One two. Three."
