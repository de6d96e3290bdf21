"""What the operating system's errors mean, in words."""

import errno
from pathlib import Path

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
