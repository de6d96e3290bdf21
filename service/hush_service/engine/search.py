"""Looks for a text: what a model may say next, and the most probable of several texts.

The rules are those of openai-whisper's `whisper/decoding.py`, for as many windows at once as there
are. CTranslate2 and openai-whisper look for themselves; runtimes of graphs know no texts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hush_service.engine.tokenizer import Tokenizer

Logits = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.int32]
NextTokens = Callable[[Tokens, Tokens | None], Logits]
"""Adds tokens (texts, new) to texts, of which each goes on from one of the call before: the second
argument says from which; None begins anew. There are as many texts for each window, a window's one
after the other. Returns logits (texts, vocabulary) of what follows."""

LONGEST = 448
"""Tokens that a model reads and writes at most."""
ROOM = LONGEST // 2
"""Tokens that a text may have at most."""
LATEST_BEGINNING = 50
"""Timestamps: a window's text begins within its first second."""


@dataclass(frozen=True)
class Said:
    """A text that a model wrote.

    Attributes
    ----------
    tokens
        With timestamps, without what ends the text.
    logarithms
        Of the probability of each of them.
    total
        Their sum, with that of the text's end where it has one.
    """

    tokens: tuple[int, ...] = ()
    logarithms: tuple[float, ...] = ()
    total: float = 0.0

    @property
    def mean(self) -> float:
        """Mean log-probability of its tokens and of its end."""
        return self.total / (len(self.tokens) + 1)

    def followed_by(self, token: int, logarithm: float) -> "Said":
        """Return the text with a token more."""
        return Said((*self.tokens, token), (*self.logarithms, logarithm), self.total + logarithm)

    def ended(self, logarithm: float) -> "Said":
        """Return the text with its end."""
        return Said(self.tokens, self.logarithms, self.total + logarithm)


@dataclass(frozen=True)
class Grammar:
    """What a text may go on with.

    Parameters
    ----------
    tokenizer
        The model's tokens.
    """

    tokenizer: Tokenizer

    @cached_property
    def _never(self) -> npt.NDArray[np.intp]:
        return np.array([*self.tokenizer.suppressed, self.tokenizer.no_timestamps])

    def logarithms(self, logits: Logits, texts: Sequence[Said]) -> Logits:
        """Return how probable each token is after each text, -infinity where it must not follow.

        Parameters
        ----------
        logits
            (texts, vocabulary); what they hold is lost.
        texts
            As far as they are written.

        Returns
        -------
        Logits
            (texts, vocabulary) natural logarithms of probabilities.
        """
        zero = self.tokenizer.first_timestamp
        logits[:, self._never] = -np.inf
        for row, text in zip(logits, texts, strict=True):
            self._restrict(row, text.tokens)
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        times = odds[:, zero:].sum(axis=1)
        # Where some time is more probable than any one token of text, it is a time.
        is_time = times > odds[:, :zero].max(axis=1)
        logits[is_time, :zero] = -np.inf
        total = np.where(is_time, times, odds.sum(axis=1))
        logits -= np.log(total)[:, None]
        return logits

    def _restrict(self, row: Logits, said: Sequence[int]) -> None:
        """Keep timestamps in pairs, in order, and the first one early; in place."""
        zero, end = self.tokenizer.first_timestamp, self.tokenizer.end_of_text
        if not said:
            row[:zero] = -np.inf
            row[zero + LATEST_BEGINNING + 1 :] = -np.inf
            return
        after_time = said[-1] >= zero
        after_pair = len(said) < 2 or said[-2] >= zero
        if after_time and after_pair:
            row[zero:] = -np.inf
        elif after_time:
            row[:end] = -np.inf
        latest = next((token for token in reversed(said) if token >= zero), None)
        if latest is not None:
            # None goes back, and no phrase takes no time.
            is_open = after_time and not after_pair
            row[zero : latest if is_open else latest + 1] = -np.inf


def probability_of(token: int, logits: Logits) -> npt.NDArray[np.float64]:
    """Return how probable a token is after each text, of all: (texts,) from 0 to 1."""
    odds = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(odds[:, token] / odds.sum(axis=1))


def most_probable(
    follow: NextTokens,
    logits: Logits,
    grammar: Grammar,
    room: int,
    width: int,
    temperature: float = 0.0,
    random: np.random.Generator | None = None,
) -> list[Said]:
    """Return the most probable text of each window.

    Parameters
    ----------
    follow
        The model.
    logits
        (windows, vocabulary) of the first token.
    grammar
        What a text may go on with.
    room
        Tokens that a text may have.
    width
        Texts of each window that are followed at once.
    temperature
        At 0, the most probable ones; above, they are drawn by their probability.
    random
        What draws them.
    """
    random = random or np.random.default_rng()
    windows = len(logits)
    live = [[Said()] for _ in range(windows)]
    finished: list[list[Said]] = [[] for _ in range(windows)]
    for length in range(room):
        each = len(logits) // windows
        shown = [[*texts, *[Said()] * (each - len(texts))] for texts in live]
        chances = grammar.logarithms(logits, [text for texts in shown for text in texts])
        # What nobody follows any more goes on from its window's first text, unread.
        rows = np.repeat(np.arange(windows, dtype=np.int32) * each, width).reshape(windows, width)
        added = np.zeros((windows, width), np.int32)
        for window, texts in enumerate(live):
            these = chances[window * each :][: len(texts)]
            if temperature == 0:
                found = _best(these, texts, width)
            else:
                found = _drawn(these, width if length == 0 else 1, temperature, random)
            going: list[Said] = []
            for place, token in found:
                if len(going) == width:
                    break
                logarithm = float(these[place, token])
                if token == grammar.tokenizer.end_of_text:
                    if len(finished[window]) < width:
                        finished[window].append(texts[place].ended(logarithm))
                    continue
                rows[window, len(going)] += place
                added[window, len(going)] = token
                going.append(texts[place].followed_by(token, logarithm))
            live[window] = going if len(finished[window]) < width else []
        if not any(live) or length + 1 == room:
            break
        logits = follow(added.reshape(-1, 1), rows.ravel())
    return [
        max((*ended, *going), key=lambda text: text.total / max(1, len(text.tokens)))
        for ended, going in zip(finished, live, strict=True)
    ]


def _best(chances: Logits, texts: Sequence[Said], width: int) -> Iterator[tuple[int, int]]:
    """Yield (text, token) of the most probable texts that are a token longer."""
    if not texts:
        return
    count = width + 1
    tokens = np.argpartition(chances, -count, axis=1)[:, -count:]
    totals = np.take_along_axis(chances, tokens, axis=1)
    totals = totals + np.array([[text.total] for text in texts])
    for place in np.argsort(-totals, axis=None, kind="stable"):
        text, candidate = divmod(int(place), count)
        if totals[text, candidate] > -np.inf:
            yield text, int(tokens[text, candidate])


def _drawn(
    chances: Logits, count: int, temperature: float, random: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Yield (text, token) of so many tokens that are drawn for each text."""
    for place, row in enumerate(chances.astype(np.float64)):
        bounds = np.exp((row - row.max()) / temperature).cumsum()
        for chance in random.random(count) * bounds[-1]:
            yield place, int(np.searchsorted(bounds, chance, side="right"))
