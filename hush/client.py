"""Sends mel images to a service and brings back words: `AsyncClient`, and `Client` without await.

A service that is busy, starting or gone for a moment is asked again, as late as it wishes
(``Retry-After``) and otherwise with exponential back-off; several pictures are under way at once;
transcripts keep the order and the times of the recording.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import anyio.to_thread
import httpx2
import stamina
from anyio.from_thread import BlockingPortal, start_blocking_portal

from hush.audio import Recording, open_audio
from hush.image import PNG, Encoding, MelImage, encode
from hush.segments import segments
from hush.transcript import Transcript, join
from hush.vad import Cutter, Detector

RETRIED_STATUSES = frozenset({408, 429, 502, 503, 504})
LONGEST_RETRY_AFTER = 60.0
UNREACHABLE_ATTEMPTS = 5
RECORDING_SEGMENT = 15.0
"""Seconds of speech that a recording's segments have at least, unless silence ends them."""


class ServiceError(Exception):
    """The service refused, or could not be reached. The message says why.

    Attributes
    ----------
    status
        HTTP status; None if no answer came.
    code
        The error's name in OpenAI's form, such as "model_not_found"; None if it has none.
    partial
        The words of a recording until this happened.
    """

    def __init__(self, message: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after: float | None = None
        self.partial: Transcript | None = None


@dataclass(frozen=True)
class Model:
    """A model of the service that is ready, as `GET /v1/models` describes it."""

    name: str
    mel_bins: int
    languages: tuple[str, ...]
    tasks: tuple[str, ...]

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read an entry of the service's list of models."""
        return cls(
            name=str(body["id"]),
            mel_bins=int(body["mel_bins"]),
            languages=tuple(body["languages"]),
            tasks=tuple(body["tasks"]),
        )


@dataclass(frozen=True)
class Options:
    """What to ask for.

    Attributes
    ----------
    model
        Name of the model; the service's largest ready one that takes the picture if None.
    language
        ISO 639-1 code of the language spoken; detected if None.
    task
        "transcribe", or "translate" into English.
    prompt
        Words that came before, or names and spellings to expect.
    temperature
        0 to 1. At 0, Whisper raises it by itself where its first try is poor.
    words
        Whether every word is to have its time.
    """

    model: str | None = None
    language: str | None = None
    task: str = "transcribe"
    prompt: str | None = None
    temperature: float = 0.0
    words: bool = False


@dataclass(frozen=True)
class Progress:
    """How far the transcription of a recording is.

    Attributes
    ----------
    seconds
        Seconds of sound whose words are known, from the beginning.
    bytes_sent
        Size of the pictures sent.
    transcript
        Of the newest segment, with times from the recording's beginning.
    """

    seconds: float
    bytes_sent: int
    transcript: Transcript


class AsyncClient:
    """An asynchronous client of one service. Use it as an asynchronous context manager.

    Parameters
    ----------
    url
        Where the service is, such as "http://localhost:1337".
    api_key
        Sent as a bearer token.
    timeout
        Seconds to wait for one answer.
    patience
        Seconds during which a service that is busy or starting is asked again.
    concurrency
        Pictures under way at once.
    on_wait
        Called with a message and seconds before each wait for another try.
    transport
        Another way to reach the service than the network, such as `httpx2.ASGITransport`.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        patience: float = 600.0,
        concurrency: int = 4,
        on_wait: Callable[[str, float], None] | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx2.AsyncClient(
            base_url=url.removesuffix("/").removesuffix("/v1"),
            headers=headers,
            timeout=httpx2.Timeout(timeout, connect=10.0, pool=None),
            transport=transport,
        )
        self._patience = patience
        self._concurrency = concurrency
        self._on_wait = on_wait

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, traceback)

    async def models(self) -> list[Model]:
        """Return the service's models, the largest first.

        Raises
        ------
        ServiceError
            If the service cannot be reached or refuses.
        """
        answer = await self._ask("GET", "/v1/models")
        try:
            return [Model.from_json(entry) for entry in answer.json()["data"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_hush() from error

    async def model(self, name: str | None = None) -> Model:
        """Return one model of the service, the largest that is ready if None.

        Raises
        ------
        ServiceError
            If there is no such model, or as `models` does.
        """
        if name is None:
            return (await self.models())[0]
        answer = await self._ask("GET", f"/v1/models/{quote(name, safe='')}")
        try:
            return Model.from_json(answer.json())
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_hush() from error

    def _not_hush(self) -> ServiceError:
        return ServiceError(f"{self._http.base_url} is not a hush service")

    async def transcribe(
        self, image: MelImage | bytes, options: Options | None = None
    ) -> Transcript:
        """Return the words of one mel image.

        Parameters
        ----------
        image
            The picture, or a file of one in any format that `hush.image.decode` reads.
        options
            What to ask for.

        Raises
        ------
        ServiceError
            If the service refuses, or stays away for longer than patience lasts.
        """
        options = options or Options()
        data = image if isinstance(image, bytes) else encode(image)
        path = "translations" if options.task == "translate" else "transcriptions"
        granularities = ["segment", "word"] if options.words else ["segment"]
        form: dict[str, Any] = {
            "response_format": "verbose_json",
            "temperature": str(options.temperature),
            "timestamp_granularities[]": granularities,
        }
        for name in ("model", "language", "prompt"):
            if getattr(options, name):
                form[name] = getattr(options, name)
        answer = await self._ask(
            "POST", f"/v1/audio/{path}", data=form, files={"file": ("speech", data)}
        )
        try:
            return Transcript.from_verbose_json(answer.json())
        except ValueError as error:
            raise self._not_hush() from error

    async def transcribe_each(
        self, images: Iterable[bytes], options: Options | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """Yield the words of many mel images, in their order, several under way at once.

        Parameters
        ----------
        images
            Files of mel images. The iterable may take its time: it runs in a thread of its own.
        options
            What to ask for.

        Raises
        ------
        ServiceError
            As `transcribe` does. Pictures under way are then given up.
        """
        iterator = iter(images)
        under_way: deque[asyncio.Task[Transcript]] = deque()
        try:
            while True:
                image = await anyio.to_thread.run_sync(next, iterator, None)
                if image is not None:
                    under_way.append(asyncio.create_task(self.transcribe(image, options)))
                while under_way and (image is None or len(under_way) >= self._concurrency):
                    yield await under_way[0]
                    under_way.popleft()
                if image is None:
                    return
        finally:
            for task in under_way:
                task.cancel()

    async def transcribe_audio(
        self,
        source: Recording | str | Path | BinaryIO,
        options: Options | None = None,
        *,
        encoding: Encoding = PNG,
        detector: Detector | None = None,
        cutter: Cutter | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """Return the words of an audio or video file. The audio stays here.

        Parameters
        ----------
        source
            A recording, the path of a file, or an open binary file.
        options
            What to ask for.
        encoding
            Of the pictures.
        detector, cutter
            What decides where speech is, and where it is cut; see `hush.segments`. If no cutter is
            given, segments are as long as Whisper likes them.
        on_progress
            Called after each segment.

        Raises
        ------
        AudioError, OSError
            If the file cannot be read.
        ServiceError
            As `transcribe` does.
        """
        if not isinstance(source, Recording):
            with open_audio(source) as recording:
                return await self.transcribe_audio(
                    recording,
                    options,
                    encoding=encoding,
                    detector=detector,
                    cutter=cutter,
                    on_progress=on_progress,
                )
        options = options or Options()
        model = await self.model(options.model)
        chosen = cutter or Cutter(shortest=RECORDING_SEGMENT)
        places: deque[tuple[float, float, int]] = deque()

        def pictures() -> Iterator[bytes]:
            for segment in segments(source.chunks(), model.mel_bins, detector, chosen):
                data = encode(segment.image(), encoding)
                places.append((segment.start, segment.end, len(data)))
                yield data

        parts: list[tuple[float, Transcript]] = []
        bytes_sent, end = 0, 0.0
        try:
            async with aclosing(self.transcribe_each(pictures(), options)) as transcripts:
                async for transcript in transcripts:
                    start, end, size = places.popleft()
                    bytes_sent += size
                    parts.append((start, transcript))
                    if on_progress is not None:
                        on_progress(Progress(end, bytes_sent, transcript.shifted(start)))
        except ServiceError as error:
            error.partial = join(parts, end) if parts else None
            raise
        return replace(join(parts, source.seconds_read), task=options.task)

    async def _ask(self, method: str, path: str, **content: Any) -> httpx2.Response:
        unreachable = 0

        def again(error: Exception) -> bool | float:
            nonlocal unreachable
            if not isinstance(error, ServiceError):
                return False
            if error.status is None:
                unreachable += 1
                return unreachable < UNREACHABLE_ATTEMPTS
            if error.status not in RETRIED_STATUSES:
                return False
            return True if error.retry_after is None else error.retry_after

        attempts = stamina.retry_context(
            on=again, attempts=None, timeout=self._patience, wait_initial=0.5, wait_max=20.0
        )
        async for attempt in attempts:
            with attempt:
                return await self._ask_once(method, path, attempt, **content)
        raise AssertionError("stamina ends with an answer or an error")

    async def _ask_once(
        self, method: str, path: str, attempt: stamina.Attempt, **content: Any
    ) -> httpx2.Response:
        try:
            answer = await self._http.request(method, path, **content)
        except httpx2.TimeoutException as error:
            raise ServiceError(f"{self._http.base_url} did not answer in time") from error
        except httpx2.HTTPError as error:
            raise ServiceError(f"{self._http.base_url} cannot be reached: {error}") from error
        if answer.is_success:
            return answer
        failure = _error_of(answer)
        if self._on_wait is not None and failure.status in RETRIED_STATUSES:
            self._on_wait(str(failure), failure.retry_after or attempt.next_wait)
        raise failure


def _error_of(answer: httpx2.Response) -> ServiceError:
    message, code = f"the service answered {answer.status_code} {answer.reason_phrase}", None
    try:
        error = answer.json()["error"]
        message, code = str(error["message"]), error.get("code")
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # not a hush service, or something in front of it
    failure = ServiceError(message, answer.status_code, code)
    seconds = answer.headers.get("retry-after", "")
    if seconds.isascii() and seconds.isdigit():
        failure.retry_after = min(float(seconds), LONGEST_RETRY_AFTER)
    return failure


class Client:
    """`AsyncClient` without await. Use it as a context manager; parameters are the same."""

    def __init__(self, url: str, api_key: str | None = None, **settings: Any) -> None:
        self._client = AsyncClient(url, api_key, **settings)
        self._portal_context = start_blocking_portal()
        self._portal: BlockingPortal

    def __enter__(self) -> Self:
        self._portal = self._portal_context.__enter__()
        self._portal.call(self._client.__aenter__)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._portal.call(self._client.__aexit__, kind, error, traceback)
        self._portal_context.__exit__(kind, error, traceback)

    def models(self) -> list[Model]:
        """See `AsyncClient.models`."""
        return self._portal.call(self._client.models)

    def model(self, name: str | None = None) -> Model:
        """See `AsyncClient.model`."""
        return self._portal.call(self._client.model, name)

    def transcribe(self, image: MelImage | bytes, options: Options | None = None) -> Transcript:
        """See `AsyncClient.transcribe`."""
        return self._portal.call(self._client.transcribe, image, options)

    def transcribe_each(
        self, images: Iterable[bytes], options: Options | None = None
    ) -> Iterator[Transcript]:
        """See `AsyncClient.transcribe_each`."""
        transcripts = self._client.transcribe_each(images, options)

        async def following() -> Transcript | None:
            return await anext(transcripts, None)

        try:
            while (transcript := self._portal.call(following)) is not None:
                yield transcript
        finally:
            self._portal.call(transcripts.aclose)

    def transcribe_audio(
        self,
        source: Recording | str | Path | BinaryIO,
        options: Options | None = None,
        **settings: Any,
    ) -> Transcript:
        """See `AsyncClient.transcribe_audio`."""
        call = partial(self._client.transcribe_audio, source, options, **settings)
        return self._portal.call(call)
