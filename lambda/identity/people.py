"""The table of people: their permission, sessions and keys, and what sign-in remembers meanwhile.

One item each, by `who` and `what`:

    github:1   profile          login, name, whether they are permitted, and when that was checked;
                                when they were seen; and what an administrator said of them
    github:1   session#NAME     a session, until it is ended
    github:1   key#NAME         an API key: its name, its secret's hash, and the key that made it
    once#HASH  PURPOSE          something that is good once and for minutes

Profiles and keys are in the index `listed` too, by `listed` ("person" or "key") and `place`: by
that, all of either are listed without reading anything else.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from identity.aws import UnavailableError, call, client
from identity.settings import settings

PROFILE = "profile"
INDEX = "listed"
"""The index in which people and keys are listed."""
MOST_KEYS = 20
"""Keys that one person may have."""

Item = dict[str, Any]


@dataclass(frozen=True)
class Profile:
    """What is known of a person.

    Attributes
    ----------
    person
        "github:" and the account's number, which stays when the account is renamed.
    login, name
        What GitHub calls the account, and what its owner does.
    member
        Whether they were a member of what the policy names, when that was checked last.
    checked
        When that was, in Unix time.
    seen
        When they last used it, to the hour, in Unix time; 0 if that is not known.
    blocked
        When an administrator blocked them, in Unix time; 0 if nobody did.
    limits
        How many "requests" and "seconds" of speech they may have in a day, where an administrator
        gave them limits of their own; None if those of everybody count.
    """

    person: str
    login: str
    name: str
    member: bool
    checked: float
    seen: float = 0.0
    blocked: float = 0.0
    limits: dict[str, float] | None = None


def read(*keys: tuple[str, str]) -> dict[tuple[str, str], Item]:
    """Return the items of some keys, as far as there are any that have not expired.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    table = settings().people_table
    wanted = [_key(who, what) for who, what in keys]
    request = {table: {"Keys": wanted, "ConsistentRead": True}}
    answer = call("dynamodb", "batch_get_item", RequestItems=request)
    if answer.get("UnprocessedKeys"):
        raise UnavailableError("the table is busy")
    items = (_plain(item) for item in answer["Responses"].get(table, []))
    return {(item["who"], item["what"]): item for item in items if not _expired(item)}


def everything_of(who: str) -> list[Item]:
    """Return all items of a person that have not expired.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=settings().people_table,
            KeyConditionExpression="who = :who",
            ExpressionAttributeValues={":who": {"S": who}},
            ConsistentRead=True,
        )
    )
    return _items(pages)


def page(
    listed: str, limit: int, after: Item | None, newest: bool = False
) -> tuple[list[Item], Item | None]:
    """Return some of all people or keys that have not expired, and after what the next ones come.

    Parameters
    ----------
    listed
        "person", in the order of their logins; or "key", in the order in which they were made.
    limit
        How many are read, at most.
    after
        What was returned with those before; None for the first.
    newest
        Whether the order is the other way around.

    Raises
    ------
    UnavailableError
        If the table does not answer, or `after` is none of its answers.
    """
    start = {} if after is None else {"ExclusiveStartKey": _typed(after)}
    answer = _call(
        "query",
        IndexName=INDEX,
        KeyConditionExpression="listed = :listed",
        ExpressionAttributeValues={":listed": {"S": listed}},
        ScanIndexForward=not newest,
        Limit=limit,
        **start,
    )
    items = [_plain(item) for item in answer["Items"]]
    last = answer.get("LastEvaluatedKey")
    return [item for item in items if not _expired(item)], None if last is None else _plain(last)


def write(item: Item) -> None:
    """Write an item, in place of the one that was there.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    _call("put_item", Item=_typed(item))


def change(who: str, what: str, **values: bool | int | str | None) -> bool:
    """Change some values of an item, and tell whether it was there; if not, it is not made.

    Parameters
    ----------
    values
        By their names; what is None is removed.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    try:
        _update(who, what, "attribute_exists(who)", values)
    except UnavailableError as error:
        cause = error.__cause__
        code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
        if code != "ConditionalCheckFailedException":
            raise
        return False
    return True


def remove(who: str, what: str) -> bool:
    """Remove an item, and tell whether it was there.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    gone = _call("delete_item", Key=_key(who, what), ReturnValues="ALL_OLD")
    return "Attributes" in gone


def remove_made_with(who: str, name: str) -> None:
    """Remove the keys that were made with one that is gone: they are refused already.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    for item in everything_of(who):
        if item.get("maker") == name:
            remove(who, item["what"])


def keep_once(secret: str, purpose: str, seconds: int, **details: str) -> None:
    """Remember something that whoever knows a secret may take, once.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    write(
        {
            "who": _once(secret),
            "what": purpose,
            "expires": int(time.time()) + seconds,
            **details,
        }
    )


def take_once(secret: str, purpose: str) -> Item | None:
    """Return what was kept under a secret, and forget it; None if it is gone, or never was.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    gone = _call("delete_item", Key=_key(_once(secret), purpose), ReturnValues="ALL_OLD")
    item = _plain(gone.get("Attributes", {}))
    return None if not item or _expired(item) else item


def profile_of(item: Item) -> Profile:
    """Return a profile from its item."""
    own = ("requests", "seconds")
    limits: dict[str, float] = {name: item[name] for name in own if name in item}
    return Profile(
        person=item["who"],
        login=item["login"],
        name=item["name"],
        member=item["member"],
        checked=item["checked"],
        seen=item.get("seen", 0.0),
        blocked=item.get("blocked", 0.0),
        limits=limits or None,
    )


def write_profile(profile: Profile) -> None:
    """Write down what GitHub says of a person; what else is known of them stays.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    values = {
        "login": profile.login,
        "name": profile.name,
        "member": profile.member,
        "checked": int(profile.checked),
        **in_list("person", profile.login.lower()),
    }
    _update(profile.person, PROFILE, None, values)


def in_list(listed: str, place: str) -> dict[str, str]:
    """Return the values by which a profile or a key is listed, and where."""
    return {"listed": listed, "place": place}


def _once(secret: str) -> str:
    return "once#" + hashlib.sha256(secret.encode()).hexdigest()


def _key(who: str, what: str) -> Item:
    return {"who": {"S": who}, "what": {"S": what}}


def _expired(item: Item) -> bool:
    # DynamoDB removes what has expired within days, not at once.
    return item.get("expires") is not None and item["expires"] <= time.time()


def _items(pages: Any) -> list[Item]:
    try:
        items = [_plain(item) for page in pages for item in page["Items"]]
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError(f"the table: {error}") from error
    return [item for item in items if not _expired(item)]


def _call(operation: str, **parameters: Any) -> Any:
    return call("dynamodb", operation, TableName=settings().people_table, **parameters)


def _update(who: str, what: str, condition: str | None, values: Item) -> None:
    written = {name: value for name, value in values.items() if value is not None}
    removed = [f"#{name}" for name in values if name not in written]
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in written) if written else ""
    if removed:
        expression += " REMOVE " + ", ".join(removed)
    more: Item = {} if condition is None else {"ConditionExpression": condition}
    if written:
        typed = _typed(written)
        more["ExpressionAttributeValues"] = {f":{name}": typed[name] for name in written}
    _call(
        "update_item",
        Key=_key(who, what),
        UpdateExpression=expression.strip(),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        **more,
    )


def _typed(item: Item) -> Item:
    """Return an item as DynamoDB wants it: each value with its type."""
    typed: Item = {}
    for name, value in item.items():
        if isinstance(value, bool):
            typed[name] = {"BOOL": value}
        elif isinstance(value, int):
            typed[name] = {"N": str(value)}
        elif isinstance(value, str):
            typed[name] = {"S": value}
        elif value is not None:
            raise TypeError(f"{name} is a {type(value).__name__}")
    return typed


def _plain(item: Item) -> Item:
    plain: Item = {}
    for name, typed in item.items():
        ((kind, value),) = typed.items()
        plain[name] = float(value) if kind == "N" else value
    return plain
