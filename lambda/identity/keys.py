"""API keys: a secret that is shown once, of which only the hash is kept.

A key names its owner and itself, `hush_OWNER_ID_SECRET`, so that one read of the table finds it,
and what is compared is the hash of the secret, in constant time.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_KEY = re.compile(r"hush_([1-9][0-9]{0,18})_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True)
class ApiKey:
    """The parts of a key.

    Attributes
    ----------
    person
        Its owner: "github:" and the account's number.
    id
        Its name among the owner's keys.
    secret
        What is proof, 32 random bytes as base64url.
    """

    person: str
    id: str
    secret: str

    def __str__(self) -> str:
        """Return the key as people get it."""
        return f"hush_{self.person.removeprefix('github:')}_{self.id}_{self.secret}"

    @property
    def digest(self) -> str:
        """SHA-256 of the secret: with 256 random bits, nothing slower is needed."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    @property
    def hint(self) -> str:
        """By what people recognise it: its last four characters."""
        return f"hush_…{self.secret[-4:]}"

    def matches(self, digest: str) -> bool:
        """Tell in constant time whether this is the key that a hash is kept of."""
        return hmac.compare_digest(self.digest, digest)


def new_key(person: str) -> ApiKey:
    """Return a key for someone."""
    return ApiKey(person, secrets.token_hex(8), secrets.token_urlsafe(32))


def parse_key(text: str) -> ApiKey | None:
    """Return the parts of what may be a key; None if it is none."""
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    number, name, secret = found.groups()
    return ApiKey(f"github:{number}", name, secret)
