"""What commands take as recordings: files, standard input, folders of them, and addresses."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

from hush.folder import INDEX
from hush.sound.addresses import Address, is_address
from hush.sound.raw import RawFormat

ENDINGS = frozenset(
    {
        *(".3ga", ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".amr"),
        *(".ape", ".asf", ".au", ".avi", ".caf", ".dts", ".eac3", ".flac", ".flv", ".m2ts"),
        *(".m4a", ".m4b", ".m4v", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpeg"),
        *(".mpg", ".mts", ".mxf", ".oga", ".ogg", ".ogm", ".ogv", ".opus", ".ra", ".rm"),
        *(".snd", ".spx", ".tta", ".vob", ".voc", ".w64", ".wav", ".wave", ".weba"),
        *(".webm", ".wma", ".wmv", ".wv"),
    }
)
"""How the names of recordings end, where a folder is searched for them."""


def source(text: str) -> Path:
    """Return what a command's argument names: a path, or an `Address` in its place."""
    return cast(Path, Address(text)) if is_address(text) else Path(text)


def with_folders_opened(files: Iterable[Path]) -> list[Path]:
    """Return recordings, with those in a folder instead of the folder, in the order of their names.

    Folders of mel images, and those without recordings, stay.
    """
    return [recording for file in files for recording in _recordings(file)]


def _recordings(file: Path) -> Iterator[Path]:
    if not file.is_dir() or (file / INDEX).exists():
        yield file
        return
    found = []
    if os.access(file, os.R_OK | os.X_OK):
        found = [
            each
            for each in sorted(file.iterdir())
            if each.suffix.lower() in ENDINGS and not each.name.startswith(".") and each.is_file()
        ]
    yield from found or [file]


@dataclass(frozen=True)
class Heard:
    """Which part of a recording is heard; see `hush.audio.open_audio`.

    Attributes
    ----------
    apart
        Whether each channel is heard by itself.
    """

    track: int | None = None
    channel: int | None = None
    raw: RawFormat | None = None
    apart: bool = False


def _raw(text: str) -> RawFormat:
    try:
        return RawFormat.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Track = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Audio track, 1 for the first; the file's default, or its best, if left out.",
    ),
]
Channel = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Channel, 1 for the first (left); all of them if left out."
    ),
]
SpeakersByChannel = Annotated[
    bool,
    typer.Option(
        "--speakers-by-channel", help="Name the speakers of a call with one on each channel."
    ),
]
Raw = Annotated[
    RawFormat | None,
    typer.Option(
        parser=_raw,
        metavar="FORMAT",
        help="Samples without a file around them: ENCODING:RATE:CHANNELS, such as `s16le:16000:1`.",
    ),
]
