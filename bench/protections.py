"""Ways of sending speech that may keep the voice back, and the voices on which that is measured."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.fft import dct, idct
from scipy.linalg import inv, solve_toeplitz, sqrtm
from scipy.signal import lfilter

from bench.recordings import UNSURE, utterances
from bench.sending import FLOAT32, PNG, SMALL, Way
from hush import mel
from hush.disguise import (
    LIGHT,
    STRENGTHS,
    STRONG,
    Disguise,
    Strength,
    evened,
    spoken,
    stretched,
)
from hush.mel import Samples, Spectrogram

TESTED = "librispeech-test-other"
WOMEN = frozenset({"1688", "1998", "3080", "3331", "367", "533"})
"""Of those who are tested, as their pitch says, since the data set does not: 180 Hz and more in the
median, and 150 and less of the others."""
SURE_FRAMES = 100
"""As many of everybody's frames are added to those of a recording, to know how its bands vary."""
SPECTRA = 256
"""Of everybody's, that stand for all."""
NEARER = 0.6
"""Share of the way to the nearest of them."""
SLOPE = 3
"""Cosines over which smoothing sets in, to both sides."""
LEAST = 2.0
"""Seconds of the shortest utterance that attackers learn from."""

Change = Callable[[Spectrogram], Spectrogram]
"""Of (n_mels, frames) log10 mel power."""


@dataclass(frozen=True)
class Protection:
    """A way of sending speech that may keep the voice back.

    Attributes
    ----------
    name
        What tables call it.
    way
        How the picture is sent.
    strength
        Of the disguise in the picture; None for none.
    before, after
        What happens to the spectrogram before and after its frequencies are moved, where there is a
        disguise.
    mcadams
        Whether McAdams' coefficient is applied to the sound.
    fixed
        Natural logarithm of the factor by which frequencies are moved, where it is not drawn.
    """

    name: str
    way: Way = PNG
    strength: Strength | None = None
    before: Change = np.copy
    after: Change = evened
    mcadams: bool = False
    fixed: float | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether it is another at each occasion; then attackers learn what it does."""
        return self.mcadams or self.strength is not None

    @property
    def is_moved(self) -> bool:
        """Whether frequencies are moved by something that is drawn."""
        return self.strength is not None and self.strength.stretch + self.strength.drift > 0

    def of_factor(self, factor: float) -> "Protection":
        """Return what attackers can do to clear speech: the same, moved by a factor of theirs."""
        return replace(self, fixed=factor)

    def grid(self, count: int) -> npt.NDArray[np.floating]:
        """Return logarithms of factors from one end of what may be drawn to the other."""
        assert self.strength is not None
        return np.linspace(-self.strength.stretch, self.strength.stretch, count)

    def factor(self, frames: int, occasion: int) -> float:
        """Return the natural logarithm of the factor by which `send` moves frequencies, its mean.

        Parameters
        ----------
        frames
            Of the spectrogram.
        occasion
            As in `send`.
        """
        assert self.strength is not None
        disguise = Disguise(self.strength, np.random.default_rng(occasion).random)
        return float(np.log(disguise.factors(0, frames)).mean())

    def send(self, samples: Samples, occasion: int) -> tuple[Spectrogram, int]:
        """Return what arrives, and the bytes that were sent.

        Parameters
        ----------
        samples
            Mono, at 16 kHz.
        occasion
            Seed of what is drawn.
        """
        generator = np.random.default_rng(occasion)
        if self.mcadams:
            samples = with_mcadams(samples, generator.uniform(0.5, 0.9))
        if self.strength is None:
            return self.way.send(samples, 80)
        heard = self.before(mel.log_mel(samples))
        if self.fixed is None:
            moved = Disguise(self.strength, generator.random).moved(heard)
        else:
            moved = stretched(heard, np.full(heard.shape[1], np.exp(self.fixed)))
        shown = self.after(moved)
        return self.way.send_spectrogram(mel.normalize(mel.raised(shown)))


def every_row() -> list[Protection]:
    """Return every row, the float32 spectrogram first."""
    return [
        Protection(FLOAT32.name, FLOAT32),
        *(Protection(way.name, way) for way in (Way("PNG", bits) for bits in (8, 6, 5, 4, 3))),
        Protection("WebP, quality 75: `small`", SMALL),
        Protection("WebP, quality 20", Way("WebP", 20)),
        Protection("McAdams on the sound (B2)", mcadams=True),
        *(Protection(f"`{name}`", strength=each) for name, each in STRENGTHS.items() if each),
        Protection("`strong`, `small`", SMALL, STRENGTHS["strong"]),
    ]


def tried(voices: "Voices") -> list[Protection]:
    """Return what was tried on the way to the steps that there are, an ordinary picture first."""
    at_rest, light, far = Strength(0.0, 0.0), LIGHT, Strength(STRONG.stretch, 0.0)
    others = Everybody(voices)
    return [
        Protection(PNG.name),
        Protection("moved by up to 1.1", strength=light, after=np.copy),
        Protection("smoothed", strength=at_rest, before=smoothed, after=np.copy),
        Protection("evened", strength=at_rest),
        Protection("evened, moved by up to 1.1, smoothed", strength=light, before=smoothed),
        Protection("evened, moved by up to 1.22", strength=far),
        Protection("evened together", strength=at_rest, after=others.evened_together),
        Protection(
            "evened together, moved by up to 1.1", strength=light, after=others.evened_together
        ),
        Protection("nearer to everybody's spectra", strength=at_rest, after=others.nearer),
        *(Protection(f"`{name}`", strength=each) for name, each in STRENGTHS.items() if each),
    ]


class Everybody:
    """What spectrograms of many voices have in common, and the change of one towards that.

    Parameters
    ----------
    voices
        Whose `others` are these.
    """

    def __init__(self, voices: "Voices") -> None:
        self._voices = voices

    def evened_together(self, log_mel: Spectrogram) -> Spectrogram:
        """Return bands that have not only mean and spread of everybody's: they vary together so.

        The change is the one that moves least of two normal distributions (optimal transport).
        """
        shown = evened(log_mel)
        deviations = spoken(shown)
        mean = deviations.mean(axis=1, keepdims=True)
        deviations = deviations - mean
        usual = self._covariance
        # Of a short recording, too little is known.
        own = deviations @ deviations.T + SURE_FRAMES * usual
        own /= deviations.shape[1] + SURE_FRAMES
        steady = 0.1 * np.diag(np.diag(usual))
        own, usual = own + steady, usual + steady
        root = sqrtm(own).real
        back = inv(root)
        moved = back @ sqrtm(root @ usual @ root).real @ back @ (shown - mean) + mean
        found: Spectrogram = moved.astype(np.float32)
        return found

    def nearer(self, log_mel: Spectrogram) -> Spectrogram:
        """Return evened bands, each frame moved to what is nearest of everybody's, for most."""
        frames = evened(log_mel).T
        spectra, distance = self._spectra
        apart = np.square(frames[:, None] - spectra).sum(axis=2)
        weights = np.exp((apart.min(axis=1, keepdims=True) - apart) / (0.3 * distance))
        nearest = weights @ spectra / weights.sum(axis=1, keepdims=True)
        found: Spectrogram = ((1 - NEARER) * frames + NEARER * nearest).T.astype(np.float32)
        return found

    @cached_property
    def _evened(self) -> list[Spectrogram]:
        return [evened(mel.log_mel(each.samples)) for each in self._voices.others]

    @cached_property
    def _covariance(self) -> npt.NDArray[np.floating]:
        return np.asarray(np.mean([np.cov(spoken(each)) for each in self._evened], axis=0))

    @cached_property
    def _spectra(self) -> tuple[npt.NDArray[np.floating], float]:
        """The most typical spectra, and the mean square distance from the nearest of them."""
        frames = np.concatenate([each[:, ::4].T for each in self._evened])
        spectra, nearest = kmeans2(frames, SPECTRA, minit="++", seed=0)
        return spectra, float(np.square(frames - spectra[nearest]).sum(axis=1).mean())


def smoothed(log_mel: Spectrogram, cosines: int = 24) -> Spectrogram:
    """Return (n_mels, frames) values without the fine structure along frequency: the harmonics."""
    order = np.arange(len(log_mel))[:, None]
    kept = np.clip((cosines + SLOPE - order) / (2 * SLOPE), 0, 1)
    found: Spectrogram = idct(kept * dct(log_mel, axis=0), axis=0).astype(np.float32)
    return found


def with_mcadams(samples: Samples, coefficient: float) -> Samples:
    """Move the formants of a voice: angles of the poles of linear prediction to a power.

    J. Patino et al., "Speaker anonymisation using the McAdams coefficient", Interspeech 2021.

    Parameters
    ----------
    samples
        Mono, at 16 kHz.
    coefficient
        The power; the challenge draws it from 0.5 to 0.9.
    """
    length, order = 320, 20
    window = np.sqrt(np.hanning(length + 1)[:-1])
    sound = np.zeros(len(samples) + length)
    for first in range(0, len(samples) - length + 1, length // 2):
        frame = samples[first : first + length] * window
        likeness = np.correlate(frame, frame, "full")[length - 1 : length + order]
        if likeness[0] < 1e-9:
            continue
        likeness[0] *= 1.0001
        filter = np.concatenate([[1], -solve_toeplitz(likeness[:-1], likeness[1:])])
        poles = np.roots(filter)
        angles = np.angle(poles)
        moved = np.where(poles.imag == 0, angles, np.sign(angles) * np.abs(angles) ** coefficient)
        turned = np.poly(np.minimum(np.abs(poles), 0.999) * np.exp(1j * moved)).real
        spoken = lfilter([1], turned, lfilter(filter, [1], frame))
        spoken *= np.sqrt(np.sum(frame**2) / max(np.sum(spoken**2), 1e-12))
        sound[first : first + length] += spoken * window
    return sound[: len(samples)].astype(np.float32)


class Voices:
    """The people of a data set: those who are tested, and those whom attackers learn from.

    Parameters
    ----------
    folder
        The data set.
    tested
        Its source whose speakers are tested.
    """

    def __init__(self, folder: Path, tested: str = TESTED) -> None:
        clean = [
            each
            for each in utterances(folder)
            if each.source not in (*UNSURE, "voicebank-demand-noisy") and each.seconds <= 30
        ]
        self.tested = [each for each in clean if each.source == tested and each.speaker]
        self.others = [each for each in clean if each.source != tested and each.seconds >= LEAST]

    @property
    def sexes(self) -> list[str | None]:
        """Of who says what is tested, as far as anybody knows."""
        return [
            ("female" if each.speaker in WOMEN else "male") if each.source == TESTED else each.sex
            for each in self.tested
        ]

    @property
    def speakers(self) -> list[str]:
        """Who speaks what is tested."""
        return [str(each.speaker) for each in self.tested]

    @property
    def other_speakers(self) -> list[str]:
        """Who speaks what attackers learn from; a name of its own where nobody says."""
        return [each.speaker or each.name for each in self.others]
