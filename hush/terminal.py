"""What the command line shows, and how it reads standard input."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import BinaryIO, cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from hush.audio import Recording, open_audio
from hush.image import FORMATS
from hush.inputs import Heard
from hush.sound.addresses import Address, fetched

errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class Advance:
    """Moves a bar on."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def __call__(self, done: float, total: float | None) -> None:
        """Take the seconds that are done, and those of it all, if they are known."""
        self._bar.update(self._task, completed=done, total=total)

    def hide(self) -> None:
        """Show the bar no longer."""
        self._bar.stop()


STANDARD_INPUT = Path("-")


def report(problem: object) -> None:
    """Print what went wrong."""
    errors.print(str(problem), style="red")


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text in columns, the first of which says what they are."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


@contextmanager
def progress(name: str) -> Iterator[Advance]:
    """Show a bar with the time left while something long is under way, and remove it then.

    Nothing is shown where there is no terminal.
    """
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("passed,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with bar:
        yield Advance(bar, bar.add_task(name, total=None))


@contextmanager
def opened(
    file: Path | Address,
    heard: Heard = Heard(),  # noqa: B008 # it is frozen
    interrupt: Callable[[], None] = lambda: None,
) -> Iterator[Recording]:
    """Open a recording; - is standard input. Say which tracks it has, if there are several.

    Parameters
    ----------
    file
        Its path, or address.
    heard
        What of it is heard.
    interrupt
        Called when Ctrl-C ends the program here and now, while it waits for standard input.

    Raises
    ------
    AudioError, OSError
        As `hush.audio.open_audio` does.
    """
    with (
        _source(file, interrupt) as (content, name),
        open_audio(
            content, name, track=heard.track, channel=heard.channel, raw=heard.raw
        ) as recording,
    ):
        if len(recording.tracks) > 1 and heard.track is None:
            _name_tracks(recording)
        yield recording


@contextmanager
def _source(
    file: Path | Address, interrupt: Callable[[], None]
) -> Iterator[tuple[Path | BinaryIO, str]]:
    """Yield what there is to read, and its name."""
    if isinstance(file, Address):
        with fetched(file) as content:
            yield cast(BinaryIO, content), str(file)
    elif file != STANDARD_INPUT:
        yield file, str(file)
    else:
        # Whoever waits for more of a pipe inside FFmpeg hears of no Ctrl-C otherwise.
        before = signal.signal(signal.SIGINT, partial(_leave, interrupt))
        try:
            yield sys.stdin.buffer, name_of(file)
        finally:
            signal.signal(signal.SIGINT, before)


def _name_tracks(recording: Recording) -> None:
    tracks = "; ".join(map(str, recording.tracks))
    errors.print(
        f"{recording.name}: has {len(recording.tracks)} audio tracks: {tracks}. This is"
        f" {recording.track.number}; --track N takes another"
    )


def _leave(interrupt: Callable[[], None], _: int, __: FrameType | None) -> None:
    errors.show_cursor()
    try:
        interrupt()
    finally:
        os._exit(128 + signal.SIGINT)


def is_picture(file: Path | Address) -> bool:
    """Say whether a file is a mel image, by its name."""
    return file.suffix.lower().removeprefix(".") in FORMATS


def name_of(file: Path | Address) -> str:
    """Return what messages call a file."""
    return "standard input" if file == STANDARD_INPUT else str(file)


def stem_of(file: Path | Address) -> str:
    """Return the name that what is made of a file begins with."""
    return "stdin" if file == STANDARD_INPUT else file.stem


def warn_if_damaged(recording: Recording) -> None:
    """Say what damage took from a recording that was read."""
    if recording.seconds_lost:
        report(
            f"{recording.name}: damaged; {recording.seconds_lost:.1f} of"
            f" {recording.seconds_promised:.1f} s could not be read"
        )
