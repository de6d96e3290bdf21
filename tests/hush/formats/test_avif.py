import io
import struct

import pytest
from PIL import Image

from hush.formats.avif import read_size
from hush.image import MelImageError, decode


def avif(width: int, height: int, **settings: object) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "AVIF", quality=10, speed=10, **settings)
    return file.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (100, 80), (3000, 128), (70, 3000)])
@pytest.mark.parametrize("subsampling", ["4:0:0", "4:2:0", "4:4:4"])
def test_the_coded_size_is_read(size: tuple[int, int], subsampling: str) -> None:
    assert read_size(avif(*size, subsampling=subsampling)) == size


def test_a_small_file_that_would_decode_to_a_large_picture_is_refused() -> None:
    bomb = avif(6_000, 6_000, subsampling="4:0:0")
    honest = struct.pack(">4x2I", 6_000, 6_000)
    disguised = bomb.replace(b"ispe" + honest, b"ispe" + struct.pack(">4x2I", 100, 80))
    assert disguised != bomb
    assert len(disguised) < 2000
    with pytest.raises(MelImageError, match="6000 pixels high"):
        decode(disguised)


def test_a_container_that_contradicts_its_picture_is_refused() -> None:
    data = avif(100, 80)
    lying = data.replace(
        b"ispe" + struct.pack(">4x2I", 100, 80), b"ispe" + struct.pack(">4x2I", 90, 80)
    )
    with pytest.raises(MelImageError, match="two different sizes"):
        decode(lying)


def test_an_alpha_channel_is_refused() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (100, 80), (9, 9, 9, 120)).save(file, "AVIF")
    with pytest.raises(MelImageError, match="alpha channel"):
        read_size(file.getvalue())


def test_a_second_description_that_the_decoder_might_believe_is_refused() -> None:
    data = avif(100, 80)
    start = data.index(b"meta") - 4
    size = int.from_bytes(data[start : start + 4], "big")
    with pytest.raises(MelImageError):
        read_size(data + data[start : start + size])


@pytest.mark.parametrize("length", range(0, 400, 7))
def test_truncation_anywhere_is_noticed(length: int) -> None:
    data = avif(100, 80)
    with pytest.raises(MelImageError, match="truncated or damaged"):
        read_size(data[: min(length, len(data) - 1)])


def box(kind: bytes, *content: bytes) -> bytes:
    joined = b"".join(content)
    return (8 + len(joined)).to_bytes(4, "big") + kind + joined


def rebuilt(data: bytes, **boxes: bytes) -> bytes:
    """Return an AVIF file with other boxes in its description."""
    meta = data.index(b"meta") - 4
    size = int.from_bytes(data[meta : meta + 4], "big")
    content = data[meta + 8 : meta + size]
    for kind, replacement in boxes.items():
        start = content.index(kind.encode()) - 4
        length = int.from_bytes(content[start : start + 4], "big")
        content = content[:start] + replacement + content[start + length :]
    return data[:meta] + box(b"meta", content) + data[meta + size :]


# Each of these cost seconds to minutes, and hundreds of megabytes, before there were limits.
COSTLY = {
    "extents of no bytes": rebuilt(
        avif(100, 80),
        iloc=box(b"iloc", bytes(4), b"\0\0", b"\xff\xff", (bytes(4) + b"\xff\xff") * 65_535),
    ),
    "a million boxes": avif(100, 80) + box(b"free") * 1_000_000,
    "a million items": rebuilt(
        avif(100, 80),
        iinf=box(b"iinf", bytes(6), box(b"infe", b"\2\0\0\0", bytes(8)) * 1_000_000),
    ),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", COSTLY)
def test_files_that_are_all_structure_are_refused(case: str) -> None:
    with pytest.raises(MelImageError):
        read_size(COSTLY[case])


def test_a_picture_of_a_million_units_is_refused() -> None:
    data = avif(100, 80)
    start = data.index(b"mdat") + 4
    units = data[start:] + b"\x7a\x00" * 1_000_000
    location = data.index(b"iloc") + 8
    old = data[location:]
    length = (len(data) - start).to_bytes(4, "big")
    described = old.replace(length, len(units).to_bytes(4, "big"), 1)
    with pytest.raises(MelImageError):
        read_size(data[:location] + described[: start - location] + units)


def test_another_bit_depth_is_refused() -> None:
    data = avif(100, 80)
    place = data.index(b"av1C") + 6
    deeper = data[:place] + bytes([data[place] | 0x40]) + data[place + 1 :]
    with pytest.raises(MelImageError, match="bit depth of 10 or 12"):
        read_size(deeper)
