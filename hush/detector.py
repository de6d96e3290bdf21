"""Where speech is, decided on the spectrogram alone.

A `Detector` says for every frame whether it is speech; `hush.cutter` makes segments of that. What
hush uses by itself is the network of `hush.voice_network`; here is the older `EdgeDetector`, which
looks at whole numbers only, so that implementations in other languages decide alike.

It follows the idea of wavey-ai's mel-spec: voices draw edges in a spectrogram, harmonics
and formants that last; noise does not. An edge is where Sobel's operator for the frequency
direction is large. It has to last and to stand out from the background, and enough mel bins must
hold one for a frame to count as speech.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hush.mel import Spectrogram

STEPS = 64
"""Whole-number steps in one unit of log10 mel power: 0.16 dB each."""

Decisions = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int32]


def rounded(log_mel: Spectrogram) -> Whole:
    """Round log10 mel power to whole steps of 1/64, halves upwards.

    Values below -8, under what a 16-bit recording holds, count as -8.
    """
    steps: Whole = np.floor(np.maximum(log_mel, -8) * STEPS + 0.5).astype(np.int32)
    return steps


class Detector(Protocol):
    """Decides for each frame of a stream whether it is speech."""

    def push(self, log_mel: Spectrogram) -> Decisions:
        """Take the next frames; return the decisions that are now certain.

        Parameters
        ----------
        log_mel
            (n_mels, frames) log10 mel power without floor or scale.
        """

    def finish(self) -> Decisions:
        """End the stream: return the decisions of the frames that are still without one."""


class EverythingIsSpeech:
    """A detector that hears no pause, for recordings that are to be sent whole."""

    def push(self, log_mel: Spectrogram) -> Decisions:
        """Decide for speech at once."""
        return np.ones(log_mel.shape[1], bool)

    def finish(self) -> Decisions:
        """Return nothing: no frame is without a decision."""
        return np.zeros(0, bool)


class EdgeDetector:
    """Finds speech by its edges in the spectrogram. Decisions come 20 frames late.

    Parameters
    ----------
    n_mels
        Number of mel bins, 80 or 128.
    """

    EDGE = 0.375
    """Difference, in log10 power, between the mel bins above and below an edge: 3.75 dB."""
    PROMINENCE = 1.75
    """What the stronger side of an edge has above its bin's background: 17.5 dB."""
    BACKGROUND = 200
    """Frames back from here in which a bin's minimum is its background."""
    LASTING = 4
    """Frames that an edge lasts at least."""
    SHORTEST = 4
    """Frames that speech lasts at least."""
    AVERAGED = 3
    """Frames to each side over which the number of edges is averaged."""
    HANG_OVER = 10
    """Frames before and after speech that count as speech too."""

    def __init__(self, n_mels: int = 80) -> None:
        self._n_mels = n_mels
        self._finished = False
        self._lowest_bin = n_mels // 20  # below it, at 150 Hz, live hum and rumble
        self._bins_with_edges = round(0.075 * n_mels)
        self._before: Whole = np.full(
            (n_mels, self.BACKGROUND - 1), np.iinfo(np.int32).max, np.int32
        )
        self._smoothed = _Neighbourhood(1, _sobel_sum, repeat_ends=True)
        self._lasting = _Neighbourhood(self.LASTING - 1, _run_of(self.LASTING))
        self._total = _Neighbourhood(self.AVERAGED, _sum)
        self._long_enough = _Neighbourhood(self.SHORTEST - 1, _run_of(self.SHORTEST))
        self._extended = _Neighbourhood(self.HANG_OVER, _any)

    def push(self, log_mel: Spectrogram) -> Decisions:
        """Take the next (n_mels, frames) log10 mel power; return the decisions now certain."""
        return self._decide(rounded(log_mel), last=False)

    def finish(self) -> Decisions:
        """Return the decisions of the frames that are still without one."""
        return self._decide(np.empty((self._n_mels, 0), np.int32), last=True)

    def _decide(self, steps: Whole, last: bool) -> Decisions:
        if self._finished:
            raise ValueError("this detector has finished its stream; another wants another one")
        self._finished = last
        edges = self._edges(self._smoothed(steps, last))
        count = self._lasting(edges, last).sum(axis=0)
        enough = self._bins_with_edges * (2 * self.AVERAGED + 1)
        speech = self._total(count, last) >= enough
        return self._extended(self._long_enough(speech, last), last)

    def _edges(self, smoothed: Whole) -> Decisions:
        """Mark rising and falling edges, one below the other, in steps of 1/256 (Sobel's sum)."""
        scale = STEPS * _SOBEL_WEIGHT
        padded = np.pad(smoothed, ((1, 1), (0, 0)), mode="edge")
        below, above = padded[:-2], padded[2:]
        difference = above - below
        background = self._lowest_since(smoothed)
        prominent = np.maximum(below, above) - background > self.PROMINENCE * scale
        rising = prominent & (difference > self.EDGE * scale)
        falling = prominent & (difference < -self.EDGE * scale)
        return np.concatenate([rising[self._lowest_bin :], falling[self._lowest_bin :]])

    def _lowest_since(self, smoothed: Whole) -> Whole:
        """Return each bin's minimum over the last `BACKGROUND` frames, this one included."""
        lowest = np.concatenate([self._before, smoothed], axis=1)
        self._before = lowest[:, -(self.BACKGROUND - 1) :]
        span = 1
        while span < self.BACKGROUND:
            step = min(span, self.BACKGROUND - span)
            lowest = np.minimum(lowest[:, step:], lowest[:, :-step])
            span += step
        return lowest


# What follows takes the values of a neighbourhood's frames beyond both ends, and returns none for
# them: (..., frames + 2 radius) in, (..., frames) out.
_SOBEL_WEIGHT = 4
Values = npt.NDArray[Any]


def _sobel_sum(values: Values) -> Values:
    total: Values = values[..., :-2] + 2 * values[..., 1:-1] + values[..., 2:]
    return total


def _shifted(values: Values, count: int) -> Iterator[Values]:
    length = values.shape[-1] - count + 1
    return (values[..., first : first + length] for first in range(count))


def _sum(values: Values) -> Values:
    return reduce(np.add, _shifted(values, 2 * EdgeDetector.AVERAGED + 1))


def _any(values: Values) -> Values:
    return reduce(np.logical_or, _shifted(values, 2 * EdgeDetector.HANG_OVER + 1))


def _run_of(length: int) -> Callable[[Values], Values]:
    """Keep what is part of a run of at least `length` frames (a morphological opening)."""

    def opening(values: Values) -> Values:
        begins = reduce(np.logical_and, _shifted(values, length))
        return reduce(np.logical_or, _shifted(begins, length))

    return opening


class _Neighbourhood:
    """Applies a function of each frame's neighbourhood to a stream.

    Parameters
    ----------
    radius
        Frames to each side.
    function
        Takes (..., frames + 2 radius) and returns (..., frames).
    repeat_ends
        Whether the first and last frame stand for what is beyond them; otherwise zeros do.
    """

    def __init__(
        self,
        radius: int,
        function: Callable[[Values], Values],
        repeat_ends: bool = False,
    ) -> None:
        self._radius = radius
        self._function = function
        self._pad_mode: Any = "edge" if repeat_ends else "constant"
        self._held: Values | None = None

    def __call__(self, values: Values, last: bool) -> Values:
        if self._held is not None:
            values = np.concatenate([self._held, values], axis=-1)
        elif values.shape[-1]:
            values = self._padded(values, (self._radius, 0))
        if last and values.shape[-1]:
            values = self._padded(values, (0, self._radius))
        frames = values.shape[-1] - 2 * self._radius
        if frames <= 0:
            self._held = values if values.shape[-1] else None
            return self._function(np.zeros((*values.shape[:-1], 2 * self._radius), values.dtype))
        self._held = values[..., frames:]
        return self._function(values)

    def _padded(self, values: Values, width: tuple[int, int]) -> Values:
        return np.pad(values, [(0, 0)] * (values.ndim - 1) + [width], mode=self._pad_mode)
