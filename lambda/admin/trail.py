"""What happened: the audit lines of sign-in, of the authorizer and of the administration.

They are read from the Lambdas' logs, which are kept for a month. CloudWatch tells the oldest first:
the newest are looked for in windows back from the end, each longer than the one before.
"""

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from administrators import Administrator
from answers import Audit, Event, Unknown, moment
from identity.aws import call
from installation import installation
from parts import known

KEPT_SECONDS = 31 * 86400
FIRST_WINDOW, GROWTH = 3600.0, 5.0
MOST_CALLS = 24
"""Of CloudWatch for one answer; what was not looked at by then is for the next one."""
MOST_EVENTS = 1000
HIDDEN = {"audit", "time", "who", "login", "by", "by_login"}

router = APIRouter(prefix="/administration")


@router.get("/audit")
def trail(
    _: Administrator,
    person: Annotated[str, Query(pattern=r"^([1-9][0-9]{0,18})?$")] = "",
    kind: Annotated[str, Query(pattern=r"^[a-z-]{0,40}$")] = "",
    since: Annotated[str, Query(max_length=40)] = "",
    until: Annotated[str, Query(max_length=40)] = "",
    after: Annotated[str | None, Query(pattern=r"^[0-9]{1,16}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Audit | Unknown:
    """List what happened, the newest first: of a person, of a kind, in some time."""
    now = time.time()
    end = min(_seconds("until", until, now), now)
    if after is not None:
        end = min(end, int(after) / 1000)
    begin = max(_seconds("since", since, 0.0), now - KEPT_SECONDS)
    wanted = {"who": f"github:{person}" if person else "", "audit": kind}
    return known(lambda: _newest(begin, end, wanted, limit))


def _seconds(name: str, text: str, default: float) -> float:
    if not text:
        return default
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise HTTPException(400, f"{name}: a time such as 2026-01-31T12:00:00Z, please") from None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _newest(begin: float, end: float, wanted: dict[str, str], limit: int) -> Audit:
    found: list[tuple[float, dict[str, Any]]] = []
    calls, window, upper = 0, FIRST_WINDOW, end
    while upper > begin and len(found) <= limit and calls < MOST_CALLS:
        lower = max(begin, upper - window)
        lines, asked, whole = _between(lower, upper, wanted, MOST_CALLS - calls)
        calls += asked
        if not whole and window > FIRST_WINDOW:
            # The next answer begins here, with a shorter one.
            break
        found += lines
        upper, window = lower, window * GROWTH
    found.sort(key=lambda each: each[0])
    found.reverse()
    after = None
    if len(found) > limit:
        # What happened in one moment stands on one page.
        oldest = found[limit - 1][0]
        found = [each for each in found if each[0] >= oldest]
        after = f"{oldest * 1000:.0f}"
    elif upper > begin:
        after = f"{upper * 1000:.0f}"
    return Audit(events=[_event(at, line) for at, line in found], after=after)


def _between(
    begin: float, end: float, wanted: dict[str, str], most: int
) -> tuple[list[Any], int, bool]:
    """Return the lines from `begin` until before `end`, by asking CloudWatch so often at most.

    Returns
    -------
    lines
        With their times.
    calls
        How often it was asked.
    whole
        Whether these are all.
    """
    found: list[tuple[float, dict[str, Any]]] = []
    calls = 0
    for group in installation().audit_logs:
        token: dict[str, str] = {}
        while True:
            if calls == most:
                return found, calls, False
            answer = call(
                "logs",
                "filter_log_events",
                logGroupName=group,
                startTime=round(begin * 1000),
                endTime=round(end * 1000) - 1,
                filterPattern=_pattern(wanted),
                limit=MOST_EVENTS,
                **token,
            )
            calls += 1
            for event in answer["events"]:
                line = _line(event["message"])
                if line and all(line.get(name) == value for name, value in wanted.items() if value):
                    found.append((event["timestamp"] / 1000, line))
            if "nextToken" not in answer:
                break
            token = {"nextToken": answer["nextToken"]}
    return found, calls, True


def _pattern(wanted: dict[str, str]) -> str:
    """Return what CloudWatch is to look for, so that little else is sent here."""
    terms = [f'($.{name} = "{value}")' for name, value in wanted.items() if value]
    return "{ " + " && ".join(terms or ["($.audit = *)"]) + " }"


def _line(message: str) -> dict[str, Any] | None:
    try:
        line = json.loads(message)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "audit" in line else None


def _event(at: float, line: dict[str, Any]) -> Event:
    who = line.get("who")
    return Event(
        time=moment(at),
        kind=line["audit"],
        person=who.removeprefix("github:") if isinstance(who, str) else None,
        login=line.get("login"),
        by=line.get("by_login") or line.get("by"),
        details={name: value for name, value in line.items() if name not in HIDDEN},
    )
