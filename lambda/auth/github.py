"""GitHub, as a GitHub App sees it: who signs in, and who is a member of what.

Signing in is OAuth 2 (RFC 6749) with PKCE (RFC 7636). The person's token serves to read who they
are and is revoked at once. Memberships are asked with the App's own installation token, which
needs its permission "Members: read" and nobody's presence.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client

from identity.audit import audit
from identity.aws import UnavailableError, secret
from identity.settings import settings

TIMEOUT = httpx2.Timeout(5.0)
_API_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_WRONG_CREDENTIALS = "incorrect_client_credentials"
_CREDENTIALS = ("client_id", "client_secret", "app_id", "private_key")

_installations: dict[str, tuple[float, str]] = {}


class SignInError(Exception):
    """GitHub does not vouch for whoever tries to sign in. The message is for the log."""


@dataclass(frozen=True)
class Account:
    """An account on GitHub.

    Attributes
    ----------
    person
        "github:" and its number.
    login, name
        What GitHub and its owner call it.
    """

    person: str
    login: str
    name: str


def authorize_url(state: str, verifier: str, redirect_uri: str) -> str:
    """Return where to send someone who wants to sign in.

    Raises
    ------
    UnavailableError
        If the App's credentials have not been set.
    """
    with _oauth(redirect_uri) as client:
        url, _ = client.create_authorization_url(
            f"{settings().github_url}/login/oauth/authorize", state=state, code_verifier=verifier
        )
    return str(url)


def account_of(code: str, verifier: str, redirect_uri: str) -> Account:
    """Return who came back from GitHub with a code.

    Raises
    ------
    SignInError
        If the code is not good, or no longer.
    UnavailableError
        If GitHub does not answer, or not as it should.
    """
    try:
        token = _exchange(code, verifier, redirect_uri)
    except OAuthError as error:
        if error.error != _WRONG_CREDENTIALS:
            raise SignInError(error.error) from error
        # The client secret was changed, and the code is still good.
        token = _exchange(code, verifier, redirect_uri, fresh=True)
    try:
        user = _ask("GET", "/user", f"Bearer {token}").json()
        return Account(f"github:{int(user['id'])}", str(user["login"]), str(user["name"] or ""))
    finally:
        _revoke(token)


def is_member(person: str, login: str) -> bool:
    """Tell whether someone is a member of an organisation or team that the policy names.

    Parameters
    ----------
    person, login
        Both the number and the name that the account has to have.

    Raises
    ------
    UnavailableError
        If GitHub does not answer, or the App is not set up.
    """
    policy = settings().policy
    places = [(name, f"/orgs/{name}/memberships/{login}") for name in sorted(policy.organisations)]
    for team in sorted(policy.teams):
        organisation, _, slug = team.partition("/")
        places.append((organisation, f"/orgs/{organisation}/teams/{slug}/memberships/{login}"))
    return any(_is_active(organisation, path, person) for organisation, path in places)


def _is_active(organisation: str, path: str, person: str) -> bool:
    token = _installation_token(organisation)
    if token is None:
        return False
    answer = _ask("GET", path, f"Bearer {token}", missing=True)
    if answer.status_code == httpx2.codes.NOT_FOUND or answer.json().get("state") != "active":
        return False
    # Another account may have taken a name that was given up.
    user = _ask("GET", f"/users/{path.rpartition('/')[2]}", f"Bearer {token}", missing=True)
    return user.is_success and f"github:{user.json()['id']}" == person


def _credentials(fresh: bool = False) -> dict[str, str]:
    try:
        found = json.loads(secret(settings().github_secret, fresh))
        return {name: str(found[name]) for name in _CREDENTIALS}
    except (ValueError, KeyError, TypeError) as error:
        raise UnavailableError("the GitHub App's credentials are not set") from error


def _oauth(redirect_uri: str, fresh: bool = False) -> OAuth2Client:
    credentials = _credentials(fresh)
    return OAuth2Client(
        credentials["client_id"],
        credentials["client_secret"],
        token_endpoint_auth_method="client_secret_post",
        code_challenge_method="S256",
        redirect_uri=redirect_uri,
        timeout=TIMEOUT,
    )


def _exchange(code: str, verifier: str, redirect_uri: str, fresh: bool = False) -> str:
    try:
        with _oauth(redirect_uri, fresh) as client:
            token = client.fetch_token(
                f"{settings().github_url}/login/oauth/access_token",
                code=code,
                code_verifier=verifier,
                headers={"Accept": "application/json"},
            )
        return str(token["access_token"])
    except (httpx2.HTTPError, ValueError, KeyError) as error:
        raise UnavailableError(f"GitHub: {error}") from error


def _revoke(token: str) -> None:
    """Give a person's token back: it was for one question. GitHub ends it in hours anyway."""
    credentials = _credentials()
    try:
        httpx2.request(
            "DELETE",
            f"{settings().github_api_url}/applications/{credentials['client_id']}/token",
            auth=(credentials["client_id"], credentials["client_secret"]),
            json={"access_token": token},
            headers=_API_HEADERS,
            timeout=TIMEOUT,
        ).raise_for_status()
    except httpx2.HTTPError:
        audit("token-not-revoked")


def _installation_token(organisation: str) -> str | None:
    """Return the App's token for an organisation; None where it is not installed."""
    expires, token = _installations.get(organisation, (0.0, ""))
    if time.time() < expires:
        return token
    credentials = _credentials()
    now = int(time.time())
    claims = {"iat": now - 60, "exp": now + 540, "iss": credentials["app_id"]}
    try:
        assertion = jwt.encode(claims, credentials["private_key"], algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise UnavailableError("the GitHub App's private key is no key") from error
    app = f"Bearer {assertion}"
    installation = _ask("GET", f"/orgs/{organisation}/installation", app, missing=True)
    if installation.status_code == httpx2.codes.NOT_FOUND:
        audit("app-not-installed", organisation=organisation)
        return None
    path = f"/app/installations/{installation.json()['id']}/access_tokens"
    made = _ask("POST", path, app, body={"permissions": {"members": "read"}}).json()
    # It is good for an hour.
    _installations[organisation] = (time.time() + 3000, made["token"])
    return str(made["token"])


def _ask(
    method: str,
    path: str,
    authorization: str,
    *,
    body: Any = None,
    missing: bool = False,
) -> httpx2.Response:
    """Ask GitHub's API; `missing` is an answer if nobody is there."""
    try:
        answer = httpx2.request(
            method,
            settings().github_api_url + path,
            headers={**_API_HEADERS, "Authorization": authorization},
            json=body,
            timeout=TIMEOUT,
        )
        if not (missing and answer.status_code == httpx2.codes.NOT_FOUND):
            answer.raise_for_status()
    except httpx2.HTTPError as error:
        _installations.clear()
        raise UnavailableError(f"GitHub: {error}") from error
    return answer
