"""Sends mel images to a service and brings back words; `hush.blocking` does it without await.

A service that is busy, starting or gone for a moment is asked again, as late as it wishes
(``Retry-After``) and otherwise with exponential back-off; several pictures are under way at once;
transcripts keep the order and the times of the recording.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import anyio.to_thread
import httpx2

from hush.asking import Model, Options, Picture, file_of
from hush.audio import AudioError, Recording, open_audio
from hush.connection import Connection
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.detector import Detector
from hush.disguise import Disguise, Privacy
from hush.folder import FolderError, read_index, read_picture
from hush.image import PNG, Encoding, MelImageError, encode
from hush.mel import SAMPLE_RATE, Samples
from hush.segments import VoiceActivity, segments
from hush.sending import Parts, Progress, TimedFile, send_each, send_timed
from hush.speakers import named_part, segments_by_channel, told_apart
from hush.transcript import Transcript, join
from hush.wording import in_words


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
        send = partial(self._send, options=options or Options())
        async with aclosing(send_each(files, send, self._concurrency)) as transcripts:
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
        privacy: Privacy = "off",
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
        privacy
            How much of the voice is kept back (docs/privacy.md); all that this process sends at
            one step is disguised alike.
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
                    privacy=privacy,
                    on_progress=on_progress,
                )
        options = options or Options()
        model = await self.model(options.model)
        chosen = cutter or Cutter(shortest=RECORDING_SEGMENT)
        disguise = Disguise.drawn(privacy)

        def files() -> Iterator[TimedFile]:
            sound = _Sound(source, source.chunks())
            for segment in segments(sound, model.mel_bins, detector, chosen, disguise):
                yield TimedFile(segment.start, segment.end, encode(segment.image(), encoding))
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
        privacy: Privacy = "off",
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
        privacy
            As `transcribe_audio` has it.
        on_progress
            Called after each segment.

        Raises
        ------
        ServiceError
            As `transcribe` does. Its `partial` holds the words until then.
        """
        options = options or Options()
        model = await self.model(options.model)
        disguise = Disguise.drawn(privacy)
        heard = 0

        def counted() -> Iterator[Samples]:
            nonlocal heard
            for chunk in chunks:
                heard += len(chunk)
                yield chunk

        def files() -> Iterator[TimedFile]:
            cut = segments(counted(), model.mel_bins, detector, cutter, disguise)
            for segment in cut:
                yield TimedFile(segment.start, segment.end, encode(segment.image(), encoding))

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
        privacy: Privacy = "off",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """Return who said what in a call that has one person on each channel.

        Parameters
        ----------
        source, options, encoding, detector, privacy, on_progress
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
                    privacy=privacy,
                    on_progress=on_progress,
                )
        options = options or Options()
        model = await self.model(options.model)
        disguise = Disguise.drawn(privacy)
        channels: list[int] = []

        def files() -> Iterator[TimedFile]:
            sound = _Sound(source, source.channel_chunks())
            for channel, segment in segments_by_channel(sound, model.mel_bins, detector, disguise):
                channels.append(channel)
                yield TimedFile(segment.start, segment.end, encode(segment.image(), encoding))
            sound.check()

        def joined(parts: Parts, duration: float) -> Transcript:
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

        def files() -> Iterator[TimedFile]:
            for stored in index.segments:
                try:
                    file = file_of(read_picture(path / stored.file))
                except OSError as error:
                    raise FolderError(f"{stored.file}: {in_words(error)}") from error
                except MelImageError as error:
                    raise FolderError(f"{stored.file}: {error}") from error
                yield TimedFile(stored.start, stored.end, file)

        parts = await self._send_timed(files(), options, on_progress)
        return replace(join(parts, index.duration), task=options.task)

    def _send_timed(
        self,
        files: Iterator[TimedFile],
        options: Options,
        on_progress: Callable[[Progress], None] | None,
        joined: Callable[[Parts, float], Transcript] = join,
    ) -> Awaitable[Parts]:
        send = partial(self._send, options=options)
        return send_timed(files, send, self._concurrency, on_progress, joined)

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
