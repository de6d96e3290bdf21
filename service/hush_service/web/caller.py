"""What a request says of who sent it, and whether they are still there."""

import re
from collections.abc import Mapping

from fastapi import Request

from hush.contracts import headers
from hush.contracts.callers import address_identity, limits_text, parse_limits, viewer_of
from hush_service.core.accounts import Account, DayLimit
from hush_service.core.turns import Priority, Terms

ANONYMOUS = "anonymous"
"""The tier of those who have not signed in: they are told apart by their address."""

BACKGROUND = "7"
"""The urgency of what nobody waits for. Browsers send others by themselves."""
LONGEST_WAIT = 3600.0
"""Seconds: who says more does not wait."""


def account_of(said: Mapping[str, str]) -> Account | None:
    """Return whose quota a request counts for; None if nothing says.

    Parameters
    ----------
    said
        The request's headers. The gateway alone can set those that are looked at here.
    """
    identity, tier = said.get(headers.IDENTITY, ""), said.get(headers.TIER, "")
    try:
        own = parse_limits(said.get(headers.LIMITS, ""))
        if tier == ANONYMOUS:
            identity = address_identity(said.get(headers.VIEWER, ""))
    except ValueError:
        return None
    limit = None if own is None else DayLimit(requests=int(own["requests"]), seconds=own["seconds"])
    return Account(identity, tier, limit) if identity else None


def identity_of(said: Mapping[str, str]) -> str | None:
    """Return who sent a request, where the gateway says it in its headers."""
    account = account_of(said)
    return account.identity if account else None


def headers_of(account: Account) -> dict[str, str]:
    """Return the headers by which `account_of` knows an account: the service asks in its name."""
    said = {headers.IDENTITY: account.identity, headers.TIER: account.tier}
    if account.tier == ANONYMOUS:
        said[headers.VIEWER] = viewer_of(account.identity)
    if account.limit is not None:
        said[headers.LIMITS] = limits_text(account.limit.model_dump())
    return said


def terms_of(request: Request) -> Terms:
    """Return who waits for an answer, and how, as far as a request says.

    A caller is a connection, where nothing better is known. `Prefer: wait=20` is how many seconds
    they wait (RFC 7240), `Priority: u=7` that nobody looks at it meanwhile (RFC 9218).
    """
    client = request.client
    wait = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})", request.headers.get("prefer", ""))
    urgency = re.search(r"(?:^|[,\s])u\s*=\s*(\d)", request.headers.get("priority", ""))
    return Terms(
        caller=None if client is None else (client.host, client.port),
        is_known=False,
        priority=(Priority.BULK if urgency and urgency[1] == BACKGROUND else Priority.INTERACTIVE),
        within=min(float(wait[1]), LONGEST_WAIT) if wait else None,
    )


async def departure(request: Request) -> None:
    """Wait until who sent a request, and all of it, has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
