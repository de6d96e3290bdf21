"""Ready means proven: before a model answers anybody, it hears a sentence whose words are known.

The sentence is John F. Kennedy's, a second one is what the toy model knows. Models of the catalogue
have to hear one of them. Whoever brings a model of their own may have taught it another language:
such a model has to answer with something that it finds probable itself and that does not repeat.
"""

import logging
import math
import re
import time
from dataclasses import dataclass
from pathlib import Path

from hush.image import decode
from hush.mel import floor_normalized
from hush.transcript import Phrase
from hush_service.engine import DecodingRequest, Engine, WorkStoppedError
from hush_service.packaged import demo_folder, proof_pictures
from hush_service.weights import catalogue
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.integrity import what_to_do

log = logging.getLogger(__name__)

TRIES = 3
"""At a sentence. A sound model believes its first answer; a damaged one tries until it gives up."""
LONGEST_SECONDS = 120.0
"""After so long, no further try is made at a sentence of five seconds."""
HEARD = 0.5
"""Share of a sentence's words that a model which knows the language hears at least."""
IMPROBABLE = -1.0
"""Mean log-probability below which text is guessed, as in Whisper's own rules."""
REPETITIVE = 2.4
"""Compression ratio above which text repeats itself."""

WORDS = {
    "person": "ask not what your country can do for you",
    "toy": "remind me at eight fifty six pm to cook dinner tonight",
}
"""What is said in the bundled pictures, by the first part of their names."""


class UnprovenModelError(UnreadableModelError):
    """A model that was loaded does not hear what it should. The message says what to do."""


@dataclass(frozen=True)
class _Answer:
    """What a model made of a picture."""

    expected: str
    text: str
    phrases: tuple[Phrase, ...]

    @property
    def is_finite(self) -> bool:
        """Whether the model's probabilities are numbers."""
        # -100 stands for what is no number in a transcript of openai-whisper.
        probabilities = [phrase.avg_logprob or 0.0 for phrase in self.phrases]
        return all(math.isfinite(each) and each > -100 for each in probabilities)

    @property
    def is_right(self) -> bool:
        """Whether it has enough of the sentence's words."""
        said = set(self.expected.split())
        heard = set(re.findall(r"\w+", self.text.lower()))
        return self.is_finite and len(said & heard) >= HEARD * len(said)

    @property
    def makes_sense(self) -> bool:
        """Whether it may be what another language makes of it."""
        return (
            bool(re.search(r"\w", self.text))
            and self.is_finite
            and all((phrase.avg_logprob or 0.0) >= IMPROBABLE for phrase in self.phrases)
            and all((phrase.compression_ratio or 0.0) <= REPETITIVE for phrase in self.phrases)
        )


def prove(engine: Engine, model: str | Path) -> None:
    """Have a model hear a sentence, and return if it can.

    Parameters
    ----------
    engine
        The model, loaded.
    model
        Its name or path.

    Raises
    ------
    UnprovenModelError
        If it hears something else, or has no answer after some tries.
    """
    pictures = proof_pictures(engine.info.mel_bins)
    if _is_toy(model):
        pictures = pictures[::-1]
    known = _is_toy(model) or (isinstance(model, str) and catalogue.find(model) is not None)
    answers = []
    for picture in pictures:
        answer = _answer(engine, picture)
        if answer.is_right:
            return
        answers.append(answer)
    first = answers[0]
    if not known and any(answer.makes_sense for answer in answers):
        log.warning(
            "model %s is taken as one that knows no English: of %r it heard %r",
            _name(model),
            first.expected,
            first.text,
        )
        return
    raise UnprovenModelError(
        f"model {_name(model)} is damaged: of {first.expected!r} it heard"
        f" {repr(first.text[:80]) if first.text else 'nothing'}; {what_to_do(model)}"
    )


def _answer(engine: Engine, picture: Path) -> _Answer:
    began, asked = time.monotonic(), 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > TRIES or time.monotonic() - began > LONGEST_SECONDS

    english = "en" if "en" in engine.info.languages else None
    spectrogram = floor_normalized(decode(picture.read_bytes()).spectrogram())
    expected = WORDS[picture.stem.partition("-")[0]]
    try:
        transcript = engine.transcribe(spectrogram, DecodingRequest(language=english), stop)
    except WorkStoppedError:
        return _Answer(expected, "", ())
    return _Answer(expected, transcript.text, transcript.phrases)


def _is_toy(model: str | Path) -> bool:
    return model in (catalogue.DEMO, demo_folder() / "demo.pt")


def _name(model: str | Path) -> str:
    return model if isinstance(model, str) else model.name
