"""Samples without a file around them, as sound cards and telephone exchanges give them."""

from dataclasses import dataclass
from typing import Self

import av

ENCODINGS = (
    *("s16le", "s16be", "s24le", "s24be", "s32le", "s32be"),
    *("u8", "s8", "u16le", "u16be", "f32le", "f32be", "f64le", "f64be", "mulaw", "alaw"),
)
"""FFmpeg's names of how samples are written."""


@dataclass(frozen=True)
class RawFormat:
    """How raw samples are to be understood.

    Attributes
    ----------
    encoding
        One of `ENCODINGS`.
    rate
        Samples a second of each channel.
    channels
        Number of channels, whose samples take turns.

    Raises
    ------
    ValueError
        If there is no such encoding, or a number is out of reach.
    """

    encoding: str = "s16le"
    rate: int = 16_000
    channels: int = 1

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ValueError(f"raw samples are {', '.join(ENCODINGS)}; not {self.encoding!r}")
        if not 1000 <= self.rate <= 768_000:
            raise ValueError(f"raw samples come at 1000 to 768000 a second, not {self.rate}")
        if not 1 <= self.channels <= 64:
            raise ValueError(f"raw samples have 1 to 64 channels, not {self.channels}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `--raw` takes, such as "s16le:16000:1": encoding, rate and channels.

        Raises
        ------
        ValueError
            If it is nothing of the kind.
        """
        encoding, *numbers = text.split(":")
        if len(numbers) > 2 or not all(one.isascii() and one.isdigit() for one in numbers):
            raise ValueError(f"{text!r} is not ENCODING:RATE:CHANNELS, such as s16le:16000:1")
        return cls(encoding or "s16le", *map(int, numbers))

    def opened(self, file: object) -> av.container.InputContainer:
        """Open raw samples as FFmpeg opens a file."""
        options = {"sample_rate": str(self.rate), "ch_layout": f"{self.channels}C"}
        return av.open(file, "r", format=self.encoding, options=options)
