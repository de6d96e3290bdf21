"""`hush login`, `logout` and `keys`: who one is to a service that wants to know."""

import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx2
import typer

from hush import __version__
from hush.application import Application
from hush.connection import ServiceError, error_of
from hush.credentials import (
    CredentialError,
    check_keyring,
    credential,
    forget,
    keep,
    origin,
)
from hush.hand_over import HandOver
from hush.terminal import errors, print_table, report

PATIENCE = 600.0
"""Seconds that somebody has to sign in: longer than the code is good for."""

Place = Annotated[str, typer.Argument(metavar="URL", help="Where the service is.")]
Url = Annotated[str, typer.Option(envvar="HUSH_URL", metavar="URL", help="Where the service is.")]
ApiKey = Annotated[
    str | None,
    typer.Option(
        envvar="HUSH_API_KEY", metavar="KEY", help="Instead of the one that `hush login` got."
    ),
]

keys = Application(no_args_is_help=True, help="API keys: list, create and revoke yours.")


class Account:
    """What a service's sign-in knows of somebody.

    Parameters
    ----------
    url
        Where the service is; see `hush.credentials.origin`.
    key
        Who asks.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = origin(url)
        headers = {"user-agent": f"hush/{__version__}", "accept": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        self._http = httpx2.Client(headers=headers, timeout=30.0)

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, below: str = "auth"
    ) -> dict[str, Any]:
        """Return the answer to a request, which is a success.

        Parameters
        ----------
        below
            Of the service's paths, the one that `path` goes on from.

        Raises
        ------
        ServiceError
            If the service refuses, cannot be reached, or is not one that people sign in to.
        """
        try:
            answer = self._http.request(method, f"{self.url}/{below}/{path}", json=body)
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ServiceError(f"{self.url} cannot be reached: {reason}") from error
        if answer.is_client_error or answer.is_server_error:
            raise error_of(answer)
        try:
            said = answer.json() if answer.content else {}
        except ValueError:
            said = None
        if not answer.is_success or not isinstance(said, dict):
            raise ServiceError(f"{self.url} is not a hush service")
        return said


@contextmanager
def problems() -> Iterator[None]:
    """End the command with a message where something goes wrong."""
    try:
        yield
    except (ServiceError, CredentialError) as error:
        report(error)
    except KeyError as error:
        report(f"the service left something out of its answer: {error}")
    else:
        return
    raise typer.Exit(1)


def login(
    url: Place,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser/--no-browser", help="Or only print the address, and ask for the code."
        ),
    ] = True,
) -> None:
    """Sign in to a service, through the browser. The credential goes into the system's keyring.

    From then on, the other commands send it to that address, and to no other.

    **Examples**

    - `hush login https://hush.example`
    - over SSH: `hush login --no-browser https://hush.example`
    """
    with problems():
        account = Account(url)
        check_keyring()
        if not account.ask("GET", "me").get("sign_in"):
            raise ServiceError(f"{account.url} wants nobody to sign in; use it as it is")
        hand_over = HandOver()
        code = _from_browser(hand_over, account.url) if browser else None
        if code is None:
            code = _pasted(hand_over, account.url)
        made = account.ask("POST", "redeem", {"code": code, "verifier": hand_over.verifier})
        keep(account.url, made["key"])
        errors.print(f"signed in to {account.url} as {made['login']}")


def _from_browser(hand_over: HandOver, url: str) -> str | None:
    """Return the code that the browser brings; None if there is no browser."""
    with hand_over.listening() as port:
        address = hand_over.address(url, port)
        if not webbrowser.open(address):
            return None
        errors.print(f"sign in in your browser; if it did not open, go to\n{address}")
        code = hand_over.code(PATIENCE)
    if code is None:
        raise ServiceError("nobody signed in; on another computer's browser, use --no-browser")
    return code


def _pasted(hand_over: HandOver, url: str) -> str:
    errors.print(f"open this in a browser, sign in, and copy the code:\n{hand_over.address(url)}")
    code: str = typer.prompt("Code", err=True)
    return code.strip()


def logout(url: Place) -> None:
    """Sign out: revoke the credential with all keys made by it, and remove it from the keyring."""
    with problems():
        place = origin(url)
        key = credential(place)
        if key is None:
            errors.print(f"nobody is signed in to {place} here")
            return
        forget(place)
        try:
            Account(place, key).ask("DELETE", f"keys/{_id_of(key)}")
        except ServiceError as error:
            # A key that is not good any more needs no revoking.
            if error.status not in (401, 403, 404):
                raise ServiceError(
                    f"the credential is gone from here, but not revoked ({error}): revoke it on"
                    " the service's page"
                ) from error
        errors.print(f"signed out of {place}")


def _id_of(key: str) -> str:
    """Return the name of a key among its owner's: `hush_OWNER_ID_SECRET`."""
    parts = key.split("_", 3)
    return parts[2] if len(parts) == 4 else ""


@keys.command("list")
def list_keys(url: Url, api_key: ApiKey = None) -> None:
    """List your keys."""
    with problems():
        rows = [("ID", "KEY", "CREATED", "EXPIRES", "NAME")]
        for key in account_at(url, api_key).ask("GET", "keys")["keys"]:
            name = key["name"] + (" (hush login)" if key["kind"] == "login" else "")
            expires = (key["expires"] or "never")[:10]
            rows.append((key["id"], key["hint"], key["created"][:10], expires, name))
        print_table(rows)


@keys.command("create", no_args_is_help=True)
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    url: Url,
    api_key: ApiKey = None,
    days: Annotated[
        int | None,
        typer.Option(
            min=1, help="How long it is good for, at most as long as that of `hush login`."
        ),
    ] = None,
) -> None:
    """Make a key, and print it: it is shown this once.

    It ends with the key of `hush login` that makes it; one that is to last is made on the page.

    **Example**

    - `hush keys create laptop --days 90`; `OPENAI_API_KEY=hush_…` has others use it
    """
    with problems():
        made = account_at(url, api_key).ask("POST", "keys", {"name": name, "days": days})
        typer.echo(made["key"])
        errors.print(f"this is {made['name']}, {made['id']}; it will not be shown again")
        if made["expires"]:
            errors.print(f"it is good until {made['expires'][:10]}, or until `hush logout` here")


@keys.command("revoke", no_args_is_help=True)
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="ID", help="As `hush keys list` shows it.")],
    url: Url,
    api_key: ApiKey = None,
) -> None:
    """Revoke a key: from now on, or a minute later, nobody can use it."""
    with problems():
        if not key.isalnum():
            raise ServiceError(f"{key!r} is no key's ID; `hush keys list` shows them")
        account_at(url, api_key).ask("DELETE", f"keys/{key}")
        errors.print(f"revoked {key}")


def account_at(url: str, api_key: str | None) -> Account:
    """Return who is signed in to a service here, or whose key is given.

    Raises
    ------
    CredentialError
        If nobody is, and none is.
    """
    key = api_key or credential(url)
    if key is None:
        raise CredentialError(
            f"nobody is signed in to {origin(url)} here: hush login {origin(url)}"
        )
    return Account(url, key)
