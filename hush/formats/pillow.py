"""Grey pictures through Pillow, which knows PNG, WebP and AVIF."""

import io
from typing import Any

import numpy as np
from PIL import Image

from hush.formats import MelImageError, Pixels, Size

MAX_CHROMA = 24
"""How far red, green and blue of one pixel may lie apart in a picture that counts as grey."""


def read_picture(data: bytes, name: str, size: Size) -> tuple[Pixels, bytes]:
    """Return the pixels, lowest frequency first, and the XMP packet, which may be empty.

    Parameters
    ----------
    data
        The file.
    name
        Of its format.
    size
        Width and height that it has to have.

    Raises
    ------
    MelImageError
        If it is damaged, animated, transparent, in colour, or of another size.
    """
    try:
        with Image.open(io.BytesIO(data), formats=[name]) as picture:
            if getattr(picture, "n_frames", 1) > 1:
                raise MelImageError("the picture is animated; a mel image is one still picture")
            if picture.size != size:
                raise MelImageError(f"the {name} file is damaged: it says two different sizes")
            picture.load()
            xmp: bytes = picture.info.get("xmp", b"")
            return np.ascontiguousarray(_gray(picture)[::-1]), xmp
    except MelImageError:
        raise
    # Decoders raise a dozen kinds of errors on damaged files; all mean the same here.
    except Exception as error:
        raise MelImageError(f"the {name} file is truncated or damaged") from error


def write_picture(pixels: Pixels, name: str, **settings: Any) -> bytes:
    """Return a grey picture as a file.

    Parameters
    ----------
    pixels
        (n_mels, frames), the lowest frequency first.
    name
        Of the format.
    **settings
        What Pillow takes for it.
    """
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[::-1])).save(file, name, **settings)
    return file.getvalue()


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
