"""Folders of mel images with an index: speech stored as pictures now, to be transcribed later."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from hush.image import MAX_FRAMES, PNG, Encoding, MelImageError, encode
from hush.mel import FRAMES_PER_SECOND, MEL_BINS
from hush.reading import MOST_IN_INDEX, MOST_IN_PICTURE, OddFileError, read_file
from hush.segments import Segment
from hush.sound.addresses import Address, fetched
from hush.transcript import Transcript

INDEX = "index.json"
VERSION = 1
LONGEST = 31 * 86_400.0
"""Seconds of a recording at most."""

_IMPRECISION = 1.0
_WIDEST = MAX_FRAMES / FRAMES_PER_SECOND


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
        text = read_file(path, MOST_IN_INDEX).decode()
        index = json.loads(text, parse_constant=_refuse)
        if index["version"] != VERSION:
            raise FolderError(f"{INDEX} is of version {str(index['version'])[:20]}, not {VERSION}")
        return _checked(
            FolderIndex(
                source=str(index["source"]),
                mel_bins=int(index["mel_bins"]),
                duration=float(index["duration"]),
                segments=tuple(
                    StoredSegment(str(entry["file"]), float(entry["start"]), float(entry["end"]))
                    for entry in index["segments"]
                ),
            )
        )
    except FolderError:
        raise
    except OddFileError as error:
        raise FolderError(f"{INDEX} {error}") from error
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise FolderError(f"{INDEX} is not an index of mel images") from error


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _checked(index: FolderIndex) -> FolderIndex:
    """Return an index whose numbers can be true."""
    if any(Path(each.file).name != each.file for each in index.segments):
        raise FolderError(f"{INDEX} names files outside its folder")
    if index.mel_bins not in MEL_BINS:
        raise FolderError(f"{INDEX} has pictures of {index.mel_bins} pixels, not 80 or 128")
    if not 0 <= index.duration <= LONGEST:
        raise FolderError(f"{INDEX} is of {index.duration:g} s, which no recording has")
    latest = index.duration + _IMPRECISION
    for number, each in enumerate(index.segments, start=1):
        if not (0 <= each.start < each.end <= latest and each.end - each.start <= _WIDEST):
            raise FolderError(
                f"{INDEX} has picture {number} at {each.start:g} to {each.end:g} s, which cannot be"
            )
    return index


def read_picture(path: Path | Address) -> bytes:
    """Return the content of a mel image's file, or of one at an address.

    Raises
    ------
    MelImageError
        If it is no ordinary file, or too large for a picture.
    AudioError
        If an address cannot be reached, or nothing is there.
    OSError
        If it cannot be read.
    """
    if isinstance(path, Address):
        return _fetched_picture(path)
    try:
        return read_file(path, MOST_IN_PICTURE)
    except OddFileError as error:
        raise MelImageError(str(error)) from error


def _fetched_picture(address: Address) -> bytes:
    picture = bytearray()
    with fetched(address) as content:
        while piece := content.read():
            picture += piece
            if len(picture) > MOST_IN_PICTURE:
                raise MelImageError(f"has more than {MOST_IN_PICTURE} bytes")
    return bytes(picture)
