"""What a model is measured on: recordings with their words, by voices that training never hears."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from hush.audio import read_audio
from models import sentences, speech

Samples = NDArray[np.float32]
RATE = speech.SAMPLE_RATE


@dataclass(frozen=True)
class Recording:
    """What was said: the voice's family, the kind of sentence, its words, samples at 16 kHz."""

    family: str
    kind: str
    text: str
    samples: Samples


# ---- speech ----
def say_all(voices: Sequence[speech.Voice], texts: Sequence[str]) -> list[Samples]:
    """Speak texts, taking turns among voices, at the voices' own rate and pitch."""
    turns = [voices[i % len(voices)] for i in range(len(texts))]
    waves = speech.speak(
        [sentences.spoken(text) for text in texts], turns, [speech.Manner()] * len(texts)
    )
    return [wave if wave is not None else np.zeros(RATE, np.float32) for wave in waves]


def held_out_recordings() -> list[Recording]:
    """Return the test sentences, spoken by every family of voices that training never heard."""
    told = []
    for family, voices in speech.HELD_OUT.items():
        kinds, texts = zip(*sentences.test_sentences(), strict=True)
        told += [
            Recording(family, *one)
            for one in zip(kinds, texts, say_all(voices, texts), strict=True)
        ]
    return told


def random_word_recordings(count: int = 100) -> list[Recording]:
    """Return words of the vocabulary in no order at all, spoken by the held-out voices."""
    rng = random.Random(7)
    told = []
    for family, voices in speech.HELD_OUT.items():
        texts = [sentences.random_words(rng) for _ in range(count)]
        told += [
            Recording(family, "random", *one)
            for one in zip(texts, say_all(voices, texts), strict=True)
        ]
    return told


def folder_recordings(folder: Path) -> list[Recording]:
    """Return the recordings of a folder, NAME.flac or NAME.wav with their words in NAME.txt."""
    files = sorted(
        file for file in folder.rglob("*") if file.suffix in (".flac", ".wav", ".mp3", ".ogg")
    )
    return [
        Recording(
            folder.name, "recording", file.with_suffix(".txt").read_text().strip(), read_audio(file)
        )
        for file in files
    ]


# ---- harder recordings ----
def with_noise(samples: Samples, decibels: float, rng: np.random.Generator) -> Samples:
    """Add white noise so many decibels below the speech."""
    noise = rng.standard_normal(len(samples)).astype(np.float32)
    return samples + noise * np.float32(np.sqrt((samples**2).mean() / 10 ** (decibels / 10)))


def telephone(samples: Samples) -> Samples:
    """Keep what a telephone lets through, 300 to 3400 Hz."""
    return np.asarray(
        sosfilt(butter(6, (300, 3400), "bandpass", fs=RATE, output="sos"), samples), np.float32
    )


def strung_together(
    recordings: Sequence[Recording], seconds: float, pause: float, rng: random.Random
) -> list[Recording]:
    """Join recordings of one family, with pauses, into longer ones of up to so many seconds."""
    longer: list[Recording] = []
    samples: list[Samples] = []
    texts: list[str] = []
    for i, recording in enumerate(recordings):
        samples += [
            recording.samples,
            np.zeros(int(RATE * rng.uniform(0.3, 1) * pause), np.float32),
        ]
        texts.append(recording.text)
        following = recordings[i + 1] if i + 1 < len(recordings) else None
        length = sum(map(len, samples)) / RATE
        if (
            following is None
            or following.family != recording.family
            or length + len(following.samples) / RATE > seconds
        ):
            joined = Recording(recording.family, "long", " ".join(texts), np.concatenate(samples))
            longer.append(joined)
            samples, texts = [], []
    return longer


def silence_and_noise(count: int = 200) -> list[tuple[str, Samples]]:
    """Return clips of 2 to 30 s: silence, and four kinds of noise at three levels."""
    rng = np.random.default_rng(11)
    clips = []
    for i in range(count):
        n = int(RATE * rng.uniform(2, 30))
        colour, level = ("white", "pink", "brown", "hum", "silence")[i % 5], (-60, -40, -20)[i % 3]
        if colour == "silence":
            clips.append(("digital silence", np.zeros(n, np.float32)))
            continue
        if colour == "hum":
            wave = sum(
                np.sin(2 * np.pi * 50 * k * np.arange(n) / RATE) / k for k in (1, 2, 3)
            ) + 0.05 * rng.standard_normal(n)
        else:
            spectrum = np.fft.rfft(rng.standard_normal(n))
            falls = {"white": 0.0, "pink": 0.5, "brown": 1.0}[colour]
            wave = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** falls, n)
        wave = wave / np.sqrt((wave**2).mean()) * 10 ** (level / 20)
        clips.append((f"{colour} at {level} dB", np.asarray(wave, np.float32)))
    return clips
