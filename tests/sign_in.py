"""A stand-in for what answers /auth/ in the cloud: one person, their keys, hand-overs, a quota."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from hush.contracts.errors import error_body
from local.wire import Request, Response

SESSION = "a-session"
RESETS = "2026-11-24T00:00:00+00:00"


@dataclass
class SignIn:
    """Answers /auth/, and refuses pictures of who is not signed in. See docs/http-api.md.

    Attributes
    ----------
    anonymous
        Whether people who have not signed in may send pictures.
    spent
        Whether the quota is spent.
    outcome
        What signing in ends with, if not well.
    keys
        By their ids.
    codes
        Challenges of hand-overs by their codes.
    """

    anonymous: bool = False
    spent: bool = False
    outcome: str | None = None
    tier: str = "person"
    login: str = "octocat"
    usage: dict[str, float] = field(default_factory=lambda: {"requests": 128, "seconds": 9_130.5})
    limits: dict[str, float] = field(default_factory=lambda: {"requests": 2000, "seconds": 36_000})
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)

    def answer(self, request: Request) -> Response | None:
        """Answer in the service's place, or return None for it to answer."""
        path = urlsplit(request.path).path
        if path.startswith("/auth/"):
            return self._auth(request, path.removeprefix("/auth/"))
        if path in ("/mel", "/v1/models") or path.startswith("/v1/audio/"):
            if not self._known(request) and not self.anonymous:
                return error(401, "sign in, or send an API key", "not_signed_in")
            if self.spent and request.method == "POST":
                message = "this would be more than today's 36000 seconds of speech"
                return error(429, message, "quota_exceeded", {"Retry-After": "60"})
        return None

    def new_key(self, name: str, days: int | None = None, kind: str = "key") -> str:
        """Make a key, and return it."""
        number = secrets.token_hex(8)
        key = f"hush_583231_{number}_{secrets.token_urlsafe(32)}"
        self.keys[number] = {
            "id": number,
            "name": name,
            "created": "2026-11-23T07:00:00+00:00",
            "expires": None if days is None else "2027-02-21T07:00:00+00:00",
            "last_used": None,
            "kind": kind,
            "hint": f"hush_…{key[-4:]}",
            "secret": key,
        }
        return key

    def _known(self, request: Request) -> bool:
        authorization = request.headers.get("authorization", "")
        if authorization:
            return authorization.removeprefix("Bearer ") in [
                key["secret"] for key in self.keys.values()
            ]
        cookies = SimpleCookie(request.headers.get("cookie", ""))
        return "session" in cookies and cookies["session"].value in self.sessions

    def _auth(self, request: Request, path: str) -> Response:  # noqa: PLR0911, PLR0912
        parts = urlsplit(request.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.loads(request.body) if request.body else {}
        match request.method, path.split("/"):
            case "GET", ["me"]:
                return reply(200, self._me(request))
            case "GET", ["login"]:
                if self.outcome:
                    return redirect(f"/?sign-in={self.outcome}")
                session = secrets.token_urlsafe(8)
                self.sessions.add(session)
                cookie = f"session={session}; HttpOnly; SameSite=Lax; Path=/"
                return redirect(asked["return"], {"Set-Cookie": cookie})
            case "GET", ["hand-over"]:
                code = secrets.token_urlsafe(8)
                self.codes[code] = asked["challenge"]
                if "port" not in asked:
                    return reply(200, {"code": code})
                back = urlencode({"code": code, "attempt": asked["attempt"]})
                return redirect(f"http://127.0.0.1:{asked['port']}/?{back}")
            case "POST", ["redeem"]:
                digest = hashlib.sha256(body["verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if self.codes.pop(body["code"], None) != challenge:
                    return error(400, "this code is not good, or not any more", "invalid_code")
                key = self.new_key("a computer", 90, "login")
                made = {"key": key, "login": self.login, "name": "a computer"}
                return reply(201, {**made, "id": key.split("_")[2]})
        if not self._known(request):
            return error(401, "sign in first", "not_signed_in")
        if request.method != "GET" and "authorization" not in request.headers:
            host = request.headers["host"]
            assert request.headers["origin"] == f"http://{host}", "the front door would refuse"
        match request.method, path.split("/"):
            case "POST", ["logout"]:
                self.sessions.clear()
                return Response(204)
            case "GET", ["keys"]:
                return reply(200, {"keys": [self._shown(key) for key in self.keys.values()]})
            case "POST", ["keys"]:
                if len(self.keys) >= 20:
                    return error(409, "20 keys are the most: revoke one first", "too_many_keys")
                # Only what `hush login` got comes without a cookie, and is good for 90 days.
                longest = 90 if "authorization" in request.headers else None
                secret = self.new_key(body["name"], body["days"] or longest)
                return reply(201, {**self._shown(self.keys[secret.split("_")[2]]), "key": secret})
            case "DELETE", ["keys", number] if number in self.keys:
                del self.keys[number]
                return Response(204)
        return error(404, "there is no such thing")

    def _me(self, request: Request) -> dict[str, Any]:
        day: dict[str, Any] = {"usage": self.usage, "limits": self.limits, "resets": RESETS}
        if not self._known(request):
            shown = day if self.anonymous else {"usage": None, "limits": None}
            return {"sign_in": True, "signed_in": False, "anonymous": self.anonymous, **shown}
        if self.tier == "unlimited":
            day["limits"] = None
        return {
            "sign_in": True,
            "signed_in": True,
            "login": self.login,
            "name": "Mona Lisa Octocat",
            "avatar": None,
            "administrator": self.tier == "unlimited",
            "tier": self.tier,
            "expires": "2026-11-23T19:00:00+00:00",
            **day,
        }

    @staticmethod
    def _shown(key: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in key.items() if name != "secret"}


def reply(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    return Response(status, headers, json.dumps(body).encode())


def error(
    status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    return reply(status, error_body(status, message, code=code), headers)


def redirect(place: str, headers: dict[str, str] | None = None) -> Response:
    return Response(302, {"Location": place, **(headers or {})})
