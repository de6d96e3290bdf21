"""How many words are heard wrongly: hush against stock Whisper, on people's recordings.

    python -m bench.accuracy                      base and tiny.en on this machine's processor
    python -m bench.accuracy --model base --device cuda --keep build/accuracy.jsonl

Prints Markdown tables: word error rates (of Japanese and Chinese: character error rates) after
Whisper's normaliser, with bootstrap intervals of 95 %, and paired differences to the first row on
the same recordings. The language is given, as a user would who knows it.

`--rows windows` compares windows and beams; `--rows long` recordings of minutes, whole and as the
client cuts them. With `--keep`, what was heard is kept in a file and not heard again.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from bench.hearing import Heard, Listener, Memory, hear_all, heard_in
from bench.recordings import UNSURE, Score, Utterance, learnt, long_recordings, utterances
from bench.sending import FLOAT32, PNG, SMALL, Way
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.mel import SAMPLE_RATE
from hush.segments import segments
from hush_service.engine.windows import EXACT, WindowRule
from models.nothing_said import FOLDER
from models.tables import table

BEAMS = (5, 1)
Recordings = Literal["utterances", "long", "long, cut"]


@dataclass(frozen=True)
class Row:
    """One way of hearing all recordings.

    Attributes
    ----------
    listener
        What hears.
    way
        What is sent to it; None for the samples themselves.
    recordings
        Which ones.
    """

    listener: Listener
    way: Way | None = PNG
    recordings: Recordings = "utterances"

    @property
    def name(self) -> str:
        """What tells it apart from others."""
        sent = "audio" if self.way is None else self.way.name
        return f"{self.recordings}: {self.listener.name}, from {sent}"

    def hear(self, folder: Path) -> Heard:
        """Hear the recordings of a data set."""
        said = self.said(folder)
        if self.way is None:
            texts = (self.listener.hear_samples(each.samples, each.language) for each in said)
            return Heard(tuple(texts))
        if self.recordings == "long, cut":
            return Heard(tuple(self._cut(each) for each in said))
        spectrograms = [self.way.send(each.samples, 80)[0] for each in said]
        return heard_in(self.listener.hear(spectrograms, [each.language for each in said]))

    def said(self, folder: Path) -> Sequence[Utterance]:
        """Return what is to be heard, in languages that the model has learnt."""
        return learnt(self.listener.model, _said(folder, self.recordings))

    def _cut(self, utterance: Utterance) -> str:
        assert self.way is not None
        samples = utterance.samples
        parts = [
            samples[round(cut.start * SAMPLE_RATE) : round(cut.end * SAMPLE_RATE)]
            for cut in segments([samples], 80, cutter=Cutter(shortest=RECORDING_SEGMENT))
        ]
        spectrograms = [self.way.send(part, 80)[0] for part in parts]
        heard = self.listener.hear(spectrograms, [utterance.language] * len(parts))
        return " ".join(each.text for each in heard)


@lru_cache
def _said(folder: Path, recordings: Recordings) -> Sequence[Utterance]:
    return utterances(folder) if recordings == "utterances" else long_recordings(folder)


WINDOWS = ((20, 5), (15, 5), (10, 5))
"""Shortest window and margin in seconds, with which rows of windows are made."""


def rows(model: str, device: str, kind: str) -> list[Row]:
    """Return the rows of a table: of "engines", "windows" or "long" recordings."""
    hush = Listener(model, device=device, precision="float16" if device == "cuda" else "int8")
    stock = Listener(model, "stock", device, "float32")
    match kind:
        case "engines":
            return [*_reference_rows(stock), *_hush_rows(hush)]
        case "windows":
            rules = [EXACT, *(WindowRule(*each) for each in WINDOWS)]
            return [Row(replace(hush, beam=beam, window=rule)) for beam in BEAMS for rule in rules]
        case _:
            whole_and_cut: tuple[Recordings, ...] = ("long", "long, cut")
            return [
                Row(replace(stock, beam=5), None, "long"),
                *(
                    Row(replace(hush, beam=beam), PNG, recordings)
                    for beam in BEAMS
                    for recordings in whole_and_cut
                ),
            ]


def _reference_rows(stock: Listener) -> Iterator[Row]:
    reference = replace(stock, engine="reference")
    yield Row(stock, None)
    yield Row(replace(stock, beam=1), None)
    for way in (FLOAT32, PNG, SMALL):
        yield Row(replace(reference, beam=1), way)
    yield Row(reference, PNG)


def _hush_rows(hush: Listener) -> Iterator[Row]:
    for beam in BEAMS:
        exact = replace(hush, precision="float32", window=EXACT, beam=beam)
        yield Row(exact, FLOAT32)
        yield Row(replace(exact, window=WindowRule()), PNG)
    for precision in ("float16", "int8_float16") if hush.device == "cuda" else ("int8",):
        for beam in BEAMS:
            for way in (FLOAT32, PNG, SMALL):
                yield Row(replace(hush, precision=precision, beam=beam), way)


def report(title: str, chosen: Sequence[Row], memory: Memory, folder: Path) -> None:
    """Print the tables of rows that were heard."""
    said = chosen[0].said(folder)
    scores = [Score.of(said, memory[row.name].texts) for row in chosen]
    english = [
        place
        for place, each in enumerate(said)
        if each.language == "en" and each.source not in UNSURE
    ]
    first = scores[0].of_some(english)
    lines = []
    for row, score in zip(chosen, scores, strict=True):
        part = score.of_some(english)
        low, high = part.interval()
        more, least, most = part.increase(first)
        lines.append(
            (
                row.name.split(": ", 1)[1],
                f"{part.rate:.2f} ({low:.2f} to {high:.2f})",
                "" if row is chosen[0] else f"{more:+.2f} ({least:+.2f} to {most:+.2f})",
            )
        )
    words = int(first.words.sum())
    heads = ("heard by", "WER in %", "against the first row, in points")
    table(f"{title}: English, {len(english)} recordings, {words} words", heads, lines)
    sources = list(dict.fromkeys((each.language, each.source) for each in said))
    columns = []
    for language, source in sources:
        places = [p for p, each in enumerate(said) if each.source == source]
        columns.append((f"{source} ({language})", places))
    by_source = []
    for name, places in columns:
        parts = [score.of_some(places) for score in scores]
        by_source.append((name, int(parts[0].words.sum()), *(f"{part.rate:.1f}" for part in parts)))
    numbers = [str(number) for number in range(1, len(chosen) + 1)]
    table(f"{title}: by source, rows as above", ("source", "words", *numbers), by_source)


def _hear(row: Row, folder: Path) -> tuple[str, Heard]:
    return row.name, row.hear(folder)


def main() -> None:
    """Hear what is not yet heard, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--rows", nargs="+", choices=("engines", "windows", "long"), default=["engines"]
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="JSON lines of what was heard, to go on with")
    arguments = parser.parse_args()
    if not (arguments.data / "manifest.jsonl").exists():
        sys.exit(f"there is no manifest.jsonl in {arguments.data}; --data names another folder")
    memory = Memory(arguments.keep)
    tables = {
        f"{model}, {kind}": rows(model, arguments.device, kind)
        for model in arguments.model
        for kind in arguments.rows
    }
    wanted = {row.name: row for chosen in tables.values() for row in chosen}
    new = [(row, arguments.data) for name, row in wanted.items() if name not in memory]
    hear_all(_hear, new, memory, arguments.processes)
    for title, chosen in tables.items():
        for recordings in dict.fromkeys(row.recordings.split(",")[0] for row in chosen):
            of_kind = [row for row in chosen if row.recordings.split(",")[0] == recordings]
            report(title, of_kind, memory, arguments.data)


if __name__ == "__main__":
    main()
