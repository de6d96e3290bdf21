"""How many bytes of clients' the service holds at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from hush_service.core.errors import QueueFullError, soon


class BytesHeld:
    """Counts bytes, and refuses what would be too many.

    Parameters
    ----------
    most
        How many there may be at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def take(self, count: int) -> None:
        """Hold more.

        Raises
        ------
        QueueFullError
            If it would be too many.
        """
        if self.held + count > self._most:
            raise QueueFullError("too much is under way already; try again", retry_after=soon())
        self.held += count

    def release(self, count: int) -> None:
        """Hold less."""
        self.held -= count

    @contextmanager
    def holding(self, count: int) -> Iterator[None]:
        """Hold more until the end of the block.

        Raises
        ------
        QueueFullError
            If it would be too many.
        """
        self.take(count)
        try:
            yield
        finally:
            self.release(count)
