"""Keys: all of them with whose they are, and revoking one."""

import time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path

import cursors
from administrators import Administrator, act
from answers import Key, Keys, Number, moment
from cursors import After, PageSize, Search
from identity import people
from identity.people import PROFILE, Item

UNUSED_SECONDS = 90 * 86400

router = APIRouter(prefix="/administration")


@router.get("/keys")
def list_keys(
    _: Administrator, search: Search = "", after: After = None, limit: PageSize = 50
) -> Keys:
    """List keys, the newest first: all, or those with some letters in their name or hint."""
    found, following = cursors.found("key", search, _text, after, limit, newest=True)
    owners = sorted({item["who"] for item in found})
    profiles = people.read(*((owner, PROFILE) for owner in owners)) if owners else {}
    logins = {who: str(profile["login"]) for (who, _what), profile in profiles.items()}
    return Keys(
        keys=[described_key(item, logins.get(item["who"], "")) for item in found],
        after=following,
    )


@router.delete("/people/{number}/keys/{key_id}", status_code=204)
def revoke_key(
    by: Administrator, number: Number, key_id: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
) -> None:
    """Revoke a key, and what was made with it. It cannot be undone."""
    person = f"github:{number}"
    if not people.remove(person, f"key#{key_id}"):
        raise HTTPException(404, "there is no such key")
    act("key-revoked", by, who=person, key=key_id)
    people.remove_made_with(person, key_id)


def keys_among(items: list[Item]) -> list[Item]:
    """Return those of somebody's items that are keys and good, the oldest first."""
    keys = [item for item in items if item["what"].startswith("key#")]
    there = {item["what"].removeprefix("key#") for item in keys} | {None}
    kept = [item for item in keys if item.get("maker") in there]
    return sorted(kept, key=lambda item: float(item["created"]))


def described_key(item: Item, login: str) -> Key:
    """Return what is told of a key."""
    used, expires = item.get("used"), item.get("expires")
    since = used or item["created"]
    return Key(
        id=item["what"].removeprefix("key#"),
        person=item["who"].removeprefix("github:"),
        login=login,
        name=item["name"],
        kind=item["kind"],
        hint=item["hint"],
        made=moment(item["created"]),
        used=moment(used) if used else None,
        expires=moment(expires) if expires else None,
        unused_90_days=time.time() - since > UNUSED_SECONDS,
    )


def _text(item: Item) -> str:
    return f"{item['name']}\n{item['hint']}"
