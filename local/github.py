"""A GitHub on loopback: accounts, organisations, one GitHub App, and outages on demand.

It keeps GitHub's rules as far as sign-in depends on them: a code is good once, for one redirect
address and with the PKCE verifier that belongs to its challenge; an App asks with an assertion
signed by its key, and sees only organisations that installed it.
"""

import base64
import functools
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from local.processes import free_port

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Stand-in for GitHub</title>
<meta name="color-scheme" content="light dark">
<body style="font: 1.1rem/1.8 system-ui; max-width: 30rem; margin: 15vh auto">
<h1>A stand-in for GitHub</h1><p>Who are you?</p><ul>{people}</ul>"""


@functools.cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@dataclass
class GitHub:
    """The stand-in.

    Attributes
    ----------
    accounts
        Login to number.
    members
        Organisation, or "organisation/team", to logins of its active members. Organisations here
        have the App installed.
    down
        Whether it answers every question with an error.
    """

    accounts: dict[str, int] = field(
        default_factory=lambda: {"octocat": 583231, "hubot": 480938, "mallory": 666}
    )
    members: dict[str, set[str]] = field(default_factory=dict)
    down: bool = False
    url: str = ""
    client_id: str = "Iv1.client"
    client_secret: str = field(default_factory=lambda: secrets.token_hex(20))
    app_id: str = "4242"
    private_key: str = field(default_factory=_private_key)
    asked: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    _codes: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    _installations: dict[str, str] = field(default_factory=dict)

    @property
    def credentials(self) -> str:
        """What the deployment's secret has to hold."""
        return json.dumps(
            {
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "app_id": self.app_id,
                "private_key": self.private_key,
            }
        )

    def authorize(self, url: str, login: str) -> str:
        """Return where GitHub sends someone who agrees: the callback, with a code."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == self.client_id
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_hex(10)
        self._codes[code] = (login, query["code_challenge"], query["redirect_uri"])
        answer = urlencode({"code": code, "state": query["state"]})
        return f"{query['redirect_uri']}?{answer}"

    async def _authorize(self, request: Request) -> Response:
        login = request.query_params.get("as")
        if login in self.accounts:
            return RedirectResponse(self.authorize(str(request.url), login), 302)
        links = [
            f'<li><a href="?{request.url.query}&amp;as={login}">{login}</a></li>'
            for login in self.accounts
        ]
        return HTMLResponse(_PAGE.format(people="".join(links)))

    async def _access_token(self, request: Request) -> Response:
        sent = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        if (sent.get("client_id"), sent.get("client_secret")) != (
            self.client_id,
            self.client_secret,
        ):
            return _refusal("incorrect_client_credentials")
        login, challenge, redirect_uri = self._codes.pop(sent.get("code", ""), ("", "", ""))
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        proved = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        if not login or not proved or sent.get("redirect_uri") != redirect_uri:
            return _refusal("bad_verification_code")
        token = f"ghu_{secrets.token_hex(18)}"
        self.tokens[token] = login
        return JSONResponse({"access_token": token, "token_type": "bearer", "scope": ""})

    async def _revoke(self, request: Request) -> Response:
        self.tokens.pop(json.loads(await request.body())["access_token"])
        return Response(status_code=204)

    async def _user(self, request: Request) -> Response:
        login = self.tokens.get(_bearer(request))
        return _missing(401) if login is None else self._described(login)

    async def _user_named(self, request: Request) -> Response:
        login = request.path_params["login"]
        return self._described(login) if login in self.accounts else _missing(404)

    async def _installation(self, request: Request) -> Response:
        public = serialization.load_pem_private_key(self.private_key.encode(), None).public_key()
        jwt.decode(_bearer(request), public, ["RS256"], issuer=self.app_id)  # type: ignore[arg-type]
        organisation = request.path_params["organisation"]
        if organisation not in {name.partition("/")[0] for name in self.members}:
            return _missing(404)
        return JSONResponse({"id": organisation})

    async def _installation_token(self, request: Request) -> Response:
        token = f"ghs_{secrets.token_hex(18)}"
        self._installations[token] = request.path_params["id"]
        return JSONResponse({"token": token}, 201)

    async def _membership(self, request: Request) -> Response:
        path = request.path_params
        if self._installations.get(_bearer(request)) != path["organisation"]:
            return _missing(403)
        place = "/".join(path[part] for part in ("organisation", "team") if part in path)
        if path["login"] not in self.members.get(place, set()):
            return _missing(404)
        return JSONResponse({"state": "active", "role": "member"})

    def _described(self, login: str) -> Response:
        user = {"id": self.accounts[login], "login": login, "name": login.title()}
        return JSONResponse(user)

    @contextmanager
    def serving(self) -> Iterator["GitHub"]:
        """Answer at `url` for as long as the block lasts."""
        membership = "memberships/{login}"
        app = Starlette(
            routes=[
                Route("/login/oauth/authorize", self._authorize),
                Route("/login/oauth/access_token", self._access_token, methods=["POST"]),
                Route("/user", self._user),
                Route("/users/{login}", self._user_named),
                Route("/applications/{id}/token", self._revoke, methods=["DELETE"]),
                Route("/orgs/{organisation}/installation", self._installation),
                Route(
                    "/app/installations/{id}/access_tokens",
                    self._installation_token,
                    methods=["POST"],
                ),
                Route(f"/orgs/{{organisation}}/{membership}", self._membership),
                Route(f"/orgs/{{organisation}}/teams/{{team}}/{membership}", self._membership),
            ]
        )

        async def with_outages(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                self.asked.append(f"{scope['method']} {scope['path']}")
                if self.down:
                    await JSONResponse({"message": "down"}, 502)(scope, receive, send)
                    return
            await app(scope, receive, send)

        port = free_port()
        server = uvicorn.Server(
            uvicorn.Config(with_outages, "127.0.0.1", port, log_level="error", lifespan="off")
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            thread.join(0.01)
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join()


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _refusal(error: str) -> Response:
    # GitHub says so with a status of 200.
    return JSONResponse({"error": error, "error_description": error})


def _missing(status: int) -> Response:
    return JSONResponse({"message": "Not Found"}, status)
