"""Sends mel images to a service and brings back words; `hush.blocking` does it without await.

A service that is busy, starting or gone for a moment is asked again, as late as it wishes
(``Retry-After``) and otherwise with exponential back-off; several pictures are under way at once;
transcripts keep the order and the times of the recording.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import anyio.to_thread
import httpx2

from hush.audio import AudioError, Recording, open_audio
from hush.connection import Connection, ServiceError
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.detector import Detector
from hush.folder import FolderError, read_index, read_picture
from hush.image import PNG, Encoding, MelImage, MelImageError, decode, encode, read_header
from hush.mel import SAMPLE_RATE, Samples
from hush.segments import VoiceActivity, segments
from hush.speakers import named_part, segments_by_channel, told_apart
from hush.transcript import Transcript, join
from hush.wording import in_words

Picture = MelImage | bytes
"""A mel image, or a file of one in any format that `hush.image.decode` reads."""


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

    Raises
    ------
    ValueError
        If there is no such task, or the temperature is outside its range.
    """

    model: str | None = None
    language: str | None = None
    task: str = "transcribe"
    prompt: str | None = None
    temperature: float = 0.0
    words: bool = False

    def __post_init__(self) -> None:
        if self.task not in ("transcribe", "translate"):
            raise ValueError(f"a task is transcribe or translate, not {self.task!r}")
        if not 0 <= self.temperature <= 1:
            raise ValueError(f"a temperature is 0 to 1, not {self.temperature}")


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


_Parts = list[tuple[float, Transcript]]


@dataclass(frozen=True)
class _TimedFile:
    """A mel image's file, and when it was said, in seconds from the recording's beginning."""

    start: float
    end: float
    file: bytes


class _Sound:
    """The samples of a recording, as far as they can be read; `check` then says what went wrong."""

    def __init__(self, recording: Recording, chunks: Iterator[Samples]) -> None:
        self._recording = recording
        self._chunks = chunks
        self._failure: AudioError | None = None

    def __iter__(self) -> Iterator[Samples]:
        try:
            yield from self._chunks
        except AudioError as error:
            if not self._recording.seconds_read:
                raise
            self._failure = error

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure


def file_of(picture: Picture, encoding: Encoding = PNG) -> bytes:
    """Return the bytes that may leave the device: a mel image, and nothing else.

    Parameters
    ----------
    picture
        What to send. PNG and TGA files are written anew, without whatever else is in them; WebP and
        AVIF files stay as they are.
    encoding
        How to write a picture that is not a file yet.

    Raises
    ------
    MelImageError
        If it is anything but a mel image. Audio above all never passes.
    TypeError
        If it is neither a picture nor bytes.
    """
    if isinstance(picture, MelImage):
        return encode(picture, encoding)
    if not isinstance(picture, bytes):
        raise TypeError(f"a picture is a MelImage or the bytes of a file, not {type(picture)}")
    image, form = decode(picture), read_header(picture).format
    return encode(image, Encoding(form)) if form in ("png", "tga") else picture


class AsyncClient:
    """An asynchronous client of one service. Use it as an asynchronous context manager.

    Parameters
    ----------
    url
        Where the service is, such as "http://localhost:1337".
    api_key
        Sent as a bearer token.
    timeout
        Seconds to wait for one answer, its time in the service's queue included.
    patience
        Seconds during which a service that is busy, starting or away is asked again. One that never
        answered is given up after half a minute.
    concurrency
        Pictures under way at once.
    on_wait
        Called with a message and seconds before each wait for another try.
    transport
        Another way to reach the service than the network, such as `httpx2.ASGITransport`.
    insecure
        Whether the key may go to another machine over plain http.

    Raises
    ------
    ValueError
        If the address or the key cannot be one, the key would go out over plain http, or
        `concurrency` is less than 1.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 600.0,
        patience: float = 600.0,
        concurrency: int = 4,
        on_wait: Callable[[str, float], None] | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        insecure: bool = False,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"at least one picture is under way at once, not {concurrency}")
        self._connection = Connection(
            url,
            api_key,
            timeout=timeout,
            patience=patience,
            on_wait=on_wait,
            transport=transport,
            insecure=insecure,
        )
        self._concurrency = concurrency

    async def __aenter__(self) -> Self:
        await self._connection.http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.http.__aexit__(kind, error, traceback)

    async def models(self) -> list[Model]:
        """Return the service's models that are ready, the largest first.

        Raises
        ------
        ServiceError
            If the service cannot be reached or refuses.
        """
        answer = await self._connection.ask("GET", "/v1/models")
        try:
            return [Model.from_json(entry) for entry in answer.json()["data"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._connection.not_hush() from error

    async def model(self, name: str | None = None) -> Model:
        """Return one model of the service, the largest that is ready if None.

        Raises
        ------
        ServiceError
            If there is no such model, or as `models` does.
        """
        if name is None:
            models = await self.models()
            if not models:
                raise self._connection.not_hush()
            return models[0]
        answer = await self._connection.ask("GET", f"/v1/models/{quote(name, safe='')}")
        try:
            return Model.from_json(answer.json())
        except (KeyError, TypeError, ValueError) as error:
            raise self._connection.not_hush() from error

    async def transcribe(
        self, picture: Picture, options: Options | None = None, encoding: Encoding = PNG
    ) -> Transcript:
        """Return the words of one mel image.

        Parameters
        ----------
        picture
            What to send; see `file_of`.
        options
            What to ask for.
        encoding
            How to write a picture that is not a file yet.

        Raises
        ------
        MelImageError
            If it is anything but a mel image; then nothing is sent.
        ServiceError
            If the service refuses, or stays away for longer than patience lasts.
        """
        file = await anyio.to_thread.run_sync(file_of, picture, encoding)
        return await self._send(file, options or Options())

    async def transcribe_each(
        self,
        pictures: Iterable[Picture],
        options: Options | None = None,
        encoding: Encoding = PNG,
    ) -> AsyncGenerator[Transcript, None]:
        """Yield the words of many mel images, in their order, several under way at once.

        Parameters
        ----------
        pictures
            What to send. The iterable may take its time: it runs in threads.
        options
            What to ask for.
        encoding
            How to write pictures that are not files yet.

        Raises
        ------
        MelImageError, ServiceError
            As `transcribe` does: of a picture that is none, after the words of those before it.
            Where the service refuses one, those under way are given up.
        """
        files = (file_of(picture, encoding) for picture in pictures)
        async with aclosing(self._send_each(files, options or Options())) as transcripts:
            async for transcript in transcripts:
                yield transcript

    async def transcribe_audio(
        self,
        source: Recording | str | Path | BinaryIO,
        options: Options | None = None,
        *,
        encoding: Encoding = PNG,
        detector: Detector | VoiceActivity | None = None,
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
            As `transcribe` does. The `partial` of it, and of an AudioError, holds the words until
            then.
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

        def files() -> Iterator[_TimedFile]:
            sound = _Sound(source, source.chunks())
            for segment in segments(sound, model.mel_bins, detector, chosen):
                yield _TimedFile(segment.start, segment.end, encode(segment.image(), encoding))
            sound.check()

        parts = await self._send_timed(files(), options, on_progress)
        return replace(join(parts, source.seconds_read), task=options.task)

    async def transcribe_live(
        self,
        chunks: Iterable[Samples],
        options: Options | None = None,
        *,
        encoding: Encoding = PNG,
        detector: Detector | VoiceActivity | None = None,
        cutter: Cutter | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """Return the words of sound that is only being made, once it ends. The sound stays here.

        Parameters
        ----------
        chunks
            Mono samples at 16 kHz. The iterable may take its time: it runs in threads.
        options
            What to ask for.
        encoding
            Of the pictures.
        detector, cutter
            What decides where speech is, and where it is cut; see `hush.segments`. If no cutter is
            given, every phrase is sent when it ends.
        on_progress
            Called after each segment.

        Raises
        ------
        ServiceError
            As `transcribe` does. Its `partial` holds the words until then.
        """
        options = options or Options()
        model = await self.model(options.model)
        heard = 0

        def counted() -> Iterator[Samples]:
            nonlocal heard
            for chunk in chunks:
                heard += len(chunk)
                yield chunk

        def files() -> Iterator[_TimedFile]:
            for segment in segments(counted(), model.mel_bins, detector, cutter):
                yield _TimedFile(segment.start, segment.end, encode(segment.image(), encoding))

        parts = await self._send_timed(files(), options, on_progress)
        return replace(join(parts, heard / SAMPLE_RATE), task=options.task)

    async def transcribe_speakers(
        self,
        source: Recording | str | Path | BinaryIO,
        options: Options | None = None,
        *,
        names: Sequence[str] = (),
        encoding: Encoding = PNG,
        detector: VoiceActivity | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """Return who said what in a call that has one person on each channel.

        Parameters
        ----------
        source, options, encoding, detector, on_progress
            As `transcribe_audio` has them.
        names
            Of the people, by channel; "Speaker 1" and so on for those that have none.

        Raises
        ------
        AudioError, OSError, ServiceError
            As `transcribe_audio` does.
        """
        if not isinstance(source, Recording):
            with open_audio(source) as recording:
                return await self.transcribe_speakers(
                    recording,
                    options,
                    names=names,
                    encoding=encoding,
                    detector=detector,
                    on_progress=on_progress,
                )
        options = options or Options()
        model = await self.model(options.model)
        channels: list[int] = []

        def files() -> Iterator[_TimedFile]:
            sound = _Sound(source, source.channel_chunks())
            for channel, segment in segments_by_channel(sound, model.mel_bins, detector):
                channels.append(channel)
                yield _TimedFile(segment.start, segment.end, encode(segment.image(), encoding))
            sound.check()

        def joined(parts: _Parts, duration: float) -> Transcript:
            told = ((channel, *part) for channel, part in zip(channels, parts, strict=False))
            return told_apart(told, names, duration)

        answered = iter(channels)

        def tell(newest: Progress) -> None:
            part = named_part(newest.transcript, next(answered), names)
            if on_progress is not None:
                on_progress(replace(newest, transcript=part))

        parts = await self._send_timed(files(), options, tell, joined)
        return replace(joined(parts, source.seconds_read), task=options.task)

    async def transcribe_folder(
        self,
        folder: str | Path,
        options: Options | None = None,
        *,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """Return the words of a recording that `hush encode` made a folder of mel images of.

        Parameters
        ----------
        folder
            Its path.
        options
            What to ask for.
        on_progress
            Called after each picture.

        Raises
        ------
        FolderError, OSError
            If the folder has no index, or one of its pictures cannot be read.
        ServiceError
            As `transcribe` does. The `partial` of both holds the words until then.
        """
        options = options or Options()
        path = Path(folder)
        index = await anyio.to_thread.run_sync(read_index, path)

        def files() -> Iterator[_TimedFile]:
            for stored in index.segments:
                try:
                    file = file_of(read_picture(path / stored.file))
                except OSError as error:
                    raise FolderError(f"{stored.file}: {in_words(error)}") from error
                except MelImageError as error:
                    raise FolderError(f"{stored.file}: {error}") from error
                yield _TimedFile(stored.start, stored.end, file)

        parts = await self._send_timed(files(), options, on_progress)
        return replace(join(parts, index.duration), task=options.task)

    async def _send_timed(
        self,
        files: Iterator[_TimedFile],
        options: Options,
        on_progress: Callable[[Progress], None] | None,
        joined: Callable[[_Parts, float], Transcript] = join,
    ) -> _Parts:
        """Send a recording's files; return start and words of each."""
        sent: deque[_TimedFile] = deque()

        def remembered() -> Iterator[bytes]:
            for one in files:
                sent.append(one)
                yield one.file

        parts: _Parts = []
        bytes_sent, end = 0, 0.0
        try:
            async with aclosing(self._send_each(remembered(), options)) as transcripts:
                async for transcript in transcripts:
                    done = sent.popleft()
                    bytes_sent, end = bytes_sent + len(done.file), done.end
                    parts.append((done.start, transcript))
                    if on_progress is not None:
                        on_progress(Progress(end, bytes_sent, transcript.shifted(done.start)))
        except (ServiceError, FolderError, AudioError) as error:
            error.partial = joined(parts, end) if parts else None
            raise
        return parts

    async def _send_each(
        self, files: Iterator[bytes], options: Options
    ) -> AsyncGenerator[Transcript, None]:
        """Send files as they come, and yield what comes back as soon as its turn has come.

        If a file cannot be made, those before it are answered first.
        """
        failure: BaseException | None = None
        under_way: deque[asyncio.Task[Transcript]] = deque()
        following: asyncio.Task[bytes | None] | None = None
        more = True
        try:
            while more or under_way:
                if more and following is None and len(under_way) < self._concurrency:
                    following = asyncio.create_task(anyio.to_thread.run_sync(next, files, None))
                awaited = [task for task in (following, *islice(under_way, 1)) if task is not None]
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
                if following is not None and following.done():
                    failure = following.exception()
                    file = None if failure else following.result()
                    following, more = None, file is not None
                    if file is not None:
                        under_way.append(asyncio.create_task(self._send(file, options)))
                while under_way and under_way[0].done():
                    yield under_way.popleft().result()
            if failure is not None:
                raise failure
        finally:
            for task in under_way:
                task.cancel()
            # What the files are made of may be closed next: a thread still at work is awaited, for
            # cancelling would leave it at it.
            given_up = [task for task in (following, *under_way) if task is not None]
            await asyncio.gather(*given_up, return_exceptions=True)

    async def _send(self, file: bytes, options: Options) -> Transcript:
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
        answer = await self._connection.ask(
            "POST", f"/v1/audio/{path}", data=form, files={"file": ("speech", file)}
        )
        try:
            return Transcript.from_verbose_json(answer.json()).in_order()
        except ValueError as error:
            raise self._connection.not_hush() from error
