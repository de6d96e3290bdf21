"""The audit log: a line of JSON for each event, with no secret, token, transcript or image."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_request: ContextVar[str | None] = ContextVar("request", default=None)


@contextmanager
def about(event: Mapping[str, Any]) -> Iterator[None]:
    """Have the lines that are written within the block say which request they are about.

    Parameters
    ----------
    event
        As API Gateway hands it on.
    """
    before = _request.set(event.get("requestContext", {}).get("requestId"))
    try:
        yield
    finally:
        _request.reset(before)


def request_id() -> str | None:
    """Return what API Gateway calls the request that is being answered; None outside of one."""
    return _request.get()


def audit(event: str, **details: str | int | bool | None) -> None:
    """Write down what happened, to standard output, which goes to the Lambda's log.

    Parameters
    ----------
    event
        What happened, such as "signed-in" or "refused".
    details
        To whom, and why.
    """
    line = {"audit": event, "time": round(time.time(), 3), **details}
    if (name := request_id()) is not None:
        line["request"] = name
    print(json.dumps(line, ensure_ascii=True), file=sys.stdout, flush=True)
