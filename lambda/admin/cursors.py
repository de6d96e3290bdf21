"""Lists of people and keys, page by page: what is found, and where it goes on.

Where it goes on is the key of what was told last, as a text that says nothing.
"""

import base64
import json
from collections.abc import Callable
from typing import Annotated

from fastapi import HTTPException, Query

from identity import people
from identity.people import Item

LONGEST = 600
LOOKED_AT, MOST_LOOKS = 1000, 6
"""Items that one look reads, and looks of one search, which are together more than there are in
most installations; a search that has not seen all says after what to go on."""

Search = Annotated[str, Query(max_length=100)]
After = Annotated[str | None, Query(max_length=LONGEST)]
PageSize = Annotated[int, Query(ge=1, le=100)]

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


def found(
    listed: str,
    search: str,
    text_of: Callable[[Item], str],
    after: str | None,
    limit: int,
    newest: bool = False,
) -> tuple[list[Item], str | None]:
    """Return a page of people or keys, and what to ask with for the next one.

    Parameters
    ----------
    listed, newest
        As `identity.people.page` wants them.
    search
        Letters that they have; nothing is looked for if there are none.
    text_of
        Returns where an item may have them.
    after
        What a client sent again.
    limit
        How many there are on a page, at most.

    Raises
    ------
    HTTPException
        400 if `after` is of no such list.
    """
    cursor = read(after, listed)
    letters = search.strip().casefold()
    if not letters:
        items, cursor = people.page(listed, limit, cursor, newest)
        return items, written(cursor)
    matching: list[Item] = []
    for _ in range(MOST_LOOKS):
        items, cursor = people.page(listed, LOOKED_AT, cursor, newest)
        matching += [item for item in items if letters in text_of(item).casefold()]
        if cursor is None or len(matching) >= limit:
            break
    if len(matching) > limit:
        matching = matching[:limit]
        cursor = matching[-1]
    return matching, written(cursor)
