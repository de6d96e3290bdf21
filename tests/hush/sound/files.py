"""Files with the faults of real ones, made on the spot."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np

from tests.conftest import Samples

RATE = 16_000


class Pipe:
    """What can only be read once, in order."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


@dataclass
class Sound:
    """A track: mono pieces, each with the second at which it begins."""

    pieces: Sequence[tuple[float, Samples]]
    codec: str = "aac"
    default: bool = False
    language: str = ""


def video(
    sounds: Sequence[Sound], seconds_of_picture: float = 0.0, container: str = "matroska"
) -> bytes:
    """Return a file of sounds at their times, and a picture that begins at 0."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        if seconds_of_picture:
            picture = output.add_stream("mpeg4", rate=10)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        streams = [
            cast(av.AudioStream, output.add_stream(each.codec, rate=RATE)) for each in sounds
        ]
        for stream, each in zip(streams, sounds, strict=True):
            stream.layout = "mono"
            stream.disposition = av.stream.Disposition(int(each.default))
            if each.language:
                stream.metadata["language"] = each.language
        if seconds_of_picture:
            for _ in range(round(seconds_of_picture * 10)):
                black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                output.mux(picture.encode(black))
            output.mux(picture.encode(None))
        for stream, each in zip(streams, sounds, strict=True):
            for start, samples in each.pieces:
                for place in range(0, len(samples), 1024):
                    piece = samples[place : place + 1024][None]
                    frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
                    frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
                    frame.pts = round(start * RATE) + place
                    output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return file.getvalue()


def channels(
    planes: Samples, container: str = "wav", codec: str = "pcm_s16le", layout: str = ""
) -> bytes:
    """Return a file of several channels, whose layout it does not say unless asked to."""
    file = io.BytesIO()
    layout = layout or f"{len(planes)} channels"
    with av.open(file, "w", format=container) as output:
        stream = cast(av.AudioStream, output.add_stream(codec, rate=RATE))
        stream.layout = layout
        whole = np.round(planes * 32_767).astype(np.int16).T.reshape(1, -1)
        for place in range(0, whole.shape[1], 4096 * len(planes)):
            piece = np.ascontiguousarray(whole[:, place : place + 4096 * len(planes)])
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
            frame.sample_rate = RATE
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()
