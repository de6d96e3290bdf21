"""How much sound a file says that it has, so that it is noticed when some is missing."""

import struct

import av

Container = av.container.InputContainer
Stream = av.audio.stream.AudioStream

HEAD = 64
"""Bytes of a file's beginning that `promised_bytes` wants to see."""

_ESTIMATED = frozenset(
    {
        *("aac", "ac3", "amr", "amrnb", "amrwb", "avi", "dts", "eac3", "loas", "mpeg", "mpegts"),
        "truehd",
    }
)
"""Formats without a length of their sound: FFmpeg divides the file's size by its first bit rate,
takes what AVI says of all tracks, or looks for the last time that there is."""
_NO_LENGTH = 0x7FFF_0000
"""Programs that write into a pipe put so much or more where the length belongs."""


def promised_bytes(head: bytes) -> int | None:
    """Return how long the file with this beginning says that it is; None if it does not.

    FFmpeg corrects the lengths of these formats by what is there, and says nothing.
    """
    length = 0
    if len(head) >= 12 and head[:4] == b"RIFF":
        length = struct.unpack_from("<I", head, 4)[0] + 8
        if length >= _NO_LENGTH:
            return None
    elif len(head) >= 28 and head[:4] in (b"RF64", b"BW64") and head[12:16] == b"ds64":
        length = struct.unpack_from("<Q", head, 20)[0] + 8
    elif len(head) >= 24 and head[:4] == b"riff" and head[4:8] == b"\x2e\x91\xcf\x11":
        length = struct.unpack_from("<Q", head, 16)[0]
    return length if 8 < length < 1 << 62 else None


def origin_of(container: Container) -> float:
    """Return the time, in the file's own seconds, at which players begin."""
    return (container.start_time or 0) / av.time_base


def is_guessed(container: Container) -> bool:
    """Say whether FFmpeg can only guess how long a file is."""
    format_name = container.format.name
    # An MP3 that says its length has a beginning too.
    return format_name in _ESTIMATED or (format_name == "mp3" and not container.start_time)


def end_of(container: Container, stream: Stream) -> float | None:
    """Return when an audio track says that it ends, in seconds from where players begin.

    None if it does not say: a file's length is that of its longest track, and some are guessed.
    """
    if is_guessed(container):
        return None
    origin = origin_of(container)
    if (said := _seconds(stream.metadata.get("DURATION", ""))) is not None:  # Matroska's
        return said - origin
    whole = container.duration / av.time_base if container.duration else None
    if stream.duration is not None and stream.time_base is not None:
        length = float(stream.duration * stream.time_base)
        if whole is not None and _has_company(container) and abs(length - whole) < 0.001:
            return None  # where a track says nothing, FFmpeg takes what the file says
        start = 0.0
        if stream.start_time is not None:
            start = max(0.0, float(stream.start_time * stream.time_base) - origin)
        return start + length
    return None if _has_company(container) else whole


def _has_company(container: Container) -> bool:
    return len(container.streams.audio) + len(container.streams.video) > 1


def _seconds(clock: str) -> float | None:
    """Read 00:01:02.345."""
    try:
        hours, minutes, seconds = clock.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
