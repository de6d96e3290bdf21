"""Folders of mel images with an index: speech stored as pictures now, to be transcribed later."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from hush.image import PNG, Encoding, encode
from hush.segments import Segment
from hush.transcript import Transcript

INDEX = "index.json"
VERSION = 1


class FolderError(ValueError):
    """A folder is none of mel images, or damaged. The message says what of it, and why.

    Attributes
    ----------
    partial
        The words of the pictures before the one that is damaged.
    """

    partial: Transcript | None = None


@dataclass(frozen=True)
class StoredSegment:
    """A mel image of a folder, and when it was said.

    Attributes
    ----------
    file
        Name of the picture's file in the folder.
    start, end
        Seconds from the beginning of the recording.
    """

    file: str
    start: float
    end: float


@dataclass(frozen=True)
class FolderIndex:
    """What a folder's index says.

    Attributes
    ----------
    source
        Name of the recording that the pictures were made of.
    mel_bins
        Height of the pictures.
    duration
        Seconds of the recording.
    segments
        In order.
    """

    source: str
    mel_bins: int
    duration: float
    segments: tuple[StoredSegment, ...]


def write_pictures(
    folder: Path, segments: Iterable[Segment], encoding: Encoding = PNG
) -> tuple[StoredSegment, ...]:
    """Write a mel image for each segment, as they come; `write_index` then completes the folder.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    stored = []
    for number, segment in enumerate(segments, start=1):
        name = f"{number:04}.{encoding.format}"
        (folder / name).write_bytes(encode(segment.image(), encoding))
        stored.append(StoredSegment(name, segment.start, segment.end))
    return tuple(stored)


def write_index(folder: Path, index: FolderIndex) -> None:
    """Write a folder's index.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    text = json.dumps({"version": VERSION, **asdict(index)}, indent=2, ensure_ascii=False)
    (folder / INDEX).write_text(text + "\n", encoding="utf-8")


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yield a new folder that takes the place of this one, if all goes well, at the end.

    Raises
    ------
    FolderError
        If something else than a folder of mel images has that name.
    OSError
        If it cannot be written.
    """
    if folder.exists() and not (folder / INDEX).exists():
        raise FolderError(f"{folder} is there already, and no folder of mel images")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        new = Path(scratch) / folder.name
        new.mkdir()
        yield new
        if folder.exists():
            shutil.move(folder, Path(scratch) / "old")
        shutil.move(new, folder)


def read_index(folder: Path) -> FolderIndex:
    """Read a folder's index.

    Raises
    ------
    FolderError
        If it has none, or one that makes no sense.
    OSError
        If it cannot be read.
    """
    path = folder / INDEX
    if not path.exists():
        raise FolderError(f"has no {INDEX}; `hush encode` makes such folders")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        if index["version"] != VERSION:
            raise FolderError(f"{INDEX} is of version {index['version']!r}, not {VERSION}")
        segments = [
            StoredSegment(str(entry["file"]), float(entry["start"]), float(entry["end"]))
            for entry in index["segments"]
        ]
        if any(Path(segment.file).name != segment.file for segment in segments):
            raise FolderError(f"{INDEX} names files outside its folder")
        return FolderIndex(
            source=str(index["source"]),
            mel_bins=int(index["mel_bins"]),
            duration=float(index["duration"]),
            segments=tuple(segments),
        )
    except FolderError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise FolderError(f"{INDEX} is not an index of mel images") from error
