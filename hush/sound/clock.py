"""The clock of a file: where silence belongs between its pieces of sound."""

SHORTEST_SILENCE = 0.1
"""Seconds; shorter ones come from rounded times."""
LONGEST_SILENCE = 3600.0
"""Seconds; more between two pieces is a clock that was set anew, and no silence."""
MOST_SILENCE = 86_400.0
"""Seconds of silence that one recording may have put in: a file of a few bytes can ask for years
of it."""


class Clock:
    """Follows the times that a file gives its pieces of sound. The page does the same.

    Sound is never dropped: pieces that overlap, or whose times run backwards, follow one another.

    Attributes
    ----------
    heard
        Seconds of sound and silence so far.
    """

    def __init__(self) -> None:
        self.heard = 0.0
        self._zero = 0.0
        self._end = 0.0
        self._silence = 0.0

    def begin(self, origin: float) -> None:
        """Begin a file, or the next of several that were joined: its time `origin` is now."""
        self._zero = origin - self.heard
        self._end = origin

    def silence_before(self, time: float | None, seconds: float) -> float:
        """Take the next piece of sound, and return the seconds of silence that belong before it.

        Parameters
        ----------
        time
            When it begins, in the file's own seconds; None if the file does not say.
        seconds
            How long it is.
        """
        if time is None:
            time = self._end
        if not -SHORTEST_SILENCE < time - self._end < LONGEST_SILENCE:
            self._zero = time - self.heard
        silence = time - self._zero - self.heard
        if silence < SHORTEST_SILENCE or self._silence + silence > MOST_SILENCE:
            silence = 0.0
        self._silence += silence
        self._end = time + seconds
        self.heard += silence + seconds
        return silence
