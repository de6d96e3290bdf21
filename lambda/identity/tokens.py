"""Sessions as signed tokens: JSON Web Tokens (RFC 7519) with HMAC-SHA256."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jwt

LIFETIME = 3600
"""Seconds that a token is good for; whoever stays is given a new one before."""
LEEWAY = 30
"""Seconds by which the clocks of two Lambdas may differ."""

_ALGORITHM = "HS256"
_COMPACT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_AUDIENCE = "session"
_CLAIMS = ("iss", "aud", "sub", "sid", "login", "iat", "exp")


class InvalidTokenError(Exception):
    """A token is not one of ours, or no longer. The message says why, for the log alone."""


@dataclass(frozen=True)
class Session:
    """What a token says.

    Attributes
    ----------
    person
        "github:" and the account's number.
    login
        The account's name when the token was made.
    session
        Name of the session, under which the table knows it.
    issued, expires
        Unix time in seconds.
    """

    person: str
    login: str
    session: str
    issued: int
    expires: int


def sign(
    session: Session, deployment: str, signing_keys: Sequence[str], key_of: Callable[[str], str]
) -> str:
    """Return a session's token.

    Parameters
    ----------
    session
        What it says.
    deployment
        What it is good for.
    signing_keys
        Names of keys, of which the first signs.
    key_of
        Gives the key of a name.
    """
    claims = {
        "iss": deployment,
        "aud": _AUDIENCE,
        "sub": session.person,
        "sid": session.session,
        "login": session.login,
        "iat": session.issued,
        "exp": session.expires,
    }
    signing = signing_keys[0]
    header = {"kid": key_id(signing)}
    return jwt.encode(claims, key_of(signing), algorithm=_ALGORITHM, headers=header)


def read(
    token: str, deployment: str, signing_keys: Sequence[str], key_of: Callable[[str], str]
) -> Session:
    """Return what a token says, if it is good.

    Parameters
    ----------
    token
        What someone sent.
    deployment, signing_keys, key_of
        As in `sign`; any of the keys may have signed.

    Raises
    ------
    InvalidTokenError
        If it is malformed, altered, expired, from the future, of another deployment or another
        algorithm, or signed by an unknown key.
    """
    if not _is_canonical(token):
        raise InvalidTokenError("malformed")
    try:
        sent = jwt.get_unverified_header(token).get("kid")
        named = [name for name in signing_keys if key_id(name) == sent]
        if not named:
            raise InvalidTokenError("signed by an unknown key")
        claims = jwt.decode(
            token,
            key_of(named[0]),
            algorithms=[_ALGORITHM],
            issuer=deployment,
            audience=_AUDIENCE,
            leeway=LEEWAY,
            options={"require": list(_CLAIMS), "strict_aud": True},
        )
    except (jwt.InvalidTokenError, UnicodeError, RecursionError) as error:
        raise InvalidTokenError(str(error) or type(error).__name__) from error
    texts = [claims[name] for name in ("sub", "login", "sid")]
    times = [claims[name] for name in ("iat", "exp")]
    if not all(isinstance(text, str) and text for text in texts):
        raise InvalidTokenError("a claim is no text")
    if not all(type(each) is int for each in times):
        raise InvalidTokenError("a time is no whole number")
    return Session(*texts, *times)


def _is_canonical(token: str) -> bool:
    """Tell whether a token is written in the one way that it can be.

    Decoding overlooks padding, line ends and spare bits: one session would be several texts.
    """
    if not _COMPACT.fullmatch(token):
        return False
    for part in token.split("."):
        try:
            decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except ValueError:
            return False
        if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
            return False
    return True


def key_id(name: str) -> str:
    """Return what a token calls the key of a name, which may be an ARN."""
    return name.rpartition(":")[2]
