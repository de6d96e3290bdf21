"""Sign-in as an HTTP API on Lambda: sessions, API keys, and handing over to the command line.

`docs/http-api.md` describes it, `docs/security.md` what it defends against.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum

import api_keys
import asking
import hand_over
import sign_in
from hush.contracts.errors import error_body
from hush.contracts.headers import LONGEST_CREDENTIAL, ORIGIN
from identity import people
from identity.audit import audit
from identity.aws import UnavailableError
from identity.callers import through_front_door

LARGEST_BODY = 4096

app = FastAPI(
    title="hush: sign-in",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    # It would name the host of API Gateway.
    redirect_slashes=False,
)
app.include_router(sign_in.router)
app.include_router(api_keys.router)
app.include_router(hand_over.router)


@app.middleware("http")
async def only_through_the_front_door(
    request: Request, go_on: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Refuse what did not come through CloudFront, and what is larger than anything here is."""
    try:
        if not through_front_door(request.headers.get(ORIGIN, "")):
            audit("refused", why="not through the front door")
            return _error(403, "ask through the public address", "not_allowed")
        sizes = [len(name) + len(value) for name, value in request.headers.raw]
        if max(sizes) > 2 * LONGEST_CREDENTIAL or len(await request.body()) > LARGEST_BODY:
            return _error(431, "the request is too large", "too_large")
        answer = await go_on(request)
    except UnavailableError as error:
        answer = await _unavailable(request, error)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@app.exception_handler(HTTPException)
async def _refused(_: Request, error: HTTPException) -> Response:
    return _error(error.status_code, str(error.detail), None)


@app.exception_handler(UnavailableError)
async def _unavailable(_: Request, error: UnavailableError) -> Response:
    audit("unavailable", why=str(error))
    answer = _error(503, "sign-in is not available now; try again", "unavailable")
    answer.headers["Retry-After"] = "10"
    return answer


@app.exception_handler(RequestValidationError)
async def _not_understood(_: Request, error: RequestValidationError) -> Response:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"][1:])
    return _error(400, f"{name}: {problem['msg']}" if name else problem["msg"], "invalid_request")


def _error(status: int, message: str, code: str | None) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(error_body(status, message, code=code), status, headers)


_http = Mangum(app, lifespan="off")


def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer API Gateway, or the authorizer, which has a membership checked."""
    if "recheck" in event:
        person = event["recheck"]
        found = people.read((person, people.PROFILE))
        profile = asking.recheck(people.profile_of(found[person, people.PROFILE]))
        return {"member": profile.member}
    return _http(event, context)
