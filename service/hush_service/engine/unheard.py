"""Speech that no phrase accounts for: where a model stopped early, or began late.

Whisper ends a window early now and then, most of all where one speaker follows another. The
spectrogram tells where somebody speaks: what is spoken and is in no phrase is heard again.
"""

from collections.abc import Sequence
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

Frames = npt.NDArray[np.bool_]


def speech_in(spectrogram: Spectrogram) -> Frames:
    """Tell for each frame of a spectrogram whether somebody speaks.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) floored and scaled values.
    """
    detector = NetworkDetector(spectrogram.shape[0])
    blocks = (
        spectrogram[:, first : first + _BLOCK] for first in range(0, spectrogram.shape[1], _BLOCK)
    )
    return np.concatenate([*(detector.push(block * 4 - 4) for block in blocks), detector.finish()])


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
