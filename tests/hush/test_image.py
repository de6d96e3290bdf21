import io
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hush.image import (
    DEFAULT_RANGE,
    MAX_FRAMES,
    Encoding,
    MelImage,
    MelImageError,
    decode,
    encode,
    quantize,
    read_header,
)
from tests.hush.formats.test_png import png_file

LOSSLESS = [Encoding("png"), Encoding("webp"), Encoding("tga")]
LOSSY = [Encoding("webp", 50), Encoding("webp", 90), Encoding("avif"), Encoding("avif", 90)]
ALL = LOSSLESS + LOSSY

finite_spectrograms = hnp.arrays(
    np.float32,
    st.tuples(st.sampled_from([80, 128]), st.integers(1, 12)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    fill=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


def smooth(frames: int = 300, mel_bins: int = 80) -> MelImage:
    """A picture with no detail finer than lossy formats keep."""
    bins, times = np.mgrid[:mel_bins, :frames]
    return quantize((np.sin(times / 20) + bins / mel_bins).astype(np.float32))


def ids(encoding: Encoding) -> str:
    return encoding.format + (f"-{encoding.quality}" if encoding.quality else "")


@settings(max_examples=60)
@given(spectrogram=finite_spectrograms, encoding=st.sampled_from(LOSSLESS))
def test_round_trip_is_within_half_a_step_for_any_finite_spectrogram(
    spectrogram: npt.NDArray[np.float32], encoding: Encoding
) -> None:
    decoded = decode(encode(quantize(spectrogram), encoding)).spectrogram()
    assert decoded.shape == spectrogram.shape
    exact = spectrogram.astype(np.float64)
    half_step = (exact.max() - exact.min()) / 510
    rounding = np.abs(exact).max() * 2**-23 + 2**-149
    assert np.abs(decoded - exact).max() <= half_step * (1 + 1e-9) + rounding


@pytest.mark.parametrize("encoding", LOSSY, ids=ids)
@pytest.mark.parametrize("mel_bins", [80, 128])
def test_lossy_formats_keep_size_range_and_shape(encoding: Encoding, mel_bins: int) -> None:
    image = smooth(mel_bins=mel_bins)
    decoded = decode(encode(image, encoding))
    assert (decoded.minimum, decoded.maximum) == (image.minimum, image.maximum)
    assert decoded.pixels.shape == image.pixels.shape
    difference = decoded.pixels.astype(float) - image.pixels
    assert np.abs(difference).mean() < 8


@pytest.mark.parametrize("encoding", ALL, ids=ids)
def test_low_frequencies_are_at_the_bottom_as_displayed(encoding: Encoding) -> None:
    spectrogram = np.zeros((80, 64), np.float32)
    spectrogram[:40] = 1
    data = encode(quantize(spectrogram), encoding)
    with Image.open(io.BytesIO(data)) as displayed:
        column = np.asarray(displayed.convert("L"))[:, 32]
    assert column[:30].mean() < 20
    assert column[50:].mean() > 235


@pytest.mark.parametrize("encoding", ALL, ids=ids)
def test_the_header_is_known_without_decoding(encoding: Encoding) -> None:
    header = read_header(encode(smooth(frames=123, mel_bins=128), encoding))
    assert (header.format, header.mel_bins, header.frames) == (encoding.format, 128, 123)


@pytest.mark.parametrize("name", ["quantized_mel_golden.tga", "frame_5283.tga"])
def test_files_of_other_software_come_out_as_they_came_in(shared_data: Path, name: str) -> None:
    data = (shared_data / "mel-spec" / name).read_bytes()
    image = decode(data)
    assert image.minimum == -1.5
    assert image.mel_bins == 80
    assert encode(image, Encoding("tga")) == data


def test_test_vector_of_the_specification() -> None:
    """docs/format.md shows this picture byte by byte."""
    pixels = np.zeros((80, 2), np.uint8)
    pixels[0, 0], pixels[79, 1] = 255, 128
    data = encode(MelImage(pixels, -0.5, 1.5), Encoding("tga"))
    assert data.hex(" ") == (
        "08 00 03 00 00 00 00 00 00 00 00 00 02 00 50 00 08 00"
        " 00 00 00 bf 00 00 c0 3f ff 00" + " 00 00" * 78 + " 00 80"
    )
    spectrogram = decode(data).spectrogram()
    assert spectrogram[0, 0] == 1.5
    assert spectrogram[79, 1] == pytest.approx(-0.5 + 2 * 128 / 255)


def test_silence_has_equal_minimum_and_maximum() -> None:
    image = quantize(np.full((80, 10), -1.5, np.float32))
    for encoding in ALL:
        decoded = decode(encode(image, encoding))
        assert (decoded.spectrogram() == -1.5).all()


def test_a_picture_without_a_range_gets_the_default_one() -> None:
    decoded = decode(png(smooth().pixels))
    assert (decoded.minimum, decoded.maximum) == DEFAULT_RANGE


def test_grey_pictures_in_rgb_are_taken_by_their_luma() -> None:
    pixels = smooth().pixels
    colored = np.stack([pixels, np.clip(pixels.astype(int) + 3, 0, 255), pixels], axis=2)
    decoded = decode(png(colored.astype(np.uint8)))
    assert np.abs(decoded.pixels[::-1].astype(int) - pixels).max() <= 3


@pytest.mark.parametrize("frames", [1, 2, MAX_FRAMES])
def test_the_narrowest_and_the_widest_are_taken(frames: int) -> None:
    image = MelImage(np.zeros((80, frames), np.uint8), 0, 1)
    for encoding in (Encoding("png"), Encoding("tga")):
        assert decode(encode(image, encoding)).frames == frames


def png(pixels: npt.NDArray[np.generic], text: str | None = None, **settings: object) -> bytes:
    file = io.BytesIO()
    info = PngInfo()
    if text is not None:
        info.add_text("mel-range", text)
    Image.fromarray(pixels).save(file, "PNG", pnginfo=info, **settings)
    return file.getvalue()


def tga(
    pixels: bytes = bytes(160),
    width: int = 2,
    height: int = 80,
    depth: int = 8,
    descriptor: int = 0,
    image_range: tuple[float, float] = (0, 1),
) -> bytes:
    header = struct.pack("<BBBHHBHHHHBB", 8, 0, 3, 0, 0, 0, 0, 0, width, height, depth, descriptor)
    return header + struct.pack("<ff", *image_range) + pixels


def saved(picture: Image.Image, form: str, **settings: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **settings)
    return file.getvalue()


GRAY = np.zeros((80, 4), np.uint8)
COLORED = np.zeros((80, 4, 3), np.uint8)
COLORED[:, :, 0] = 200
VALID_PNG = encode(smooth())
VALID_WEBP = encode(smooth(), Encoding("webp"))
VALID_AVIF = encode(smooth(), Encoding("avif"))

REFUSED = {
    "nothing": (b"", "empty"),
    "text": (b"hello, this is no picture at all", "not a picture"),
    "a JPEG": (saved(Image.fromarray(GRAY), "JPEG"), "not a picture in PNG"),
    "16 bits": (png(GRAY.astype(np.uint16)), "bit depth of 16"),
    "1 bit": (saved(Image.new("1", (4, 80)), "PNG"), "bit depth of 1"),
    "2 bits": (png(GRAY, bits=2), "palette|bit depth"),
    "a palette": (saved(Image.new("P", (4, 80)), "PNG"), "palette"),
    "colour": (png(COLORED), "in colour"),
    "colour in WebP": (saved(Image.fromarray(COLORED), "WEBP"), "in colour"),
    "colour in AVIF": (saved(Image.fromarray(COLORED), "AVIF"), "in colour"),
    "transparency": (saved(Image.new("LA", (4, 80)), "PNG"), "transparent"),
    "another height": (png(np.zeros((100, 4), np.uint8)), "100 pixels high"),
    "too wide": (png(np.zeros((80, MAX_FRAMES + 1), np.uint8)), "65536 pixels wide"),
    "a bomb in PNG": (
        png_file((b"IHDR", struct.pack(">IIBBBBB", 2**20, 2**20, 8, 0, 0, 0, 0)), (b"IEND", b"")),
        "1048576 pixels",
    ),
    "a bomb in WebP": (
        saved(Image.new("L", (16_000, 16_000)), "WEBP", lossless=True, quality=0, method=0),
        "16000 pixels high",
    ),
    "a truncated PNG": (VALID_PNG[:-20], "truncated or damaged"),
    "a PNG's signature": (VALID_PNG[:8], "truncated or damaged"),
    "a wrong checksum": (VALID_PNG[:-30] + b"x" + VALID_PNG[-29:], "truncated or damaged"),
    "a truncated WebP": (VALID_WEBP[:-20], "truncated or damaged"),
    "a WebP's signature": (VALID_WEBP[:12], "truncated or damaged"),
    "a truncated AVIF": (VALID_AVIF[:-20], "truncated or damaged"),
    "an AVIF's signature": (VALID_AVIF[:12], "truncated or damaged"),
    "an animated PNG": (
        png(GRAY, save_all=True, append_images=[Image.fromarray(GRAY + 9)]),
        "animated",
    ),
    "an animated WebP": (
        saved(
            Image.fromarray(COLORED),
            "WEBP",
            save_all=True,
            append_images=[Image.fromarray(COLORED + 9)],
        ),
        "animated",
    ),
    "an animated AVIF": (
        saved(
            Image.fromarray(COLORED),
            "AVIF",
            save_all=True,
            append_images=[Image.fromarray(COLORED + 9)],
        ),
        "animated",
    ),
    "a range of words": (png(GRAY, "low high"), "two numbers"),
    "a range of three": (png(GRAY, "1 2 3"), "two numbers"),
    "an empty range": (png(GRAY, ""), "two numbers"),
    "an infinite range": (png(GRAY, "0 inf"), "two numbers"),
    "a range too large for float32": (png(GRAY, "0 1e99"), "not finite"),
    "an inverted range": (png(GRAY, "1 0"), "inverted"),
    "a range that is not a number": (tga(image_range=(float("nan"), 1)), "not finite"),
    "a truncated TGA": (tga(pixels=bytes(159)), "pixels are missing"),
    "a TGA in colour": (tga(depth=24), "bit depth of 24"),
    "a TGA right to left": (tga(descriptor=0x10), "right to left"),
    "a TGA without pixels": (tga(pixels=b"", width=0), "no pixels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_with_one_clear_error(case: str) -> None:
    data, message = REFUSED[case]
    with pytest.raises(MelImageError, match=message):
        decode(data)


@settings(max_examples=300)
@given(
    valid=st.sampled_from([encode(smooth(40), encoding) for encoding in ALL]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    keep=st.floats(0, 1),
    tail=st.binary(max_size=40),
)
def test_damage_gives_a_picture_or_that_one_error(
    valid: bytes, changes: list[tuple[float, int]], keep: float, tail: bytes
) -> None:
    data = bytearray(valid)
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    damaged = bytes(data[: int(len(data) * min(1, keep * 2))]) + tail
    try:
        image = decode(damaged)
    except MelImageError:
        return
    assert image.mel_bins in (80, 128)
    assert 1 <= image.frames <= MAX_FRAMES
    assert np.isfinite(image.spectrogram()).all()


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_picture_or_that_one_error(data: bytes) -> None:
    with suppress(MelImageError):
        decode(data)


@pytest.mark.parametrize(
    ("format", "quality"), [("png", 50), ("tga", 50), ("webp", 101), ("avif", -1), ("gif", None)]
)
def test_encodings_that_do_not_exist_are_refused(format: str, quality: int | None) -> None:
    with pytest.raises(MelImageError):
        Encoding(format, quality)  # type: ignore[arg-type]


def test_what_is_too_wide_for_a_format_is_refused() -> None:
    for form, widest in (("webp", 16_383), ("avif", 32_768)):
        encoding = Encoding(form)  # type: ignore[arg-type]
        image = MelImage(np.zeros((80, widest), np.uint8), 0, 1)
        assert decode(encode(image, encoding)).frames == widest
        with pytest.raises(MelImageError, match="frames are too wide for"):
            encode(MelImage(np.zeros((80, widest + 1), np.uint8), 0, 1), encoding)


@pytest.mark.parametrize(
    ("pixels", "image_range", "message"),
    [
        (np.zeros((64, 4), np.uint8), (0, 1), "64 pixels high"),
        (np.zeros((80, 4)), (0, 1), "8 bits each"),
        (np.zeros(80, np.uint8), (0, 1), "two-dimensional"),
        (np.zeros((80, 0), np.uint8), (0, 1), "no pixels"),
        (np.zeros((80, 70_000), np.uint8), (0, 1), "70000 pixels wide"),
        (np.zeros((80, 4), np.uint8), (1, 0), "inverted"),
        (np.zeros((80, 4), np.uint8), (0, np.inf), "not finite"),
    ],
)
def test_a_mel_image_is_what_it_says(
    pixels: npt.NDArray[np.uint8], image_range: tuple[float, float], message: str
) -> None:
    with pytest.raises(MelImageError, match=message):
        MelImage(pixels, *image_range)


@pytest.mark.parametrize(
    ("spectrogram", "message"),
    [
        (np.zeros((80, 0)), "no pixels"),
        (np.zeros((64, 5)), "64 pixels high"),
        (np.zeros((80, MAX_FRAMES + 1)), "pixels wide"),
        (np.zeros(80), "two dimensions"),
        (np.full((80, 2), np.nan), "not finite"),
        (np.full((80, 2), np.inf), "not finite"),
    ],
)
def test_spectrograms_that_are_none_are_refused(
    spectrogram: npt.NDArray[np.float64], message: str
) -> None:
    with pytest.raises(MelImageError, match=message):
        quantize(spectrogram.astype(np.float32))
