"""Keys: all of them with whose they are, and revoking one."""

import time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

import cursors
from administrators import Administrator, act
from answers import Key, Keys, moment
from identity import people
from identity.people import PROFILE, Item

UNUSED_SECONDS = 90 * 86400
LOOKED_AT, MOST_LOOKS = 1000, 6
"""As in `persons`."""

router = APIRouter(prefix="/administration")


@router.get("/keys")
def list_keys(
    _: Administrator,
    search: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str | None, Query(max_length=cursors.LONGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Keys:
    """List keys, the newest first: all, or those with some letters in their name or hint."""
    wanted, cursor = search.strip().casefold(), cursors.read(after, "key")
    found: list[Item] = []
    for _look in range(MOST_LOOKS if wanted else 1):
        items, cursor = people.page("key", LOOKED_AT if wanted else limit, cursor, newest=True)
        found += [item for item in items if _matches(item, wanted)]
        if cursor is None or len(found) >= limit:
            break
    if len(found) > limit:
        found = found[:limit]
        cursor = found[-1]
    owners = sorted({item["who"] for item in found})
    profiles = people.read(*((owner, PROFILE) for owner in owners)) if owners else {}
    logins = {who: str(profile["login"]) for (who, _what), profile in profiles.items()}
    return Keys(
        keys=[described_key(item, logins.get(item["who"], "")) for item in found],
        after=cursors.written(cursor),
    )


@router.delete("/people/{number}/keys/{key_id}", status_code=204)
def revoke_key(
    by: Administrator,
    number: Annotated[str, Path(pattern=r"^[1-9][0-9]{0,18}$")],
    key_id: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")],
) -> None:
    """Revoke a key, and what was made with it. It cannot be undone."""
    person = f"github:{number}"
    if not people.remove(person, f"key#{key_id}"):
        raise HTTPException(404, "there is no such key")
    act("key-revoked", by, who=person, key=key_id)
    # They are refused from now on; this only tidies the table.
    for item in people.everything_of(person):
        if item.get("maker") == key_id:
            people.remove(person, item["what"])


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


def _matches(item: Item, search: str) -> bool:
    return search in item["name"].casefold() or search in item["hint"].casefold()
