"""Who wants to know who spoke: verifiers of speakers that get mel images, or sound made of them.

The strongest begins with Resemblyzer's speaker encoder (github.com/resemble-ai/Resemblyzer; L. Wan
et al., "Generalized end-to-end loss for speaker verification", arXiv 1710.10467), whose weights are
in its package: `pip install --no-deps --target FOLDER resemblyzer`. Nothing of its code is run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import nnls
from torch.nn.functional import cross_entropy, pad

from bench.verification import Vectors
from hush.disguise import spoken, stretched
from hush.mel import (
    HOP_LENGTH,
    N_FFT,
    Samples,
    Spectrogram,
    mel_edges,
    mel_filters,
    triangular_filters,
)

_BANDS = 40
"""Height of the encoder's spectrograms, whose windows, steps and filters are else Whisper's."""
_PART = 160
"""Frames that the encoder hears at once."""
_LEAST_LEVEL = -30.0
"""Decibels to which what is quieter is raised before the encoder hears it, as its package does."""
_BATCH = 256


def sound_of(spectrogram: Spectrogram, rounds: int = 16) -> Samples:
    """Turn what a picture holds back into sound, by the fast Griffin-Lim algorithm.

    N. Perraudin, P. Balazs and P. L. Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) values as Whisper takes them.
    rounds
        How often phases are improved.
    """
    power = _powers(spectrogram)
    magnitude = np.sqrt(np.maximum(_unfiltered(len(power)) @ power, 0)).T
    phases = np.random.default_rng(0).uniform(-np.pi, np.pi, magnitude.shape)
    guess, before = magnitude * np.exp(1j * phases), np.zeros(magnitude.shape, complex)
    for _ in range(rounds):
        now = _transformed(_overlapped(guess), len(guess))
        moved = now + 0.99 * (now - before)
        before = now
        guess = magnitude * moved / np.maximum(np.abs(moved), 1e-9)
    return _overlapped(guess).astype(np.float32)


_WINDOW = np.hanning(N_FFT + 1)[:-1]


def _overlapped(spectra: npt.NDArray[np.complexfloating]) -> Vectors:
    frames = np.fft.irfft(spectra, N_FFT) * _WINDOW
    length = N_FFT + HOP_LENGTH * (len(frames) - 1)
    sound, weight = np.zeros(length + 3 * HOP_LENGTH), np.zeros(length + 3 * HOP_LENGTH)
    block = 3 * HOP_LENGTH  # every third window overlaps no other
    wide, squares = (
        np.pad(frames, ((0, 0), (0, block - N_FFT))),
        np.pad(_WINDOW**2, (0, block - N_FFT)),
    )
    for first in range(3):
        part = wide[first::3]
        place = slice(first * HOP_LENGTH, first * HOP_LENGTH + part.size)
        sound[place] += part.ravel()
        weight[place] += np.tile(squares, len(part))
    return (sound / np.maximum(weight, 1e-3))[:length]


def _transformed(sound: Vectors, count: int) -> npt.NDArray[np.complexfloating]:
    windows = np.lib.stride_tricks.sliding_window_view(sound, N_FFT)[::HOP_LENGTH][:count]
    return np.fft.rfft(windows * _WINDOW)


def _powers(spectrogram: Spectrogram) -> Vectors:
    return 10.0 ** (4.0 * spectrogram.astype(np.float64) - 4.0)


@cache
def _unfiltered(n_mels: int) -> Vectors:
    """Return what makes spectra of bands; two of 80 say next to nothing of their own."""
    found: Vectors = np.linalg.pinv(mel_filters(n_mels), rcond=1e-3)
    return found


class EncoderInput:
    """What the encoder hears of sound and of pictures: (frames, 40) mel powers."""

    def __init__(self) -> None:
        self._filters = triangular_filters(mel_edges(_BANDS))
        # The bands of the encoder as sums of Whisper's, which are narrower.
        self._sums = {
            height: np.array([nnls(mel_filters(height).T, band)[0] for band in self._filters])
            for height in (80, 128)
        }

    def sound(self, samples: Samples) -> torch.Tensor:
        """Return what is heard of samples at 16 kHz."""
        power = np.abs(_transformed(np.pad(samples, N_FFT // 2), len(samples) // HOP_LENGTH)) ** 2
        return self._levelled(power @ self._filters.T, power.sum(axis=1).mean())

    def picture(self, spectrogram: Spectrogram) -> torch.Tensor:
        """Return what is heard of a picture's values without making sound of it."""
        power = _powers(spectrogram)
        whole = _unfiltered(len(power)).sum(axis=0) @ power
        return self._levelled((self._sums[len(power)] @ power).T, np.maximum(whole, 0).mean())

    @staticmethod
    def _levelled(bands: Vectors, power: float) -> torch.Tensor:
        mean_square = 2 * power / N_FFT / np.sum(_WINDOW**2)
        short = _LEAST_LEVEL - 10 * np.log10(max(mean_square, 1e-12))
        return torch.tensor(bands * 10 ** (max(0.0, short) / 10), dtype=torch.float32)


class SpeakerEncoder(torch.nn.Module):
    """Resemblyzer's network: (utterances, frames, 40) mel powers to (utterances, 256) vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(_BANDS, 256, 3, batch_first=True)
        self.linear = torch.nn.Linear(256, 256)

    @classmethod
    def pretrained(cls, peers: Path) -> Self:
        """Read the weights of the package that was installed in a folder.

        Raises
        ------
        OSError
            If it is not there.
        """
        encoder = cls()
        file = peers / "resemblyzer" / "pretrained.pt"
        state = torch.load(file, map_location="cpu", weights_only=True)["model_state"]
        encoder.load_state_dict(state, strict=False)
        return encoder.eval()

    def forward(self, powers: torch.Tensor) -> torch.Tensor:
        """Return vectors of length 1."""
        _, (hidden, _) = self.lstm(powers)
        vectors = torch.relu(self.linear(hidden[-1]))
        found: torch.Tensor = vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-9)
        return found

    def of_each(self, heard: Sequence[torch.Tensor]) -> Vectors:
        """Return a vector for each utterance: the mean of those of its parts."""
        parts, owners = [], []
        for owner, powers in enumerate(heard):
            whole = _at_least(powers, _PART)
            for first in range(0, len(whole) - _PART + 1, _PART):
                parts.append(whole[first : first + _PART])
                owners.append(owner)
        self.eval()
        with torch.no_grad():
            embedded = [
                self(torch.stack(parts[first : first + _BATCH]))
                for first in range(0, len(parts), _BATCH)
            ]
        sums = np.zeros((len(heard), 256))
        np.add.at(sums, owners, torch.cat(embedded).numpy())
        found: Vectors = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        return found


@dataclass(frozen=True)
class Training:
    """How an attacker learns from pictures of voices that are not tested.

    Attributes
    ----------
    steps
        Of the optimiser.
    speakers
        In a step, each with two excerpts.
    frames
        Of an excerpt.
    """

    steps: int = 60
    speakers: int = 24
    frames: int = 120


def trained(
    encoder: SpeakerEncoder,
    clear: Sequence[torch.Tensor],
    targets: Vectors,
    protected: Sequence[Sequence[torch.Tensor]],
    speakers: Sequence[str],
    training: Training,
) -> SpeakerEncoder:
    """Teach an encoder to hear through a protection.

    It learns to answer to a protected picture what the encoder that it begins as answers to the
    clear one, and to tell speakers apart, whatever was drawn for each of two pictures.

    Parameters
    ----------
    encoder
        What it begins as.
    clear
        What is heard of unprotected pictures.
    targets
        What it answers to them before.
    protected
        The same under several draws of the protection.
    speakers
        Who speaks each.
    training
        How long it learns.
    """
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    target = torch.tensor(targets, dtype=torch.float32)
    learner = SpeakerEncoder()
    learner.load_state_dict(encoder.state_dict())
    learner.train()
    optimizer = torch.optim.Adam(learner.parameters())
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-4, total_steps=training.steps)
    names = sorted(set(speakers))
    places = {name: [p for p, each in enumerate(speakers) if each == name] for name in names}
    count = min(training.speakers, len(names))
    for _ in range(training.steps):
        chosen = [names[n] for n in generator.choice(len(names), count, replace=False)]
        excerpts, owners = [], []
        for name in chosen * 2:
            place = int(generator.choice(places[name]))
            draw = protected[int(generator.integers(len(protected)))]
            whole = (clear if generator.random() < 0.15 else draw)[place]
            whole = _at_least(whole, training.frames)
            first = int(generator.integers(0, len(whole) - training.frames + 1))
            excerpts.append(whole[first : first + training.frames])
            owners.append(place)
        vectors = learner(torch.stack(excerpts))
        unlike = (1 - (vectors * target[owners]).sum(dim=1)).mean()
        alike = 15 * vectors[:count] @ vectors[count:].T
        truth = torch.arange(count)
        confused = (cross_entropy(alike, truth) + cross_entropy(alike.T, truth)) / 2
        optimizer.zero_grad()
        (3 * unlike + confused).backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 3.0)
        optimizer.step()
        pace.step()
    return learner.eval()


def _at_least(powers: torch.Tensor, frames: int) -> torch.Tensor:
    return pad(powers, (0, 0, 0, max(0, frames - len(powers))))


class Undoing:
    """Guesses by what factor a picture's frequencies were moved, and moves them back.

    Formants are narrow low and wide high: how alike neighbouring bands are tells where they were.
    Kernel ridge regression, with Gaussian kernels, of pictures whose factor is known.

    Parameters
    ----------
    pictures
        Those, (n_mels, frames) values as Whisper takes them.
    factors
        The natural logarithm of each one's factor.
    """

    def __init__(self, pictures: Sequence[Spectrogram], factors: Sequence[float]) -> None:
        likeness = np.array([_likeness(one) for one in pictures])
        self._mean, self._spread = likeness.mean(axis=0), likeness.std(axis=0) + 1e-6
        self._known = (likeness - self._mean) / self._spread
        self._usual = float(np.mean(factors))
        kernel = self._kernel(self._known) + 0.01 * np.eye(len(factors))
        self._weights = np.linalg.solve(kernel, np.array(factors) - self._usual)

    def factor(self, picture: Spectrogram) -> float:
        """Return the logarithm of a picture's factor, as far as it can be guessed."""
        likeness = (_likeness(picture) - self._mean) / self._spread
        return self._usual + float((self._kernel(likeness[None]) @ self._weights)[0])

    def undone(self, picture: Spectrogram) -> Spectrogram:
        """Return a picture with its frequencies moved back."""
        back = np.full(picture.shape[1], np.exp(-self.factor(picture)))
        return stretched(picture, back)

    def _kernel(self, likeness: Vectors) -> Vectors:
        squares = np.square(likeness).sum(axis=1)[:, None] + np.square(self._known).sum(axis=1)
        apart = np.maximum(squares - 2 * likeness @ self._known.T, 0)
        found: Vectors = np.exp(-apart / (4 * self._known.shape[1]))
        return found


def _likeness(picture: Spectrogram) -> Vectors:
    """Return the correlations of each band with those that are one, two and three above."""
    heard = spoken(picture)
    heard = heard - heard.mean(axis=1, keepdims=True)
    heard /= heard.std(axis=1, keepdims=True) + 1e-6
    return np.concatenate([(heard[:-k] * heard[k:]).mean(axis=1) for k in (1, 2, 3)])


class Statistics:
    """A small verifier that looks at pictures alone: mean, spread and change of each band.

    Parameters
    ----------
    protected
        Pictures to learn from, under several draws of the protection: what differs between draws
        and between halves of an utterance tells nothing about the speaker, and is scaled away.
    """

    def __init__(self, protected: Sequence[Sequence[Spectrogram]]) -> None:
        features = np.array([[_features(one) for one in draw] for draw in protected])
        halves = np.array(
            [
                (_features(one[:, : one.shape[1] // 2]) - _features(one[:, one.shape[1] // 2 :]))
                / 2
                for draw in protected
                for one in draw
            ]
        )
        draws = (features - features.mean(axis=0)).reshape(-1, features.shape[2])
        within = halves.T @ halves / len(halves) + draws.T @ draws / len(draws)
        within += 0.1 * np.trace(within) / len(within) * np.eye(len(within))
        values, axes = np.linalg.eigh(within)
        scaled = axes / np.sqrt(values)
        self._mean = features.mean(axis=(0, 1))
        whole = (features.reshape(-1, features.shape[2]) - self._mean) @ scaled
        self._axes = scaled @ np.linalg.eigh(np.cov(whole.T))[1][:, -40:]

    def of_each(self, pictures: Sequence[Spectrogram]) -> Vectors:
        """Return a vector for each picture."""
        return np.array((np.array([_features(one) for one in pictures]) - self._mean) @ self._axes)


def _features(spectrogram: Spectrogram) -> Vectors:
    loudness = spectrogram.mean(axis=0)
    loud = loudness > np.quantile(loudness, 0.4)
    spoken, change = spectrogram[:, loud], np.abs(np.diff(spectrogram, axis=1))[:, loud[1:]]
    parts = (spoken.mean(axis=1) - spoken.mean(), spoken.std(axis=1), change.mean(axis=1))
    return 4 * np.concatenate(parts)
