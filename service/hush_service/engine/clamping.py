"""Times that make sense: in order, and within the picture."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hush.transcript import Transcript

Times = Sequence[tuple[float, float]]


def clamped(transcript: Transcript) -> Transcript:
    """Return a transcript in which nothing goes back in time, or begins or ends after its end.

    Models tell times freely: beyond what they heard, and before what they said already.
    """
    duration = transcript.duration
    times = in_order([(phrase.start, phrase.end) for phrase in transcript.phrases], duration)
    phrases = tuple(
        replace(phrase, start=start, end=end)
        for phrase, (start, end) in zip(transcript.phrases, times, strict=True)
    )
    if transcript.words is None:
        return replace(transcript, phrases=phrases)
    times = in_order([(word.start, word.end) for word in transcript.words], duration)
    words = tuple(
        replace(word, start=start, end=end)
        for word, (start, end) in zip(transcript.words, times, strict=True)
    )
    return replace(transcript, phrases=phrases, words=words)


def in_order(times: Times, duration: float) -> Times:
    """Return starts and ends within 0 and a duration, none before the end that precedes it.

    Parameters
    ----------
    times
        Start and end of each, in seconds; starts are believed before ends.
    duration
        In seconds.
    """
    if not times:
        return []
    given = np.asarray(times, np.float64).clip(0.0, duration)
    starts = np.maximum.accumulate(given[:, 0])
    nexts = np.append(starts[1:], duration)
    ends = np.clip(given[:, 1], starts, nexts)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
