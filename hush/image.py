"""Mel images, version 1: a log-mel spectrogram as an 8-bit grayscale picture, and back.

One pixel column for each frame of 10 ms, one row for each mel bin, low frequencies at the bottom.
The spectrogram's range travels in the file, so that decoded values are within half a quantisation
step of the originals. `docs/format.md` is the specification.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hush.formats import FileFormat, Pixels, Size, avif, png, tga, webp
from hush.formats import MelImageError as MelImageError  # noqa: PLC0414 # others know it from here
from hush.mel import MEL_BINS, Spectrogram

ImageFormat = Literal["png", "webp", "avif", "tga"]
FORMATS: Mapping[ImageFormat, FileFormat] = {"png": png, "webp": webp, "avif": avif, "tga": tga}
"""By the endings of their files, in the order in which they are recognised: TGA has no
signature."""

MAX_FRAMES = 65_535
"""Widest mel image, in frames: a little under 11 minutes. TGA's header has no room for more."""
DEFAULT_RANGE = (-0.5, 1.5)
"""Minimum and maximum taken for a picture that does not say its own: Whisper's values for speech at
a usual level."""


@dataclass(frozen=True, eq=False)
class MelImage:
    """A quantised spectrogram.

    Attributes
    ----------
    pixels
        (n_mels, frames) array of 0 to 255; the first row is the lowest frequency.
    minimum, maximum
        Values of pixels 0 and 255, in the spectrogram's units.

    Raises
    ------
    MelImageError
        If the shape is that of no mel image, or the range is not two finite numbers in order.
    """

    pixels: Pixels
    minimum: float
    maximum: float

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.uint8:
            raise MelImageError("pixels have to be two-dimensional, of 8 bits each")
        _check_size(self.frames, self.mel_bins)
        if not np.isfinite([self.minimum, self.maximum]).all():
            raise MelImageError("the picture's range is not finite")
        if self.minimum > self.maximum:
            raise MelImageError(
                f"the picture's range is inverted: {self.minimum} to {self.maximum}"
            )

    @property
    def mel_bins(self) -> int:
        """Height: 80 or 128."""
        return int(self.pixels.shape[0])

    @property
    def frames(self) -> int:
        """Width: frames of 10 ms."""
        return int(self.pixels.shape[1])

    def spectrogram(self) -> Spectrogram:
        """Return the dequantised values.

        Returns
        -------
        (n_mels, frames) array
            Within half a step, (maximum - minimum) / 510, of what was quantised, and float32's own
            rounding.
        """
        levels = np.linspace(self.minimum, self.maximum, 256).astype(np.float32)
        return levels[self.pixels]


def quantize(spectrogram: Spectrogram) -> MelImage:
    """Quantise a spectrogram linearly over its own range.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) finite values, 80 or 128 bins, 1 to 65535 frames.

    Raises
    ------
    MelImageError
        If the shape is another, or a value is not finite.
    """
    if spectrogram.ndim != 2:
        raise MelImageError(f"a spectrogram has two dimensions, not {spectrogram.ndim}")
    _check_size(spectrogram.shape[1], spectrogram.shape[0])
    minimum, maximum = float(spectrogram.min()), float(spectrogram.max())
    if not np.isfinite([minimum, maximum]).all():
        raise MelImageError("the spectrogram holds values that are not finite")
    if minimum == maximum:
        return MelImage(np.zeros(spectrogram.shape, np.uint8), minimum, maximum)
    # In float64, since the difference of two float32 may be neither exact nor finite in float32.
    steps = (spectrogram.astype(np.float64) - minimum) / (maximum - minimum) * 255
    return MelImage(np.rint(steps).astype(np.uint8), minimum, maximum)


@dataclass(frozen=True)
class Encoding:
    """How a mel image is written as a file.

    Attributes
    ----------
    format
        "png" (lossless, the default), "webp" (lossless unless `quality` is given), "avif" (lossy),
        or "tga" (uncompressed).
    quality
        0 (smallest) to 100, for lossy WebP and AVIF (60 if not given).

    Raises
    ------
    MelImageError
        If the format has no such quality.
    """

    format: ImageFormat = "png"
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise MelImageError(f"{self.format!r} is not one of {', '.join(FORMATS)}")
        if self.quality is not None and not (
            FORMATS[self.format].HAS_QUALITY and 0 <= self.quality <= 100
        ):
            raise MelImageError("quality is 0 to 100, and only WebP and AVIF have one")


PNG = Encoding()
SMALL = Encoding("webp", 75)
"""The `small` picture: a third of the bytes, for a third of a point (docs/payload.md)."""


def encode(image: MelImage, encoding: Encoding = PNG) -> bytes:
    """Write a mel image as a file.

    Raises
    ------
    MelImageError
        If the picture is too wide for the format.
    """
    form = FORMATS[encoding.format]
    if image.frames > form.WIDEST:
        raise MelImageError(
            f"{image.frames} frames are too wide for {form.NAME}, which ends at {form.WIDEST}"
        )
    return form.encode(image.pixels, (image.minimum, image.maximum), encoding.quality)


@dataclass(frozen=True)
class Header:
    """What the beginning of a mel image says, known before any pixel is decoded."""

    format: ImageFormat
    mel_bins: int
    frames: int


def read_header(data: bytes) -> Header:
    """Read format and size, and refuse at once what cannot be a mel image of a sensible size.

    Raises
    ------
    MelImageError
        As `decode` does, apart from damage that only decoding shows.
    """
    format = _recognized(data)
    frames, mel_bins = _read_size(data, format)
    return Header(format, mel_bins, frames)


def decode(data: bytes) -> MelImage:
    """Read a mel image file.

    Parameters
    ----------
    data
        A PNG, WebP, AVIF or TGA file. Grey pictures stored as RGB are accepted by their luma.

    Returns
    -------
    MelImage
        With `DEFAULT_RANGE` if the file does not say its own.

    Raises
    ------
    MelImageError
        If the file is anything else, too large, damaged, in colour, animated, of another bit depth
        or height, or its range is not two finite numbers in order.
    """
    format = _recognized(data)
    size = _read_size(data, format)
    pixels, value_range = FORMATS[format].decode(data, size)
    return MelImage(pixels, *(value_range or DEFAULT_RANGE))


def _recognized(data: bytes) -> ImageFormat:
    if not data:
        raise MelImageError("the picture is empty: no bytes came")
    for name, format in FORMATS.items():
        if format.recognizes(data):
            return name
    raise MelImageError("this is not a picture in PNG, WebP, AVIF or grayscale TGA format")


def _read_size(data: bytes, format: ImageFormat) -> Size:
    frames, mel_bins = FORMATS[format].read_size(data)
    _check_size(frames, mel_bins)
    return frames, mel_bins


def _check_size(frames: int, mel_bins: int) -> None:
    if frames < 1 or mel_bins < 1:
        raise MelImageError("the picture is empty: it has no pixels")
    if mel_bins not in MEL_BINS:
        raise MelImageError(
            f"the picture is {mel_bins} pixels high; a mel image is 80 high, or 128 for large-v3"
        )
    if frames > MAX_FRAMES:
        raise MelImageError(
            f"the picture is {frames} pixels wide; a mel image has at most {MAX_FRAMES}"
            " (a little under 11 minutes): cut the speech into segments"
        )
