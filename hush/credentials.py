"""The system's keyring: the credential of each service that somebody has signed in to."""

import ipaddress
from urllib.parse import urlsplit

SERVICE = "hush"
"""The keyring's name for what is hush's."""

NO_KEYRING = (
    "this machine has no keyring to keep a credential in (docs/install.md). Instead, make a key on"
    " the service's page, under your name, and set HUSH_API_KEY to it"
)


class CredentialError(Exception):
    """The keyring is missing, locked or broken. The message says what to do."""


def origin(url: str) -> str:
    """Return the address of a service, as its credential is kept under.

    Raises
    ------
    CredentialError
        If it is no address, or a credential would cross a network unprotected.
    """
    parts = urlsplit(url if "://" in url else f"https://{url}")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise CredentialError(f"{url!r} is no address of a service; https://hush.example is one")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise CredentialError(
            f"a credential is not sent over http, where others could read it: https://{parts.netloc}"
        )
    default = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = host if port in (None, default) else f"{host}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/').removesuffix('/v1')}"


def credential(url: str) -> str | None:
    """Return the credential of a service; None if nobody has signed in to it here.

    Raises
    ------
    CredentialError
        If the keyring is locked or broken. That there is none is no error.
    """
    import keyring
    from keyring.errors import KeyringError, NoKeyringError

    try:
        return keyring.get_password(SERVICE, origin(url))
    except NoKeyringError:
        return None
    except KeyringError as error:
        raise CredentialError(f"the system's keyring refuses: {error}") from error


def keep(url: str, key: str) -> None:
    """Keep the credential of a service, in place of an earlier one.

    Raises
    ------
    CredentialError
        If there is no keyring, or it refuses.
    """
    import keyring
    from keyring.errors import KeyringError, NoKeyringError

    try:
        keyring.set_password(SERVICE, origin(url), key)
    except NoKeyringError as error:
        raise CredentialError(NO_KEYRING) from error
    except KeyringError as error:
        raise CredentialError(f"the system's keyring refuses: {error}") from error


def forget(url: str) -> None:
    """Remove the credential of a service, if there is one.

    Raises
    ------
    CredentialError
        If the keyring refuses.
    """
    import keyring
    from keyring.errors import KeyringError

    if credential(url) is None:
        return
    try:
        keyring.delete_password(SERVICE, origin(url))
    except KeyringError as error:
        raise CredentialError(f"the system's keyring refuses: {error}") from error


def check_keyring() -> None:
    """Check that there is a keyring, before somebody signs in for nothing.

    Raises
    ------
    CredentialError
        If there is none.
    """
    import keyring
    from keyring.backends.fail import Keyring

    if isinstance(keyring.get_keyring(), Keyring):
        raise CredentialError(NO_KEYRING)


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine itself, so that nobody else can read what goes there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
