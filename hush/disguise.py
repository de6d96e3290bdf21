"""A disguise of the voice in the picture: what a mel image tells of who speaks, made less.

Words are heard in where the energy of speech moves; voices in the average spectrum, in where the
formants lie, and in the harmonics of the pitch. So the spectrogram is stretched along frequency by
an amount that is drawn and may drift within a recording, and given the mean and the spread that
everybody's bands have. Voice activity and cuts are decided before, on what was heard. A session, as
this process is one, is disguised alike: what is sent twice under two draws would tell how they
differ, and many draws of one sender would be none on average.
The page does the same (ui/chain/disguise.ts); docs/privacy.md says what it is good for, and what
not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from secrets import SystemRandom
from typing import Literal

import numpy as np
import numpy.typing as npt

from hush.mel import SAMPLE_RATE, Spectrogram, mel_edges

Privacy = Literal["off", "light", "strong"]
"""How much of the voice is kept from whoever gets the pictures."""


@dataclass(frozen=True)
class Strength:
    """How strong a disguise is.

    Attributes
    ----------
    stretch
        Largest factor by which frequencies are moved throughout, as a natural logarithm.
    drift
        Largest factor by which they are moved beside that for a moment, likewise.
    """

    stretch: float
    drift: float


LIGHT = Strength(stretch=0.1, drift=0.0)
STRONG = Strength(stretch=0.2, drift=0.1)
STRENGTHS: dict[Privacy, Strength | None] = {"off": None, "light": LIGHT, "strong": STRONG}

DRIFT_FRAMES = 50
"""Frames from one drawn drift to the next."""
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
    """The disguise of whoever speaks in one session, drawn when it is made.

    Parameters
    ----------
    strength
        How strong it is.
    draw
        Returns numbers from 0 to 1: a cryptographic source unless given. Who can foresee them can
        undo it; who sees pictures can guess them, and undo a part. Each is as likely as any other:
        one disguise in five moves frequencies by less than a fifth of the most.
    """

    def __init__(self, strength: Strength, draw: Callable[[], float] = _random) -> None:
        self._strength = strength
        self._draw = draw
        self._stretch = strength.stretch * (2 * draw() - 1)
        self._drifts: list[float] = []

    @staticmethod
    def drawn(privacy: Privacy) -> "Disguise | None":
        """Return what this process wears at a step, the same whenever it is asked; None for "off".

        Raises
        ------
        ValueError
            If there is no such step.
        """
        if privacy not in STRENGTHS:
            raise ValueError(f"{privacy!r} is not one of {', '.join(STRENGTHS)}")
        return _SESSION[privacy]

    def of(self, log_mel: Spectrogram, first_frame: int = 0) -> Spectrogram:
        """Return a stretch of a recording in this disguise: `moved`, and `evened`.

        Parameters
        ----------
        log_mel
            (n_mels, frames) logarithms to base 10 of mel power, at least one frame.
        first_frame
            Its place in the recording.

        Returns
        -------
        (n_mels, frames) array
            The same kind of values.
        """
        return evened(self.moved(log_mel, first_frame))

    def moved(self, log_mel: Spectrogram, first_frame: int = 0) -> Spectrogram:
        """Return a stretch of a recording with its frequencies moved; see `of`.

        What is sent twice is moved once: the frames at one place by the same factors.
        """
        return stretched(log_mel, self.factors(first_frame, log_mel.shape[1]))

    def factors(self, first: int, frames: int) -> npt.NDArray[np.float64]:
        """Return by what factor the frequencies of frames from the first on are moved."""
        places = np.arange(first, first + frames) / DRIFT_FRAMES
        before = places.astype(int)
        while len(self._drifts) < before[-1] + 2:
            self._drifts.append(self._strength.drift * (2 * self._draw() - 1))
        # Of what others hear meanwhile, there may be more.
        drifts = np.array(self._drifts[: before[-1] + 2])
        part = places - before
        part = part * part * (3 - 2 * part)
        factors: npt.NDArray[np.float64] = np.exp(
            self._stretch + drifts[before] * (1 - part) + drifts[before + 1] * part
        )
        return factors


_SESSION: dict[Privacy, Disguise | None] = {
    privacy: None if strength is None else Disguise(strength)
    for privacy, strength in STRENGTHS.items()
}
"""What this process wears."""


@lru_cache
def _centres(n_mels: int) -> npt.NDArray[np.float64]:
    """Return the middle frequencies of mel bands in hertz."""
    return mel_edges(n_mels)[1:-1]


def stretched(spectrogram: Spectrogram, factors: npt.NDArray[np.float64]) -> Spectrogram:
    """Return frames whose value at a frequency was at that frequency times the frame's factor.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) values.
    factors
        One for each frame, or one for all.
    """
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


def spoken(log_mel: Spectrogram) -> Spectrogram:
    """Return those of (n_mels, frames) values whose frame is as loud as the average, or louder."""
    loudness = log_mel.mean(axis=0)
    # The mean of equal numbers may be rounded to one above them all.
    return log_mel[:, loudness >= min(loudness.mean(), loudness.max())]


def evened(log_mel: Spectrogram) -> Spectrogram:
    """Return (n_mels, frames) log10 mel power, each band with everybody's mean and spread."""
    heard = spoken(log_mel)
    mean = heard.mean(axis=1, keepdims=True)
    spread = np.maximum(heard.std(axis=1, keepdims=True), _LEAST_SPREAD)
    usual_mean, usual_spread = _usual(len(log_mel))
    standard = np.maximum((log_mel - mean) / spread, -_LOWEST)
    shown: Spectrogram = (standard * usual_spread + usual_mean).astype(np.float32)
    return shown
