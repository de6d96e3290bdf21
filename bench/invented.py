"""Words that are heard where nobody says any, and words that are lost where that is prevented.

    python -m bench.invented --keep build/invented.jsonl

hears 200 clips without speech (`bench.nothing_said`) with base and tiny.en, and prints how many
have words, by kind; then the same for other thresholds, with the words that these lose on people's
recordings.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from multiprocessing import get_context
from pathlib import Path

from bench.hearing import Heard, Listener, Memory, heard_in
from bench.nothing_said import COUNT, clips
from bench.recordings import FOLDER, UNSURE, Score, Utterance, utterances
from bench.sending import PNG
from models.tables import table

SILENT = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
IMPROBABLE = (-1.0, -0.8, -0.7, -0.6, -0.5, -0.4, -0.3)

Phrase = Sequence[float | str]
"""As in `bench.hearing.Heard`."""


def hear(listener: Listener, what: str, folder: Path) -> tuple[str, Heard]:
    """Hear the clips, or people's recordings in any language, whose name is detected."""
    if what == "speech":
        samples = [each.samples for each in utterances(folder)]
    else:
        samples = [wave for _, wave in clips(folder)]
    spectrograms = [PNG.send(one, 80)[0] for one in samples]
    answers = listener.hear(spectrograms, [None] * len(samples))
    return f"{what}: {listener.name}", heard_in(answers)


def main() -> None:
    """Hear what is not yet heard, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="JSON lines of what was heard, to go on with")
    arguments = parser.parse_args()
    precision = "float16" if arguments.device == "cuda" else "int8"
    listeners = [
        Listener(model, device=arguments.device, precision=precision, believing=each)
        for model in arguments.model
        for each in (False, True)
    ]
    memory = Memory(arguments.keep)
    new = [
        (listener, what)
        for listener in listeners
        for what in ("clips", "speech")
        if f"{what}: {listener.name}" not in memory
    ]
    with ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool:
        work = [pool.submit(hear, *one, arguments.data) for one in new]
        for count, future in enumerate(as_completed(work), 1):
            memory.add(*future.result())
            print(f"{count} of {len(new)}: {future.result()[0]}", file=sys.stderr, flush=True)
    kinds = [kind for kind, _ in clips(arguments.data)]
    for listener in listeners:
        if listener.believing:
            thresholds(listener, memory, utterances(arguments.data))
    by_kind([each for each in listeners if not each.believing], memory, kinds)


def by_kind(listeners: Sequence[Listener], memory: Memory, kinds: Sequence[str]) -> None:
    """Print in how many clips of each kind there are words."""
    lines = []
    for listener in listeners:
        heard = memory[f"clips: {listener.name}"]
        line = [listener.name, str(sum(map(bool, heard.texts)))]
        for kind in dict.fromkeys(kinds):
            texts = [text for text, one in zip(heard.texts, kinds, strict=True) if one == kind]
            line.append(f"{sum(map(bool, texts))} of {len(texts)}")
        lines.append(line)
    table("Clips with words", ("heard by", "all", *dict.fromkeys(kinds)), lines)


def thresholds(listener: Listener, memory: Memory, said: Sequence[Utterance]) -> None:
    """Print what would be invented, and what lost, if other phrases were dropped."""
    noise = memory[f"clips: {listener.name}"]
    speech = memory[f"speech: {listener.name}"]
    sure = [place for place, each in enumerate(said) if each.source not in UNSURE]

    def score(silent: float, improbable: float) -> Score:
        texts = [_left(phrases, silent, improbable) for phrases in speech.phrases]
        return Score.of(said, texts).of_some(sure)

    everything = score(1.1, -9)
    lines = []
    for silent, improbable in ((1.1, -9.0), *product(SILENT, IMPROBABLE)):
        texts = [_left(phrases, silent, improbable) for phrases in noise.phrases]
        lost, low, high = score(silent, improbable).increase(everything)
        lines.append(
            (
                f"{silent:g}, {improbable:g}" if silent <= 1 else "nothing is dropped",
                sum(map(bool, texts)),
                sum(len(text.split()) for text in texts),
                f"{lost:+.2f} ({low:+.2f} to {high:+.2f})",
            )
        )
    heads = ("no speech above, log-probability below", "clips with words", "words", "points lost")
    words = int(everything.words.sum())
    title = f"{listener.model}, {COUNT} clips, {words} words of speech at {everything.rate:.2f} %"
    table(title, heads, lines)


def _left(phrases: Sequence[Phrase], silent: float, improbable: float) -> str:
    """Return the text of what is not dropped. Without a letter or a figure, nothing is said."""
    texts = [
        str(phrase[7])
        for phrase in phrases
        if not (float(phrase[3]) > silent and float(phrase[2]) <= improbable)
    ]
    text = "".join(texts).strip()
    return text if any(character.isalnum() for character in text) else ""


if __name__ == "__main__":
    main()
