"""WebP: lossless, or lossy with a quality. The range is in an XMP packet.

The container is RIFF; sizes are where RFC 9649 has them.
"""

from hush.formats import MelImageError, Pixels, Size, ValueRange
from hush.formats.pillow import read_picture, write_picture
from hush.formats.value_range import from_xmp, to_xmp

NAME = "WebP"
WIDEST = 16_383
HAS_QUALITY = True

LOSSLESS_EFFORT = 75
"""Of 100, which takes 20 times as long."""

_ANIMATION = 0x02


def recognizes(data: bytes) -> bool:
    """Say whether a file is a WebP file."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read_size(data: bytes) -> Size:
    """Read width and height from the first chunk; see `FileFormat.read_size`."""
    damaged = MelImageError("the WebP file is truncated or damaged")
    if len(data) < 30 or len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise damaged
    match data[12:16]:
        case b"VP8X":
            if data[20] & _ANIMATION:
                raise MelImageError("the picture is animated; a mel image is one still picture")
            width, height = data[24:27], data[27:30]
            return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            wide, high = (int.from_bytes(data[at : at + 2], "little") for at in (26, 28))
            return wide & 0x3FFF, high & 0x3FFF
        case _:
            raise damaged


def decode(data: bytes, size: Size) -> tuple[Pixels, ValueRange | None]:
    """Read pixels and range; see `FileFormat.decode`."""
    pixels, xmp = read_picture(data, NAME, size)
    return pixels, from_xmp(xmp)


def encode(pixels: Pixels, value_range: ValueRange, quality: int | None) -> bytes:
    """Write a file, lossless if quality is None; see `FileFormat.encode`."""
    # For lossless files, Pillow's quality is the effort.
    return write_picture(
        pixels,
        NAME,
        lossless=quality is None,
        quality=LOSSLESS_EFFORT if quality is None else quality,
        method=6,
        xmp=to_xmp(value_range),
    )
