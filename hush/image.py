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
from hush.png import SIGNATURE, PngFile, PngStructureError, read_png

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

_WIDEST = {"webp": 16_383, "avif": 32_768}
_RANGE_KEYWORD = "mel-range"
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:mel="urn:mel-image:1" mel:range="{}"/>'
    "</rdf:RDF></x:xmpmeta>"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_XMP_RANGE = re.compile(rb"""\bmel:range\s*=\s*["']([^"'<>]{0,100})["']""")
_TGA_HEADER = struct.Struct("<BBBHHBHHHHBB")
_TGA_RANGE = struct.Struct("<ff")
_TGA_GRAYSCALE = 3
_TGA_TOP_DOWN = 0x20

Pixels = npt.NDArray[np.uint8]


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
SMALL = Encoding("webp", 10)
"""The `small` picture: the fewest bytes that cost no words worth mention (docs/payload.md)."""


def encode(image: MelImage, encoding: Encoding = PNG) -> bytes:
    """Write a mel image as a file.

    Raises
    ------
    MelImageError
        If the picture is too wide for the format.
    """
    if encoding.format == "tga":
        return _encode_tga(image)
    widest = _WIDEST.get(encoding.format, MAX_FRAMES)
    if image.frames > widest:
        name = _name(encoding.format)
        raise MelImageError(
            f"{image.frames} frames are too wide for {name}, which ends at {widest}"
        )
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
    return _read(data)[0]


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
    header, picture = _read(data)
    if header.format == "tga":
        return _decode_tga(data)
    if picture is not None:
        try:
            picture.check_pixels()
        except PngStructureError as error:
            raise MelImageError(str(error)) from error
        pixels, _ = _decoded(picture.picture, header)
        text = picture.texts.get(_RANGE_KEYWORD)
    else:
        pixels, xmp = _decoded(data, header)
        found = _XMP_RANGE.search(xmp)
        text = found[1].decode("latin-1") if found else None
    minimum, maximum = DEFAULT_RANGE if text is None else _parse_range(text)
    return MelImage(pixels, minimum, maximum)


def _read(data: bytes) -> tuple[Header, PngFile | None]:
    """Read the header, and of a PNG file all chunks."""
    if not data:
        raise MelImageError("the picture is empty: no bytes came")
    format = _format(data)
    png = None
    try:
        match format:
            case "png":
                png = read_png(data)
                frames, mel_bins = png.width, png.height
            case "webp":
                frames, mel_bins = _webp_size(data)
            case "avif":
                frames, mel_bins = coded_size(data)
            case "tga":
                frames, mel_bins = _tga_size(data)
    except (PngStructureError, AvifStructureError) as error:
        raise MelImageError(str(error)) from error
    _check_size(frames, mel_bins)
    return Header(format, mel_bins, frames), png


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
    if data.startswith(SIGNATURE):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis", b"mif1", b"msf1"):
        return "avif"
    # TGA has no signature; no colour map and grayscale is what a mel image has to begin with.
    if len(data) >= _TGA_HEADER.size and data[1] == 0 and data[2] == _TGA_GRAYSCALE:
        return "tga"
    raise MelImageError("this is not a picture in PNG, WebP, AVIF or grayscale TGA format")


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


def _tga_size(data: bytes) -> tuple[int, int]:
    *_, width, height, depth, _ = _TGA_HEADER.unpack_from(data)
    if depth != 8:
        raise MelImageError(f"the TGA file has a bit depth of {depth}; a mel image has 8")
    return width, height


def _decoded(data: bytes, header: Header) -> tuple[Pixels, bytes]:
    """Return the pixels, lowest frequency first, and the XMP packet if there is one."""
    name = _name(header.format)
    try:
        with Image.open(io.BytesIO(data), formats=[header.format]) as picture:
            if getattr(picture, "n_frames", 1) > 1:
                raise MelImageError("the picture is animated; a mel image is one still picture")
            if picture.size != (header.frames, header.mel_bins):
                raise MelImageError(f"the {name} file is damaged: it says two different sizes")
            picture.load()
            xmp = picture.info.get("xmp", b"")
            return np.ascontiguousarray(_gray(picture)[::-1]), xmp
    except MelImageError:
        raise
    # Decoders raise a dozen kinds of errors on damaged files; all mean the same here.
    except Exception as error:
        raise MelImageError(f"the {name} file is truncated or damaged") from error


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


def _parse_range(text: str) -> tuple[float, float]:
    words = text.split()
    if len(words) != 2 or not all(_NUMBER.fullmatch(word) for word in words):
        raise MelImageError(
            f"the picture's range is {text[:40]!r}; it has to be two numbers, minimum and maximum"
        )
    with np.errstate(over="ignore"):
        minimum, maximum = (float(np.float32(word)) for word in words)
    return minimum, maximum


def _encode_tga(image: MelImage) -> bytes:
    identification = _TGA_RANGE.pack(image.minimum, image.maximum)
    header = _TGA_HEADER.pack(
        len(identification), 0, _TGA_GRAYSCALE, 0, 0, 0, 0, 0, image.frames, image.mel_bins, 8, 0
    )
    return header + identification + image.pixels.tobytes()


def _decode_tga(data: bytes) -> MelImage:
    id_length, *_, width, height, _, descriptor = _TGA_HEADER.unpack_from(data)
    first = _TGA_HEADER.size + id_length
    if len(data) < first + width * height:
        raise MelImageError("the TGA file is truncated: pixels are missing")
    if descriptor & ~_TGA_TOP_DOWN:
        raise MelImageError("the TGA file is stored right to left, or with an alpha channel")
    pixels = np.frombuffer(data, np.uint8, width * height, first).reshape(height, width)
    if descriptor & _TGA_TOP_DOWN:
        pixels = pixels[::-1]
    minimum, maximum = DEFAULT_RANGE
    if id_length == _TGA_RANGE.size:
        minimum, maximum = _TGA_RANGE.unpack_from(data, _TGA_HEADER.size)
    return MelImage(pixels, minimum, maximum)


def _name(format: Format) -> str:
    return {"png": "PNG", "webp": "WebP", "avif": "AVIF", "tga": "TGA"}[format]
