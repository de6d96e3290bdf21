"""Who may ask what listens on loopback: programs of this machine, and no web page that names it.

Any page in a browser can send requests to 127.0.0.1, and a name whose owner points it there
reaches it with the browser's consent. Neither knows the right `Host` and `Origin`.
"""

from collections.abc import Collection
from typing import cast
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hush.contracts.errors import error_body

_OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_FORBIDDEN = 403


class OnlyFromHere:
    """Refuses requests that a foreign web page sends, or that come by another name.

    Parameters
    ----------
    app
        What is protected.
    allowed_hosts
        Names beside 127.0.0.1, localhost and [::1] by which it may be asked, such as that of a
        reverse proxy in front.
    allowed_origins
        Origins, such as "http://localhost:3000", of other web pages that may ask.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed_hosts: Collection[str] = (),
        allowed_origins: Collection[str] = (),
    ) -> None:
        self._hosts = _OWN_HOSTS | {_allowed(host) for host in allowed_hosts}
        self._origins = frozenset(origin.rstrip("/").lower() for origin in allowed_origins)
        self._app = app
        if self._origins:
            self._app = CORSMiddleware(
                app, sorted(self._origins), allow_methods=("*",), allow_headers=("*",)
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer that it is refused."""
        problem = self._problem(scope) if scope["type"] in ("http", "websocket") else None
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = JSONResponse(error_body(_FORBIDDEN, problem), _FORBIDDEN)
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "foreign"})

    def _problem(self, scope: Scope) -> str | None:
        """Return why a request is refused; None if it is not."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        host = hosts[0] if len(hosts) == 1 else ""
        if _name(host) not in self._hosts:
            return f"this is not {host or 'a host without a name'}; another name has to be allowed"
        origins = {origin.lower() for origin in headers.getlist("origin")}
        foreign = origins - self._origins - {f"http://{host}".lower(), f"https://{host}".lower()}
        if foreign:
            return f"the web page {min(foreign)} may not ask; its origin has to be allowed"
        if headers.get("sec-fetch-site") == "cross-site" and not origins:
            top = headers.get("sec-fetch-mode") == "navigate"
            if not (top and headers.get("sec-fetch-dest") == "document" and _reads(scope)):
                return "a foreign web page may not ask; its origin has to be allowed"
        return None


def _reads(scope: Scope) -> bool:
    return cast(str, scope.get("method", "GET")) in ("GET", "HEAD")


def _allowed(host: str) -> str:
    """Return the name of an allowed host, which may have been written with a port."""
    bare = host.lower()
    is_ipv6 = bare.count(":") > 1 and not bare.startswith("[")
    return bare if is_ipv6 else _name(bare) or bare


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
