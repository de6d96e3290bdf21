"""What cutting costs: words, bytes and time, by what decides where speech is.

    python -m bench.cuts --keep build/cuts.jsonl

Recordings of a minute or more, as they are and with pauses among surroundings, go to a model whole
and as hush and others cut them, for recordings and live. Prints word error rates with paired
differences to the whole, words that were not heard at all, bytes sent (PNG) against the whole, and
how long after the end of speech a live cut comes; then what is heard in clips in which nobody
speaks.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import jiwer
import numpy as np
from whisper.normalizers import EnglishTextNormalizer

from bench.hearing import Heard, Listener, Memory, hear_all
from bench.recordings import Score, Utterance, long_recordings
from bench.sending import PNG
from hush.audio import read_audio
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.detector import Decisions, Detector, EdgeDetector
from hush.mel import SAMPLE_RATE, Samples, Spectrogram
from hush.segments import Segment, SegmentStream, segments
from hush.voice_network import NetworkDetector
from models import nothing_said
from models.nothing_said import FOLDER, surroundings
from models.tables import table
from models.vad_peers import silero

Condition = Literal["as recorded", "with pauses, in a room", "nobody speaks"]
By = Literal["whole", "network", "edges", "Silero"]
SPOKEN: tuple[Condition, ...] = ("as recorded", "with pauses, in a room")
DETECTORS: tuple[By, ...] = ("network", "edges", "Silero")


class SileroDetector:
    """Silero's decisions, made beforehand from the samples, its hysteresis included.

    Parameters
    ----------
    samples
        All that will be decided about.
    """

    def __init__(self, samples: Samples) -> None:
        probabilities = silero(samples)
        # As its own iterator: on from 0.5, off from 0.35 on down.
        speech, on = np.zeros(len(probabilities), bool), False
        for frame, probability in enumerate(probabilities):
            on = probability >= (0.35 if on else 0.5)
            speech[frame] = on
        self._speech = speech
        self._told = 0

    def push(self, log_mel: Spectrogram) -> Decisions:
        """Return as many decisions as there are frames."""
        first, self._told = self._told, self._told + log_mel.shape[1]
        return self._speech[first : self._told]

    def finish(self) -> Decisions:
        """Return nothing: no frame is without a decision."""
        return np.zeros(0, bool)


@dataclass(frozen=True)
class Row:
    """One way of cutting.

    Attributes
    ----------
    listener
        What hears the segments.
    by
        What decides where speech is.
    live
        Whether it is cut as live speech is.
    condition
        What is cut.
    patience
        Of the cutter, for live cuts.
    pause
        Of the cutter, for live cuts.
    """

    listener: Listener
    by: By
    condition: Condition
    live: bool = False
    pause: float = 0.4
    patience: float = 0.4

    @property
    def name(self) -> str:
        """What tells it apart."""
        return f"{self.condition}: {self.listener.name}, {self.way}"

    @property
    def way(self) -> str:
        """What tables call it."""
        if self.by == "whole":
            return self.by
        if not self.live:
            return f"{self.by}, for recordings"
        patience = f" + {self.patience:g}" if self.patience else ""
        return f"{self.by}, live, {self.pause:g}{patience} s"

    def cut(self, samples: Samples) -> list[Segment]:
        """Return the segments of a recording."""
        detectors: dict[By, Callable[[], Detector]] = {
            "network": NetworkDetector,
            "edges": EdgeDetector,
            "Silero": lambda: SileroDetector(samples),
        }
        cutter = (
            Cutter(pause=self.pause, patience=self.patience)
            if self.live
            else Cutter(shortest=RECORDING_SEGMENT)
        )
        return list(segments([samples], 80, detectors[self.by](), cutter))

    def hear(self, folder: Path) -> Heard:
        """Hear all there is to hear."""
        texts, size, seconds = [], 0, 0.0
        for samples, language in _sounds(folder, self.condition):
            seconds += len(samples) / SAMPLE_RATE
            if self.by == "whole":
                spectrograms, sent = _sent(samples)
            else:
                cut = self.cut(samples)
                made = [_sent(_slice(samples, each)) for each in cut]
                spectrograms = [each for parts, _ in made for each in parts]
                sent = sum(count for _, count in made)
            size += sent
            heard = self.listener.hear(spectrograms, [language] * len(spectrograms))
            texts.append(" ".join(each.text for each in heard))
        return Heard(tuple(texts), bytes_a_second=size / seconds)


def _sent(samples: Samples) -> tuple[list[Spectrogram], int]:
    spectrogram, size = PNG.send(samples, 80)
    return [spectrogram], size


def _slice(samples: Samples, segment: Segment) -> Samples:
    return samples[round(segment.start * SAMPLE_RATE) : round(segment.end * SAMPLE_RATE)]


@lru_cache
def _sounds(folder: Path, condition: Condition) -> Sequence[tuple[Samples, str]]:
    if condition == "nobody speaks":
        return [(samples, "en") for _, samples in nothing_said.clips(folder)]
    said = long_recordings(folder)
    if condition == "as recorded":
        return [(each.samples, each.language) for each in said]
    rooms, generator = surroundings(folder), np.random.default_rng(4)
    return [(_with_pauses(each, rooms, generator), each.language) for each in said]


def _with_pauses(said: Utterance, rooms: Samples, generator: np.random.Generator) -> Samples:
    """Put 1 to 6 s between the parts of a recording, and all of it into a room at 15 dB."""
    parts: list[Samples] = []
    for file in said.files:
        parts += [read_audio(file), np.zeros(round(generator.uniform(1, 6) * SAMPLE_RATE))]
    samples = np.concatenate(parts).astype(np.float32)
    first = int(generator.integers(0, len(rooms)))
    noise = np.resize(np.roll(rooms, -first), len(samples))
    ratio = np.sqrt(np.square(said.samples).mean() / np.square(noise).mean())
    return np.asarray(samples + noise * ratio * 10 ** (-15 / 20), np.float32)


def delays(row: Row, folder: Path) -> tuple[float, float]:
    """Return median and 95 % of the seconds from the end of speech to a live cut.

    The end of speech is the cut's own, less its margin: what a detector adds to it by hearing
    speech for too long is part of no delay, but of `bench.vad`.
    """
    waits = []
    for samples, _ in _sounds(folder, row.condition):
        stream = SegmentStream(80, cutter=Cutter(pause=row.pause, patience=row.patience))
        step = SAMPLE_RATE // 50
        for first in range(0, len(samples), step):
            now = (first + step) / SAMPLE_RATE
            waits += [now - (each.end - 0.2) for each in stream.push(samples[first : first + step])]
    return float(np.median(waits)), float(np.percentile(waits, 95))


def rows(model: str) -> list[Row]:
    """Return what is compared."""
    listener = Listener(model)
    made = []
    for condition in SPOKEN:
        made += [Row(listener, by, condition) for by in ("whole", *DETECTORS)]
        made += [
            Row(listener, "network", condition, True, pause, patience)
            for pause, patience in ((0.4, 0.4), (0.4, 0.0), (0.6, 0.0))
        ]
        made.append(Row(listener, "Silero", condition, True))
    return made + [Row(listener, by, "nobody speaks") for by in DETECTORS]


def report(model: str, memory: Memory, folder: Path) -> None:
    """Print the tables."""
    made = rows(model)
    said = long_recordings(folder)
    for condition in SPOKEN:
        chosen = [row for row in made if row.condition == condition]
        scores = [Score.of(said, memory[row.name].texts) for row in chosen]
        whole = memory[chosen[0].name].bytes_a_second
        lines = []
        for row, score in zip(chosen, scores, strict=True):
            low, high = score.interval()
            more, least, most = score.increase(scores[0])
            wait = delays(row, folder) if row.live and row.by == "network" else None
            lines.append(
                (
                    row.way,
                    f"{score.rate:.2f} ({low:.2f} to {high:.2f})",
                    "" if row is chosen[0] else f"{more:+.2f} ({least:+.2f} to {most:+.2f})",
                    _lost(said, memory[row.name].texts),
                    f"{100 * memory[row.name].bytes_a_second / whole:.0f} %",
                    f"{wait[0]:.2f} s, {wait[1]:.2f} s" if wait else "",
                )
            )
        words = int(scores[0].words.sum())
        heads = ("cut by", "WER in %", "against whole", "words lost", "bytes", "delay, 95 %")
        table(f"{model}, {condition}: {len(said)} recordings, {words} words", heads, lines)
    counts = []
    for row in made:
        if row.condition == "nobody speaks":
            texts = memory[row.name].texts
            words = sum(len(text.split()) for text in texts)
            counts.append((row.by, sum(bool(text.strip()) for text in texts), words))
    table(f"{model}, 200 clips in which nobody speaks", ("cut by", "with words", "words"), counts)


def _lost(said: Sequence[Utterance], heard: Sequence[str]) -> int:
    """Count words for which nothing was heard at all."""
    normal = EnglishTextNormalizer()
    pairs = [(normal(each.text), normal(text)) for each, text in zip(said, heard, strict=True)]
    return sum(jiwer.process_words(*pair).deletions for pair in pairs)


def _hear(row: Row, folder: Path) -> tuple[str, Heard]:
    return row.name, row.hear(folder)


def main() -> None:
    """Hear what is not yet heard, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", nargs="+", default=["tiny.en"])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="JSON lines of what was heard, to go on with")
    arguments = parser.parse_args()
    if not (arguments.data / "long.jsonl").exists():
        sys.exit(f"there is no long.jsonl in {arguments.data}; --data names another folder")
    memory = Memory(arguments.keep)
    wanted = [row for model in arguments.model for row in rows(model)]
    new = [(row, arguments.data) for row in wanted if row.name not in memory]
    hear_all(_hear, new, memory, arguments.processes)
    for model in arguments.model:
        report(model, memory, arguments.data)


if __name__ == "__main__":
    main()
