"""Who is asking: a credential, as the CDN folded it, becomes a caller or a refusal.

CloudFront's function writes `bearer KEY`, `session TOKEN` or `none` into one header. Sign-in and
the authorizer both decide here.
"""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hush.contracts.headers import LONGEST_CREDENTIAL
from identity import people, tokens
from identity.aws import secret
from identity.keys import parse_key
from identity.people import Item, Profile
from identity.settings import settings

MEMBERSHIP_AGE = 600.0
"""Seconds that a membership is believed before GitHub is asked again."""

Tier = Literal["person", "unlimited", "anonymous", "none"]
Kind = Literal["none", "session", "key", "login", "deployment"]


class RefusedError(Exception):
    """A credential that nobody may have. The message says why, for the log alone."""


@dataclass(frozen=True)
class Caller:
    """Someone who asks.

    Attributes
    ----------
    identity
        "github:" and the account's number, "deployment" or "anonymous".
    tier
        What limits there are; "none" for those who may only look at what is open to all.
    permitted
        Whether the policy lets them in.
    kind
        What they showed: "login" is the key that `hush login` gets, which may manage others.
    login, name
        What GitHub calls them.
    credential
        Name of the session or key.
    expires
        Until when it is good, in Unix time; None if it does not expire.
    limits
        Limits of their own; None if those of their tier count.
    noted
        When it was last written down that they, and what they showed, were seen, in Unix time.
    """

    identity: str
    tier: Tier
    permitted: bool
    kind: Kind
    login: str = ""
    name: str = ""
    credential: str = ""
    expires: float | None = None
    limits: dict[str, float] | None = None
    noted: float = 0.0

    @property
    def administers(self) -> bool:
        """Whether they may look after others: as an administrator, and with no mere API key."""
        named = settings().policy.administers(self.login)
        return self.permitted and named and self.kind in ("session", "login")


def through_front_door(origin: str) -> bool:
    """Tell whether a request came through CloudFront, by the header that it alone adds."""
    return same(origin, secret(settings().front_door_secret))


def caller_of(folded: str, recheck: Callable[[Profile], Profile]) -> Caller:
    """Return who asks.

    Parameters
    ----------
    folded
        The header that the CDN made of cookie and key.
    recheck
        Asks GitHub whether a person is still a member.

    Raises
    ------
    RefusedError
        If there is a credential and it is not good.
    people.UnavailableError
        If that cannot be told now.
    """
    if len(folded) > LONGEST_CREDENTIAL:
        raise RefusedError("oversized")
    kind, _, credential = folded.partition(" ")
    match kind:
        case "none" if not credential:
            return Caller("anonymous", "anonymous", settings().policy.anonymous, "none")
        case "bearer":
            return _of_key(credential, recheck)
        case "session":
            return _of_session(credential, recheck)
    raise RefusedError("not understood")


def _of_key(text: str, recheck: Callable[[Profile], Profile]) -> Caller:
    key = parse_key(text)
    if key is None:
        if same(text, secret(settings().deployment_key_secret)):
            return Caller("deployment", "unlimited", True, "deployment", login="deployment")
        raise RefusedError("no key of ours")
    entry = (key.person, f"key#{key.id}")
    items = people.read((key.person, people.PROFILE), entry)
    # As long is compared whether the key exists or not.
    kept = items.get(entry, {})
    if not key.matches(kept.get("digest", "")) or not kept:
        raise RefusedError("unknown or revoked key")
    if maker := kept.get("maker"):
        # It is worth no more than the one that it was made with.
        made_with = (key.person, f"key#{maker}")
        if made_with not in people.read(made_with):
            raise RefusedError("the key that made it is gone")
    kind: Kind = "login" if kept["kind"] == "login" else "key"
    used = kept.get("used", 0.0)
    return _person(items, key.person, recheck, kind, key.id, kept.get("expires"), used)


def _of_session(token: str, recheck: Callable[[Profile], Profile]) -> Caller:
    chosen = settings()
    try:
        session = tokens.read(token, chosen.deployment, chosen.signing_keys, secret)
    except tokens.InvalidTokenError as error:
        raise RefusedError(f"session: {error}") from error
    entry = (session.person, f"session#{session.session}")
    items = people.read((session.person, people.PROFILE), entry)
    if entry not in items:
        raise RefusedError("session: ended")
    return _person(items, session.person, recheck, "session", session.session, session.expires)


def _person(
    items: dict[tuple[str, str], Item],
    person: str,
    recheck: Callable[[Profile], Profile],
    kind: Kind,
    credential: str,
    expires: float | None,
    used: float | None = None,
) -> Caller:
    item = items.get((person, people.PROFILE))
    if item is None:
        raise RefusedError("unknown person")
    profile = people.profile_of(item)
    policy = settings().policy
    permitted = policy.names(profile.login)
    if not permitted and policy.asks_for_membership:
        if not 0 <= time.time() - profile.checked < MEMBERSHIP_AGE:
            profile = recheck(profile)
        permitted = profile.member
    administers = policy.administers(profile.login)
    return Caller(
        identity=person,
        tier="unlimited" if administers else "person",
        permitted=permitted and not profile.blocked,
        kind=kind,
        login=profile.login,
        name=profile.name,
        credential=credential,
        expires=expires,
        limits=None if administers else profile.limits,
        noted=profile.seen if used is None else min(profile.seen, used),
    )


def same(given: str, expected: str) -> bool:
    """Compare a secret in constant time; nothing equals an empty one."""
    return bool(expected) and hmac.compare_digest(given.encode(errors="replace"), expected.encode())
