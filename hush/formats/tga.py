"""TGA, for compatibility with wavey-ai's mel-spec: uncompressed grayscale, written bottom first.

The range is in the image ID: two little-endian float32.
"""

import struct

import numpy as np

from hush.formats import MelImageError, Pixels, Size, ValueRange

NAME = "TGA"
WIDEST = 65_535
HAS_QUALITY = False

_HEADER = struct.Struct("<BBBHHBHHHHBB")
_RANGE = struct.Struct("<ff")
_GRAYSCALE = 3
_TOP_DOWN = 0x20


def recognizes(data: bytes) -> bool:
    """Say whether a file may be one: it has no signature, but no colour map and is grayscale."""
    return len(data) >= _HEADER.size and data[1] == 0 and data[2] == _GRAYSCALE


def read_size(data: bytes) -> Size:
    """Read width and height from the header; see `FileFormat.read_size`."""
    *_, width, height, depth, _ = _HEADER.unpack_from(data)
    if depth != 8:
        raise MelImageError(f"the TGA file has a bit depth of {depth}; a mel image has 8")
    return width, height


def decode(data: bytes, size: Size) -> tuple[Pixels, ValueRange | None]:
    """Read pixels and range; see `FileFormat.decode`."""
    width, height = size
    id_length, *_, descriptor = _HEADER.unpack_from(data)
    first = _HEADER.size + id_length
    if len(data) < first + width * height:
        raise MelImageError("the TGA file is truncated: pixels are missing")
    if descriptor & ~_TOP_DOWN:
        raise MelImageError("the TGA file is stored right to left, or with an alpha channel")
    pixels = np.frombuffer(data, np.uint8, width * height, first).reshape(height, width)
    if descriptor & _TOP_DOWN:
        pixels = pixels[::-1]
    if id_length != _RANGE.size:
        return pixels, None
    minimum, maximum = _RANGE.unpack_from(data, _HEADER.size)
    return pixels, (minimum, maximum)


def encode(pixels: Pixels, value_range: ValueRange, quality: int | None) -> bytes:
    """Write a file; see `FileFormat.encode`."""
    height, width = pixels.shape
    header = _HEADER.pack(_RANGE.size, 0, _GRAYSCALE, 0, 0, 0, 0, 0, width, height, 8, 0)
    return header + _RANGE.pack(*value_range) + pixels.tobytes()
