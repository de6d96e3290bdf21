"""`hush admin`: the fleet, people and keys of an installation, for those who look after it."""

from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from hush.account import ApiKey, Url, account_at, problems
from hush.application import Application
from hush.connection import ServiceError
from hush.terminal import errors, print_table

PAGE = 100
"""Rows that are asked for at once."""

app = Application(
    no_args_is_help=True,
    help="Look after an installation: its fleet, people and keys. For administrators.",
)

Search = Annotated[str, typer.Option(metavar="LETTERS", help="Only those with these letters.")]
Most = Annotated[int, typer.Option(min=1, help="How many are listed, at most.")]


@app.command()
def status(url: Url, api_key: ApiKey = None) -> None:
    """Say what runs, what is asked of it, and what an hour of it costs."""
    with problems():
        fleet = _ask("GET", "fleet", url, api_key)
        group, instances, traffic = (_part(fleet[each]) for each in _PARTS)
        if group:
            _say_group(group, fleet["prices"])
        for each in instances or ():
            models = " ".join(each["models"]) or "?"
            typer.echo(
                f"{each['id']}  {each['state']}, {each['market']} {each['type']} in {each['zone']},"
                f" {models}, at most {each['dollars_an_hour']:.2f} $/h"
            )
        if traffic:
            typer.echo(
                f"in five minutes: {_number(traffic['requests_5m'])} requests,"
                f" {_number(traffic['errors_5m'])} errors; 95 % answered within"
                f" {_number(traffic['wait_seconds_p95'])} s"
            )


@app.command("people")
def list_people(url: Url, search: Search = "", most: Most = 1000, api_key: ApiKey = None) -> None:
    """List who signed in, whether they may use it, and what they used."""
    with problems():
        rows = [("ID", "LOGIN", "MAY", "KEYS", "SECONDS TODAY", "IN 30 DAYS", "LAST SEEN", "WHY")]
        for each in _all("people", search, most, url, api_key):
            may = "blocked" if each["blocked"] else "yes" if each["permitted"] else "no"
            rows.append(
                (
                    *(each["id"], each["login"], may, str(each["keys"])),
                    *(_number(each["seconds_today"]), _number(each["seconds_30d"])),
                    *((each["last_seen"] or "never")[:10], each["why"]),
                )
            )
        print_table(rows)


@app.command("keys")
def list_keys(url: Url, search: Search = "", most: Most = 1000, api_key: ApiKey = None) -> None:
    """List all keys, the newest first, with whose they are and when they were used."""
    with problems():
        rows = [("OWNER", "ID", "KEY", "MADE", "USED", "EXPIRES", "NAME")]
        for each in _all("keys", search, most, url, api_key):
            used = (each["used"] or "never")[:10] + (" (!)" if each["unused_90_days"] else "")
            rows.append(
                (
                    *(each["login"], each["id"], each["hint"], each["made"][:10], used),
                    *((each["expires"] or "never")[:10], each["name"]),
                )
            )
        print_table(rows)
        errors.print("(!) marks what nobody has used for 90 days")


@app.command()
def wake(url: Url, api_key: ApiKey = None) -> None:
    """Ask for one instance, if there is none."""
    with problems():
        prices = _ask("GET", "fleet", url, api_key)["prices"]
        _say_group(_ask("POST", "fleet/wake", url, api_key), prices)


@app.command()
def sleep(url: Url, api_key: ApiKey = None) -> None:
    """Let all instances finish what they have, and end."""
    with problems():
        group = _ask("POST", "fleet/sleep", url, api_key)
        typer.echo(f"wanted: {group['desired']} instances; the next request wakes one again")


_PARTS = ("group", "instances", "traffic")


def _ask(method: str, path: str, url: str, api_key: str | None) -> dict[str, Any]:
    body: dict[str, Any] | None = None if method == "GET" else {}
    return account_at(url, api_key).ask(method, path, body, below="administration")


def _all(what: str, search: str, most: int, url: str, api_key: str | None) -> list[dict[str, Any]]:
    """Return some of all people or keys, page by page."""
    found: list[dict[str, Any]] = []
    asked = {"search": search, "limit": str(min(most, PAGE))}
    while True:
        answer = _ask("GET", f"{what}?{urlencode(asked)}", url, api_key)
        found += answer[what]
        if answer["after"] is None or len(found) >= most:
            return found[:most]
        asked["after"] = answer["after"]


def _part(part: Any) -> Any:
    """Return a part of an answer; None if AWS did not tell it, which is said."""
    if isinstance(part, dict) and "unknown" in part:
        errors.print(part["unknown"])
        return None
    return part


def _say_group(group: dict[str, Any], prices: dict[str, Any]) -> None:
    if group["stopped"]:
        raise ServiceError("the fleet is stopped: what it may cost this month is spent")
    kept = f", kept awake until {group['awake_until']}" if group["awake_until"] else ""
    typer.echo(
        f"wanted: {group['desired']} of at most {group['maximum']} instances{kept}; an hour of one"
        f" costs {prices['instance_hour']:.2f} $ at most"
    )


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"
