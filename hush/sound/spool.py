"""What comes through a pipe, kept for as long as it may have to be read again."""

import os
import tempfile
from typing import BinaryIO

from hush.sound import AudioError

MOST_KEPT = 4 << 30
"""Bytes of a pipe that are kept at most, where nobody says otherwise: 4 GiB."""
SETTING = "HUSH_MAX_KEPT_BYTES"
"""Environment variable that says otherwise."""

_IN_MEMORY = 16 << 20
_PIECE = 1 << 20


def most_kept() -> int:
    """Return how many bytes of a pipe may be kept.

    Raises
    ------
    AudioError
        If the environment says something that is no number of bytes.
    """
    said = os.environ.get(SETTING, "")
    if not said:
        return MOST_KEPT
    if not (said.isascii() and said.isdigit()):
        raise AudioError(f"{SETTING} is a number of bytes, not {said!r}")
    return int(said)


class Spool:
    """Reads a source that cannot seek, and keeps what was read in a temporary file.

    At first it can be read from its beginning once more. Then it is either forgotten, and goes on
    as the pipe that it is, or filled, and can be read in any order.

    Parameters
    ----------
    source
        An open binary file.
    name
        What messages call it.
    """

    def __init__(self, source: BinaryIO, name: str) -> None:
        # What is there is enough: whoever speaks live is not to wait for a full buffer.
        self._source_read = getattr(source, "read1", source.read)
        self._name = name
        self._kept: tempfile.SpooledTemporaryFile[bytes] | None = tempfile.SpooledTemporaryFile(  # noqa: SIM115 # see `close`
            max_size=_IN_MEMORY
        )
        self._length = 0
        self._place = 0
        self._keeping = True

    @property
    def length(self) -> int:
        """Bytes that came so far."""
        return max(self._length, self._place)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size`; none at the end.

        Raises
        ------
        OSError
            If the source cannot be read, or the temporary file not be written.
        """
        if self._kept is not None and self._place < self._length:
            self._kept.seek(self._place)
            kept = self._kept.read(size)
            self._place += len(kept)
            return kept
        data: bytes = self._source_read(size if size > 0 else _PIECE)
        if self._kept is not None and self._keeping:
            self._keep(data)
        elif self._kept is not None:  # nobody reads what was kept again
            self._kept.close()
            self._kept = None
        self._place += len(data)
        return data

    def rewind(self) -> None:
        """Begin again with the first byte, before anything was forgotten."""
        self._place = 0

    def forget(self) -> None:
        """Keep no more."""
        self._keeping = False

    def filled(self) -> BinaryIO:
        """Keep all that comes, and return it as a file that can be read in any order.

        Raises
        ------
        AudioError
            If it is more than may be kept.
        OSError
            As `read` does.
        """
        assert self._kept is not None
        self._place = self._length
        while self.read(_PIECE):
            pass
        self._kept.seek(0)
        return self._kept  # type: ignore[return-value] # it is as good as a BinaryIO

    def close(self) -> None:
        """Remove the temporary file."""
        if self._kept is not None:
            self._kept.close()

    def _keep(self, data: bytes) -> None:
        assert self._kept is not None
        most = most_kept()
        if self._length + len(data) > most:
            raise AudioError(
                f"{self._name}: files of this kind are read to their end first where they cannot"
                f" be read in any order, and no more than {most} bytes are kept ({SETTING})"
            )
        try:
            self._kept.seek(self._length)
            self._kept.write(data)
        except OSError as error:
            # Of a temporary file, only its folder is known to anybody.
            error.filename = tempfile.gettempdir()
            raise
        self._length += len(data)
