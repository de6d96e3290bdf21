"""Who asks sign-in for something, and whether their browser was made to."""

import time
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, HTTPException, Request

import github
from hush.contracts.callers import address_identity
from hush.contracts.headers import VIEWER
from identity import people
from identity.audit import audit
from identity.aws import UnavailableError
from identity.callers import Caller
from identity.front_door import who_asks
from identity.people import Profile


def recheck(profile: Profile) -> Profile:
    """Ask GitHub whether someone is still a member, and write the answer down.

    Raises
    ------
    UnavailableError
        If GitHub or the table does not answer.
    """
    member = github.is_member(profile.person, profile.login)
    checked = replace(profile, member=member, checked=time.time())
    people.write_profile(checked)
    return checked


def anyone(request: Request) -> Caller:
    """Return who asks, signed in or not.

    Raises
    ------
    HTTPException
        401 for a credential that is not good; 403 if another site's page sent it.
    """
    return who_asks(request, recheck)


def _signed_in(caller: Annotated[Caller, Depends(anyone)]) -> Caller:
    if caller.kind in ("none", "deployment"):
        raise HTTPException(401, "sign in first")
    if not caller.permitted:
        audit("refused", why="not permitted", who=caller.identity, login=caller.login)
        raise HTTPException(403, f"{caller.login} may not use this")
    return caller


def _manages(caller: Annotated[Caller, Depends(_signed_in)]) -> Caller:
    if caller.kind == "key":
        raise HTTPException(403, "an API key may not do this: sign in, or use `hush login`")
    return caller


Anyone = Annotated[Caller, Depends(anyone)]
SignedIn = Annotated[Caller, Depends(_signed_in)]
"""Someone with any credential of their own."""
Manager = Annotated[Caller, Depends(_manages)]
"""Someone whose credential is more than an API key."""


def quota_identity(caller: Caller, request: Request) -> str:
    """Return as whom the service counts a caller: as they are, or as where they are."""
    if caller.tier != "anonymous":
        return caller.identity
    try:
        return address_identity(request.headers.get(VIEWER, ""))
    except ValueError:
        raise UnavailableError("the viewer's address is missing") from None
