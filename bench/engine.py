"""How many utterances a second engines hear: `python -m bench.engine`.

People's recordings of 2 to 5, 5 to 15 and 15 to 30 s are heard by hush's engine from 8-bit
pictures, in batches of several sizes, and by faster-whisper (one at a time, and its batched
pipeline) and openai-whisper from the samples; all of the same weights, on as many threads, with
the same beam and their fallback to higher temperatures. CTranslate2 has the same precision in
both; openai-whisper has none but float32 on a CPU. Where a peer's own default is something else,
it is a row of its own. Making pictures and reading files is not timed.

A peer that is not installed is left out: `pip install --target FOLDER faster-whisper`, and
`--peers FOLDER`.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bench.recordings import UNSURE, Score, Utterance, utterances
from hush.image import decode, encode, quantize
from hush.mel import Spectrogram, floor_normalized, log_mel_spectrogram
from hush_service.engine import DecodingRequest
from hush_service.engine.batching import transcribe_all
from hush_service.engine.windows import Rules
from hush_service.weights import catalogue
from hush_service.weights.models import resolve
from models.nothing_said import FOLDER

LENGTHS = ((2.0, 5.0), (5.0, 15.0), (15.0, 30.0))
"""Seconds, from and up to."""
LANGUAGE = "en"

Hear = Callable[[Sequence[Utterance]], list[str]]


@dataclass(frozen=True)
class Way:
    """A way to hear utterances.

    Attributes
    ----------
    name
        What it is called in the table.
    load
        Loads the model, and returns what hears.
    """

    name: str
    load: Callable[[], Hear]


def ways(model: str, batches: Sequence[int], threads: int, device: str, beam: int) -> list[Way]:
    """Return hush's way in batches of several sizes, and those of the peers that are there."""
    found = [
        Way(f"hush, batches of {size}", lambda size=size: _hush(model, size, threads, device, beam))  # type: ignore[misc]
        for size in batches
    ]
    if find_spec("faster_whisper"):
        found += [
            Way("faster-whisper", lambda: _faster(model, threads, device, beam)),
            Way("faster-whisper, its default", lambda: _faster(model, threads, device, None)),
            *(
                Way(
                    f"faster-whisper, batched, {size}",
                    lambda size=size: _faster(model, threads, device, beam, size),  # type: ignore[misc]
                )
                for size in batches
                if size > 1
            ),
        ]
    if find_spec("whisper"):
        found += [
            Way("openai-whisper", lambda: _openai(model, threads, device, beam)),
            Way("openai-whisper, its default", lambda: _openai(model, threads, device, None)),
        ]
    return found


def _hush(model: str, size: int, threads: int, device: str, beam: int) -> Hear:
    from hush_service.engine.ctranslate2 import CTranslate2Engine

    engine = CTranslate2Engine(
        resolve(model, "ctranslate2"),
        device,
        threads=threads,
        rules=Rules(beam=beam),
        batch=size,
    )

    def hear(said: Sequence[Utterance]) -> list[str]:
        texts: list[str] = []
        for first in range(0, len(said), size):
            group = [_from_picture(one, engine.info.mel_bins) for one in said[first : first + size]]
            wishes = [(each, DecodingRequest(language=LANGUAGE)) for each in group]
            texts += [transcript.text for transcript in transcribe_all(engine, wishes)]
        return texts

    return hear


@cache
def _from_picture(one: Utterance, mel_bins: int) -> Spectrogram:
    picture = encode(quantize(log_mel_spectrogram(one.samples, mel_bins)))
    return floor_normalized(decode(picture).spectrogram())


def _faster(model: str, threads: int, device: str, beam: int | None, size: int = 1) -> Hear:
    peer: Any = import_module("faster_whisper")  # which nothing else wants installed
    precision = "int8" if device == "cpu" else "float16"
    loaded: Any = peer.WhisperModel(
        str(resolve(model, "ctranslate2")), device, compute_type=precision, cpu_threads=threads
    )
    options: dict[str, Any] = {} if beam is None else {"beam_size": beam, "best_of": beam}
    if size > 1:
        loaded = peer.BatchedInferencePipeline(loaded)
        options["batch_size"] = size
    if beam is not None:
        options["language"] = LANGUAGE
    return lambda said: [
        "".join(part.text for part in loaded.transcribe(one.samples, **options)[0]) for one in said
    ]


def _openai(model: str, threads: int, device: str, beam: int | None) -> Hear:
    import torch
    import whisper

    torch.set_num_threads(threads)
    loaded = whisper.load_model(str(resolve(model, "openai")), device)
    options: dict[str, Any] = {"fp16": device != "cpu"}
    if beam is not None:
        options |= {"beam_size": beam, "best_of": beam, "language": LANGUAGE}
    return lambda said: [
        str(whisper.transcribe(loaded, one.samples, **options)["text"]) for one in said
    ]


def chosen(folder: Path, shortest: float, longest: float, count: int) -> list[Utterance]:
    """Return so many English utterances of a length, drawn once for all, the shortest first."""
    fitting = [
        one
        for one in utterances(folder)
        if one.language == LANGUAGE
        and one.source not in UNSURE
        and shortest <= one.seconds < longest
    ]
    order = np.random.default_rng(0).permutation(len(fitting))
    drawn = [fitting[place] for place in order[:count]]
    return sorted(drawn, key=lambda one: one.seconds)


def measured(
    found: Sequence[Way], said: Sequence[Utterance], rounds: int
) -> Iterator[tuple[str, float, float]]:
    """Yield each way's name, utterances a second (the best of some rounds) and word errors.

    What is heard first loads and warms up, and is not timed.
    """
    for way in found:
        hear = way.load()
        hear(said[:1])
        best, texts = float("inf"), list[str]()
        for _ in range(rounds):
            began = time.monotonic()
            texts = hear(said)
            best = min(best, time.monotonic() - began)
        yield way.name, len(said) / best, Score.of(said, texts).rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="tiny.en,base", help="separated by commas")
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of recordings")
    parser.add_argument("--utterances", type=int, default=32, help="of each length")
    parser.add_argument("--batches", default="1,2,4,8,16", help="sizes, separated by commas")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=1, help="the best counts")
    parser.add_argument("--only", default="", help="ways whose name begins so")
    parser.add_argument("--peers", type=Path, help="folder with faster_whisper in it")
    options = parser.parse_args()
    if options.peers:
        sys.path.append(str(options.peers))
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sizes = [int(size) for size in options.batches.split(",")]
    print(f"{options.threads} threads, {options.device}, beam {options.beam}")
    print(
        "| model | seconds | way | utterances a second | words heard wrongly |\n" + "|---" * 5 + "|"
    )
    for model in options.models.split(","):
        found = [
            way
            for way in ways(model, sizes, options.threads, options.device, options.beam)
            if way.name.startswith(options.only)
        ]
        for shortest, longest in LENGTHS:
            said = chosen(options.data, shortest, longest, options.utterances)
            for one in said:
                _ = one.samples  # read before anything is timed
                _from_picture(one, catalogue.named(model).mel_bins)
            for name, speed, wrong in measured(found, said, options.rounds):
                print(
                    f"| {model} | {shortest:g} to {longest:g} | {name} | {speed:.2f}"
                    f" | {wrong:.1f} % |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
