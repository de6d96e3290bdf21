"""Clips in which nobody says anything: surroundings, noises, tones, chirps, an organ, music."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hush.audio import read_audio
from hush.mel import SAMPLE_RATE, Samples

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "speech"
"""Where data sets of speech are, if no other folder is named; see `bench.recordings`."""
COUNT = 200

Generator = np.random.Generator


def clips(folder: Path = FOLDER) -> list[tuple[str, Samples]]:
    """Return 200 clips of 2 to 30 s, each with its kind; the same at every call.

    Parameters
    ----------
    folder
        Data set with voicebank-demand's pairs: noisy minus clean is noise of real surroundings.
    """
    generator = np.random.default_rng(11)
    noise = surroundings(folder)
    made: list[tuple[str, Samples]] = []
    every = list(kinds(noise))
    while len(made) < COUNT:
        kind, make = every[len(made) % len(every)]
        seconds = generator.uniform(2, 30)
        level = 10 ** (generator.choice((-45, -30, -15)) / 20)
        wave = make(round(seconds * SAMPLE_RATE), generator)
        peak = max(float(np.abs(wave).max()), 1e-9)
        made.append((kind, (wave / peak * level).astype(np.float32)))
    return made


def surroundings(folder: Path = FOLDER) -> Samples:
    """Return the noise of voicebank-demand, recorded where people are: noisy minus clean.

    Parameters
    ----------
    folder
        A data set that holds it.

    Returns
    -------
    (samples,) array
        All of it, one recording after the other.
    """
    pairs = [
        (file, folder / "voicebank-demand-clean" / file.name)
        for file in sorted((folder / "voicebank-demand-noisy").glob("*.flac"))
    ]
    return np.concatenate([read_audio(noisy) - read_audio(clean) for noisy, clean in pairs])


def kinds(noise: Samples) -> Iterator[tuple[str, Callable[[int, Generator], Samples]]]:
    """Yield what can be made, as often as it should be: a name, and what makes so many samples."""

    def surrounding(length: int, generator: Generator) -> Samples:
        first = int(generator.integers(0, len(noise) - length))
        return noise[first : first + length]

    # Real surroundings are what people have: two clips of five.
    yield "surroundings", surrounding
    yield "white, pink or brown noise", _coloured
    yield "tones", _tones
    yield "surroundings", surrounding
    yield "chirps", _chirps
    yield "surroundings", surrounding
    yield "organ", _organ
    yield "music", _music
    yield "surroundings", surrounding
    yield "knocks and clicks", knocks


def _coloured(length: int, generator: Generator) -> Samples:
    falls = generator.choice((0.0, 0.5, 1.0))
    spectrum = np.fft.rfft(generator.standard_normal(length))
    return np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** falls, length)


def _tones(length: int, generator: Generator) -> Samples:
    """Tones that follow each other, some with pauses, as machines and telephones make them."""
    parts, filled = [], 0
    while filled < length:
        part = round(generator.uniform(0.1, 1.5) * SAMPLE_RATE)
        time = np.arange(part) / SAMPLE_RATE
        sounding = generator.random() < 0.7
        parts.append(sounding * np.sin(2 * np.pi * generator.uniform(200, 3000) * time))
        filled += part
    return _hushed(np.concatenate(parts)[:length], generator)


def _chirps(length: int, generator: Generator) -> Samples:
    """Rising and falling tones, as of birds."""
    wave = np.zeros(length)
    for _ in range(max(1, length // SAMPLE_RATE * 3)):
        part = round(generator.uniform(0.05, 0.6) * SAMPLE_RATE)
        first = int(generator.integers(0, max(1, length - part)))
        low, high = generator.uniform(300, 6000, 2)
        time = np.arange(part) / SAMPLE_RATE
        phase = 2 * np.pi * (low * time + (high - low) * time**2 * SAMPLE_RATE / (2 * part))
        wave[first : first + part] += (np.sin(phase) * np.hanning(part))[: length - first]
    return _hushed(wave, generator)


def _organ(length: int, generator: Generator) -> Samples:
    """Chords of many harmonics that last a second or more."""
    parts, filled = [], 0
    while filled < length:
        part = round(generator.uniform(0.8, 3) * SAMPLE_RATE)
        time = np.arange(part) / SAMPLE_RATE
        root = 110 * 2 ** (generator.integers(0, 24) / 12)
        chord = sum(_harmonics(root * 2 ** (interval / 12), time, 8) for interval in (0, 4, 7, 12))
        parts.append(chord * np.minimum(1, np.minimum(time, time[::-1]) / 0.05))
        filled += part
    return np.concatenate(parts)[:length]


def _music(length: int, generator: Generator) -> Samples:
    """Pluck a melody over a beat."""
    beat = round(generator.uniform(0.25, 0.6) * SAMPLE_RATE)
    wave = np.zeros(length + 2 * beat)
    for first in range(0, length, beat):
        time = np.arange(2 * beat) / SAMPLE_RATE
        pitch = 220 * 2 ** (generator.choice((0, 2, 4, 7, 9, 12, 14)) / 12)
        wave[first : first + 2 * beat] += _harmonics(pitch, time, 5) * np.exp(-4 * time)
        drum = generator.standard_normal(beat // 4) * np.exp(-np.arange(beat // 4) / 400)
        wave[first : first + beat // 4] += 0.6 * drum
    return wave[:length]


def knocks(length: int, generator: Generator) -> Samples:
    """Knocks, clicks and typing."""
    wave = np.zeros(length)
    for _ in range(max(1, round(length / SAMPLE_RATE * generator.uniform(1, 8)))):
        part = int(generator.integers(50, 3000))
        first = int(generator.integers(0, max(1, length - part)))
        knock = generator.standard_normal(part) * np.exp(-np.arange(part) / (part / 6))
        wave[first : first + part] += (knock * generator.uniform(0.2, 1))[: length - first]
    return _hushed(wave, generator)


def _harmonics(pitch: float, time: Samples, count: int) -> Samples:
    numbers = range(1, count + 1)
    wave: Samples = sum(
        (np.sin(2 * np.pi * pitch * number * time) / number for number in numbers),
        np.zeros_like(time),
    )
    return wave


def _hushed(wave: Samples, generator: Generator) -> Samples:
    """Add the faint noise that every microphone has."""
    return wave + 0.003 * generator.standard_normal(len(wave))
