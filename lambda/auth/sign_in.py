"""Signing in with GitHub and out again, and who is signed in."""

import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

import github
from asking import Anyone, anyone, quota_identity
from hush.contracts.headers import SESSION_COOKIE
from identity import people, tokens
from identity.audit import audit
from identity.aws import UnavailableError, call, secret
from identity.callers import Caller, same
from identity.front_door import public_url
from identity.people import Profile
from identity.settings import settings

STATE_COOKIE = f"{SESSION_COOKIE}-state"
SIGN_IN_SECONDS = 600
"""How long someone may take at GitHub."""
SESSION_SECONDS = 7 * 86400
"""How long someone stays signed in, if they come back at all within a token's lifetime."""

_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)
"""A path on this site: no other host, no backslash that a browser would take for one's start."""

router = APIRouter(prefix="/auth")


@router.get("/login")
def login(
    return_to: Annotated[str, Query(alias="return", max_length=1000)] = "/",
) -> RedirectResponse:
    """Send someone to GitHub, to come back to `return`, a path on this site."""
    if not _PATH.fullmatch(return_to):
        raise HTTPException(400, "return has to be a path on this site")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    answer = RedirectResponse(github.authorize_url(state, verifier, _callback_url()), 302)
    people.keep_once(state, "sign-in", SIGN_IN_SECONDS, verifier=verifier, return_to=return_to)
    _set_cookie(answer, STATE_COOKIE, state, SIGN_IN_SECONDS)
    return answer


@router.get("/callback")
def callback(
    code: str = "",
    state: str = "",
    error: str = "",
    started: Annotated[str, Cookie(alias=STATE_COOKIE)] = "",
) -> RedirectResponse:
    """Take someone back from GitHub; the page says in words how it ended."""
    try:
        answer = _signed_in(code, state, error, started)
    except _FailedError as failure:
        audit("sign-in-failed", why=failure.why, login=failure.login)
        answer = RedirectResponse(f"/?sign-in={failure.outcome}", 302)
    except UnavailableError as unavailable:
        audit("unavailable", why=str(unavailable))
        answer = RedirectResponse("/?sign-in=unavailable", 302)
    _forget_cookie(answer, STATE_COOKIE)
    return answer


@router.post("/logout", status_code=204)
def logout(caller: Anyone, response: Response) -> None:
    """End the session, for all who may have its cookie."""
    if caller.kind == "session":
        people.remove(caller.identity, f"session#{caller.credential}")
        audit("signed-out", who=caller.identity, login=caller.login)
    _forget_cookie(response, SESSION_COOKIE)


@router.get("/me")
def me(request: Request, response: Response) -> dict[str, Any]:
    """Tell who asks, what they have used today, and what they may."""
    try:
        caller = anyone(request)
    except HTTPException as refused:
        if refused.status_code != 401:
            raise
        _forget_cookie(response, SESSION_COOKIE)
        return {"sign_in": True, "signed_in": False, **_allowance(None, request)}
    if caller.kind == "none":
        described: dict[str, Any] = {"signed_in": False}
    else:
        described = {
            "signed_in": True,
            "login": caller.login,
            "name": caller.name,
            "permitted": caller.permitted,
            "administrator": settings().policy.administers(caller.login),
            "tier": caller.tier,
        }
        described["expires"] = _expiry(caller, response)
    return {"sign_in": True, **described, **_allowance(caller, request)}


class _FailedError(Exception):
    """Someone is not signed in: `outcome` is for the page, the rest for the log."""

    def __init__(self, outcome: str, why: str, login: str | None = None) -> None:
        self.outcome, self.why, self.login = outcome, why, login


def _signed_in(code: str, state: str, error: str, started: str) -> RedirectResponse:
    # The cookie shows that this browser began it, and not someone who sent a link.
    if not state or not same(state, started):
        raise _FailedError("expired", "another state, or none")
    began = people.take_once(state, "sign-in")
    if began is None:
        raise _FailedError("expired", "unknown, used or expired state")
    if error or not code:
        raise _FailedError("denied", "denied at GitHub")
    try:
        account = github.account_of(code, began["verifier"], _callback_url())
    except github.SignInError as refused:
        raise _FailedError("failed", f"GitHub: {refused}") from refused
    policy = settings().policy
    member = policy.asks_for_membership and github.is_member(account.person, account.login)
    if not (member or policy.names(account.login)):
        raise _FailedError("not-permitted", "not permitted", account.login)
    known = people.read((account.person, people.PROFILE)).get((account.person, people.PROFILE))
    if known and people.profile_of(known).blocked:
        raise _FailedError("not-permitted", "blocked", account.login)
    now = int(time.time())
    people.write_profile(Profile(account.person, account.login, account.name, member, now))
    session, ends = secrets.token_urlsafe(16), now + SESSION_SECONDS
    people.write(
        {"who": account.person, "what": f"session#{session}", "created": now, "expires": ends}
    )
    audit("signed-in", who=account.person, login=account.login)
    answer = RedirectResponse(began["return_to"], 302)
    _give_token(answer, account.person, account.login, session, ends)
    return answer


def _give_token(response: Response, person: str, login: str, session: str, ends: int) -> int:
    now = int(time.time())
    expires = min(now + tokens.LIFETIME, ends)
    signed = tokens.sign(
        tokens.Session(person, login, session, now, expires),
        settings().deployment,
        settings().signing_keys,
        secret,
    )
    _set_cookie(response, SESSION_COOKIE, signed, expires - now)
    return expires


def _expiry(caller: Caller, response: Response) -> str | None:
    """Return until when a caller's credential is good; renew a token half of which is gone."""
    expires = caller.expires
    old = expires is not None and expires - time.time() < tokens.LIFETIME / 2
    if caller.kind == "session" and old:
        entry = (caller.identity, f"session#{caller.credential}")
        ends = int(people.read(entry).get(entry, {}).get("expires", 0))
        expires = _give_token(response, caller.identity, caller.login, caller.credential, ends)
    return None if expires is None else datetime.fromtimestamp(expires, UTC).isoformat()


def _allowance(caller: Caller | None, request: Request) -> dict[str, Any]:
    """Return what someone has used of today's limits."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    resets = (today + timedelta(days=1)).isoformat()
    anonymous = settings().policy.anonymous
    if caller is None or (caller.tier == "anonymous" and not anonymous):
        return {"anonymous": anonymous, "usage": None, "limits": None, "resets": resets}
    name = {"S": f"{quota_identity(caller, request)}#{today:%Y-%m-%d}"}
    found = call("dynamodb", "get_item", TableName=settings().quota_table, Key={"id": name}).get(
        "Item", {}
    )
    used = {each: float(found.get(each, {"N": "0"})["N"]) for each in ("requests", "seconds")}
    return {
        "anonymous": anonymous,
        "usage": used,
        "limits": caller.limits or settings().limits.get(caller.tier),
        "resets": resets,
    }


def _callback_url() -> str:
    return f"{public_url()}/auth/callback"


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax"
    )


def _forget_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
