"""People's recordings with their words, and how many of them a system got wrong.

A data set is a folder with `manifest.jsonl`, one utterance a line: `path`, `text`, `language`,
`source`, `speaker`, `seconds`; and `long.jsonl`, whose lines name `parts` that follow each other.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jiwer
import numpy as np
import numpy.typing as npt
from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

from hush.audio import read_audio
from hush.mel import SAMPLE_RATE, Samples
from models.nothing_said import FOLDER

DRAWS = 10_000
BY_CHARACTER = frozenset({"ja", "zh"})
UNSURE = frozenset({"earnings22", "voxpopuli"})
"""Sources in whose transcripts is more than in their recordings: in no total."""

_english, _basic = EnglishTextNormalizer(), BasicTextNormalizer()


@dataclass(frozen=True)
class Utterance:
    """Something that somebody said.

    Attributes
    ----------
    files
        What to hear, in order.
    text
        What was said.
    language
        ISO 639-1 code.
    source
        Name of the data set that it is part of.
    speaker, sex
        Who said it, if the data set says so.
    """

    files: tuple[Path, ...]
    text: str
    language: str
    source: str
    speaker: str | None = None
    sex: str | None = None

    @property
    def name(self) -> str:
        """What tells it apart."""
        return f"{self.files[0].parent.name}/{self.files[0].stem}+{len(self.files) - 1}"

    @cached_property
    def samples(self) -> Samples:
        """Mono, at 16 kHz."""
        return np.concatenate([read_audio(file) for file in self.files])

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / SAMPLE_RATE

    def errors(self, heard: str) -> tuple[int, int]:
        """Return how many words (in Japanese and Chinese: characters) are wrong, and of how many.

        Both texts go through Whisper's normaliser first.
        """
        said, heard = self.normal(self.text), self.normal(heard)
        out = jiwer.process_words(said, heard)
        return out.substitutions + out.deletions + out.insertions, len(said.split())

    def normal(self, text: str) -> str:
        """Return a text in its language as words are compared: by Whisper's normaliser."""
        if self.language == "en":
            return str(_english(text))
        if self.language in BY_CHARACTER:
            plain = unicodedata.normalize("NFKC", text)
            return " ".join(re.sub(r"[\W_]", "", plain.lower()))
        return str(_basic(text))


def utterances(folder: Path = FOLDER) -> list[Utterance]:
    """Return the utterances of a data set."""
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Utterance(
            (folder / each["path"],),
            each["text"],
            each["language"],
            each["source"],
            each.get("speaker"),
            each.get("gender"),
        )
        for each in map(json.loads, lines)
    ]


def learnt(model: str, said: Sequence[Utterance]) -> list[Utterance]:
    """Return the utterances in languages that a model has learnt: English alone if it ends so."""
    return [each for each in said if each.language == "en" or not model.endswith(".en")]


def spread(model: str, count: int, longest: float = 30.0) -> list[Utterance]:
    """Return about so many English utterances for a model, taken evenly from all sources."""
    fitting = [
        each
        for each in learnt(model, utterances())
        if each.language == "en" and each.source not in UNSURE and each.seconds <= longest
    ]
    return fitting[:: max(1, len(fitting) // count)][:count]


def long_recordings(folder: Path = FOLDER) -> list[Utterance]:
    """Return the recordings of minutes of a data set."""
    lines = (folder / "long.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Utterance(
            tuple(folder / part for part in each["parts"]),
            each["text"],
            each.get("language", "en"),
            each["id"].rsplit("-", 1)[0],
        )
        for each in map(json.loads, lines)
    ]


def in_noise(samples: Samples, noise: Samples, decibels: float, seed: int) -> Samples:
    """Return samples with noise so many decibels below them.

    Parameters
    ----------
    samples
        Speech.
    noise
        At least as long.
    decibels
        Ratio of their mean powers.
    seed
        Of the place in the noise that is taken.
    """
    first = int(np.random.default_rng(seed).integers(0, len(noise) - len(samples)))
    part = noise[first : first + len(samples)]
    ratio = np.mean(samples**2) / max(float(np.mean(part**2)), 1e-12) / 10 ** (decibels / 10)
    mixed: Samples = (samples + np.sqrt(ratio) * part).astype(np.float32)
    return mixed


@dataclass(frozen=True, eq=False)
class Score:
    """Errors and words of each utterance, in one order for all scores that are compared."""

    errors: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]

    @classmethod
    def of(cls, said: Sequence[Utterance], heard: Sequence[str]) -> "Score":
        """Count what was heard wrongly."""
        counts = [one.errors(text) for one, text in zip(said, heard, strict=True)]
        errors, words = zip(*counts, strict=True)
        return cls(np.array(errors), np.array(words))

    def of_some(self, chosen: Sequence[int]) -> "Score":
        """Return the score of some utterances alone."""
        return Score(self.errors[list(chosen)], self.words[list(chosen)])

    @property
    def rate(self) -> float:
        """Error rate in percent."""
        return float(100 * self.errors.sum() / self.words.sum())

    def interval(self) -> tuple[float, float]:
        """Return the rate's 95 % interval, in percent: utterances are drawn (bootstrap)."""
        draws = self._draws()
        return _bounds(100 * (draws @ self.errors) / (draws @ self.words))

    def increase(self, other: "Score") -> tuple[float, float, float]:
        """Return by how many points the rate is above another's, and the 95 % interval of that.

        The same utterances are drawn for both (paired bootstrap).
        """
        draws = self._draws()
        low, high = _bounds(100 * (draws @ (self.errors - other.errors)) / (draws @ self.words))
        return self.rate - other.rate, low, high

    def _draws(self) -> npt.NDArray[np.int64]:
        count = len(self.words)
        generator = np.random.default_rng(0)
        return generator.multinomial(count, np.full(count, 1 / count), DRAWS)


def _bounds(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
