"""The parts of an answer: each is there or said to be unknown, and some are kept for a while."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from answers import Unknown
from identity.audit import audit
from identity.aws import UnavailableError

Part = TypeVar("Part")

_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "LimitExceeded"}

_kept: dict[str, tuple[float, Any]] = {}


def known(part: Callable[[], Part]) -> Part | Unknown:
    """Return a part, or why AWS does not tell it."""
    try:
        return part()
    except UnavailableError as error:
        audit("unavailable", why=str(error))
        return Unknown(unknown=_reason(error))


def kept(name: str, seconds: float, part: Callable[[], Part]) -> Part:
    """Return a part as it was some seconds ago, or make it anew.

    Parameters
    ----------
    name
        Of the part, with all that it depends on.
    seconds
        For which it is told again: AWS charges for each question, and measures by the minute.
    """
    told = _kept.get(name)
    now = time.monotonic()
    if told is None or now - told[0] > seconds:
        told = _kept[name] = (now, part())
    part_kept: Part = told[1]
    return part_kept


def forget() -> None:
    """Drop all that is kept, as something was changed."""
    _kept.clear()


def _reason(error: UnavailableError) -> str:
    cause = error.__cause__
    code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
    if code in _THROTTLED:
        return "AWS is asked too often just now; this comes back by itself."
    if "AccessDenied" in code or "Unauthorized" in code:
        return "AWS does not allow it; the administration's log says what is missing."
    return "AWS does not tell it now; the administration's log says more."
