"""A quick look at a model while it trains: a few sentences by voices that training never hears.

They say other sentences than the test's: the line tells how training goes, and chooses nothing.
"""

import random
from functools import cache
from pathlib import Path

import numpy as np
import torch
import whisper
from numpy.typing import NDArray
from whisper.normalizers import EnglishTextNormalizer

from models import sentences, speech

SENTENCES = 24


@cache
def _spoken() -> tuple[tuple[str, str, NDArray[np.float32]], ...]:
    rng = random.Random(99)
    told = []
    for family, voices in speech.HELD_OUT.items():
        texts = [sentences.sentence(rng) for _ in range(SENTENCES)]
        chosen = [rng.choice(voices) for _ in texts]
        waves = speech.speak(
            [sentences.spoken(text) for text in texts], chosen, [speech.Manner()] * len(texts)
        )
        told += [
            (family, text, wave)
            for text, wave in zip(texts, waves, strict=True)
            if wave is not None
        ]
    return tuple(told)


def development_error(checkpoint: Path) -> str:
    """Return the word error rate by family, in percent, as one line."""
    import jiwer

    model = whisper.load_model(str(checkpoint), device="cpu")
    normalise = EnglishTextNormalizer()
    said: dict[str, tuple[list[str], list[str]]] = {}
    options = whisper.DecodingOptions(language="en", fp16=False)
    for family, text, samples in _spoken():
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(samples))
        with torch.inference_mode():
            answer = whisper.decode(model, mel, options)
        references, answers = said.setdefault(family, ([], []))
        references.append(normalise(text))
        answers.append(normalise(answer.text))
    errors = {family: 100 * jiwer.wer(*pair) for family, pair in said.items()}
    return "word errors in %: " + ", ".join(
        f"{family} {error:.1f}" for family, error in errors.items()
    )
