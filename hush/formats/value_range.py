"""A picture's range as text: two numbers, alone in PNG, and in an XMP packet in WebP and AVIF."""

import re

import numpy as np

from hush.formats import MelImageError, ValueRange

_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:mel="urn:mel-image:1" mel:range="{}"/>'
    "</rdf:RDF></x:xmpmeta>"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_XMP_RANGE = re.compile(rb"""\bmel:range\s*=\s*["']([^"'<>]{0,100})["']""")


def to_text(value_range: ValueRange) -> str:
    """Return the shortest numbers that are these in float32."""
    minimum, maximum = value_range
    return f"{np.float32(minimum)} {np.float32(maximum)}"


def from_text(text: str) -> ValueRange:
    """Read minimum and maximum; what is beyond float32 is infinite.

    Raises
    ------
    MelImageError
        If it is not two numbers.
    """
    words = text.split()
    if len(words) != 2 or not all(_NUMBER.fullmatch(word) for word in words):
        raise MelImageError(
            f"the picture's range is {text[:40]!r}; it has to be two numbers, minimum and maximum"
        )
    with np.errstate(over="ignore"):
        minimum, maximum = (float(np.float32(word)) for word in words)
    return minimum, maximum


def to_xmp(value_range: ValueRange) -> bytes:
    """Return an XMP packet that says a range."""
    return _XMP.format(to_text(value_range)).encode()


def from_xmp(packet: bytes) -> ValueRange | None:
    """Read a range from an XMP packet; None if it says none.

    Raises
    ------
    MelImageError
        If what it says is not two numbers.
    """
    found = _XMP_RANGE.search(packet)
    return from_text(found[1].decode("latin-1")) if found else None
