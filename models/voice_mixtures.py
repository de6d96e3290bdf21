"""Streams of speech among other sounds, as they reach a microphone, to learn voice activity from.

A stream is speech of some voices with pauses, its room's noise going on in them, other sounds over
it, a line or a microphone that it went through, and any level. Its labels are the teacher's for the
speech alone.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, fftconvolve, sosfilt

from hush.mel import HOP_LENGTH, SAMPLE_RATE, Samples
from models.nothing_said import knocks
from models.voice_sources import Sources, Whole

Generator = np.random.Generator
Item = TypeVar("Item")
Speech = npt.NDArray[np.float32]

_FRAME_RATE = SAMPLE_RATE // HOP_LENGTH


def stream(
    seconds: int, sources: Sources, generator: Generator, knocking: float = 0.05
) -> tuple[Samples, Speech]:
    """Return samples, and how probable speech is in each frame of 10 ms.

    Parameters
    ----------
    seconds
        How long.
    sources
        What is mixed.
    generator
        Of chance.
    knocking
        Share of the sounds over speech that are knocks, clicks and typing, some of them in the
        speaker's own room.
    """
    speech, labels, own_noise = _speech(seconds * _FRAME_RATE, sources, generator)
    length = len(speech)
    if own_noise is not None and generator.random() < 0.85:
        speech += _like(own_noise, length, generator) * _decibels(-4, 4, generator)
    if generator.random() < 0.5:
        speech = _coloured(speech, 8, generator)
    in_a_room = generator.random() < 0.3
    with_its_noise = in_a_room and generator.random() < knocking
    if in_a_room and not with_its_noise:
        speech = _in_a_room(speech, generator)
    for _ in range(int(generator.choice([0, 1, 2], p=[0.08, 0.57, 0.35]))):
        loudest, quietest = (4, -20) if generator.random() < 0.75 else (-15, -40)
        noise = _noise(length, sources, generator, knocking)
        speech = speech + noise * _decibels(quietest, loudest, generator)
    if with_its_noise:
        speech = _in_a_room(speech, generator)
    return _recorded(speech, generator), uniform_filter1d(labels, 5)


def _speech(
    frames: int, sources: Sources, generator: Generator
) -> tuple[Samples, Speech, Samples | None]:
    """Return speech at a root mean square of about 1, its labels, and its quietest frames."""
    samples = np.zeros(frames * HOP_LENGTH, np.float32)
    labels = np.zeros(frames, np.float32)
    if generator.random() < 0.07:
        return samples, labels, None
    own_noise = None
    at = 0 if generator.random() < 0.3 else int(generator.exponential(70))
    while at < frames - 30:
        said, judged = _utterance(sources, generator)
        count = min(len(judged), frames - at)
        samples[at * HOP_LENGTH : (at + count) * HOP_LENGTH] += said[: count * HOP_LENGTH]
        labels[at : at + count] = judged[:count]
        if own_noise is None:
            parts = said.reshape(-1, HOP_LENGTH)
            own_noise = parts[np.argsort(np.square(parts).mean(axis=1))[: len(parts) // 12 + 1]]
        pause = generator.choice([0, generator.uniform(5, 60), generator.uniform(50, 250)])
        at += count + int(pause)
    return samples, labels, own_noise


def _utterance(sources: Sources, generator: Generator) -> tuple[Samples, Speech]:
    """Return up to 6 s, or all of it, of a voice, faster or slower."""
    voice = sources.voices[int(generator.integers(len(sources.voices)))]
    judged = voice.speech.astype(np.float32)
    said = voice.samples.astype(np.float32)
    if len(judged) > 500 and generator.random() < 0.6:
        first = int(generator.integers(0, len(judged) - 300))
        judged = judged[first : first + int(generator.uniform(150, 600))]
        said = said[first * HOP_LENGTH :][: len(judged) * HOP_LENGTH]
    if generator.random() < 0.6:
        rate = generator.uniform(0.85, 1.18)
        said = _faster(said, rate)
        frames = len(said) // HOP_LENGTH
        said = said[: frames * HOP_LENGTH]
        judged = judged[np.minimum((np.arange(frames) * rate).astype(int), len(judged) - 1)]
    spoken = said[np.repeat(judged, HOP_LENGTH) > 0.5]
    level = _level(spoken) if len(spoken) else 10 * _level(said)
    return said / level * _decibels(-7, 7, generator), judged


def _noise(length: int, sources: Sources, generator: Generator, knocking: float) -> Samples:
    """Return something that is no speech, or that of many at once, at a root mean square of 1."""
    if generator.random() < knocking:
        return _scaled(knocks(length, generator))
    kind = generator.random()
    if kind < 0.3:
        noise = _part(sources.surroundings, length, generator)
    elif kind < 0.45:
        noise = _waves(length, generator)
    elif kind < 0.85:
        noise = _part(_any(sources.sounds, generator), length, generator)
        if generator.random() < 0.5:
            other = _part(_any(sources.sounds, generator), length, generator)
            noise = noise / _level(noise) + other / _level(other) * generator.uniform(0, 1)
    else:
        noise = _babble(length, sources, generator)
    if generator.random() < 0.5:
        noise = np.resize(_faster(noise, generator.uniform(0.75, 1.3)), length)
    if generator.random() < 0.4:
        noise = _coloured(noise, 10, generator)
    return _scaled(noise)


def _waves(length: int, generator: Generator) -> Samples:
    """Return noise of some colour whose level may rise and fall."""
    spectrum = np.fft.rfft(generator.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)), 30) ** generator.uniform(0, 1)
    noise = _coloured(np.fft.irfft(spectrum, length), 12, generator)
    if generator.random() < 0.5:
        levels = generator.uniform(-10, 10, int(generator.integers(3, 60)))
        places = np.linspace(0, length, len(levels))
        noise = noise * 10 ** (np.interp(np.arange(length), places, levels) / 20)
    return noise.astype(np.float32)


def _babble(length: int, sources: Sources, generator: Generator) -> Samples:
    babble = np.zeros(length, np.float32)
    for _ in range(int(generator.integers(4, 10))):
        voices = [_any(sources.voices, generator).samples for _ in range(3)]
        talk = np.concatenate(voices).astype(np.float32)
        babble += np.resize(np.roll(talk, int(generator.integers(len(talk)))), length) / _level(
            talk
        )
    return babble


def _recorded(samples: Samples, generator: Generator) -> Samples:
    """Send a sound through a line, a microphone and a converter."""
    kind = generator.random()
    if kind < 0.1:
        edges = [generator.uniform(150, 350), generator.uniform(3000, 3600)]
        samples = sosfilt(butter(4, edges, "bandpass", fs=SAMPLE_RATE, output="sos"), samples)
    elif kind < 0.25:
        edge = generator.uniform(3500, 7500)
        samples = sosfilt(butter(6, edge, "lowpass", fs=SAMPLE_RATE, output="sos"), samples)
    elif kind < 0.35:
        edge = generator.uniform(80, 300)
        samples = sosfilt(butter(2, edge, "highpass", fs=SAMPLE_RATE, output="sos"), samples)
    samples = samples * _decibels(-72, -12, generator)
    if generator.random() < 0.5:
        hiss = generator.standard_normal(len(samples))
        samples = samples + hiss * _decibels(-105, -75, generator)
    if generator.random() < 0.6:
        samples = np.round(np.clip(samples, -1, 1) * 32_767) / 32_767
    return np.asarray(samples, np.float32)


def _in_a_room(samples: Samples, generator: Generator) -> Samples:
    """Add an echo that dies away by 60 dB in 0.15 to 0.8 s."""
    length = int(generator.uniform(0.15, 0.8) * SAMPLE_RATE)
    echo = generator.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    echo *= _decibels(-12, 0, generator) / np.sqrt(np.square(echo).sum())
    echo[0] = 1
    return np.asarray(fftconvolve(samples, echo)[: len(samples)], np.float32)


def _coloured(samples: Samples, decibels: float, generator: Generator) -> Samples:
    """Raise and lower parts of the spectrum by up to so many decibels."""
    spectrum = np.fft.rfft(samples)
    places = np.linspace(0, 1, len(spectrum)) ** 0.5
    curve = np.interp(places, np.linspace(0, 1, 6), generator.uniform(-decibels, decibels, 6))
    return np.fft.irfft(spectrum * 10 ** (curve / 20), len(samples)).astype(np.float32)


def _like(frames: Samples, length: int, generator: Generator) -> Samples:
    """Return steady noise with the spectrum and the level of some frames."""
    shape = np.abs(np.fft.rfft(frames * np.hanning(HOP_LENGTH), 320)).mean(axis=0)
    spectrum = np.fft.rfft(generator.standard_normal(length))
    places = np.linspace(0, len(shape) - 1, len(spectrum))
    noise = np.fft.irfft(spectrum * np.interp(places, np.arange(len(shape)), shape), length)
    return (noise / _level(noise) * _level(frames)).astype(np.float32)


def _part(sound: Whole, length: int, generator: Generator) -> Samples:
    """Return a part of a sound, or the sound again and again with pauses."""
    wave = sound.astype(np.float32)
    if len(wave) > length:
        first = int(generator.integers(0, len(wave) - length))
        return wave[first : first + length]
    if len(wave) > length // 2:
        return np.resize(wave, length)
    part = np.zeros(length, np.float32)
    at = 0
    while at < length:
        count = min(len(wave), length - at)
        part[at : at + count] = wave[:count]
        at += len(wave) + int(generator.exponential(0.5) * SAMPLE_RATE)
    return part


def _faster(samples: Samples, rate: float) -> Samples:
    """Play a sound at another rate, its pitch with it."""
    places = np.arange(int(len(samples) / rate)) * rate
    return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)


def _any(items: Sequence[Item], generator: Generator) -> Item:
    return items[int(generator.integers(len(items)))]


def _decibels(low: float, high: float, generator: Generator) -> float:
    """Draw a factor for amplitudes."""
    return float(10 ** (generator.uniform(low, high) / 20))


def _scaled(samples: Samples) -> Samples:
    """Bring to a root mean square of 1."""
    return np.asarray(samples / _level(samples), np.float32)


def _level(samples: Samples) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.square(samples).mean())) + 1e-9
