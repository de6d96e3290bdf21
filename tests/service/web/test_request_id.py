"""One id for each request: in its answer, in the log, and the front's own where there is one."""

import re
import signal

import httpx2
import pytest
from openai import OpenAI

from hush.contracts.headers import REQUEST
from local.processes import HANG
from tests.service.conftest import engine, http, loaded, picture
from tests.service.told_service import told_service

pytestmark = pytest.mark.anyio

MADE = re.compile(r"[0-9a-f]{32}")
KEY = {"authorization": "Bearer secret"}


async def test_every_answer_has_one_of_its_own(client: httpx2.AsyncClient) -> None:
    answers = [
        await client.post("/", content=picture()),
        await client.post("/", content=b"nothing"),
        await client.get("/v1/models"),
        await client.get("/nowhere"),
        await client.post("/v1/audio/transcriptions", content=b"no form"),
    ]
    ids = [answer.headers[REQUEST] for answer in answers]
    # What clients show of an error has to be enough to find it.
    said = [answer.json()["error"]["request_id"] for answer in answers if answer.is_error]
    assert said == [ids[1], *ids[3:]]
    assert all(MADE.fullmatch(each) for each in ids)
    assert len(set(ids)) == len(ids)


async def test_it_is_the_fronts_where_only_one_that_knows_the_key_can_ask() -> None:
    async with http(loaded(demo=engine()), api_key="secret") as client:
        for given in ("c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "id-=.:+/_"):
            answer = await client.post("/", content=picture(), headers={**KEY, REQUEST: given})
            assert answer.headers[REQUEST] == given
        for wrong in ("", "two words", "x" * 129, 'quote"', "line\ttab"):
            answer = await client.post("/", content=picture(), headers={**KEY, REQUEST: wrong})
            assert MADE.fullmatch(answer.headers[REQUEST])
        unknown = await client.get("/v1/models", headers={REQUEST: "theirs"})
        assert unknown.status_code == 401
        assert unknown.json()["error"]["request_id"] == unknown.headers[REQUEST] == "theirs"


async def test_where_anybody_can_ask_it_is_made(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/", content=picture(), headers={REQUEST: "mine"})
    assert MADE.fullmatch(answer.headers[REQUEST])


def test_a_failure_has_it_in_the_log_and_in_its_body() -> None:
    with told_service(TOLD_FAIL="1") as (url, process):
        answers = [httpx2.post(f"{url}/", content=picture(), timeout=HANG) for _ in range(2)]
        stream = httpx2.post(
            f"{url}/v1/audio/transcriptions",
            files={"file": picture()},
            data={"stream": "true"},
            timeout=HANG,
        )
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=HANG)[0]
    ids = [answer.headers[REQUEST] for answer in answers]
    assert ids[0] != ids[1]
    for number, answer in zip(ids, answers, strict=True):
        assert answer.status_code == 500
        assert answer.json()["error"]["request_id"] == number
        assert re.search(rf"ERROR .* request={number}$", log, re.MULTILINE)
    assert stream.status_code == 500
    assert stream.headers[REQUEST] in log
    # What is of no request has none.
    assert re.search(r"INFO listening on \S+$", log, re.MULTILINE)


def test_openais_client_tells_it() -> None:
    with (
        told_service() as (url, _),
        OpenAI(base_url=f"{url}/v1", api_key="unused", timeout=HANG) as client,
    ):
        said = client.audio.transcriptions.create(model="whisper-1", file=picture())
        assert said._request_id
        assert MADE.fullmatch(said._request_id)
