"""Speech that no phrase accounts for: where a model stopped early, or began late.

Whisper ends a window early now and then, most of all where one speaker follows another. The
spectrogram tells where somebody speaks: what is spoken and is in no phrase is heard again.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hush.mel import FRAMES_PER_SECOND, Spectrogram
from hush.transcript import Phrase, Stretch, Transcript
from hush.voice_network import NetworkDetector

SHORTEST = 1.0
"""Seconds of speech in no phrase that are worth another look."""
HEARINGS = 3
"""How often what is left is heard again."""
REPORTED = 2.0
"""Seconds of speech without words that are told of: phrases' times are no better than a second,
and the detector takes a cough for speech."""
JOINED = 2.0
"""Seconds of pause within one stretch of speech."""
MARGIN = 0.2
"""Seconds before and after a stretch that are heard with it."""
_BLOCK = 1000
"""Frames that are looked at together: meanwhile the network takes 14 times their memory."""

_LONG_FROM = 3000
"""Frames of a spectrogram that is looked at by threads of its own: none of 30 s waits for one of
ten minutes."""
_SHORT, _LONG = (ThreadPoolExecutor(4, thread_name_prefix="detector") for _ in range(2))
_LATER = 0.01
"""Seconds after which it is looked: by then an engine's process has its question, and this one
nothing else to do. Python's threads would keep each other from that."""

Frames = npt.NDArray[np.bool_]


def decisions(spectrogram: Spectrogram) -> Iterator[Frames]:
    """Tell for each frame of a spectrogram whether somebody speaks, some frames after the others.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) floored and scaled values.
    """
    detector = NetworkDetector(spectrogram.shape[0])
    for first in range(0, spectrogram.shape[1], _BLOCK):
        yield detector.push(spectrogram[:, first : first + _BLOCK] * 4 - 4)
    yield detector.finish()


def speech_in(spectrogram: Spectrogram) -> Frames:
    """Tell for each frame of a spectrogram whether somebody speaks; see `decisions`."""
    return np.concatenate(list(decisions(spectrogram)))


class Detection:
    """Finds out where somebody speaks while a model hears, so that neither waits for the other.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) floored and scaled values.
    """

    def __init__(self, spectrogram: Spectrogram) -> None:
        frames = spectrogram.shape[1]
        self._speech: Frames = np.zeros(frames, np.bool_)
        self._known = 0
        self._ended = False
        self._given_up = False
        self._more = threading.Condition()
        threads = _LONG if frames > _LONG_FROM else _SHORT
        self._done = threads.submit(self._detect, spectrogram)

    def until(self, end: int) -> Frames:
        """Return whether somebody speaks in each frame; it is known of those before `end`."""
        with self._more:
            self._more.wait_for(lambda: self._known >= end or self._ended)
        if self._known < end:
            self._done.result()  # which raises what went wrong
        return self._speech

    def give_up(self) -> None:
        """Look no further: nobody will ask."""
        self._given_up = True
        self._done.cancel()

    def _detect(self, spectrogram: Spectrogram) -> None:
        try:
            time.sleep(_LATER)
            for found in decisions(spectrogram):
                if self._given_up:
                    return
                with self._more:
                    self._speech[self._known : self._known + len(found)] = found
                    self._known += len(found)
                    self._more.notify_all()
        finally:
            with self._more:
                self._ended = True
                self._more.notify_all()


def reported(transcript: Transcript, speech: Frames) -> Transcript:
    """Return a transcript that says where speech has no words.

    Parameters
    ----------
    transcript
        Of a spectrogram, with phrases in order.
    speech
        Of all frames of the spectrogram.
    """
    left = stretches(speech, transcript.phrases, 0, len(speech), REPORTED)
    return replace(
        transcript,
        unheard=tuple(
            Stretch(first / FRAMES_PER_SECOND, end / FRAMES_PER_SECOND) for first, end in left
        ),
    )


def stretches(
    speech: Frames,
    phrases: Sequence[Phrase],
    first: int,
    end: int,
    shortest: float = SHORTEST,
) -> list[tuple[int, int]]:
    """Return where speech is in no phrase.

    Parameters
    ----------
    speech
        Of all frames of the spectrogram.
    phrases
        What was heard.
    first, end
        Frames between which to look.
    shortest
        Seconds of speech that a stretch holds at least.

    Returns
    -------
    list of (first, end)
        Frames, `MARGIN` included. None reaches into a phrase.
    """
    phrase_frames = [
        (round(phrase.start * FRAMES_PER_SECOND), round(phrase.end * FRAMES_PER_SECOND))
        for phrase in phrases
    ]
    margin, joined = round(MARGIN * FRAMES_PER_SECOND), round(JOINED * FRAMES_PER_SECOND)
    found = []
    for low, high in _between(phrase_frames, first, end):
        places = np.flatnonzero(speech[low:high])
        for run in np.split(places, np.flatnonzero(np.diff(places) > joined) + 1):
            if len(run) >= shortest * FRAMES_PER_SECOND:
                begin, after = low + int(run[0]) - margin, low + int(run[-1]) + 1 + margin
                found.append((max(low, begin), min(high, after)))
    return found


def _between(phrases: Sequence[tuple[int, int]], first: int, end: int) -> list[tuple[int, int]]:
    """Return what lies between phrases that are in order."""
    gaps, reached = [], first
    for begin, after in phrases:
        if begin > reached:
            gaps.append((reached, min(begin, end)))
        reached = max(reached, after)
    if end > reached:
        gaps.append((reached, end))
    return gaps
