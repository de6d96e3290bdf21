"""Memory that a process has freed, and keeps from others all the same."""

import ctypes
import time

# Other C libraries than glibc have no such function.
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

GIVE_BACK_SECONDS = 10.0


class FreedMemory:
    """Gives freed memory back to the machine.

    Else the most that was ever heard at once stays taken, in pieces, and more of it all the time.
    """

    def __init__(self) -> None:
        self._given = time.monotonic()

    def give_back(self, at_once: bool = False) -> None:
        """Do so, unless it was done a moment ago; or in any case. Takes some 20 ms."""
        now = time.monotonic()
        if _malloc_trim is not None and (at_once or now - self._given >= GIVE_BACK_SECONDS):
            self._given = now
            _malloc_trim(0)
