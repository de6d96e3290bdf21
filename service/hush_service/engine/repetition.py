"""Text that repeats itself: what a model writes once it has lost the thread."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hush.transcript import Phrase
from hush_service.engine.tokenizer import Tokenizer

TIMES = 4
"""How often a loop says the same; people say a word three times."""
TOKENS = 16
"""Of how many tokens a loop is at least: "no, no, no, no, no" is none, people say that."""

SLOWEST = 2.0
"""Tokens a second of somebody who speaks slowly."""


def compression_ratio(text: str) -> float:
    """Return UTF-8 bytes to zlib's bytes: text that repeats itself compresses well."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def said_again(tokens: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Tell of each token whether a loop said it once more.

    Parameters
    ----------
    tokens
        Of text, without times.

    Returns
    -------
    ndarray
        (tokens,) False where there is no loop, and for what a loop says the first time. A loop says
        the same tokens at least `TIMES` times in a row, at least `TOKENS` of them in all.
    """
    said = np.asarray(tokens, np.int64)
    again = np.zeros(len(said), bool)
    for period in range(1, len(said) // TIMES + 1):
        same = said[period:] == said[:-period]
        edges = np.flatnonzero(np.diff(same, prepend=False, append=False))
        for first, end in edges.reshape(-1, 2):
            if end - first >= max(TIMES * period, TOKENS) - period:
                again[first + period : end + period] = True
    return again


def without_loops(phrases: Sequence[Phrase], tokenizer: Tokenizer) -> list[Phrase]:
    """Return phrases without what loops say again; what is spoken there then is in no phrase.

    Parameters
    ----------
    phrases
        Of one window, in order.
    tokenizer
        Of their tokens.
    """
    texts = [tokenizer.text(phrase.tokens) for phrase in phrases]
    again = said_again([token for text in texts for token in text])
    if not again.any():
        return list(phrases)
    bounds = np.cumsum([0, *map(len, texts)])
    shortened = [
        _shortened(phrase, text, again[first:end], tokenizer)
        for phrase, text, (first, end) in zip(phrases, texts, pairwise(bounds), strict=True)
    ]
    return [phrase for phrase in shortened if phrase is not None]


def _shortened(
    phrase: Phrase, text: list[int], again: npt.NDArray[np.bool_], tokenizer: Tokenizer
) -> Phrase | None:
    if not again.any():
        return phrase
    if again.all():
        return None
    rest = tuple(token for token, left_out in zip(text, again, strict=True) if not left_out)
    end = phrase.end
    if again[-1]:
        # Nobody knows when the loop began: this is how long the rest takes at most.
        end = min(end, phrase.start + len(rest) / SLOWEST)
    return replace(phrase, end=end, text=tokenizer.decode(rest), tokens=rest)
