"""The paths of the public address that the API answers; everything else there is the page."""

from dataclasses import dataclass
from typing import Literal

Target = Literal["service", "status", "sign-in", "administration"]


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
        "service" is the fleet, "status" the Lambda that wakes it, "sign-in" the one for people,
        "administration" the one for those who look after it all.
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
    Route("ANY", "/administration/{proxy+}", "administration"),
    Route("GET", "/status", "status"),
    Route("POST", "/status", "status"),
    Route("GET", "/healthz", "service"),
)
"""None covers another."""
API_PATHS = tuple(dict.fromkeys(route.pattern for route in ROUTES))
"""Patterns of the paths, each once."""

ADMIN_PAGE, ADMIN_FILE = "/admin", "/admin.html"
"""Where the administrators' page is, and what the site's bucket calls it: CloudFront's function
knows both by heart."""

FOR_ADMINISTRATORS = tuple(
    f"{'*' if route.method == 'ANY' else route.method}{route.pattern}"
    for route in ROUTES
    if route.guarded
)
"""What the authorizer lets administrators ask, as API Gateway's policies write it."""
FOR_PEOPLE = tuple(each for each in FOR_ADMINISTRATORS if not each.startswith("*/administration/"))
"""What it lets all others ask whom it knows, whatever they show, and administrators with an API
key."""
OPEN_TO_ALL = ("GET/healthz", "GET/status")
"""What the authorizer lets everybody ask, as API Gateway's policies write it."""
FOR_ANONYMOUS = (*OPEN_TO_ALL, "GET/mel", "POST/mel", "GET/v1/*", "POST/v1/audio/*")
"""What it lets them ask where nobody needs to sign in. Not POST/status, which starts what costs
money before anyone has spoken."""
