"""From a file, or a pipe, to what FFmpeg has opened."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import av
import av.error

from hush.sound import AudioError
from hush.sound.lengths import HEAD, promised_bytes
from hush.sound.ogg import CAPTURE, is_chained, links
from hush.sound.raw import RawFormat
from hush.sound.spool import Spool

Container = av.container.InputContainer

_NO_OTHER_FILES = {"protocol_whitelist": "none"}
"""FFmpeg opens what a playlist names: other files, or addresses elsewhere. None of that is
wanted."""

_READ_AS_THEY_COME = frozenset(
    {
        *("aac", "ac3", "aiff", "amr", "au", "dts", "eac3", "flac", "flv", "loas", "matroska,webm"),
        *("mp3", "mpeg", "mpegts", "ogg", "truehd", "tta", "w64", "wav"),
    }
)
"""Formats that lose nothing in a pipe. Others may have at their end what says how to read them."""
_TRACKS_COME_LATE = frozenset({"flv", "mpeg", "mpegts"})
"""Formats that do not say at their beginning which tracks they have."""

_PLAYLISTS = (b"#EXTM3U", b"[playlist]", b"ffconcat", b"<asx", b"<playlist", b"<?wpl")
_PAGES = (b"<!doctype html", b"<html")


class Opened:
    """An open source: one container, or several that were joined."""

    def __init__(
        self,
        first: Container,
        following: Iterable[Container] = (),
        *,
        joined: bool = False,
        share_missing: Callable[[], float] = lambda: 0.0,
        check: Callable[[], None] = lambda: None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.first = first
        self.joined = joined
        self.check = check
        """Raise what kept the source from being read, once no more comes of it."""
        self.share_missing = share_missing
        """Return how much was promised and is not there, as a share of what is, once it is read."""
        self._following = iter(following)
        self._current = first
        self._close = close

    @property
    def containers(self) -> Iterator[Container]:
        """All of them, each open until the next."""
        yield self.first
        for container in self._following:
            self._current.close()
            self._current = container
            yield container

    def close(self) -> None:
        """Close all, but not the source."""
        self._current.close()
        self._close()


def opened(source: BinaryIO, name: str, raw: RawFormat | None) -> Opened:
    """Open a source.

    Raises
    ------
    AudioError
        If it is no audio or video file.
    OSError
        If it cannot be read, or what comes through a pipe not be kept.
    """
    if raw is not None:
        stream = _Stream(source.read)
        return Opened(raw.opened(stream), check=stream.check)
    if _can_seek(source):
        return _file(source, name)
    spool = Spool(source, name)
    try:
        return _pipe(spool, name)
    except BaseException:
        spool.close()
        raise


def _file(file: BinaryIO, name: str, close: Callable[[], None] = lambda: None) -> Opened:
    head = file.read(HEAD)
    _check(head, name)
    length = file.seek(0, 2)
    file.seek(0)
    if head.startswith(CAPTURE) and is_chained(file):
        return _chain(_Stream(file.read), name, close)
    share = _share_missing(promised_bytes(head), lambda: length)
    return Opened(_container(file, name), share_missing=share, close=close)


def _pipe(spool: Spool, name: str) -> Opened:
    head = b""
    while len(head) < HEAD and (more := spool.read(HEAD - len(head))):
        head += more
    _check(head, name)
    spool.rewind()
    stream = _Stream(spool.read)
    if head.startswith(CAPTURE):
        spool.forget()
        return _chain(stream, name, spool.close)
    try:
        container = _container(stream, name)
    except AudioError:
        container = None
    if container is not None and _reads_as_it_comes(container):
        spool.forget()
        share = _share_missing(promised_bytes(head), lambda: spool.length)
        return Opened(container, share_missing=share, check=stream.check, close=spool.close)
    if container is not None:
        container.close()
    stream.check()
    return _file(spool.filled(), name, spool.close)


def _reads_as_it_comes(container: Container) -> bool:
    format_name = container.format.name
    if not container.streams.audio and format_name in _TRACKS_COME_LATE:
        return False
    return format_name in _READ_AS_THEY_COME


def _chain(stream: "_Stream", name: str, close: Callable[[], None]) -> Opened:
    each = links(stream)

    def following() -> Iterator[Container]:
        for link in each:
            container = _link(link, name)
            if container is not None:
                yield container

    first = next(each, None)
    if first is None:
        raise _none_at_all(name)
    container = _container(first, name)
    return Opened(container, following(), joined=True, check=stream.check, close=close)


def _link(link: Any, name: str) -> Container | None:
    """Open a later link; None if it is damaged, or holds no sound."""
    try:
        container = _container(link, name)
    except AudioError:
        return None
    if container.streams.audio:
        return container
    container.close()
    return None


def _container(file: Any, name: str) -> Container:
    try:
        container: Container = av.open(
            file, "r", options=_NO_OTHER_FILES, metadata_errors="replace"
        )
    except av.error.FFmpegError as error:
        raise _none_at_all(name) from error
    return container


def _none_at_all(name: str) -> AudioError:
    return AudioError(f"{name}: not an audio or video file, or damaged at its start")


def _check(head: bytes, name: str) -> None:
    """Refuse what names recordings, and is none."""
    beginning = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if beginning.startswith(tuple(each.lower() for each in _PLAYLISTS)):
        raise AudioError(f"{name}: is a playlist; give the recordings that it names")
    if beginning.startswith(_PAGES):
        raise AudioError(f"{name}: is a web page, not an audio or video file")


def _share_missing(promised: int | None, actual: Callable[[], int]) -> Callable[[], float]:
    def share() -> float:
        length = actual()
        return 0.0 if promised is None else max(0.0, (promised - length) / max(1, length))

    return share


class _Stream:
    """What FFmpeg reads as it comes, and does not try to seek.

    FFmpeg knows no exceptions: for it, the stream ends, and `check` raises what was wrong.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._failure: Exception | None = None

    def read(self, size: int = -1, /) -> bytes:
        if self._failure is None:
            try:
                return self._read(size)
            except Exception as error:
                self._failure = error
        return b""

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure


def _can_seek(source: BinaryIO) -> bool:
    try:
        return source.seekable()
    except (AttributeError, OSError):
        return False
