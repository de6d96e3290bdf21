"""The chunks of a PNG file, walked by hand: what a mel image needs of them, and nothing else.

Pillow would inflate text and colour profiles, accept files whose end is missing, and let later
chunks contradict earlier ones. Here each chunk is checked, and Pillow gets header, pixels and end.
The format is W3C's PNG Specification, Third Edition, section 5.
"""

import struct
import zlib
from dataclasses import dataclass

from PIL.PngImagePlugin import PngInfo

from hush.formats import MelImageError, Pixels, Size, ValueRange
from hush.formats.pillow import read_picture, write_picture
from hush.formats.value_range import from_text, to_text

NAME = "PNG"
WIDEST = 65_535
HAS_QUALITY = False

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 1000
RANGE_KEYWORD = "mel-range"
"""Of the text that says the range."""

_HEADER = struct.Struct(">IIBBBBB")
_CHUNK_FRAME = 12  # length, kind and checksum
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def recognizes(data: bytes) -> bool:
    """Say whether a file is a PNG file."""
    return data.startswith(SIGNATURE)


def read_size(data: bytes) -> Size:
    """Read width and height, and check the whole structure; see `FileFormat.read_size`."""
    file = read_structure(data)
    return file.width, file.height


def decode(data: bytes, size: Size) -> tuple[Pixels, ValueRange | None]:
    """Read pixels and range; see `FileFormat.decode`."""
    file = read_structure(data)
    file.check_pixels()
    pixels, _ = read_picture(file.picture, NAME, size)
    text = file.texts.get(RANGE_KEYWORD)
    return pixels, None if text is None else from_text(text)


def encode(pixels: Pixels, value_range: ValueRange, quality: int | None) -> bytes:
    """Write a file; see `FileFormat.encode`."""
    text = PngInfo()
    text.add_text(RANGE_KEYWORD, to_text(value_range))
    return write_picture(pixels, NAME, optimize=True, pnginfo=text)


@dataclass(frozen=True)
class PngFile:
    """What a PNG file says.

    Attributes
    ----------
    width, height
        In pixels.
    texts
        The file's plain text (tEXt) by keyword; the first of a keyword counts.
    picture
        A PNG file of the same pixels without anything else.
    """

    width: int
    height: int
    texts: dict[str, str]
    picture: bytes
    _row_bytes: int
    _pixels: bytes

    def check_pixels(self) -> None:
        """Inflate the pixels, to see that they are all there. Wants a size that was checked.

        Raises
        ------
        MelImageError
            If some are missing or damaged.
        """
        expected = self._row_bytes * self.height
        inflater = zlib.decompressobj()
        try:
            inflated = inflater.decompress(self._pixels, expected + 1)
        except zlib.error as error:
            raise _damaged() from error
        if len(inflated) != expected or not inflater.eof:
            raise _damaged()


def read_structure(data: bytes) -> PngFile:
    """Check a PNG file from its signature to its end.

    Raises
    ------
    MelImageError
        If it is truncated, damaged, animated, transparent, interlaced, has a palette, another bit
        depth than 8, or more than `MAX_CHUNKS` chunks.
    """
    kept, pixels = [SIGNATURE], []
    texts: dict[str, str] = {}
    header: tuple[int, int, int] | None = None
    at = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if at + _CHUNK_FRAME > len(data):
            raise _damaged()
        (length,) = struct.unpack_from(">I", data, at)
        end = at + _CHUNK_FRAME + length
        if end > len(data):
            raise _damaged()
        kind, content = data[at + 4 : at + 8], data[at + 8 : end - 4]
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise _damaged()
        if (header is None) != (kind == b"IHDR"):
            raise _damaged()
        match kind:
            case b"IHDR":
                header = _read_header(content)
            case b"IDAT":
                pixels.append(content)
            case b"tEXt":
                keyword, _, text = content.partition(b"\0")
                texts.setdefault(keyword.decode("latin-1"), text.decode("latin-1"))
            case b"acTL":
                raise MelImageError("the picture is animated; a mel image is one still picture")
            case b"tRNS":
                raise MelImageError("the picture is transparent; a mel image is opaque")
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            kept.append(data[at:end])
        if kind == b"IEND":
            assert header is not None
            width, height, row_bytes = header
            return PngFile(width, height, texts, b"".join(kept), row_bytes, b"".join(pixels))
        at = end
    raise MelImageError(f"the PNG file has more than {MAX_CHUNKS} chunks")


def _read_header(content: bytes) -> tuple[int, int, int]:
    """Return width, height, and bytes in a row, its filter's included."""
    if len(content) != _HEADER.size:
        raise _damaged()
    width, height, depth, color, _, _, interlace = _HEADER.unpack(content)
    if color == _PALETTE:
        raise MelImageError("the PNG file has a palette; a mel image is grayscale")
    if depth != 8:
        raise MelImageError(f"the PNG file has a bit depth of {depth}; a mel image has 8")
    if interlace:
        raise MelImageError("the PNG file is interlaced; a mel image is not")
    if color not in _CHANNELS:
        raise _damaged()
    return width, height, 1 + width * _CHANNELS[color]


def _damaged() -> MelImageError:
    return MelImageError("the PNG file is truncated or damaged")
