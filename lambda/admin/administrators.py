"""Who may ask the administration: administrators, with a session or the key of `hush login`."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from identity.audit import audit
from identity.callers import Caller
from identity.front_door import who_asks
from identity.people import Profile


def _administrator(request: Request) -> Caller:
    caller = who_asks(request, _unchecked)
    if caller.kind == "none":
        raise HTTPException(401, "sign in first")
    if not caller.administers:
        audit("refused", why="no administrator", who=caller.identity, login=caller.login)
        raise HTTPException(
            403, "only administrators may do this, signed in or with the key of `hush login`"
        )
    return caller


def _unchecked(profile: Profile) -> Profile:
    """Leave a membership as it is: administrators are named, and need none."""
    return profile


Administrator = Annotated[Caller, Depends(_administrator)]


def act(kind: str, by: Caller, **details: str | int | bool | None) -> None:
    """Write down what an administrator did.

    Parameters
    ----------
    kind
        What it was, such as "person-blocked".
    details
        To whom, and how.
    """
    audit(kind, **details, by=by.identity, by_login=by.login)
