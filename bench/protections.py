"""Ways of sending speech that may keep the voice back, and the voices on which that is measured."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.fft import dct, idct
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from bench.recordings import UNSURE, utterances
from bench.sending import FLOAT32, PNG, SMALL, Way
from hush import mel
from hush.disguise import LIGHT, STRENGTHS, STRONG, Disguise, Strength, evened
from hush.mel import Samples, Spectrogram

TESTED = "librispeech-test-other"
WOMEN = frozenset({"1688", "1998", "3080", "3331", "367", "533"})
"""Of those who are tested, as their pitch says, since the data set does not: 180 Hz and more in the
median, and 150 and less of the others."""
SLOPE = 3
"""Cosines over which smoothing sets in, to both sides."""
LEAST = 2.0
"""Seconds of the shortest utterance that attackers learn from."""


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
    is_even
        Whether bands are evened as well, where there is a disguise.
    cosines
        How many remain of each column's transform along frequency, so that it is smoother; None for
        all.
    mcadams
        Whether McAdams' coefficient is applied to the sound.
    """

    name: str
    way: Way = PNG
    strength: Strength | None = None
    is_even: bool = True
    cosines: int | None = None
    mcadams: bool = False

    @property
    def is_drawn(self) -> bool:
        """Whether it is another at each occasion; then attackers learn what it does."""
        return self.mcadams or self.strength is not None

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
        log_mel = mel.log_mel(samples)
        if self.cosines is not None:
            log_mel = smoothed(log_mel, self.cosines)
        shown = Disguise(self.strength, generator.random).moved(log_mel)
        shown = evened(shown) if self.is_even else shown
        return self.way.send_spectrogram(mel.normalize(mel.raised(shown)))


def protections() -> list[Protection]:
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


def tried() -> list[Protection]:
    """Return what was tried on the way to the steps that there are, an ordinary picture first."""
    at_rest, light, far = Strength(0.0, 0.0), LIGHT, Strength(STRONG.stretch, 0.0)
    return [
        Protection(PNG.name),
        Protection("moved by up to 1.1", strength=light, is_even=False),
        Protection("smoothed", strength=at_rest, is_even=False, cosines=24),
        Protection("evened", strength=at_rest),
        Protection("evened, moved by up to 1.1, smoothed", strength=light, cosines=24),
        Protection("evened, moved by up to 1.22", strength=far),
        *(Protection(f"`{name}`", strength=each) for name, each in STRENGTHS.items() if each),
    ]


def smoothed(log_mel: Spectrogram, cosines: int) -> Spectrogram:
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
    """The people of a data set: those who are tested, and those whom attackers learn from."""

    def __init__(self, folder: Path) -> None:
        clean = [
            each
            for each in utterances(folder)
            if each.source not in (*UNSURE, "voicebank-demand-noisy") and each.seconds <= 30
        ]
        self.tested = [each for each in clean if each.source == TESTED]
        self.others = [each for each in clean if each.source != TESTED and each.seconds >= LEAST]

    @property
    def women(self) -> list[bool]:
        """Whether what is tested is said by a woman."""
        return [each.speaker in WOMEN for each in self.tested]

    @property
    def speakers(self) -> list[str]:
        """Who speaks what is tested."""
        return [str(each.speaker) for each in self.tested]

    @property
    def other_speakers(self) -> list[str]:
        """Who speaks what attackers learn from; a name of its own where nobody says."""
        return [each.speaker or each.name for each in self.others]
