"""Who asks sign-in for something, and whether their browser was made to."""

import time
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, HTTPException, Request

import github
from hush.contracts.callers import address_identity
from hush.contracts.headers import CREDENTIAL, VIEWER
from identity import people
from identity.audit import audit
from identity.aws import UnavailableError, call
from identity.callers import Caller, RefusedError, caller_of
from identity.people import Profile
from identity.settings import settings

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_public_url: list[str] = []


def public_url() -> str:
    """Return the public address, such as "https://hush.example".

    The site writes it down when it is deployed, which is after this Lambda is.

    Raises
    ------
    UnavailableError
        If it has not yet.
    """
    if not _public_url:
        found = call("ssm", "get_parameter", Name=settings().url_parameter)
        _public_url.append(found["Parameter"]["Value"].rstrip("/"))
    return _public_url[0]


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
    try:
        caller = caller_of(request.headers.get(CREDENTIAL, ""), recheck)
    except RefusedError as error:
        audit("refused", why=str(error))
        raise HTTPException(401, "sign in again, or send an API key that is good") from None
    origin = request.headers.get("origin")
    cross_site = request.method not in _SAFE_METHODS and origin != public_url()
    if caller.kind == "session" and cross_site:
        audit("refused", why="from another site", who=caller.identity)
        raise HTTPException(403, "the page of another site may not do this")
    return caller


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


def _administers(caller: Annotated[Caller, Depends(_manages)]) -> Caller:
    if not settings().policy.administers(caller.login):
        raise HTTPException(403, "only administrators may do this")
    return caller


Anyone = Annotated[Caller, Depends(anyone)]
SignedIn = Annotated[Caller, Depends(_signed_in)]
"""Someone with any credential of their own."""
Manager = Annotated[Caller, Depends(_manages)]
"""Someone whose credential is more than an API key."""
Administrator = Annotated[Caller, Depends(_administers)]


def quota_identity(caller: Caller, request: Request) -> str:
    """Return as whom the service counts a caller: as they are, or as where they are."""
    if caller.tier != "anonymous":
        return caller.identity
    try:
        return address_identity(request.headers.get(VIEWER, ""))
    except ValueError:
        raise UnavailableError("the viewer's address is missing") from None
