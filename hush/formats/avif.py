"""AVIF: lossy, with a quality. The range is in an XMP packet.

An AVIF file says its size twice: in the container, which is all that Pillow shows before it
decodes, and in the AV1 data, which is what the decoder allocates for. Two kilobytes that say
80 x 100 outside and 16384 x 16384 inside cost hundreds of megabytes, so mel images are held to a
plain form: one coded still picture, whose own size is read here. The container is ISO/IEC 23008-12
(HEIF); units and header are sections 5.3 and 5.5 of the AV1 Bitstream & Decoding Process
Specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hush.formats import MelImageError, Pixels, Size, ValueRange
from hush.formats.pillow import read_picture, write_picture
from hush.formats.value_range import from_xmp, to_xmp

NAME = "AVIF"
WIDEST = 32_768
HAS_QUALITY = True

DEFAULT_QUALITY = 60
MOST = 64
"""Boxes, items or units in one place; more than any still picture has."""

_BRANDS = (b"avif", b"avis", b"mif1", b"msf1")
_SEQUENCE_HEADER = 1
_HIGH_BIT_DEPTH = 0x40


def recognizes(data: bytes) -> bool:
    """Say whether a file is an AVIF file."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def read_size(data: bytes) -> Size:
    """Read the width and height that the AV1 data declares; see `FileFormat.read_size`.

    Refused is also what holds more than one coded picture: a grid, a thumbnail, an alpha channel.
    """
    try:
        return _sequence_size(_picture_data(data))
    except IndexError as error:
        raise MelImageError("the AVIF file is truncated or damaged") from error


def decode(data: bytes, size: Size) -> tuple[Pixels, ValueRange | None]:
    """Read pixels and range; see `FileFormat.decode`."""
    pixels, xmp = read_picture(data, NAME, size)
    return pixels, from_xmp(xmp)


def encode(pixels: Pixels, value_range: ValueRange, quality: int | None) -> bytes:
    """Write a file, of `DEFAULT_QUALITY` if None; see `FileFormat.encode`."""
    return write_picture(
        pixels,
        NAME,
        quality=DEFAULT_QUALITY if quality is None else quality,
        subsampling="4:0:0",
        max_threads=1,
        xmp=to_xmp(value_range),
    )


@dataclass
class _Reader:
    """Big-endian numbers, one after the other, from part of the file."""

    data: bytes
    at: int
    end: int

    def number(self, size: int) -> int:
        if self.at + size > self.end:
            raise IndexError
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def code(self) -> bytes:
        return self.number(4).to_bytes(4, "big")

    def boxes(self) -> "Iterator[tuple[bytes, _Reader]]":
        for _ in range(MOST):
            if self.at == self.end:
                return
            start = self.at
            size, kind = self.number(4), self.code()
            if size == 1:
                size = self.number(8)
            end = start + size if size else self.end
            if not self.at <= end <= self.end:
                raise IndexError
            yield kind, _Reader(self.data, self.at, end)
            self.at = end
        raise IndexError


def _picture_data(data: bytes) -> _Reader:
    """Find the one coded picture of the file."""
    boxes = list(_Reader(data, 0, len(data)).boxes())
    if any(kind == b"moov" for kind, _ in boxes):
        raise MelImageError("the picture is animated; a mel image is one still picture")
    meta = _only(boxes, b"meta")
    meta.number(4)
    boxes = list(meta.boxes())
    kinds = _item_kinds(_only(boxes, b"iinf"))
    pictures = [item for item, kind in kinds if kind not in (b"mime", b"Exif")]
    locations = dict(_item_locations(_only(boxes, b"iloc")))
    if len(pictures) != 1 or pictures[0] not in locations:
        raise MelImageError("the AVIF file holds more than one picture, or an alpha channel")
    _check_bit_depth(boxes)
    offset, length = locations[pictures[0]]
    if offset + length > len(data):
        raise IndexError
    return _Reader(data, offset, offset + length)


def _only(boxes: list[tuple[bytes, _Reader]], kind: bytes) -> _Reader:
    """Return the one box of a kind: of two, the decoder might believe the other."""
    found = [box for name, box in boxes if name == kind]
    if len(found) != 1:
        raise IndexError
    return found[0]


def _check_bit_depth(meta: list[tuple[bytes, _Reader]]) -> None:
    properties = list(_only(list(_only(meta, b"iprp").boxes()), b"ipco").boxes())
    configuration = _only(properties, b"av1C")
    configuration.number(2)
    if configuration.number(1) & _HIGH_BIT_DEPTH:
        raise MelImageError("the AVIF file has a bit depth of 10 or 12; a mel image has 8")


def _item_kinds(items: _Reader) -> Iterator[tuple[int, bytes]]:
    version = items.number(4) >> 24
    items.number(2 if version == 0 else 4)
    for kind, entry in items.boxes():
        if kind != b"infe":
            continue
        entry_version = entry.number(4) >> 24
        if entry_version < 2:
            raise IndexError
        item = entry.number(2 if entry_version == 2 else 4)
        entry.number(2)
        yield item, entry.code()


def _item_locations(table: _Reader) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield offset and length of each item that lies in the file itself."""
    version = table.number(4) >> 24
    sizes = table.number(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version > 0 else 0
    count = table.number(2 if version < 2 else 4)
    if count > MOST:
        raise IndexError
    for _ in range(count):
        item = table.number(2 if version < 2 else 4)
        method = table.number(2) & 15 if version > 0 else 0
        table.number(2)
        base = table.number(base_size)
        if table.number(2) != 1:
            raise MelImageError("the AVIF file holds its picture in pieces; a mel image is whole")
        table.number(index_size)
        offset, length = table.number(offset_size), table.number(length_size)
        if method == 0:
            yield item, (base + offset, length)


def _sequence_size(picture: _Reader) -> tuple[int, int]:
    """Walk the units of the AV1 data, and read the size from its one sequence header."""
    sizes = []
    for _ in range(MOST):
        if picture.at == picture.end:
            break
        header = picture.number(1)
        if header & 0x04:
            picture.number(1)
        length = _leb128(picture) if header & 0x02 else picture.end - picture.at
        unit = _Reader(picture.data, picture.at, picture.at + length)
        if unit.end > picture.end:
            raise IndexError
        picture.at = unit.end
        if header >> 3 & 15 == _SEQUENCE_HEADER:
            sizes.append(_frame_size(unit))
    if len(sizes) != 1 or picture.at != picture.end:
        raise IndexError
    return sizes[0]


def _leb128(reader: _Reader) -> int:
    value = 0
    for position in range(8):
        byte = reader.number(1)
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            break
    return value


def _frame_size(sequence_header: _Reader) -> tuple[int, int]:
    # The size ends at bit 10 + 8 + 32 at the latest, and the header itself is longer.
    bits = f"{sequence_header.number(7):056b}"
    if bits[4] != "1":  # reduced_still_picture_header: the one form in which frames can't be larger
        raise MelImageError("the AVIF file is coded as video, not as a still picture")
    width_bits, height_bits = int(bits[10:14], 2) + 1, int(bits[14:18], 2) + 1
    width_end = 18 + width_bits
    width, height = bits[18:width_end], bits[width_end : width_end + height_bits]
    return int(width, 2) + 1, int(height, 2) + 1
