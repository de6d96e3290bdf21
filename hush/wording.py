"""What people are told: what an error of the operating system means, and what was not heard."""

import errno
import math
from collections.abc import Sequence
from pathlib import Path

from hush.transcript import Stretch

_MEANINGS: dict[int | None, str] = {
    errno.EACCES: "permission denied",
    errno.EEXIST: "is there already, and not a folder",
    errno.EISDIR: "is a folder, not a file",
    errno.ENOENT: "there is no such file",
    errno.ENOSPC: "the disk is full",
    errno.ENOTDIR: "is not a folder, or is said to be in something that is none",
    errno.EPERM: "permission denied",
    errno.EROFS: "what is there can only be read",
}


def in_words(error: OSError) -> str:
    """Say what is wrong with the file that an error is about, without its name."""
    if error.errno == errno.ENOENT and error.filename:
        folder = Path(error.filename).parent
        if not folder.exists():
            return f"there is no folder {folder}"
    return _MEANINGS.get(error.errno) or error.strerror or str(error) or type(error).__name__


def without_speech(name: object) -> str:
    """Say that nobody speaks in a recording."""
    return f"no speech found in {name}"


MOST_NAMED = 10
"""Stretches of a recording that one line names."""


def without_words(stretches: Sequence[Stretch]) -> str:
    """Say where in a recording somebody speaks, and no words were heard.

    Parameters
    ----------
    stretches
        At least one.
    """
    named = [
        f"{_clock(math.floor(stretch.start))}–{_clock(math.ceil(stretch.end))}"  # noqa: RUF001
        for stretch in stretches[:MOST_NAMED]
    ]
    if (more := len(stretches) - len(named)) > 0:
        named.append(f"{more} more {'place' if more == 1 else 'places'}")
    *first, last = named
    places = f"{', '.join(first)} and {last}" if first else last
    return f"no words were heard for speech at {places}"


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
