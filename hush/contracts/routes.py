"""The paths of the public address that the API answers; everything else there is the page."""

from dataclasses import dataclass
from typing import Literal

Target = Literal["service", "status", "sign-in"]


@dataclass(frozen=True)
class Route:
    """One method of one path, and what answers it.

    Attributes
    ----------
    method
        Such as "GET", or "ANY".
    path
        Such as "/mel"; ending in "/{proxy+}", it is every path below.
    target
        "service" is the fleet, "status" the Lambda that wakes it, "sign-in" the one for people.
    guarded
        Whether the authorizer decides who may. Sign-in does so itself: a session that has ended
        must not keep people from signing in.
    """

    method: str
    path: str
    target: Target
    guarded: bool = True

    @property
    def pattern(self) -> str:
        """The path with an asterisk for what is below it, as CloudFront and policies write it."""
        return self.path.replace("{proxy+}", "*")


ROUTES = (
    Route("ANY", "/v1/{proxy+}", "service"),
    Route("GET", "/mel", "service"),
    Route("POST", "/mel", "service"),
    Route("ANY", "/auth/{proxy+}", "sign-in", guarded=False),
    Route("GET", "/status", "status"),
    Route("POST", "/status", "status"),
    Route("GET", "/healthz", "service"),
)
"""None covers another."""
API_PATHS = tuple(dict.fromkeys(route.pattern for route in ROUTES))
"""Patterns of the paths, each once."""

OPEN_TO_ALL = ("GET/healthz", "GET/status")
"""What the authorizer lets everybody ask, as API Gateway's policies write it."""
FOR_ANONYMOUS = (*OPEN_TO_ALL, "GET/mel", "POST/mel", "GET/v1/*", "POST/v1/audio/*")
"""What it lets them ask where nobody needs to sign in. Not POST/status, which starts what costs
money before anyone has spoken."""
