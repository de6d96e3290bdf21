"""Chained Ogg: several recordings one after another in a file, as radio stations send them."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol

CAPTURE = b"OggS"
"""What every page of an Ogg file begins with."""

_HEADER = 27
_FIRST_OF_STREAM = 0x02


class Readable(Protocol):
    """Gives bytes."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        ...


def is_chained(file: BinaryIO) -> bool:
    """Say whether a file, which can seek, holds more than one link. It stays where it was."""
    before = file.tell()
    place, seen_data = before, False
    try:
        while True:
            file.seek(place)
            header = file.read(_HEADER)
            if len(header) < _HEADER or not header.startswith(CAPTURE):
                return False  # its end, or damage, which one decoder copes with better than two
            if not header[5] & _FIRST_OF_STREAM:
                seen_data = True
            elif seen_data:
                return True
            place += _HEADER + header[26] + sum(file.read(header[26]))
    finally:
        file.seek(before)


def links(file: Readable) -> Iterator[Readable]:
    """Yield the links of an Ogg file. Each is to be read to its end before the next."""
    pages = _Pages(file)
    while pages.more():
        yield _Link(pages)


class _Pages:
    """Reads pages; what is none is passed on with the page before, since decoders know damage."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._buffer = b""
        self._end = False

    def more(self) -> bool:
        """Say whether there is anything left."""
        return self._fill(1)

    def begins_a_stream(self) -> bool:
        """Say whether the next page is the first of a stream."""
        return (
            self._fill(_HEADER)
            and self._buffer.startswith(CAPTURE)
            and bool(self._buffer[5] & _FIRST_OF_STREAM)
        )

    def take(self) -> bytes:
        """Return the next page, or what stands where one should; nothing at the end."""
        if self._fill(_HEADER) and self._buffer.startswith(CAPTURE):
            count = self._buffer[26]
            if self._fill(_HEADER + count):
                length = _HEADER + count + sum(self._buffer[_HEADER : _HEADER + count])
                self._fill(length)
                return self._cut(length)
        place = self._buffer.find(CAPTURE, 1)
        while place < 0 and self._fill(len(self._buffer) + 1) and len(self._buffer) < 1 << 20:
            place = self._buffer.find(CAPTURE, 1)
        return self._cut(place if place > 0 else len(self._buffer))

    def _cut(self, length: int) -> bytes:
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def _fill(self, length: int) -> bool:
        while len(self._buffer) < length and not self._end:
            data = self._file.read(1 << 16)
            self._end = not data
            self._buffer += data
        return len(self._buffer) >= length


class _Link:
    """One link, as a file that cannot seek."""

    def __init__(self, pages: _Pages) -> None:
        self._pages = pages
        self._page = b""
        self._seen_data = False
        self._end = False

    def read(self, size: int = -1, /) -> bytes:
        if not self._page and not self._end:
            first = self._pages.begins_a_stream()
            self._end = (first and self._seen_data) or not self._pages.more()
            self._seen_data = self._seen_data or not first
            self._page = b"" if self._end else self._pages.take()
        size = len(self._page) if size < 0 else size
        taken, self._page = self._page[:size], self._page[size:]
        return taken
