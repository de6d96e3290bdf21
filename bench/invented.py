"""Words that are heard where nobody says any, and words that are lost where that is prevented.

    python -m bench.invented --keep build/invented.jsonl

hears 200 clips without speech (`bench.nothing_said`) with base and tiny.en, and prints how many
have words, by kind; then the same by other rules, with the words that these lose on people's
recordings.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.hearing import Heard, Listener, Memory, hear_all, heard_in
from bench.recordings import UNSURE, Score, Utterance, learnt, utterances
from bench.sending import PNG
from hush.transcript import Phrase
from hush_service.engine.windows import Rules, has_words
from models.nothing_said import COUNT, FOLDER, clips
from models.tables import table

NEVER = Rules(silent=1.1, suspicious=1.1, impossible=-1000)
WHISPER = replace(NEVER, silent=0.6, doubtful=-1.0, repetitive=1000)
RULES = {
    "never": NEVER,
    "by Whisper's own rule": WHISPER,
    "no speech above 0.6, -0.7": replace(NEVER, silent=0.6, doubtful=-0.7),
    "no speech above 0.5, -0.7": replace(NEVER, silent=0.5, doubtful=-0.7),
    "no speech above 0.4, -0.7": replace(NEVER, silent=0.4, doubtful=-0.7),
    "as hush does": Rules(),
}
"""When text is dropped."""


def hear(listener: Listener, what: str, folder: Path) -> tuple[str, Heard]:
    """Hear the clips, or people's recordings in any language, whose name is detected."""
    if what == "speech":
        samples = [each.samples for each in learnt(listener.model, utterances(folder))]
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
        (listener, what, arguments.data)
        for listener in listeners
        for what in (("clips", "speech") if listener.believing else ("clips",))
        if f"{what}: {listener.name}" not in memory
    ]
    hear_all(hear, new, memory, arguments.processes)
    kinds = [kind for kind, _ in clips(arguments.data)]
    for listener in listeners:
        if listener.believing:
            compare(listener, memory, learnt(listener.model, utterances(arguments.data)))
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


def compare(listener: Listener, memory: Memory, said: Sequence[Utterance]) -> None:
    """Print what would be invented, and what lost, by other rules."""
    noise = memory[f"clips: {listener.name}"]
    speech = memory[f"speech: {listener.name}"]
    sure = [place for place, each in enumerate(said) if each.source not in UNSURE]

    def score(rules: Rules) -> Score:
        return Score.of(said, [_left(each, rules) for each in speech.phrases]).of_some(sure)

    everything = score(NEVER)
    lines = []
    for name, rules in RULES.items():
        texts = [_left(phrases, rules) for phrases in noise.phrases]
        more, low, high = score(rules).increase(everything)
        words = sum(len(text.split()) for text in texts)
        lines.append(
            (name, sum(map(bool, texts)), words, f"{more:+.2f} ({low:+.2f} to {high:+.2f})")
        )
    words = int(everything.words.sum())
    heads = ("text is dropped", "clips with words", "words", "errors in speech, in points")
    title = f"{listener.model}, {COUNT} clips, {words} words of speech at {everything.rate:.2f} %"
    table(title, heads, lines)


def _left(phrases: Sequence[Sequence[Any]], rules: Rules) -> str:
    """Return the text of phrases, as `bench.hearing.Heard` has them, that rules do not drop."""
    texts = []
    for _, _, avg_logprob, no_speech_prob, compression_ratio, _, _, text in phrases:
        phrase = Phrase(0, 0, text, avg_logprob=avg_logprob, no_speech_prob=no_speech_prob)
        silence = rules.is_silence(phrase, compression_ratio > rules.repetitive)
        if has_words(text) and not silence and not rules.is_impossible(phrase):
            texts.append(text)
    return "".join(texts).strip()


if __name__ == "__main__":
    main()
