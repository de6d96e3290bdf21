"""Request bodies: how large, how slow, how many at once."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from hush.contracts import headers
from hush_service.web import bodies
from tests.service.conftest import engine, http, loaded, picture
from tests.service.web.test_api import TRANSCRIPTIONS, TRANSLATIONS, error_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/", "/mel", TRANSCRIPTIONS, TRANSLATIONS])
@pytest.mark.parametrize("announced", [True, False])
async def test_large_bodies_are_refused(path: str, announced: bool) -> None:
    beginning = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'

    async def chunks() -> AsyncIterator[bytes]:
        yield beginning
        for _ in range(100):
            yield bytes(1000)

    async with http(loaded(demo=engine()), max_body_bytes=50_000) as client:
        answer = await client.post(
            path,
            content=beginning + bytes(100_000) if announced else chunks(),
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
        assert answer.status_code == 413
        assert "larger than 50000 bytes" in str(error_of(answer)["message"])


async def test_forms_in_strange_encodings_are_refused_unread(client: httpx2.AsyncClient) -> None:
    """Python decodes punycode in quadratic time."""
    content = b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + b"a" * 900_000
    answer = await client.post(
        TRANSCRIPTIONS,
        content=content + b"\r\n--x--\r\n",
        headers={"content-type": "multipart/form-data; boundary=x; charset=punycode"},
    )
    assert answer.status_code == 415
    assert error_of(answer)["code"] == "charset"


async def test_bodies_that_do_not_come_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "REST_SECONDS", 0.01)

    async def never() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    async with http(loaded(demo=engine()), max_body_seconds=0.01) as client:
        answer = await client.post("/", content=never())
        assert answer.status_code == 408
        error_of(answer)


async def test_bodies_under_way_are_bounded() -> None:
    go = asyncio.Event()
    started = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        started.set()
        await go.wait()
        yield picture()

    async with http(loaded(demo=engine()), max_uploads=1) as client:
        first = asyncio.create_task(client.post("/", content=slow()))
        await started.wait()
        refused = await client.post("/", content=picture())
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        go.set()
        assert (await first).status_code == 200
        assert (await client.post("/", content=picture())).status_code == 200


async def test_one_caller_has_half_of_the_places_for_bodies() -> None:
    go = asyncio.Event()
    started = asyncio.Queue[None]()

    async def slow() -> AsyncIterator[bytes]:
        started.put_nowait(None)
        await go.wait()
        yield b"nothing"

    def of(who: str) -> dict[str, str]:
        return {"authorization": "Bearer k", headers.IDENTITY: who, headers.TIER: "person"}

    async with http(
        loaded(demo=engine()), max_uploads=4, api_key="k", quota_table="t", region="eu-west-1"
    ) as client:
        greedy = [
            asyncio.create_task(client.post("/", content=slow(), headers=of("github:1")))
            for _ in range(2)
        ]
        for _ in greedy:
            await started.get()
        refused = await client.post("/", content=b"", headers=of("github:1"))
        assert (refused.status_code, error_of(refused)["code"]) == (429, "queue_full")
        assert (await client.post("/", content=b"", headers=of("github:2"))).status_code == 400
        go.set()
        assert [(await each).status_code for each in greedy] == [400, 400]
        assert (await client.post("/", content=b"", headers=of("github:1"))).status_code == 400
