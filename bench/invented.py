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
from multiprocessing import get_context
from pathlib import Path

from bench.hearing import Heard, Listener, Memory, heard_in
from bench.nothing_said import clips
from bench.recordings import FOLDER, utterances
from bench.sending import PNG
from bench.tables import table

Phrase = Sequence[float]
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
        Listener(model, device=arguments.device, precision=precision, beam=beam, believing=each)
        for model in arguments.model
        for beam in (5, 1)
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
    lines = []
    for listener in listeners:
        heard = memory[f"clips: {listener.name}"]
        line = [listener.name, str(sum(map(bool, heard.texts)))]
        for kind in dict.fromkeys(kinds):
            texts = [text for text, one in zip(heard.texts, kinds, strict=True) if one == kind]
            line.append(f"{sum(map(bool, texts))} of {len(texts)}")
        lines.append(line)
    table("Clips with words", ("heard by", "all", *dict.fromkeys(kinds)), lines)


if __name__ == "__main__":
    main()
