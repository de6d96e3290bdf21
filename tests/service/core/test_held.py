"""Bytes that are held: bounded for all, and for each."""

import pytest

from hush_service.core.errors import QueueFullError
from hush_service.core.held import Held


def test_one_caller_leaves_room_for_others() -> None:
    held = Held(100)
    held.take(40, "greedy")
    with pytest.raises(QueueFullError, match="of yours"):
        held.take(11, "greedy")
    held.take(10, "greedy")
    held.take(50, "modest")
    with pytest.raises(QueueFullError, match="too much is under way"):
        held.take(1, "another")
    held.release(40, "greedy")
    held.take(40, "greedy")


def test_callers_whom_nobody_knows_share_what_there_is() -> None:
    held = Held(100)
    with held.holding(60), held.holding(40), pytest.raises(QueueFullError):
        held.take(1)
    assert held.held == 0


def test_callers_who_hold_nothing_are_forgotten() -> None:
    held = Held(100)
    with held.holding(50, "one"), held.holding(0, "two"):
        pass
    assert not held._by_caller
