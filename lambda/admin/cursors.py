"""Where a list goes on: the key of what was told last, as a text that says nothing."""

import base64
import json

from fastapi import HTTPException

from identity.people import Item

LONGEST = 600
_NAMES = {"who", "what", "listed", "place"}


def written(key: Item | None) -> str | None:
    """Return a key as the client gets it; None if there is nothing left."""
    if key is None:
        return None
    text = json.dumps({name: key[name] for name in sorted(_NAMES)})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(text: str | None, listed: str) -> Item | None:
    """Return the key that a client sent again.

    Raises
    ------
    HTTPException
        400 if it is none of this list.
    """
    if not text:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        good = set(key) == _NAMES and all(isinstance(each, str) for each in key.values())
    except (ValueError, TypeError, AttributeError):
        good = False
    if not good or key["listed"] != listed:
        raise HTTPException(400, "after: take what the answer before this one said")
    found: Item = key
    return found
