"""Words that are kept for a while, for pictures that come again: in memory, or in Redis."""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Self

from pydantic import TypeAdapter, ValidationError

import hush
from hush.transcript import Transcript
from hush_service.core.served_models import ServedModel
from hush_service.engine import DecodingRequest
from hush_service.engine.windows import Rules
from hush_service.settings import ServiceSettings

log = logging.getLogger(__name__)

OVERHEAD = 512
"""Bytes that an entry takes in memory beside what it holds."""
PREFIX = "hush:transcript:"
"""Of keys in Redis."""
REDIS_SECONDS = 1.0
"""For as long, an answer of Redis is waited for."""
REDIS_CONNECTIONS = 16
AWAY_SECONDS = 10.0
"""For as long, a Redis that did not answer is not asked."""


class Store(Protocol):
    """Keeps bytes for a while. What it has lost or cannot reach, it does not have."""

    async def get(self, key: str) -> bytes | None:
        """Return what was kept under a key, if it still is."""

    async def put(self, key: str, value: bytes) -> None:
        """Keep something."""

    async def close(self) -> None:
        """Give up what it holds on to."""


class MemoryStore:
    """Keeps the latest, up to a number of bytes.

    Parameters
    ----------
    most
        Bytes.
    seconds
        For which each is kept.
    clock
        Tells the time in seconds.
    """

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.size = 0

    async def get(self, key: str) -> bytes | None:
        """Return what was kept under a key, if it still is."""
        self._forget()
        return self._kept[key][1] if key in self._kept else None

    async def put(self, key: str, value: bytes) -> None:
        """Keep something, instead of what is oldest."""
        self._drop(key)
        if OVERHEAD + len(value) > self._most:
            return
        self._kept[key] = (self._clock() + self._seconds, value)
        self.size += OVERHEAD + len(value)
        self._forget()
        if self._timer is None:
            self._wait()

    async def close(self) -> None:
        """Forget everything."""
        if self._timer is not None:
            self._timer.cancel()
        self._kept.clear()
        self.size = 0

    def _wait(self) -> None:
        """Wait until the oldest is too old, whether or not anybody asks."""
        self._timer = None
        self._forget()
        if self._kept:
            until = next(iter(self._kept.values()))[0]
            seconds = max(0.0, until - self._clock())
            self._timer = asyncio.get_running_loop().call_later(seconds, self._wait)

    def _forget(self) -> None:
        """Forget what is too old or too much; the oldest stand first."""
        now = self._clock()
        while self._kept and (self.size > self._most or next(iter(self._kept.values()))[0] <= now):
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self.size -= OVERHEAD + len(kept[1])


class RedisStore:
    """Keeps things in Redis, or in what speaks its protocol. It works without one, and says so.

    Parameters
    ----------
    url
        Where it is: `redis://`, `rediss://` or `unix://`.
    seconds
        For which each is kept.
    clock
        Tells the time in seconds.

    Raises
    ------
    ImportError
        If the library is not installed.
    ValueError
        If the URL is none of these.
    """

    def __init__(
        self, url: str, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        import redis.asyncio  # an extra
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=REDIS_CONNECTIONS,
            timeout=REDIS_SECONDS,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            # A connection that was closed meanwhile is no failure.
            retry=Retry(NoBackoff(), 1, (redis.exceptions.ConnectionError,)),
            protocol=2,  # which everything that is compatible speaks
        )
        self._redis = redis.asyncio.Redis.from_pool(pool)
        self._failures = (redis.exceptions.RedisError, OSError)
        self._milliseconds = max(1, round(1000 * seconds))
        self._clock = clock
        self._away_until: float | None = None

    async def get(self, key: str) -> bytes | None:
        """Return what was kept under a key, if it still is, and Redis answers."""
        if self._is_away():
            return None
        try:
            value = await self._redis.get(PREFIX + key)
        except self._failures as error:
            self._failed(error)
            return None
        self._answered()
        return value.encode() if isinstance(value, str) else value

    async def put(self, key: str, value: bytes) -> None:
        """Keep something, if Redis answers."""
        if self._is_away():
            return
        try:
            await self._redis.set(PREFIX + key, value, px=self._milliseconds)
        except self._failures as error:
            self._failed(error)
        else:
            self._answered()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _is_away(self) -> bool:
        return self._away_until is not None and self._clock() < self._away_until

    def _failed(self, error: Exception) -> None:
        if self._away_until is None:
            log.warning("words are not kept: Redis does not answer as it should (%s)", error)
        self._away_until = self._clock() + AWAY_SECONDS

    def _answered(self) -> None:
        if self._away_until is not None:
            log.info("words are kept again: Redis answers")
            self._away_until = None


class TranscriptCache:
    """Knows the words of pictures that were decoded before.

    Parameters
    ----------
    store
        Where they are kept; None keeps none.
    decoder
        What else decides about words, for stores that several services share: engine, precision
        and so on.
    """

    _form = TypeAdapter(Transcript)

    def __init__(self, store: Store | None = None, decoder: str = "") -> None:
        self._store = store
        self._decoder = decoder

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> Self:
        """Return what a service's settings say.

        Raises
        ------
        OSError
            If Redis wants a library that is not there, or its URL is none.
        """
        decoder = repr((hush.__version__, settings.beam, settings.window, Rules()))
        if settings.cache_url is not None:
            try:
                url = settings.cache_url.get_secret_value()
                return cls(RedisStore(url, settings.cache_seconds), decoder)
            except ImportError as error:
                raise OSError("HUSH_CACHE_URL wants hush's extra 'redis' installed") from error
            except ValueError as error:
                raise OSError(f"HUSH_CACHE_URL: {error}") from error
        if settings.cache_bytes:
            return cls(MemoryStore(settings.cache_bytes, settings.cache_seconds), decoder)
        return cls()

    async def key(self, data: bytes, model: ServedModel, request: DecodingRequest) -> str | None:
        """Return by what the words of a picture are found again.

        Parameters
        ----------
        data
            The picture's file.
        model
            What decodes it.
        request
            How.

        Returns
        -------
        str
            A digest of all that decides about the words; None if they are not kept: they are drawn
            by chance, or of something that still goes on, or none are.
        """
        if self._store is None or request.interim or request.temperature > 0:
            return None
        # What an engine runs on rounds otherwise elsewhere.
        engine = str(getattr(model.engine, "description", ""))
        return await asyncio.to_thread(self._key, data, model, [engine, asdict(request)])

    def _key(self, data: bytes, model: ServedModel, options: list[object]) -> str:
        own = isinstance(model.source, Path)
        weights = _content(Path(model.source), model.weights) if own else model.weights
        decided = json.dumps([self._decoder, model.name, weights, *options])
        return _digest(decided.encode(), data)

    async def get(self, key: str) -> Transcript | None:
        """Return the words that were kept under a key, if they still are."""
        value = await self._store.get(key) if self._store else None
        if value is None:
            return None
        try:
            return self._form.validate_json(value)
        except ValidationError:
            return None  # others may write there too

    async def put(self, key: str, transcript: Transcript) -> None:
        """Keep words."""
        if self._store:
            await self._store.put(key, self._form.dump_json(transcript))

    async def close(self) -> None:
        """Give up what is held on to."""
        if self._store:
            await self._store.close()


@lru_cache(maxsize=16)
def _content(path: Path, _changes: str) -> str:
    """Return a digest of a model's files, made anew when they have changed."""
    digest = hashlib.sha256()
    # What else tools keep beside the weights, in folders, no engine reads.
    files = sorted(filter(Path.is_file, path.iterdir())) if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
