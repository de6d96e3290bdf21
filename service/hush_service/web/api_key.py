"""The key that a service may ask for."""

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from hush_service.web.errors import ApiError

_OPEN_PATHS = (
    *("/healthz", "/readyz", "/metrics", "/auth/me"),
    *("/docs", "/redoc", "/openapi.json", "/static-"),
)


class ApiKey:
    """Refuses requests without the service's key, before their body is read.

    Health, readiness, metrics, documentation and whether there is a sign-in are open: what faces
    the public passes on what it wants of them.

    Parameters
    ----------
    key
        What has to come as bearer token.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] == "http" and not scope["path"].startswith(_OPEN_PATHS):
            scheme, _, sent = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(sent.strip(), self._key):
                refusal = ApiError(
                    401,
                    "this service wants an API key: send it as `Authorization: Bearer KEY`",
                    code="invalid_api_key",
                )
                await refusal.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)
