"""Room on the disk: asked for before it is needed, and said in words where it runs out."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hush_service.weights.errors import NoSpaceError

_MORE = "make room, or keep models elsewhere by HUSH_DOWNLOAD_FOLDER"


def want_space(folder: Path, size: float) -> None:
    """Check that a folder's disk has room for so many bytes.

    Raises
    ------
    NoSpaceError
        If it has not.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise NoSpaceError(
            f"{folder} has room for {free / 1e6:.0f} MB and {size / 1e6:.0f} MB are wanted; {_MORE}"
        )


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; what vanishes meanwhile is none."""
    files = [path] if path.is_file() else []
    for folder, _, names in os.walk(path):
        files += [Path(folder, name) for name in names]
    size = 0
    for file in files:
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


@contextmanager
def full_disk_in_words(folder: Path) -> Iterator[None]:
    """Turn the system's error of a full disk into one that says what to do.

    Raises
    ------
    NoSpaceError
        If the disk, or what this user may have of it, is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise NoSpaceError(f"the disk of {folder} is full; {_MORE}") from None
