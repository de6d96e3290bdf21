"""Files of others, read with care: a folder of mel images may come from anybody."""

import os
import stat
from pathlib import Path

MOST_IN_INDEX = 16 << 20
"""Bytes of a folder's index at most: that of a day has under 3 million."""
MOST_IN_PICTURE = 64 << 20
"""Bytes of a picture's file at most; the widest has 8.4 million without compression."""

_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class OddFileError(ValueError):
    """A file is none that is read here. The message says what it is."""


def read_file(path: Path, most: int) -> bytes:
    """Return the content of an ordinary file. Nothing that waits, or never ends, is begun.

    Raises
    ------
    OddFileError
        If it is a pipe, a device or the like, or larger than `most` bytes.
    OSError
        If it cannot be read.
    """
    try:
        # Otherwise, whoever opens a pipe waits for somebody to write into it.
        handle = os.open(path, os.O_RDONLY | _AT_ONCE)
    except ValueError as error:
        raise OddFileError("has a name that no file can have") from error
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise OddFileError("is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise OddFileError("is a pipe or a device, not a file")
        if status.st_size > most:
            raise OddFileError(f"has more than {most} bytes")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(status.st_size)
    finally:
        os.close(handle)
