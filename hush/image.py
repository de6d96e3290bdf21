"""Mel images, version 1: a log-mel spectrogram as an 8-bit grayscale picture, and back.

One pixel column for each frame of 10 ms, one row for each mel bin, low frequencies at the bottom.
The spectrogram's range travels in the file, so that decoded values are within half a quantisation
step of the originals. `docs/format.md` is the specification.
"""

import io
import re
import struct
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hush.avif import AvifStructureError, coded_size
from hush.mel import MEL_BINS, Spectrogram

Format = Literal["png", "webp", "avif", "tga"]
FORMATS: tuple[Format, ...] = get_args(Format)

MAX_FRAMES = 65_535
"""Widest mel image, in frames: a little under 11 minutes. TGA's header has no room for more."""
DEFAULT_RANGE = (-0.5, 1.5)
"""Minimum and maximum taken for a picture that does not say its own: Whisper's values for speech at
a usual level."""
MAX_CHROMA = 24
"""How far red, green and blue of one pixel may lie apart in a picture that counts as grey."""
DEFAULT_AVIF_QUALITY = 60

_WEBP_MAX_FRAMES = 16_383
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RANGE_KEYWORD = "mel-range"
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:mel="urn:mel-image:1" mel:range="{}"/>'
    "</rdf:RDF></x:xmpmeta>"
)
_XMP_RANGE = re.compile(rb"""\bmel:range\s*=\s*["']([^"'<>]{0,100})["']""")
_TGA_HEADER = struct.Struct("<BBBHHBHHHHBB")
_TGA_RANGE = struct.Struct("<ff")
_TGA_GRAYSCALE = 3
_TGA_TOP_DOWN = 0x20

Pixels = npt.NDArray[np.uint8]
Range = tuple[float, float]


class MelImageError(ValueError):
    """The bytes are not a usable mel image, or cannot become one. The message says what and why."""


@dataclass(frozen=True, eq=False)
class MelImage:
    """A quantised spectrogram.

    Attributes
    ----------
    pixels
        (n_mels, frames) array of 0 to 255; the first row is the lowest frequency.
    minimum, maximum
        Values of pixels 0 and 255, in the spectrogram's units.
    """

    pixels: Pixels
    minimum: float
    maximum: float

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

    format: Format = "png"
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise MelImageError(f"{self.format!r} is not one of {', '.join(FORMATS)}")
        if self.quality is not None and (
            self.format in ("png", "tga") or not 0 <= self.quality <= 100
        ):
            raise MelImageError("quality is 0 to 100, and only WebP and AVIF have one")


PNG = Encoding()


def encode(image: MelImage, encoding: Encoding = PNG) -> bytes:
    """Write a mel image as a file.

    Raises
    ------
    MelImageError
        If the picture is too wide for the format.
    """
    if encoding.format == "tga":
        return _encode_tga(image)
    picture = Image.fromarray(np.ascontiguousarray(image.pixels[::-1]))
    range_text = f"{np.float32(image.minimum)} {np.float32(image.maximum)}"
    xmp = _XMP.format(range_text).encode()
    file = io.BytesIO()
    match encoding:
        case Encoding("png"):
            text = PngInfo()
            text.add_text(_RANGE_KEYWORD, range_text)
            picture.save(file, "PNG", optimize=True, pnginfo=text)
        case Encoding("webp", quality):
            if image.frames > _WEBP_MAX_FRAMES:
                raise MelImageError(
                    f"{image.frames} frames are too wide for WebP, which ends at {_WEBP_MAX_FRAMES}"
                )
            # For lossless files, quality is the effort: 75 takes 20 times less than 100.
            effort = 75 if quality is None else quality
            picture.save(file, "WEBP", lossless=quality is None, quality=effort, method=6, xmp=xmp)
        case Encoding("avif", quality):
            level = DEFAULT_AVIF_QUALITY if quality is None else quality
            picture.save(file, "AVIF", quality=level, subsampling="4:0:0", max_threads=1, xmp=xmp)
    return file.getvalue()


@dataclass(frozen=True)
class Header:
    """What the beginning of a mel image says, known before any pixel is decoded."""

    format: Format
    mel_bins: int
    frames: int


def read_header(data: bytes) -> Header:
    """Read format and size, and refuse at once what cannot be a mel image of a sensible size.

    Raises
    ------
    MelImageError
        As `decode` does, apart from damage that only decoding shows.
    """
    if not data:
        raise MelImageError("the picture is empty: no bytes came")
    format = _format(data)
    frames, mel_bins = {
        "png": _png_size,
        "webp": _webp_size,
        "avif": _avif_size,
        "tga": _tga_size,
    }[format](data)
    _check_size(frames, mel_bins)
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
    header = read_header(data)
    pixels, stored = _decode_tga(data) if header.format == "tga" else _decode_picture(data, header)
    minimum, maximum = stored or DEFAULT_RANGE
    if not np.isfinite([minimum, maximum]).all():
        raise MelImageError("the picture's range is not finite")
    if minimum > maximum:
        raise MelImageError(f"the picture's range is inverted: {minimum} to {maximum}")
    return MelImage(pixels, minimum, maximum)


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


def _format(data: bytes) -> Format:
    if data.startswith(_PNG_SIGNATURE):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis", b"mif1", b"msf1"):
        return "avif"
    # TGA has no signature; no colour map and grayscale is what a mel image has to begin with.
    if len(data) >= _TGA_HEADER.size and data[1] == 0 and data[2] == _TGA_GRAYSCALE:
        return "tga"
    raise MelImageError("this is not a picture in PNG, WebP, AVIF or grayscale TGA format")


def _png_size(data: bytes) -> tuple[int, int]:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise MelImageError("the PNG file is truncated or damaged")
    width, height, depth, color = struct.unpack_from(">IIBB", data, 16)
    if color == 3:
        raise MelImageError("the PNG file has a palette; a mel image is grayscale")
    if depth != 8:
        raise MelImageError(f"the PNG file has a bit depth of {depth}; a mel image has 8")
    return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    damaged = MelImageError("the WebP file is truncated or damaged")
    if len(data) < 30 or len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise damaged
    match data[12:16]:
        case b"VP8X":
            if data[20] & 0x02:
                raise MelImageError("the picture is animated; a mel image is one still picture")
            width, height = data[24:27], data[27:30]
            return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = data[26:28], data[28:30]
            return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(
                height, "little"
            ) & 0x3FFF
        case _:
            raise damaged


def _avif_size(data: bytes) -> tuple[int, int]:
    try:
        return coded_size(data)
    except AvifStructureError as error:
        raise MelImageError(str(error)) from error


def _tga_size(data: bytes) -> tuple[int, int]:
    *_, width, height, depth, _ = _TGA_HEADER.unpack_from(data)
    if depth != 8:
        raise MelImageError(f"the TGA file has a bit depth of {depth}; a mel image has 8")
    return width, height


def _opened(data: bytes, format: Format) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=[format])
    # Decoders raise a dozen kinds of errors on damaged files; all mean the same here.
    except Exception as error:
        raise MelImageError(f"the {_name(format)} file is truncated or damaged") from error


def _decode_picture(data: bytes, header: Header) -> tuple[Pixels, Range | None]:
    name = _name(header.format)
    with _opened(data, header.format) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise MelImageError("the picture is animated; a mel image is one still picture")
        if picture.size != (header.frames, header.mel_bins):
            raise MelImageError(f"the {name} file is damaged: it says two different sizes")
        try:
            if header.format == "png":
                # Decoding alone notices neither a wrong checksum nor a missing end.
                Image.open(io.BytesIO(data), formats=["png"]).verify()
            picture.load()
        except Exception as error:
            raise MelImageError(f"the {name} file is truncated or damaged") from error
        pixels = np.ascontiguousarray(_gray(picture)[::-1])
        return pixels, _stored_range(picture)


def _gray(picture: Image.Image) -> Pixels:
    """Return the luma of a grey picture, top row first."""
    if picture.mode == "L":
        return np.asarray(picture)
    if "A" in picture.getbands() and picture.getextrema()[-1] != (255, 255):
        raise MelImageError("the picture is transparent; a mel image is opaque")
    channels = np.asarray(picture.convert("RGB"))
    chroma = channels.max(axis=2) - channels.min(axis=2)
    if chroma.max() > MAX_CHROMA:
        raise MelImageError("the picture is in colour; a mel image is grayscale")
    return np.asarray(picture.convert("L"))


def _stored_range(picture: Image.Image) -> Range | None:
    text = picture.info.get(_RANGE_KEYWORD)
    if text is None:
        found = _XMP_RANGE.search(picture.info.get("xmp", b""))
        if found is None:
            return None
        text = found[1].decode("latin-1")
    try:
        with np.errstate(over="ignore"):
            minimum, maximum = (float(np.float32(word)) for word in text.split())
        return minimum, maximum
    except (ValueError, OverflowError) as error:
        raise MelImageError(
            f"the picture's range is {text[:40]!r}; it has to be two numbers, minimum and maximum"
        ) from error


def _encode_tga(image: MelImage) -> bytes:
    identification = _TGA_RANGE.pack(image.minimum, image.maximum)
    header = _TGA_HEADER.pack(
        len(identification), 0, _TGA_GRAYSCALE, 0, 0, 0, 0, 0, image.frames, image.mel_bins, 8, 0
    )
    return header + identification + image.pixels.tobytes()


def _decode_tga(data: bytes) -> tuple[Pixels, Range | None]:
    id_length, *_, width, height, _, descriptor = _TGA_HEADER.unpack_from(data)
    first = _TGA_HEADER.size + id_length
    if len(data) < first + width * height:
        raise MelImageError("the TGA file is truncated: pixels are missing")
    if descriptor & ~_TGA_TOP_DOWN:
        raise MelImageError("the TGA file is stored right to left, or with an alpha channel")
    pixels = np.frombuffer(data, np.uint8, width * height, first).reshape(height, width)
    if descriptor & _TGA_TOP_DOWN:
        pixels = pixels[::-1]
    if id_length != _TGA_RANGE.size:
        return pixels, None
    minimum, maximum = _TGA_RANGE.unpack_from(data, _TGA_HEADER.size)
    return pixels, (minimum, maximum)


def _name(format: Format) -> str:
    return {"png": "PNG", "webp": "WebP", "avif": "AVIF", "tga": "TGA"}[format]
