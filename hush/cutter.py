"""Where segments end: decisions about speech become cuts in pauses."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hush.detector import Decisions, Whole
from hush.mel import FRAMES_PER_SECOND

RECORDING_SEGMENT = 15.0
"""Seconds of speech that a recording's segments have at least, unless silence ends them."""
PHRASE = 8.0
"""Seconds of speech after which any pause is welcome."""

_PHRASE_FRAMES = round(PHRASE * FRAMES_PER_SECOND)


@dataclass(frozen=True)
class Cut:
    """A segment's place in the stream.

    Attributes
    ----------
    start, end
        Frames of 10 ms; `end` is the first that is not part of it.
    """

    start: int
    end: int


class Cutter:
    """Turns decisions into segments: cut in pauses, and never through a word where a pause exists.

    Parameters
    ----------
    speech
        Seconds that speech lasts at least: what is shorter is taken for a click.
    shortest
        Seconds of speech under which a segment goes on over a pause. 0 gives every phrase its own
        segment, as live speech wants; some 15 make segments long enough for Whisper to do its best.
    pause
        Seconds of silence that end a segment that is long enough.
    patience
        Seconds of silence beyond `pause` that a segment just begun is given: a phrase ends with a
        longer pause than the ones within it. They become fewer while it goes on, and are none when
        it has `PHRASE` seconds.
    silence
        Seconds of silence that end any segment.
    longest
        Seconds at which a segment is cut in its longest pause or, if it has none, where it is
        quietest.
    margin
        Seconds kept before and after speech.

    Raises
    ------
    ValueError
        If a time is negative, or `longest` is under a second.
    """

    def __init__(
        self,
        shortest: float = 0.0,
        pause: float = 0.4,
        silence: float = 2.0,
        longest: float = 30.0,
        margin: float = 0.2,
        speech: float = 0.06,
        patience: float = 0.4,
    ) -> None:
        if min(shortest, pause, silence, margin, speech, patience) < 0 or longest < 1:
            raise ValueError(
                "times of a cutter are not negative, and its longest is a second or more"
            )
        self._finished = False
        self._shortest = round(shortest * FRAMES_PER_SECOND)
        self._pause = round(pause * FRAMES_PER_SECOND)
        self._silence = round(max(pause, silence) * FRAMES_PER_SECOND)
        self._longest = round(longest * FRAMES_PER_SECOND)
        self._margin = min(round(margin * FRAMES_PER_SECOND), self._pause)
        self._least = max(1, round(speech * FRAMES_PER_SECOND))
        self._patience = round(patience * FRAMES_PER_SECOND)
        self._run = 0
        self._now = 0
        self._start: int | None = None
        self._last_speech = 0
        self._previous_end = 0
        # Frames from `oldest_needed` on, or a few frames before it.
        self._first_held = 0
        self._speech: list[bool] = []
        self._loudness: list[int] = []

    @property
    def oldest_needed(self) -> int:
        """First frame that a segment still to come may begin with."""
        if self._start is not None:
            return self._start
        return max(self._now - self._margin - self._least, self._previous_end)

    def push(self, decisions: Decisions, steps: Whole) -> list[Cut]:
        """Take the next decisions with their (n_mels, frames) `rounded` values.

        Returns
        -------
        list of Cut
            The segments that ended, in order.
        """
        self._check_open()
        cuts = []
        loudness = steps.sum(axis=0).tolist()
        for speech, loud in zip(decisions.tolist(), loudness, strict=True):
            self._speech.append(speech)
            self._loudness.append(loud)
            self._now += 1
            cut = self._advance(speech)
            if cut is not None:
                cuts.append(cut)
        surplus = self.oldest_needed - self._first_held
        del self._speech[:surplus], self._loudness[:surplus]
        self._first_held += surplus
        return cuts

    def finish(self) -> list[Cut]:
        """End the stream, and with it the segment that is open, if one is."""
        self._check_open()
        self._finished = True
        return [] if self._start is None else [self._close(self._start)]

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("this cutter has finished its stream; another wants another one")

    def _advance(self, speech: bool) -> Cut | None:
        frame = self._now - 1
        self._run = self._run + 1 if speech else 0
        if self._run >= self._least:
            self._last_speech = frame
            if self._start is None:
                begun = self._now - self._run
                self._start = max(begun - self._margin, self._previous_end)
        if self._start is None:
            return None
        spoken = self._last_speech + 1 - self._start
        wanted = self._silence
        if spoken >= self._shortest:
            left = max(0, _PHRASE_FRAMES - spoken)
            wanted = self._pause + self._patience * left // _PHRASE_FRAMES
        if frame - self._last_speech >= wanted:
            return self._close(self._start)
        if self._now - self._start >= self._longest:
            return self._divide(self._start)
        return None

    def _close(self, start: int) -> Cut:
        self._previous_end = min(self._last_speech + 1 + self._margin, self._now)
        self._start = None
        return Cut(start, self._previous_end)

    def _divide(self, start: int) -> Cut:
        """End a segment that has become too long where it hurts least, preferably late."""
        held = slice(start - self._first_held, None)
        speech = np.array(self._speech[held])
        pauses = [pause for pause in _runs(~speech) if pause[0] > 0]
        late = [pause for pause in pauses if pause[0] >= self._longest // 2]
        if not pauses:
            middle = _quietest(np.array(self._loudness[held]), self._longest // 2)
            self._previous_end = self._start = start + middle
            return Cut(start, start + middle)
        first, after = max(late or pauses, key=lambda pause: (pause[1] - pause[0], pause[0]))
        if after == len(speech):
            return self._close(start)
        self._previous_end = start + min(first + self._margin, after)
        self._start = max(start + after - self._margin, self._previous_end)
        return Cut(start, self._previous_end)


def _runs(values: Decisions) -> list[tuple[int, int]]:
    """Return first index and index after the last of each run of true values."""
    changes = np.flatnonzero(np.diff(values.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(after)) for first, after in changes.reshape(-1, 2)]


def _quietest(loudness: npt.NDArray[np.int64], earliest: int, width: int = 20) -> int:
    """Return the middle of the quietest 200 ms: no stop consonant is that long, but pauses are."""
    totals = np.lib.stride_tricks.sliding_window_view(loudness[earliest:], width).sum(axis=1)
    return earliest + int(totals.argmin()) + width // 2
