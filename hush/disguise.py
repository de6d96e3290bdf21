"""A disguise of the voice in the picture: what a mel image tells of who speaks, made less.

Words are heard in where the energy of speech moves; voices in the average spectrum, in where the
formants lie, and in the harmonics of the pitch. So the spectrogram is stretched along frequency by
an amount that is drawn anew for each recording and may drift within it, and given the mean and the
spread that everybody's bands have. It can be smoothed along frequency as well, which no step does,
as it costs more than it hides. Voice activity and cuts are decided before, on what was heard. The
page does the same (ui/chain/disguise.ts); docs/privacy.md says what it is good for, and what not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from secrets import SystemRandom
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from hush.mel import SAMPLE_RATE, Spectrogram

Privacy = Literal["off", "light", "strong"]
"""How much of the voice is kept from whoever gets the pictures."""


@dataclass(frozen=True)
class Strength:
    """How strong a disguise is.

    Attributes
    ----------
    detail
        Cosines along frequency that remain of each column (its cepstrum): fewer is smoother; None
        for all.
    stretch
        Largest factor by which frequencies are moved for a whole recording, as a natural logarithm.
    drift
        Largest factor by which they are moved beside that for a moment, likewise.
    is_even
        Whether each band's mean and spread are brought to those of everybody.
    """

    detail: int | None
    stretch: float
    drift: float
    is_even: bool = True


LIGHT = Strength(detail=None, stretch=0.1, drift=0.0)
STRONG = Strength(detail=None, stretch=0.2, drift=0.1)
STRENGTHS: dict[Privacy, Strength | None] = {"off": None, "light": LIGHT, "strong": STRONG}

DRIFT_FRAMES = 50
"""Frames from one drawn drift to the next."""
_SLOPE = 3
"""Cosines over which the smoothing sets in, to both sides."""
_KNEE = 6_500.0
"""Hertz up to which frequencies are stretched evenly; above, so that the highest stays in place."""
_LEAST_SPREAD = 0.2
_USUAL_AT = (0, 250, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_500, 8_000)
_USUAL_MEAN = (-2.97, -1.48, -2.25, -3.72, -3.77, -3.99, -4.34, -4.69, -5.41, -6.33)
_USUAL_SPREAD = (0.69, 1.18, 1.2, 1.12, 1.09, 1.03, 0.96, 0.99, 1.11, 0.8)
"""Of 178 recordings of about 150 people in five languages, in frames louder than the average: mean
and standard deviation of a band at these hertz, in log10 mel power."""
_LOWEST = 2.5
"""Standard deviations below a band's mean from which all is silence: else it would tell what mean
and spread were."""

_random = SystemRandom().random


class Disguise:
    """The disguise of one recording.

    Parameters
    ----------
    strength
        How strong it is.
    draw
        Returns numbers from 0 to 1: a cryptographic source unless given. Who can foresee them can
        undo a part.
    """

    def __init__(self, strength: Strength, draw: Callable[[], float] = _random) -> None:
        self._strength = strength
        self._draw = draw
        self._stretch = strength.stretch * (2 * draw() - 1)
        self._drifts: list[float] = []

    @classmethod
    def drawn(cls, privacy: Privacy) -> Self | None:
        """Return a new disguise, for one recording; None for "off".

        Raises
        ------
        ValueError
            If there is no such step.
        """
        if privacy not in STRENGTHS:
            raise ValueError(f"{privacy!r} is not one of {', '.join(STRENGTHS)}")
        strength = STRENGTHS[privacy]
        return None if strength is None else cls(strength)

    def of(self, log_mel: Spectrogram, first_frame: int = 0) -> Spectrogram:
        """Return a stretch of a recording in this disguise.

        Parameters
        ----------
        log_mel
            (n_mels, frames) logarithms to base 10 of mel power, at least one frame.
        first_frame
            Its place in the recording, so that what is sent twice is disguised once.

        Returns
        -------
        (n_mels, frames) array
            The same kind of values.
        """
        detail = self._strength.detail
        smooth = log_mel if detail is None else _smoothing(len(log_mel), detail) @ log_mel
        moved = _stretched(smooth, self._factors(first_frame, log_mel.shape[1]))
        return _evened(moved) if self._strength.is_even else moved

    def _factors(self, first: int, frames: int) -> npt.NDArray[np.float64]:
        """Return by what factor each frame's frequencies are moved."""
        places = np.arange(first, first + frames) / DRIFT_FRAMES
        before = places.astype(int)
        while len(self._drifts) < before[-1] + 2:
            self._drifts.append(self._strength.drift * (2 * self._draw() - 1))
        drifts = np.array(self._drifts)
        part = places - before
        part = part * part * (3 - 2 * part)
        factors: npt.NDArray[np.float64] = np.exp(
            self._stretch + drifts[before] * (1 - part) + drifts[before + 1] * part
        )
        return factors


@lru_cache
def _centres(n_mels: int) -> npt.NDArray[np.float64]:
    """Return the middle frequencies of mel bands in hertz; see `hush.mel.mel_filters`."""
    step = np.log(6.4) / 27
    mels = np.linspace(0, 15 + np.log(SAMPLE_RATE / 2000) / step, n_mels + 2)[1:-1]
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))


@lru_cache
def _smoothing(n_mels: int, detail: int) -> Spectrogram:
    """Return the matrix that keeps of a column the first cosines of its transform (DCT-II)."""
    orders = np.arange(n_mels)
    cosines = np.cos(np.pi * orders[:, None] * (orders + 0.5) / n_mels) * np.sqrt(2 / n_mels)
    cosines[0] *= np.sqrt(0.5)
    kept = np.clip((detail + _SLOPE - orders) / (2 * _SLOPE), 0, 1)
    smoothing: Spectrogram = (cosines.T * kept @ cosines).astype(np.float32)
    return smoothing


def _stretched(spectrogram: Spectrogram, factors: npt.NDArray[np.float64]) -> Spectrogram:
    """Return frames whose value at a frequency was at that frequency times the frame's factor."""
    centres = _centres(len(spectrogram))
    frequencies = centres[:, None]
    knees = np.minimum(_KNEE, _KNEE / factors)
    above = (SAMPLE_RATE / 2 - factors * knees) / (SAMPLE_RATE / 2 - knees)
    sources = np.where(
        frequencies <= knees,
        factors * frequencies,
        factors * knees + above * (frequencies - knees),
    )
    places = np.interp(sources, centres, np.arange(len(centres)))
    lower = np.minimum(places.astype(int), len(centres) - 2)
    part = (places - lower).astype(np.float32)
    frames = np.arange(spectrogram.shape[1])
    below, over = spectrogram[lower, frames], spectrogram[lower + 1, frames]
    found: Spectrogram = below * (1 - part) + over * part
    return found


@lru_cache
def _usual(n_mels: int) -> tuple[Spectrogram, Spectrogram]:
    centres = _centres(n_mels)
    return (
        np.interp(centres, _USUAL_AT, _USUAL_MEAN).astype(np.float32)[:, None],
        np.interp(centres, _USUAL_AT, _USUAL_SPREAD).astype(np.float32)[:, None],
    )


def _evened(spectrogram: Spectrogram) -> Spectrogram:
    """Return frames whose bands have the mean and the spread of everybody's."""
    loudness = spectrogram.mean(axis=0)
    spoken = spectrogram[:, loudness >= loudness.mean()]
    mean = spoken.mean(axis=1, keepdims=True)
    spread = np.maximum(spoken.std(axis=1, keepdims=True), _LEAST_SPREAD)
    usual_mean, usual_spread = _usual(len(spectrogram))
    standard = np.maximum((spectrogram - mean) / spread, -_LOWEST)
    shown: Spectrogram = (standard * usual_spread + usual_mean).astype(np.float32)
    return shown
