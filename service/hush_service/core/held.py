"""How much of clients' the service holds at once: for all, and for each."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from hush_service.core.errors import QueueFullError, soon


class Held:
    """Counts what is held, such as bytes, and refuses what would be too much.

    Half of it is the most for one caller, so that there is room for others.

    Parameters
    ----------
    most
        How much there may be at once.
    excess
        What there is where it would be more, with its verb.
    """

    def __init__(self, most: int, excess: str = "too much is") -> None:
        self._most = most
        self._share = max(1, most // 2)
        self._excess = excess
        self._by_caller: Counter[Hashable] = Counter()
        self.held = 0

    def take(self, count: int, caller: Hashable = None) -> None:
        """Hold more, of a caller's; None says that nobody knows whose.

        Raises
        ------
        QueueFullError
            If it would be too much.
        """
        if self.held + count > self._most:
            raise self._refusal(self._excess)
        if caller is not None:
            if self._by_caller[caller] + count > self._share:
                raise self._refusal(f"of yours, {self._excess}")
            self._by_caller[caller] += count
        self.held += count

    @staticmethod
    def _refusal(excess: str) -> QueueFullError:
        return QueueFullError(f"{excess} under way already; try again", retry_after=soon())

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
            If it would be too much.
        """
        self.take(count, caller)
        try:
            yield
        finally:
            self.release(count, caller)
