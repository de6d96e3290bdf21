"""Who may use the API: API Gateway's REQUEST authorizer.

What did not come through CloudFront is refused. API Gateway remembers a decision for a minute by
the two headers that it is made from, for every path: it has to list all that they allow. So
nothing else that a request says may change the decision.
"""

import time
from dataclasses import replace
from typing import Any

from hush.contracts.callers import limits_text
from hush.contracts.headers import CREDENTIAL, ORIGIN
from hush.contracts.routes import FOR_ADMINISTRATORS, FOR_ANONYMOUS, FOR_PEOPLE, OPEN_TO_ALL
from identity import people
from identity.audit import about, audit
from identity.aws import UnavailableError, call
from identity.callers import Caller, RefusedError, caller_of, through_front_door
from identity.people import Profile
from identity.settings import settings

NOTED_EVERY = 3600.0
"""Seconds for which it is not written down again that somebody was seen: a write costs more than
all reads of a decision together, and nobody asks to the minute."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decide about one request.

    Returns
    -------
    dict
        The decision: what the caller may call, and for the service who it is.

    Raises
    ------
    Exception
        "Unauthorized", which API Gateway answers with 401, for a credential that is not good.
        Anything else it answers as it does when an authorizer fails, which lets nobody in.
    """
    with about(event):
        return _decided(event)


def _decided(event: dict[str, Any]) -> dict[str, Any]:
    api = event["methodArn"].split("/", 2)[:2]
    everything = "/".join([*api, "*"])
    if not through_front_door(_header(event, ORIGIN)):
        audit("refused", why="not through the front door")
        return _decision("stranger", "Deny", [everything])
    try:
        caller = caller_of(_header(event, CREDENTIAL), _recheck)
    except RefusedError as error:
        audit("refused", why=str(error))
        raise Exception("Unauthorized") from None  # the word that API Gateway knows
    if not caller.permitted and caller.kind != "none":
        audit("refused", why="not permitted", who=caller.identity, login=caller.login)
        return _decision(caller.identity, "Deny", [everything])
    if caller.kind != "none":
        _note(caller)
        allowed = FOR_ADMINISTRATORS if caller.administers else FOR_PEOPLE
    elif caller.permitted:
        allowed = FOR_ANONYMOUS
    else:
        allowed = OPEN_TO_ALL
        caller = replace(caller, tier="none")
    paths = ["/".join([*api, path]) for path in allowed]
    return _decision(caller.identity, "Allow", paths, caller)


def _note(caller: Caller) -> None:
    """Write down at most once an hour that somebody, and their key, was seen."""
    now = time.time()
    if caller.kind == "deployment" or now - caller.noted < NOTED_EVERY:
        return
    try:
        # Who signed in before there was a list stands in it from now on.
        listed = people.in_list("person", caller.login.lower())
        people.change(caller.identity, people.PROFILE, seen=int(now), **listed)
        if caller.kind in ("key", "login"):
            people.change(caller.identity, f"key#{caller.credential}", used=int(now))
    except UnavailableError as error:
        # That they may come in does not hang on it.
        audit("unavailable", why=str(error))


def _header(event: dict[str, Any], name: str) -> str:
    """Return a header that may be there once; empty if it is missing, or not what it should be."""
    several = event.get("multiValueHeaders") or {}
    if any(key.lower() == name and len(values) != 1 for key, values in several.items()):
        return ""
    headers = event.get("headers") or {}
    found = [value for key, value in headers.items() if key.lower() == name]
    return found[0] if len(found) == 1 and isinstance(found[0], str) else ""


def _recheck(profile: Profile) -> Profile:
    """Have the Lambda that knows GitHub ask for a membership, and read what it wrote down."""
    request = f'{{"recheck": "{profile.person}"}}'.encode()
    answer = call("lambda", "invoke", FunctionName=settings().auth_function, Payload=request)
    if "FunctionError" in answer:
        raise UnavailableError("the membership cannot be checked")
    key = (profile.person, people.PROFILE)
    return people.profile_of(people.read(key)[key])


def _decision(
    principal: str, effect: str, resources: list[str], caller: Caller | None = None
) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resources}
    context = {}
    if caller is not None:
        context = {
            "identity": caller.identity,
            "tier": caller.tier,
            "limits": limits_text(caller.limits),
            "login": caller.login,
        }
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
