"""How often something may be asked for, by caller."""

import time
from collections.abc import Callable, Hashable

from hush_service.core.errors import TooOftenError

REMEMBERED = 10_000
"""Callers of the last minutes that are told apart at most."""


class Rate:
    """Lets callers ask so many times a minute, as many as of ten seconds at once.

    Parameters
    ----------
    a_minute
        How many times, more than 0.
    clock
        Tells the time in seconds.
    """

    def __init__(self, a_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_second = a_minute / 60
        self._burst = max(1.0, a_minute / 6)
        self._clock = clock
        self._full_at: dict[Hashable, float] = {}

    def check(self, caller: Hashable) -> None:
        """Count one more.

        Raises
        ------
        TooOftenError
            If it is too many.
        """
        now = self._clock()
        full_at = max(now, self._full_at.pop(caller, now))
        missing = (full_at - now) * self._a_second
        if missing + 1 > self._burst:
            self._full_at[caller] = full_at
            wait = (missing + 1 - self._burst) / self._a_second
            raise TooOftenError(
                f"interim words are for {self._a_second * 60:g} pictures a minute; try again",
                retry_after=wait,
            )
        # The oldest stand first: they are forgotten, as those are that may ask anew.
        self._full_at[caller] = full_at + 1 / self._a_second
        for other in list(self._full_at):
            if self._full_at[other] > now and len(self._full_at) <= REMEMBERED:
                break
            del self._full_at[other]
