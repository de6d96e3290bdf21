"""`hush listen`: the microphone of this machine to words, live."""

import asyncio
import math
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from hush.arguments import (
    ApiKey,
    Insecure,
    Picture,
    PrivacyChoice,
    Quality,
    Url,
    Vad,
    VadThreshold,
    activity_of,
    client_for,
    encoding_of,
    missing,
)
from hush.asking import Options
from hush.client import AsyncClient
from hush.connection import ServiceError
from hush.disguise import Privacy
from hush.image import Encoding
from hush.mel import Samples
from hush.segments import VoiceActivity
from hush.sending import Progress
from hush.terminal import errors, report
from hush.transcript import RunningTranscript, Transcript, TranscriptFormat, join
from hush.wording import in_words

if TYPE_CHECKING:
    from hush.microphone import Microphone

ENDINGS = {
    ".txt": TranscriptFormat.TEXT,
    ".srt": TranscriptFormat.SRT,
    ".vtt": TranscriptFormat.VTT,
    ".json": TranscriptFormat.JSON,
}
"""Of the files that words are written into, and their forms."""
INTERRUPTED = 128 + signal.SIGINT
_QUIETEST = -60.0
"""Decibels at which the level shows nothing."""
_BARS = 20


def listen(
    url: Url = None,
    api_key: ApiKey = None,
    model: Annotated[
        str | None,
        typer.Option(help="As `hush transcribe --model` has it."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Such as `en` or `de`; detected if left out.")
    ] = None,
    translate: Annotated[bool, typer.Option("--translate", help="Into English.")] = False,
    prompt: Annotated[str | None, typer.Option(help="Names to expect.")] = None,
    microphone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A part of its name, or its number; the system's own if left out."
        ),
    ] = None,
    microphones: Annotated[
        bool, typer.Option("--microphones", help="List the microphones and stop.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write there too: .txt, .srt, .vtt or .json."
        ),
    ] = None,
    picture: Picture = "png",
    quality: Quality = None,
    privacy: PrivacyChoice = "off",
    vad: Vad = "network",
    vad_threshold: VadThreshold = None,
    insecure: Insecure = False,
) -> None:
    """Turn what the microphone hears into words, live, until Ctrl-C.

    Every phrase is a line, written when its words are known. Audio stays here.

    **Examples**

    - `hush listen --url https://hush.example`
    - `hush listen --language en --output notes.vtt`
    - `hush listen | grep --line-buffered -i hush`
    """
    try:
        from hush import microphone as sound
    except ImportError:
        raise missing("listen") from None
    if microphones:
        for number, name in enumerate(sound.microphones(), start=1):
            typer.echo(f"{number} {name}")
        return
    if output is not None and output.suffix not in ENDINGS:
        raise typer.BadParameter(
            f"{output} ends in none of {', '.join(ENDINGS)}", param_hint="--output"
        )
    options = Options(
        model=model if url else None,
        language=language,
        task="translate" if translate else "transcribe",
        prompt=prompt,
    )
    encoding = encoding_of(picture, quality)
    activity = activity_of(vad, vad_threshold)
    client = client_for(url, api_key, model, insecure=insecure)
    try:
        with sound.open_microphone(microphone) as opened:
            code = hear(opened, client, options, encoding, privacy, output, activity)
    except sound.MicrophoneError as error:
        report(error)
        raise typer.Exit(1) from None
    raise typer.Exit(code)


def hear(
    microphone: "Microphone",
    client: AsyncClient,
    options: Options,
    encoding: Encoding,
    privacy: Privacy,
    output: Path | None = None,
    activity: VoiceActivity | None = None,
) -> int:
    """Write the words of a microphone until it is closed, which Ctrl-C does.

    Returns
    -------
    int
        The code to exit with.
    """
    interrupted = False

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        microphone.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second one ends it at once

    before = signal.signal(signal.SIGINT, stop)
    try:
        with ExitStack() as stack:
            written = stack.enter_context(_Written(output))
            meter = stack.enter_context(_Meter(microphone))
            asyncio.run(
                _listen(microphone, client, options, encoding, activity, privacy, written, meter)
            )
    except ServiceError as error:
        report(error)
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        report(f"{error.filename or output}: {in_words(error)}")
        return 1
    finally:
        signal.signal(signal.SIGINT, before)
    if microphone.seconds_lost:
        report(f"{microphone.seconds_lost:.0f} s were lost: the service is too slow, or was away")
        return 1
    return INTERRUPTED if interrupted else 0


async def _listen(
    microphone: "Microphone",
    client: AsyncClient,
    options: Options,
    encoding: Encoding,
    activity: VoiceActivity | None,
    privacy: Privacy,
    written: "_Written",
    meter: "_Meter",
) -> None:
    def take(newest: Progress) -> None:
        meter.say(newest.transcript.text.strip())
        written.add(newest)

    def watched() -> Iterator[Samples]:
        for chunk in microphone.chunks():
            meter.show()
            yield chunk

    async with client:
        try:
            await client.transcribe_live(
                watched(),
                options,
                encoding=encoding,
                detector=activity,
                privacy=privacy,
                on_progress=take,
            )
        except BaseException:
            microphone.close()  # for a thread may still be listening
            raise


class _Written:
    """The file that words are written into as they come, if there is to be one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._form = ENDINGS[path.suffix] if path else TranscriptFormat.TEXT
        self._running = RunningTranscript(
            TranscriptFormat.TEXT if self._form is TranscriptFormat.JSON else self._form
        )
        self._parts: list[Transcript] = []
        self._seconds = 0.0

    def __enter__(self) -> "_Written":
        if self._path is not None:
            self._file = self._path.open("w", encoding="utf-8")
        return self

    def add(self, newest: Progress) -> None:
        self._seconds = newest.seconds
        self._parts.append(newest.transcript)
        if self._form is not TranscriptFormat.JSON:
            self._write(self._running.add(newest.transcript))

    def _write(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text)
            self._file.flush()

    def __exit__(self, *_: object) -> None:
        if self._form is TranscriptFormat.JSON:
            whole = join([(0.0, part) for part in self._parts], self._seconds)
            self._write(whole.written(self._form))
        else:
            self._write(self._running.end())
        if self._file is not None:
            self._file.close()


class _Meter:
    """Shows how loud it is, below the words, where there is a terminal."""

    def __init__(self, microphone: "Microphone") -> None:
        self._microphone = microphone
        both = sys.stdout.isatty()
        self._console = Console(highlight=False, soft_wrap=True, markup=False) if both else errors
        self._words_here = both
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False
        )

    def __enter__(self) -> "_Meter":
        if self._console.is_terminal:
            self._live.start()
        else:
            errors.print(f"listening to {self._microphone.name}; Ctrl-C ends it")
        return self

    def show(self) -> None:
        """Show the level as it is now."""
        if self._live.is_started:
            self._live.update(Text(_level(self._microphone)), refresh=True)

    def say(self, text: str) -> None:
        """Write a line of words."""
        if not text:
            return
        if self._words_here:
            self._console.print(text)
        else:
            typer.echo(text)

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def _level(microphone: "Microphone") -> str:
    decibels = max(_QUIETEST, 20 * math.log10(max(microphone.level, 1e-6)))
    full = round((1 - decibels / _QUIETEST) * _BARS)
    bars = "█" * full + "·" * (_BARS - full)
    return f"{bars} {decibels:4.0f} dB  {microphone.name}; Ctrl-C ends it"
