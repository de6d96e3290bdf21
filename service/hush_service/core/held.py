"""How many bytes of clients' the service holds at once."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from hush_service.core.errors import QueueFullError, soon


class BytesHeld:
    """Counts bytes, and refuses what would be too many.

    Half of them are the most for one caller, so that there is room for others.

    Parameters
    ----------
    most
        How many there may be at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_caller: Counter[Hashable] = Counter()
        self.held = 0

    def take(self, count: int, caller: Hashable = None) -> None:
        """Hold more, of a caller's; None says that nobody knows whose.

        Raises
        ------
        QueueFullError
            If it would be too many.
        """
        if self.held + count > self._most:
            raise QueueFullError("too much is under way already; try again", retry_after=soon())
        if caller is not None:
            if self._by_caller[caller] + count > self._most // 2:
                raise QueueFullError(
                    "too much of yours is under way already; try again", retry_after=soon()
                )
            self._by_caller[caller] += count
        self.held += count

    def release(self, count: int, caller: Hashable = None) -> None:
        """Hold less, of a caller's."""
        self.held -= count
        if caller is not None:
            self._by_caller[caller] -= count
            if not self._by_caller[caller]:
                del self._by_caller[caller]

    @contextmanager
    def holding(self, count: int, caller: Hashable = None) -> Iterator[None]:
        """Hold more until the end of the block.

        Raises
        ------
        QueueFullError
            If it would be too many.
        """
        self.take(count, caller)
        try:
            yield
        finally:
            self.release(count, caller)
