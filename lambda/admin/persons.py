"""People: who may and who did, and what administrators do about it."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

import cursors
from administrators import Administrator, act
from answers import Limits, Nothing, Number, People, Person, PersonInFull, Session, moment
from cursors import After, PageSize, Search
from every_key import described_key, keys_among
from identity import people
from identity.aws import UnavailableError, call
from identity.people import PROFILE, Item, Profile
from identity.settings import settings

DAYS = 30
AT_ONCE = 8
"""Reads of a page that are under way at once."""
BATCH = 100
"""Items that DynamoDB gives at once."""

router = APIRouter(prefix="/administration/people")


@router.get("")
def list_people(
    _: Administrator, search: Search = "", after: After = None, limit: PageSize = 50
) -> People:
    """List people by their logins: all, or those with some letters in their login or name."""
    found, following = cursors.found("person", search, _text, after, limit)
    return People(people=_described([people.profile_of(item) for item in found]), after=following)


@router.get("/{number}")
def one_person(_: Administrator, number: Number) -> PersonInFull:
    """Tell all about somebody, with their keys and sessions."""
    return _in_full(_profile(number))


@router.post("/{number}/revoke")
def revoke(by: Administrator, number: Number, _: Nothing | None = None) -> PersonInFull:
    """End all sessions and revoke all keys of somebody, for good; who may sign in says the policy.

    It cannot be undone: they sign in again, and make new keys.
    """
    profile = _profile(number)
    for item in people.everything_of(profile.person):
        if item["what"] != PROFILE:
            people.remove(profile.person, item["what"])
    act("person-revoked", by, who=profile.person, login=profile.login)
    return _in_full(profile)


@router.post("/{number}/block")
def block(by: Administrator, number: Number, _: Nothing | None = None) -> PersonInFull:
    """Refuse somebody whatever the policy says, with all that they have, until it is undone."""
    profile = _nobody_special(number)
    people.change(profile.person, PROFILE, blocked=int(time.time()))
    act("person-blocked", by, who=profile.person, login=profile.login)
    return _in_full(_profile(number))


@router.post("/{number}/unblock")
def unblock(by: Administrator, number: Number, _: Nothing | None = None) -> PersonInFull:
    """Undo a block: sessions and keys are as good as they were."""
    profile = _profile(number)
    people.change(profile.person, PROFILE, blocked=None)
    act("person-unblocked", by, who=profile.person, login=profile.login)
    return _in_full(_profile(number))


@router.put("/{number}/limits")
def limit_person(
    by: Administrator, number: Number, limits: Annotated[Limits | None, Body()] = None
) -> PersonInFull:
    """Give somebody limits of their own a day; null: those of everybody again."""
    profile = _nobody_special(number)
    own: dict[str, int | None] = {"requests": None, "seconds": None}
    own |= limits.model_dump() if limits else {}
    people.change(profile.person, PROFILE, **own)
    act("person-limited", by, who=profile.person, login=profile.login, **own)
    return _in_full(_profile(number))


def _profile(number: str) -> Profile:
    key = (f"github:{number}", PROFILE)
    found = people.read(key)
    if key not in found:
        raise HTTPException(404, "nobody with this number has signed in")
    return people.profile_of(found[key])


def _nobody_special(number: str) -> Profile:
    profile = _profile(number)
    if settings().policy.administers(profile.login):
        raise HTTPException(
            409,
            f"{profile.login} is an administrator: take them out of `administrators` in cloud.toml"
            " first",
        )
    return profile


def _text(item: Item) -> str:
    return f"{item['login']}\n{item['name']}"


def _in_full(profile: Profile) -> PersonInFull:
    (person,) = _described([profile])
    items = people.everything_of(profile.person)
    sessions = [
        Session(made=moment(item["created"]), expires=moment(item["expires"]))
        for item in items
        if item["what"].startswith("session#")
    ]
    return PersonInFull(
        **person.model_dump(),
        their_keys=[described_key(item, profile.login) for item in keys_among(items)],
        their_sessions=sessions,
    )


def _described(profiles: Sequence[Profile]) -> list[Person]:
    names = [profile.person for profile in profiles]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        using = pool.submit(usage, names, pool)
        items = list(pool.map(people.everything_of, names))
        used = using.result()
    return [
        _person(profile, theirs, used.get(profile.person, {}))
        for profile, theirs in zip(profiles, items, strict=True)
    ]


def _person(profile: Profile, items: list[Item], used: dict[str, dict[str, float]]) -> Person:
    policy = settings().policy
    administrator = policy.administers(profile.login)
    permitted, why = _permission(profile)
    today = used.get(f"{datetime.now(UTC):%Y-%m-%d}", {})

    def counted(days: Sequence[dict[str, float]], what: str) -> float | None:
        together = sum(day.get(what, 0.0) for day in days)
        return None if administrator else round(together, 1)

    return Person(
        id=profile.person.removeprefix("github:"),
        login=profile.login,
        name=profile.name,
        tier="unlimited" if administrator else "person",
        permitted=permitted,
        why=why,
        blocked=bool(profile.blocked),
        administrator=administrator,
        sessions=sum(item["what"].startswith("session#") for item in items),
        keys=len(keys_among(items)),
        seconds_today=counted([today], "seconds"),
        requests_today=_whole(counted([today], "requests")),
        seconds_30d=counted(list(used.values()), "seconds"),
        requests_30d=_whole(counted(list(used.values()), "requests")),
        last_seen=moment(profile.seen) if profile.seen else None,
        limits=None if profile.limits is None else Limits.model_validate(profile.limits),
    )


def _permission(profile: Profile) -> tuple[bool, str]:
    """Return whether somebody may use it, and why."""
    policy, login = settings().policy, profile.login.lower()
    asked = f"{datetime.fromtimestamp(profile.checked, UTC):%Y-%m-%d %H:%M} UTC"
    if profile.blocked:
        when = f"{datetime.fromtimestamp(profile.blocked, UTC):%Y-%m-%d}"
        return False, f"An administrator blocked them on {when}."
    for named, why in (
        (policy.administers(login), "`administrators` names them."),
        (login in policy.users, "`users` names them."),
        (policy.everyone, "`everyone` may who has an account on GitHub."),
    ):
        if named:
            return True, why
    if not policy.asks_for_membership:
        return False, "The policy names them no more."
    if not profile.member:
        return False, f"The policy does not name them, and GitHub knew no membership at {asked}."
    return True, f"`organisations` or `teams`: they were a member, as GitHub said at {asked}."


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def usage(names: Sequence[str], pool: ThreadPoolExecutor) -> dict[str, dict[str, dict[str, float]]]:
    """Return what people used on each of the last thirty days, by person and day.

    Raises
    ------
    UnavailableError
        If the table does not answer.
    """
    today = datetime.now(UTC)
    days = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in range(DAYS)]
    wanted = [{"id": {"S": f"{name}#{day}"}} for name in names for day in days]
    batches = [wanted[at : at + BATCH] for at in range(0, len(wanted), BATCH)]
    used: dict[str, dict[str, dict[str, float]]] = {}
    for items in pool.map(_batch, batches):
        for item in items:
            name, _, day = item["id"]["S"].rpartition("#")
            used.setdefault(name, {})[day] = {
                each: float(item.get(each, {"N": "0"})["N"]) for each in ("requests", "seconds")
            }
    return used


def _batch(keys: list[Any]) -> list[dict[str, Any]]:
    table = settings().quota_table
    items: list[dict[str, Any]] = []
    for _ in range(3):
        answer = call("dynamodb", "batch_get_item", RequestItems={table: {"Keys": keys}})
        items += answer["Responses"].get(table, [])
        left = answer.get("UnprocessedKeys", {}).get(table)
        if not left:
            return items
        keys = left["Keys"]
    raise UnavailableError("the table is busy")
