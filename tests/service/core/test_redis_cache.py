"""Words that are kept in Redis: a real one, and one that goes away."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from redis import Redis
from redis.exceptions import RedisError

from hush_service.core.cache import PREFIX, RedisStore, TranscriptCache
from hush_service.core.transcriber import Transcriber
from hush_service.settings import ServiceSettings
from local.processes import HANG, free_port, running
from tests.service.conftest import engine, get, loaded, picture, wait_until
from tests.service.core.test_cache import SAID, Clock
from tests.service.told_service import told_service

pytestmark = pytest.mark.anyio


@contextmanager
def redis(port: int) -> Iterator[Redis]:
    """Run a server until the end of the block."""
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with running(command), Redis(port=port) as client:
        wait_until(lambda: _answers(client))
        yield client


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


@pytest.fixture
def server() -> Iterator[tuple[str, Redis]]:
    port = free_port()
    with redis(port) as client:
        yield f"redis://127.0.0.1:{port}/0", client


def caching(url: str, **settings: Any) -> Transcriber:
    chosen = ServiceSettings(cache_url=url, **settings)  # type: ignore[arg-type]
    return Transcriber.from_settings(chosen, loaded(demo=engine()))


async def test_words_come_back_as_they_were(server: tuple[str, Redis]) -> None:
    url, _ = server
    cache = TranscriptCache(RedisStore(url, 60))
    await cache.put("key", SAID)
    assert await cache.get("key") == SAID
    assert await cache.get("another") is None
    await cache.close()


async def test_services_share_them_for_as_long_as_it_is_set(server: tuple[str, Redis]) -> None:
    url, client = server
    first, second = (caching(url, cache_seconds=90) for _ in range(2))
    known: list[bool] = []
    for core in (first, second):
        core.on_looked_up = known.append
        assert (await core.transcribe(picture())).text == "Hello."
        await core.close()
    assert known == [False, True]
    (key,) = client.keys(PREFIX + "*")
    assert 80 < client.ttl(key) <= 90


async def test_services_that_decode_otherwise_do_not(server: tuple[str, Redis]) -> None:
    url, client = server
    for settings, precision in (({}, "int8"), ({"beam": 1}, "int8"), ({}, "float32")):
        core = caching(url, **settings)
        (model,) = core.models.all
        model.engine.description = f"an engine in {precision}"  # type: ignore[union-attr]
        await core.transcribe(picture())
        await core.close()
    assert len(client.keys(PREFIX + "*")) == 3


async def test_a_redis_that_goes_away_fails_no_request_and_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "hush_service")
    port, clock = free_port(), Clock()
    store = RedisStore(f"redis://127.0.0.1:{port}", 60, clock)
    cache = TranscriptCache(store)
    with redis(port):
        await cache.put("key", SAID)
    for clock.now in (0, 1, 20, 40):
        assert await cache.get("key") is None
        await cache.put("key", SAID)
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert "Redis does not answer" in warning.message
    with redis(port):
        assert await cache.get("key") is None  # it is not asked for a while
        await cache.put("key", SAID)
        clock.now = 60
        await cache.put("key", SAID)
        assert await cache.get("key") == SAID
        assert [record.levelno for record in caplog.records[1:]] == [logging.INFO]
        await cache.close()


async def test_what_listens_and_says_nothing_keeps_nobody_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hush_service.core.cache.REDIS_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        core = caching(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(2):
            assert (await core.transcribe(picture())).text == "Hello."
        await core.close()


async def test_a_redis_that_is_full_fails_no_request(server: tuple[str, Redis]) -> None:
    url, client = server
    client.config_set("maxmemory", "1")
    core = caching(url)
    assert (await core.transcribe(picture())).text == "Hello."
    await core.close()


def test_the_service_keeps_words_there_and_tells_them_as_a_stream_too(
    server: tuple[str, Redis], tmp_path: Path
) -> None:
    url, client = server
    for name in "012":
        (tmp_path / name).touch()
    with told_service(HUSH_CACHE_URL=url, TOLD_SAY=tmp_path) as (service, process):
        openai = OpenAI(base_url=f"{service}/v1", api_key="unused", max_retries=0, timeout=HANG)
        with openai:
            ask = openai.audio.transcriptions.with_raw_response.create
            answers = [ask(model="whisper-1", file=picture(300)) for _ in range(2)]
            assert answers[0].headers["etag"] == answers[1].headers["etag"]
            assert answers[1].parse().text == "Second 0. Second 1. Second 2."
            stream = openai.audio.transcriptions.create(
                model="whisper-1", file=picture(300), stream=True
            )
            events = [event.to_dict() for event in stream]
        assert [event.get("delta") for event in events] == [
            "Second 0.",
            " Second 1.",
            " Second 2.",
            None,
        ]
        assert 'hush_cache_lookups_total{result="hit"} 2.0' in get(f"{service}/metrics").text
        assert len(client.keys(PREFIX + "*")) == 1
        process.terminate()
        assert process.wait(HANG) == 0


def test_an_address_that_is_none_is_said_at_once() -> None:
    with pytest.raises(OSError, match="HUSH_CACHE_URL: Redis URL must specify"):
        caching("localhost:6379")
