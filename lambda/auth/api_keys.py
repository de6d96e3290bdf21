"""API keys: made, listed and revoked by whose they are."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field, StringConstraints

from asking import Manager, SignedIn
from identity import people
from identity.audit import audit
from identity.callers import Caller
from identity.keys import ApiKey, new_key
from identity.people import MOST_KEYS, Item

KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]

router = APIRouter(prefix="/auth")


class NewKey(BaseModel):
    """What a key is to be called, and for how long it is good."""

    name: Name
    days: Annotated[int, Field(ge=1, le=3650)] | None = None


@router.get("/keys")
def list_keys(caller: Manager) -> dict[str, Any]:
    """List one's keys; the keys themselves are not kept."""
    return {"keys": [_described(item) for item in _keys_of(caller.identity)]}


@router.post("/keys", status_code=201)
def create_key(caller: Manager, wanted: NewKey) -> dict[str, Any]:
    """Make a key. This answer alone has it.

    Made with the key of `hush login`, it expires no later, and is revoked with it.
    """
    maker = caller if caller.kind == "login" else None
    return made_key(caller.identity, caller.login, wanted.name, "key", wanted.days, maker)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(caller: SignedIn, key_id: KeyId) -> None:
    """Revoke a key: one's own, and with an API key only that key itself."""
    if caller.kind == "key" and key_id != caller.credential:
        raise HTTPException(403, "an API key may revoke itself alone")
    if not people.remove(caller.identity, f"key#{key_id}"):
        raise HTTPException(404, "there is no such key")
    audit("key-revoked", who=caller.identity, login=caller.login, key=key_id)
    people.remove_made_with(caller.identity, key_id)


def made_key(
    person: str,
    login: str,
    name: str,
    kind: Literal["key", "login"],
    days: int | None,
    maker: Caller | None = None,
) -> dict[str, Any]:
    """Make a key for someone, and describe it with the key itself.

    Parameters
    ----------
    maker
        The key that it is made with, and ends with.

    Raises
    ------
    HTTPException
        409 if they have too many.
    """
    if len(_keys_of(person)) >= MOST_KEYS:
        raise HTTPException(409, f"{MOST_KEYS} keys are the most: revoke one first")
    key: ApiKey = new_key(person)
    now = int(time.time())
    ends = [] if days is None else [now + days * 86400]
    if maker is not None and maker.expires is not None:
        ends.append(int(maker.expires))
    item: Item = {
        "who": person,
        "what": f"key#{key.id}",
        "name": name,
        "kind": kind,
        "digest": key.digest,
        "hint": key.hint,
        "created": now,
        "expires": min(ends, default=None),
        "maker": None if maker is None else maker.credential,
        **people.in_list("key", f"{now:012d}#{key.id}"),
    }
    people.write(item)
    audit("key-made", who=person, login=login, key=key.id, kind=kind)
    return {**_described(item), "key": str(key)}


def _keys_of(person: str) -> list[Item]:
    items = [item for item in people.everything_of(person) if item["what"].startswith("key#")]
    there = {item["what"].removeprefix("key#") for item in items} | {None}
    kept = [item for item in items if item.get("maker") in there]
    return sorted(kept, key=lambda item: float(item["created"]))


def _described(item: Item) -> dict[str, Any]:
    expires = item.get("expires")
    return {
        "id": item["what"].removeprefix("key#"),
        "name": item["name"],
        "kind": item["kind"],
        "hint": item["hint"],
        "created": _moment(item["created"]),
        "expires": None if expires is None else _moment(expires),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
