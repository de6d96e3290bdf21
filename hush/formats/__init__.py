"""The file formats of mel images, one module each, all with the same face.

`FileFormat` is that face; `hush.image` has the table of the formats.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]
"""Width and height: frames and mel bins."""
ValueRange = tuple[float, float]
"""Values of pixels 0 and 255."""


class MelImageError(ValueError):
    """The bytes are not a usable mel image, or cannot become one. The message says what and why."""


class FileFormat(Protocol):
    """What each format's module has."""

    NAME: str
    """As people write it."""
    WIDEST: int
    """Frames that a file has room for."""
    HAS_QUALITY: bool
    """Whether a file can be lossy, with a quality of 0 to 100."""

    def recognizes(self, data: bytes) -> bool:
        """Say whether a file is of this format, by how it begins."""

    def read_size(self, data: bytes) -> Size:
        """Read what a file says of its size, and refuse what no mel image has, without decoding.

        Raises
        ------
        MelImageError
            If the file is truncated, damaged, or of a form that a mel image has no use for.
        """

    def decode(self, data: bytes, size: Size) -> tuple[Pixels, ValueRange | None]:
        """Read a file whose size was read and is sensible.

        Returns
        -------
        (n_mels, frames) array
            The lowest frequency first.
        tuple of minimum and maximum
            None if the file does not say them.

        Raises
        ------
        MelImageError
            If it is damaged, in colour, or its range is not two numbers.
        """

    def encode(self, pixels: Pixels, value_range: ValueRange, quality: int | None) -> bytes:
        """Write a file.

        Parameters
        ----------
        pixels
            (n_mels, frames), the lowest frequency first.
        value_range
            Values of pixels 0 and 255.
        quality
            Of lossy files; None for the format's own choice.
        """
