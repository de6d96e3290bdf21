"""What the service makes of a model's answers, kept in vectors/ for the page's own engine to check.

    python -m tests.ui.hearing_vectors

writes hearing.json anew. Rules and searches are those of openai-whisper's whisper/decoding.py,
alignments those of its whisper/timing.py; the rest is the service's.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from whisper.decoding import (
    ApplyTimestampRules,
    BeamSearchDecoder,
    GreedyDecoder,
    MaximumLikelihoodRanker,
    SuppressBlank,
    SuppressTokens,
)
from whisper.timing import dtw, median_filter

from hush.mel import FRAMES_PER_SECOND
from hush.transcript import Phrase
from hush_service.engine import DecodingRequest, unheard
from hush_service.engine.questions import Decode, Decoded
from hush_service.engine.repetition import compression_ratio, said_again
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.windows import Rules, transcription
from hush_service.engine.word_times import Alignment, timed_words
from tests.ui.vectors import FOLDER

FILE = FOLDER / "hearing.json"

END, START, NO_SPEECH, NO_TIMES, ZERO, SIZE = 20, 21, 25, 26, 27, 87
"""Tokens of a small vocabulary, and how many it has; 0 to 19 are text."""
SUPPRESSED, BLANK = (3, START, 22, 23, 24, NO_SPEECH), 0
_TINY: Any = SimpleNamespace(
    eot=END, no_timestamps=NO_TIMES, timestamp_begin=ZERO, encode=lambda _: [BLANK]
)
SAID = (
    (),
    (ZERO,),
    (ZERO + 4, 5),
    (ZERO + 4, 5, ZERO + 9),
    (ZERO + 4, 5, ZERO + 9, ZERO + 9),
    (ZERO, 1, 2, ZERO + 30, ZERO + 31, 7, 8),
)
LONGEST = 60
TEXTS = (
    " And so, my fellow Americans: ask not \u2013 what's \u201cyour\u201d country's GDP in 2026?",
    " Grüße aus Köln, 東京 и Москва; naïve café 🎉 ok",
    "tabs\tand\n\nlines  ",
)
LOOPS = (
    (1, 2, 3) * 6,
    (9, 8, *(4, 5) * 9, 7),
    (5,) * 15,
    (5,) * 16,
    tuple(range(30)),
    (1, 2, 3, 4, 5, 6) * 4 + (1, 2),
)


def logit(before: int, token: int, seed: int) -> float:
    """What a model that knows one token alone makes of the next one."""
    likely = 3 if token == END else 0
    return ((before * 7919 + token * token * 31 + before * token * 17 + seed * 101) % 997) / 125 + (
        likely
    )


def _logits(said: torch.Tensor, seed: int) -> torch.Tensor:
    return torch.tensor(
        [[logit(int(row[-1]), token, seed) for token in range(SIZE)] for row in said]
    )


def rules() -> Iterator[dict[str, Any]]:
    """Yield what may follow some tokens."""
    filters = _filters()
    for seed in range(4):
        for said in SAID:
            tokens = torch.tensor([[START, *said]])
            logits = _logits(tokens, seed)
            for each in filters:
                each.apply(logits, tokens)
            allowed = torch.isfinite(logits[0]).nonzero().flatten().tolist()
            yield {"seed": seed, "said": list(said), "allowed": allowed}


def _filters() -> list[Any]:
    return [
        SuppressBlank(_TINY, 1),
        SuppressTokens(list(SUPPRESSED)),
        ApplyTimestampRules(_TINY, 1, 50),
    ]


def searches() -> Iterator[dict[str, Any]]:
    """Yield the most probable texts."""
    for seed in range(6):
        for beam in (1, 5):
            inference: Any = SimpleNamespace(rearrange_kv_cache=lambda rows: None)
            decoder: Any = (
                BeamSearchDecoder(beam, END, inference) if beam > 1 else GreedyDecoder(0.0, END)
            )
            decoder.reset()
            tokens, sums = torch.tensor([[START]] * beam), torch.zeros(beam)
            for _ in range(LONGEST):
                logits = _logits(tokens, seed)
                for each in _filters():
                    each.apply(logits, tokens)
                tokens, done = decoder.update(tokens, logits, sums)
                if done:
                    break
            found, totals = decoder.finalize(tokens[None], sums[None])
            texts = [[_until_end(text[1:].tolist()) for text in found[0]]]
            best = MaximumLikelihoodRanker(None).rank(
                [[torch.tensor(text) for text in texts[0]]], totals
            )[0]
            text = texts[0][best]
            mean = float(totals[0][best]) / (len(text) + 1)
            yield {"seed": seed, "beam": beam, "tokens": text, "mean": round(mean, 5)}


def _until_end(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(END)] if END in tokens else tokens


def tokens() -> Iterator[dict[str, Any]]:
    """Yield texts, their tokens and their words."""
    for name, tokenizer, language in (
        ("gpt2", Tokenizer(False), "en"),
        ("multilingual", Tokenizer(True), "de"),
        ("multilingual", Tokenizer(True), "ja"),
    ):
        for text in TEXTS:
            encoded = tokenizer.encode(text)
            words = [[word, part] for word, part in tokenizer.words(encoded, language)]
            yield {
                "vocabulary": name,
                "language": language,
                "text": text,
                "tokens": encoded,
                "words": words,
                "half": tokenizer.decode(encoded[: len(encoded) // 2]),
            }


def alignments() -> Iterator[dict[str, Any]]:
    """Yield ways of tokens through what they attend to."""
    generator = np.random.default_rng(19)
    for heads, count, steps, spoken in ((2, 7, 30, 24), (1, 4, 12, 12)):
        attention = generator.normal(0, 2, (heads, count, steps)).round(2)
        for token in range(count):
            place = token * spoken // count
            attention[:, token, place : place + 3] += 4
        weights = torch.tensor(attention, dtype=torch.float32)[:, :, :spoken].softmax(dim=-1)
        std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
        weights = median_filter((weights - mean) / std, 7)
        matrix = weights.mean(axis=0)[1:-1]
        path = np.stack(dtw(-matrix), axis=1).tolist()
        yield {
            "heads": heads,
            "tokens": count,
            "steps": steps,
            "spoken": spoken,
            "attention": attention.ravel().round(2).tolist(),
            "path": path,
        }


def word_times() -> Iterator[dict[str, Any]]:
    """Yield words with their times."""
    tokenizer = Tokenizer(False)
    generator = np.random.default_rng(7)
    phrases = (
        (0.0, 4.0, ' "Hello," she said.'),
        (4.0, 9.0, " And then (after a while) it was quiet."),
    )
    for seek, until in ((0, 0.0), (1500, 14.0)):
        texts = [tokenizer.encode(text) for _, _, text in phrases]
        said = [token for text in texts for token in text]
        steps = np.sort(generator.integers(0, 450, len(said)))
        path = [(token, int(step)) for token, step in enumerate([*steps, 460])]
        sure = generator.random(len(said)).round(3).tolist()
        words = list(tokenizer.words(said, "en"))
        offset = seek / FRAMES_PER_SECOND
        made = [Phrase(start + offset, end + offset, text) for start, end, text in phrases]
        timed = timed_words(Alignment(path, sure), words, texts, made, seek, until)
        yield {
            "seek": seek,
            "until": until,
            "path": path,
            "probabilities": sure,
            "phrases": [{"start": each.start, "end": each.end} for each in made],
            "texts": texts,
            "words": [[word, part] for word, part in words],
            "timed": [[asdict(word) for word in part] for part in timed],
        }


@dataclass(frozen=True)
class Hearing:
    """A spectrogram, what a model says of it, one answer after the other, and what is made of it.

    Attributes
    ----------
    frames
        Of the spectrogram.
    answers
        Text with times as (seconds), mean log-probability, probability of no speech.
    speech
        First and last frames in which somebody speaks.
    prompt
        Names to expect.
    interim
        Whether it still goes on.
    """

    frames: int
    answers: tuple[tuple[tuple[float | str, ...], float, float], ...]
    speech: tuple[tuple[int, int], ...] = ()
    prompt: str = ""
    interim: bool = False


GOOD = ((0.0, " Hello there.", 2.0, 2.0, " How are you?", 4.5), -0.3, 0.01)
HEARINGS = {
    "two phrases": Hearing(500, (GOOD,), ((20, 460),)),
    "one without a last time": Hearing(500, (((0.0, " Hello there."), -0.3, 0.01),)),
    "two windows": Hearing(
        2900,
        (
            ((0.0, " The first part.", 12.0, 12.0, " and what was"), -0.2, 0.01),
            ((0.0, " And what was cut.", 16.9), -0.2, 0.01),
        ),
        ((10, 1190), (1210, 2880)),
    ),
    "nobody": Hearing(300, (((0.0, " Thank you.", 2.0), -0.9, 0.8),), ((10, 290),)),
    "noise": Hearing(300, tuple(((0.0, " Uh.", 2.0), -1.7 - n / 10, 0.2) for n in range(6))),
    "a loop": Hearing(
        900,
        (
            ((0.0, " no, yes" * 12, 8.0), -0.1, 0.01),
            ((0.0, " No, yes, it is.", 8.0), -0.4, 0.01),
        ),
        ((10, 880),),
    ),
    "nothing but loops": Hearing(
        900, tuple(((0.0, " no, yes" * 12, 8.0), -0.1 - n / 10, 0.01) for n in range(6))
    ),
    "improbable": Hearing(
        400, tuple(((0.0, f" Number {n}.", 3.0), -1.1 - abs(n - 3) / 10, 0.1) for n in range(6))
    ),
    "an echo": Hearing(
        400,
        (
            ((0.0, " Copenhagen, Malmö.", 3.0), -0.4, 0.01),
            ((0.0, " We went to Malmö.", 3.0), -0.4, 0.01),
        ),
        ((10, 380),),
        prompt="Copenhagen, Malmö",
    ),
    "missed": Hearing(
        1000,
        (
            ((0.0, " The beginning.", 2.0), -0.2, 0.01),
            ((0.0, " And the end.", 4.0), -0.2, 0.01),
        ),
        ((10, 190), (500, 900)),
    ),
    "missed for good": Hearing(
        1000,
        (
            ((0.0, " The beginning.", 2.0), -0.2, 0.01),
            ((0.0, " ...", 4.0), -0.2, 0.01),
        ),
        ((10, 190), (500, 900)),
    ),
    "too fast": Hearing(
        100, tuple(((0.0, f" {'words ' * 9}{n}", 1.0), -0.2, 0.01) for n in range(6)), ((0, 99),)
    ),
    "interim": Hearing(1000, (((0.0, " The beginning.", 2.0), -1.5, 0.01),), interim=True),
}


def hearings() -> Iterator[dict[str, Any]]:
    """Yield what is asked of a model, and what is made of its answers."""
    tokenizer = Tokenizer(False)
    for name, hearing in HEARINGS.items():
        speech = np.zeros(hearing.frames, bool)
        for first, end in hearing.speech:
            speech[first:end] = True
        answers = [
            Decoded(tuple(_tokens(text, tokenizer)), mean, nobody)
            for text, mean, nobody in hearing.answers
        ]
        spectrogram = np.zeros((80, hearing.frames), np.float32)
        request = DecodingRequest(prompt=hearing.prompt or None, interim=hearing.interim)
        asked, left = [], iter(answers)
        with patch.object(unheard, "decisions", lambda _, speech=speech: iter([speech])):
            asking = transcription(spectrogram, request, tokenizer, Rules())
            answer: object = None
            try:
                while True:
                    question = asking.send(answer)
                    answer = None
                    if isinstance(question, Decode):
                        window = question.window
                        asked.append(
                            {
                                "frames": window.frames,
                                "prompt": list(question.prompt),
                                "temperature": question.temperature,
                                "beam": question.beam,
                            }
                        )
                        answer = next(left)
            except StopIteration as end:
                body = end.value.verbose_json()
        assert next(left, None) is None, name
        keys = ("start", "end", "text", "tokens", "temperature")
        yield {
            "name": name,
            "frames": hearing.frames,
            "speech": hearing.speech,
            "prompt": hearing.prompt,
            "interim": hearing.interim,
            "answers": [
                {"tokens": each.tokens, "mean": each.avg_logprob, "nobody": each.no_speech_prob}
                for each in answers
            ],
            "asked": asked,
            "text": body["text"],
            "segments": [{key: each[key] for key in keys} for each in body["segments"]],
            "unheard": body["unheard"],
        }


def _tokens(text: tuple[float | str, ...], tokenizer: Tokenizer) -> Iterator[int]:
    for part in text:
        if isinstance(part, str):
            yield from tokenizer.encode(part)
        else:
            yield tokenizer.first_timestamp + round(part * 50)


def vectors() -> dict[str, Any]:
    """Return all of them."""
    ratios = [{"text": text * 3, "ratio": compression_ratio(text * 3)} for text in TEXTS]
    return {
        "table": {
            "end_of_text": END,
            "start_of_transcript": START,
            "no_speech": NO_SPEECH,
            "no_timestamps": NO_TIMES,
            "first_timestamp": ZERO,
            "size": SIZE,
            "suppressed": SUPPRESSED,
            "suppressed_at_start": (BLANK, END),
        },
        "rules": list(rules()),
        "searches": list(searches()),
        "tokens": list(tokens()),
        "loops": [{"tokens": each, "again": said_again(each).tolist()} for each in LOOPS],
        "ratios": ratios,
        "alignments": list(alignments()),
        "word_times": list(word_times()),
        "hearings": list(hearings()),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), separators=(",", ":")) + "\n", encoding="utf-8")
