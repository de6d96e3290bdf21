"""When each word was said, from the path of a text's tokens through the frames of its window.

The rules that mend long words at pauses are those of openai-whisper's `whisper/timing.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from hush.mel import FRAMES_PER_SECOND
from hush.transcript import Phrase, Word

ENCODED_PER_SECOND = 50
"""Steps a second of what an encoder makes of a spectrogram."""
LONGEST_USUAL_WORD = 0.7
"""Seconds: the median of a window's words counts as no more than this."""
_OPENING = "\"'“¿([{-"
_CLOSING = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 # marks of Chinese and Japanese
_SENTENCE_ENDS = ".。!！?？"  # noqa: RUF001


@dataclass(frozen=True)
class Alignment:
    """How a text lies in its window.

    Attributes
    ----------
    path
        (token, step) pairs of the best way through both, in order; the token after the last is the
        end of the text.
    probabilities
        Of each token.
    """

    path: Sequence[tuple[int, int]]
    probabilities: Sequence[float]


@dataclass
class _Timing:
    text: str
    tokens: int
    start: float
    end: float
    probability: float


def timed_words(
    alignment: Alignment,
    words: Sequence[tuple[str, list[int]]],
    texts: Sequence[Sequence[int]],
    phrases: Sequence[Phrase],
    seek: int,
    heard_until: float,
) -> list[list[Word]]:
    """Return the words of each phrase of a window.

    Parameters
    ----------
    alignment
        Of all the window's text.
    words
        That text's words with their tokens.
    texts
        Each phrase's tokens of text.
    phrases
        The phrases.
    seek
        First frame of the window.
    heard_until
        Where the last word of the windows before ends, in seconds.
    """
    timings = _timings(alignment, words)
    durations = [timing.end - timing.start for timing in timings if timing.end > timing.start]
    usual = min(LONGEST_USUAL_WORD, float(np.median(durations))) if durations else 0.0
    _shorten_at_sentences(timings, 2 * usual)
    _join_punctuation(timings)
    offset = seek / FRAMES_PER_SECOND
    following = iter(timings)
    result = []
    for phrase, text in zip(phrases, texts, strict=True):
        found, count = list[Word](), 0
        while count < len(text) and (timing := next(following, None)) is not None:
            count += timing.tokens
            if timing.text:
                start, end = round(offset + timing.start, 2), round(offset + timing.end, 2)
                found.append(Word(timing.text.strip(), start, end, timing.probability))
        if found:
            found = _mended(found, phrase, usual, heard_until)
            heard_until = found[-1].end
        result.append(found)
    return result


def _timings(alignment: Alignment, words: Sequence[tuple[str, list[int]]]) -> list[_Timing]:
    path = np.array(alignment.path)
    begins = np.diff(path[:, 0], prepend=-1).astype(bool)
    times = path[begins, 1] / ENCODED_PER_SECOND
    bounds = np.cumsum([0, *(len(tokens) for _, tokens in words)])
    # The end of the text has a time of its own, after those of its tokens.
    last = len(times) - 1
    return [
        _Timing(
            text,
            len(tokens),
            float(times[min(first, last)]),
            float(times[min(end, last)]),
            float(np.mean(alignment.probabilities[first:end])),
        )
        for (text, tokens), first, end in zip(words, bounds[:-1], bounds[1:], strict=True)
    ]


def _shorten_at_sentences(timings: list[_Timing], longest: float) -> None:
    """Take from words beside the end of a sentence the pause that they were given."""
    for previous, timing in pairwise(timings):
        if timing.end - timing.start > longest > 0:
            if timing.text in _SENTENCE_ENDS:
                timing.end = timing.start + longest
            elif previous.text in _SENTENCE_ENDS:
                timing.start = timing.end - longest


def _join_punctuation(timings: list[_Timing]) -> None:
    """Give opening marks to the word after them, closing ones to the word before."""
    following = len(timings) - 1
    for place in range(len(timings) - 2, -1, -1):
        mark = timings[place]
        if mark.text.startswith(" ") and mark.text.strip() in _OPENING:
            timings[following].text = mark.text + timings[following].text
            timings[following].tokens += mark.tokens
            mark.text, mark.tokens = "", 0
        else:
            following = place
    previous = 0
    for place in range(1, len(timings)):
        mark = timings[place]
        if not timings[previous].text.endswith(" ") and mark.text in _CLOSING:
            timings[previous].text += mark.text
            timings[previous].tokens += mark.tokens
            mark.text, mark.tokens = "", 0
        else:
            previous = place


def _mended(words: list[Word], phrase: Phrase, usual: float, heard_until: float) -> list[Word]:
    """Take pauses from a phrase's first and last words, and believe its own times where better."""
    longest = 2 * usual
    first = words[0]
    if first.end - heard_until > 4 * usual and (
        first.end - first.start > longest
        or (len(words) > 1 and words[1].end - first.start > 2 * longest)
    ):
        if len(words) > 1 and words[1].end - words[1].start > longest:
            boundary = max(words[1].end / 2, words[1].end - longest)
            first = replace(first, end=boundary)
            words[1] = replace(words[1], start=boundary)
        first = replace(first, start=max(0.0, first.end - longest))
    if first.start + 0.5 < phrase.start < first.end:
        first = replace(first, start=max(0.0, min(first.end - usual, phrase.start)))
    words[0] = first
    last = words[-1]
    if last.start < phrase.end < last.end - 0.5:
        words[-1] = replace(last, end=max(last.start + usual, phrase.end))
    return words
