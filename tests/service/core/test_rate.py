import pytest

from hush_service.core import rate
from hush_service.core.errors import TooOftenError
from hush_service.core.rate import Rate


def test_a_caller_may_ask_as_often_as_the_rate_says_and_no_other_is_touched() -> None:
    now = 0.0
    interim = Rate(60, lambda: now)
    for _ in range(10):
        interim.check("one")
    with pytest.raises(TooOftenError) as refused:
        interim.check("one")
    assert refused.value.retry_after == pytest.approx(1.0)
    interim.check("another")
    now = 1.0
    interim.check("one")
    with pytest.raises(TooOftenError):
        interim.check("one")
    now = 100.0
    for _ in range(10):
        interim.check("one")


def test_no_more_callers_are_remembered_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "REMEMBERED", 5)
    now = 0.0
    interim = Rate(60, lambda: now)
    for caller in range(100):
        interim.check(caller)
    assert len(interim._full_at) == 5
    now = 10.0
    interim.check("afterwards")
    assert len(interim._full_at) == 1
