import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hush.formats.png import SIGNATURE, read_structure
from hush.image import MelImageError, decode

Chunk = tuple[bytes, bytes]


def png_file(*chunks: Chunk) -> bytes:
    """Return a PNG file of any chunks, with the right lengths and checksums."""
    return SIGNATURE + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def header(width: int = 4, height: int = 80, color: int = 0, interlace: int = 0) -> Chunk:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, interlace)


PIXELS: Chunk = (b"IDAT", zlib.compress(bytes(5 * 80)))
END: Chunk = (b"IEND", b"")
PLAIN = png_file(header(), PIXELS, END)


def test_the_smallest_file_is_read() -> None:
    assert decode(PLAIN).pixels.shape == (80, 4)


def test_everything_but_the_picture_is_left_out() -> None:
    extras: list[Chunk] = [
        (b"tEXt", b"xmp\0text where bytes are expected"),
        (b"tEXt", b"transparency\0x"),
        (b"tEXt", b"Author\0somebody"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000))),
        (b"iCCP", b"profile\0\0" + zlib.compress(bytes(50_000_000))),
        (b"eXIf", b"MM\0*"),
        (b"gAMA", b"\0\0\0\1"),
        (b"aBCd", b"unknown"),
    ]
    read = read_structure(png_file(header(), *extras, PIXELS, END))
    assert read.picture == PLAIN
    assert read.texts["Author"] == "somebody"


def test_the_first_text_of_a_keyword_counts() -> None:
    texts = [(b"tEXt", b"mel-range\0-1 1"), (b"tEXt", b"mel-range\0-7 7")]
    image = decode(png_file(header(), *texts, PIXELS, END))
    assert (image.minimum, image.maximum) == (-1, 1)


def test_text_after_the_pixels_counts_too() -> None:
    image = decode(png_file(header(), PIXELS, (b"tEXt", b"mel-range\0-1 1"), END))
    assert (image.minimum, image.maximum) == (-1, 1)


@pytest.mark.parametrize("color", [0, 2, 4, 6])
def test_pixels_that_are_missing_are_noticed(color: int) -> None:
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    row = b"\0" + b"\xff" * 4 * channels
    for rows, complete in ((80, True), (79, False), (81, False)):
        data = png_file(header(color=color), (b"IDAT", zlib.compress(row * rows)), END)
        if complete:
            assert decode(data).pixels.min() == 255
        else:
            with pytest.raises(MelImageError, match="truncated or damaged"):
                decode(data)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([header(), header(), PIXELS, END], "damaged"),
        ([PIXELS, header(), END], "damaged"),
        ([header(), PIXELS], "truncated"),
        ([header(color=1), PIXELS, END], "damaged"),
        ([(b"IHDR", b"\0" * 12), PIXELS, END], "damaged"),
        ([header(), (b"tRNS", b"\0\0"), PIXELS, END], "transparent"),
        ([header(), (b"acTL", bytes(8)), PIXELS, END], "animated"),
        ([header(interlace=1), PIXELS, END], "interlaced"),
        ([header(), *[(b"tEXt", b"")] * 500_000, PIXELS, END], "more than 1000 chunks"),
        ([header(), (b"IDAT", zlib.compress(bytes(10**8), 1)), END], "damaged"),
        ([header(), (b"IDAT", b"nothing"), END], "damaged"),
        ([header(), END], "damaged"),
    ],
)
def test_files_that_contradict_themselves_are_refused(chunks: list[Chunk], message: str) -> None:
    with pytest.raises(MelImageError, match=message):
        decode(png_file(*chunks))


@given(place=st.integers(8, len(PLAIN) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(place: int, bit: int) -> None:
    flipped = bytearray(PLAIN)
    flipped[place] ^= 1 << bit
    with pytest.raises(MelImageError):
        read_structure(bytes(flipped))


kinds = st.sampled_from(
    [b"IHDR", b"IDAT", b"IEND", b"tEXt", b"zTXt", b"iTXt", b"tRNS", b"iCCP", b"PLTE", b"gAMA"]
)
keywords = st.sampled_from([b"mel-range", b"xmp", b"transparency", b"exif", b"icc_profile", b"x"])
contents = st.one_of(
    st.binary(max_size=30),
    st.tuples(keywords, st.sampled_from([b"", b"1 2", b"\0\0", b"nan nan"])).map(b"\0".join),
    st.just(PIXELS[1]),
    st.builds(
        lambda width, height, depth, color: struct.pack(
            ">IIBBBBB", width, height, depth, color, 0, 0, 0
        ),
        st.sampled_from([0, 1, 4, 70_000]),
        st.sampled_from([0, 80, 128]),
        st.sampled_from([8, 8, 8, 4, 16]),
        st.integers(0, 7),
    ),
)


@settings(max_examples=400)
@given(st.lists(st.tuples(kinds, contents), max_size=6), st.sampled_from([0, 2, 4, 6]))
def test_any_chunks_give_a_picture_or_that_one_error(chunks: list[Chunk], color: int) -> None:
    for data in (png_file(*chunks), png_file(header(color=color), *chunks, PIXELS, END)):
        try:
            assert decode(data).mel_bins in (80, 128)
        except MelImageError:
            continue
