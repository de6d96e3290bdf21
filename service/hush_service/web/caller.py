"""What a request says of who sent it, and whether they are still there."""

from collections.abc import Mapping

from fastapi import Request

from hush.contracts import headers
from hush.contracts.callers import address_identity
from hush_service.core.accounts import Account

ANONYMOUS = "anonymous"
"""The tier of those who have not signed in: they are told apart by their address."""


def account_of(said: Mapping[str, str]) -> Account | None:
    """Return whose quota a request counts for; None if nothing says.

    Parameters
    ----------
    said
        The request's headers. The gateway alone can set those that are looked at here.
    """
    identity, tier = said.get(headers.IDENTITY, ""), said.get(headers.TIER, "")
    if tier == ANONYMOUS:
        try:
            identity = address_identity(said.get(headers.VIEWER, ""))
        except ValueError:
            return None
    return Account(identity, tier) if identity else None


async def departure(request: Request) -> None:
    """Wait until who sent a request, and all of it, has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
