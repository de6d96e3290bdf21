"""What API Gateway says by itself and passes on, as data that needs no CDK to be read."""

import json
from dataclasses import dataclass

from hush.contracts import headers
from hush.contracts.errors import LONGEST_RETRY_AFTER, error_body

IDENTITY_SOURCES = (headers.ORIGIN, headers.CREDENTIAL)
"""A decision holds for requests that have both in common."""
DECISION_SECONDS = 60


@dataclass(frozen=True)
class GatewayError:
    """What API Gateway answers when something goes wrong in itself.

    Attributes
    ----------
    status
        HTTP status; or only its kind, 400 or 500, where API Gateway has one of its own.
    message, code
        What the body says.
    own_status
        Whether API Gateway keeps its own status.
    retry_after
        Seconds.
    """

    status: int
    message: str
    code: str | None
    own_status: bool = False
    retry_after: int | None = None

    @property
    def body(self) -> str:
        """The template of the body, in the form of OpenAI's API."""
        said = error_body(self.status, self.message, code=self.code, request="$context.requestId")
        return json.dumps(said)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        sent = {"Content-Type": "application/json"}
        if self.retry_after is not None:
            sent["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            sent["WWW-Authenticate"] = "Bearer"
        return sent


ERRORS = {
    "DEFAULT_4XX": GatewayError(400, "$context.error.message", None, own_status=True),
    "DEFAULT_5XX": GatewayError(500, "the API failed; try again", None, own_status=True),
    "UNAUTHORIZED": GatewayError(
        401, "sign in, or send an API key as `Authorization: Bearer KEY`", "invalid_api_key"
    ),
    "ACCESS_DENIED": GatewayError(
        403, "sign in first; or this key or session may not do this", "not_allowed"
    ),
    "MISSING_AUTHENTICATION_TOKEN": GatewayError(
        404, "there is nothing at this address", "not_found"
    ),
    "REQUEST_TOO_LARGE": GatewayError(
        413, "the body is larger than 10 MB; send shorter segments", "too_large"
    ),
    "THROTTLED": GatewayError(
        429, "too many requests; try again", "too_many_requests", retry_after=1
    ),
    "QUOTA_EXCEEDED": GatewayError(
        429, "the quota is used up", "quota_exceeded", retry_after=LONGEST_RETRY_AFTER
    ),
    "AUTHORIZER_FAILURE": GatewayError(
        503, "who asks cannot be told now; try again", "unavailable", retry_after=10
    ),
    "AUTHORIZER_CONFIGURATION_ERROR": GatewayError(
        503, "who asks cannot be told now; try again", "unavailable", retry_after=10
    ),
    "INTEGRATION_FAILURE": GatewayError(
        503, "the service cannot be reached; try again", "unreachable", retry_after=10
    ),
    "INTEGRATION_TIMEOUT": GatewayError(
        503, "the service did not answer in time; try again", "timeout", retry_after=10
    ),
}
"""By API Gateway's names."""


def service_headers(key: str) -> dict[str, str]:
    """Return what the service is told, in place of whatever a client sent by these names.

    Parameters
    ----------
    key
        By which the service knows that the gateway asks.
    """
    return {
        "authorization": f"'Bearer {key}'",
        headers.IDENTITY: "context.authorizer.identity",
        headers.TIER: "context.authorizer.tier",
        headers.LIMITS: "context.authorizer.limits",
        # As the access log has it.
        headers.REQUEST: "context.requestId",
        # Nobody's session or key goes as far as the instances.
        headers.CREDENTIAL: "'none'",
    }
