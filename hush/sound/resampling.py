"""Samples of any rate at 16 kHz."""

from collections.abc import Iterator

import av
import numpy as np
from av.audio.resampler import AudioResampler

from hush.mel import SAMPLE_RATE
from hush.sound.mixing import Planes


class Resampler:
    """Brings channels to 16 kHz, each by itself.

    Parameters
    ----------
    channels
        How many there are.
    rate
        Their samples a second.
    """

    def __init__(self, channels: int, rate: int) -> None:
        self.rate = rate
        self._each = [AudioResampler("flt", "mono", SAMPLE_RATE) for _ in range(channels)]

    def push(self, planes: Planes) -> Iterator[Planes]:
        """Take the next samples, a row for each channel; yield what is ready, -1 to 1."""
        rows = []
        for row, resampler in zip(planes, self._each, strict=True):
            samples = np.ascontiguousarray(row)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
            frame.sample_rate = self.rate
            rows.append(resampler.resample(frame))
        return _joined(rows)

    def finish(self) -> Iterator[Planes]:
        """Yield the last samples."""
        return _joined([resampler.resample(None) for resampler in self._each])


def _joined(rows: list[list[av.AudioFrame]]) -> Iterator[Planes]:
    for frames in zip(*rows, strict=True):
        planes = np.concatenate([frame.to_ndarray().reshape(1, -1) for frame in frames])
        yield np.clip(planes, -1, 1)
