"""What the Lambdas behind CloudFront's front door have in common: who asks, and what they refuse.

Sign-in and the administration are both FastAPI applications that `application` makes.
"""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from hush.contracts.errors import error_body
from hush.contracts.headers import CREDENTIAL, LONGEST_CREDENTIAL, ORIGIN, REQUEST
from identity.audit import about, audit, request_id
from identity.aws import UnavailableError, call
from identity.callers import Caller, RefusedError, caller_of, through_front_door
from identity.people import Profile
from identity.settings import settings

LARGEST_BODY = 4096

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_public_url: list[str] = []


class NotNowError(HTTPException):
    """What is asked for cannot be done as things are.

    Parameters
    ----------
    status
        HTTP status.
    message
        One sentence that says what to do.
    code
        Short name of the problem.
    """

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(status, message)
        self.code = code


def application(title: str, what: str) -> FastAPI:
    """Return an application that answers nobody who did not come through CloudFront.

    Its errors have the one form of the API; it describes itself nowhere.

    Parameters
    ----------
    title
        Of its OpenAPI document.
    what
        What is not available when AWS does not answer, such as "sign-in".
    """
    app = FastAPI(
        title=title,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # It would name the host of API Gateway.
        redirect_slashes=False,
    )

    async def unavailable(_: Request, error: UnavailableError) -> Response:
        audit("unavailable", why=str(error))
        answer = _error(503, f"{what} is not available now; try again", "unavailable")
        answer.headers["Retry-After"] = "10"
        return answer

    @app.middleware("http")
    async def only_through_the_front_door(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        # Mangum puts the event there.
        with about(request.scope["aws.event"]):
            answer = await answered(request, go_on)
            if name := request_id():
                answer.headers[REQUEST] = name
            return answer

    async def answered(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        try:
            if not through_front_door(request.headers.get(ORIGIN, "")):
                audit("refused", why="not through the front door")
                return _error(403, "ask through the public address", "not_allowed")
            sizes = [len(name) + len(value) for name, value in request.headers.raw]
            if max(sizes) > 2 * LONGEST_CREDENTIAL or len(await request.body()) > LARGEST_BODY:
                return _error(431, "the request is too large", "too_large")
            answer = await go_on(request)
        except UnavailableError as error:
            answer = await unavailable(request, error)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    app.exception_handler(UnavailableError)(unavailable)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_not_understood)
    return app


def public_url() -> str:
    """Return the public address, such as "https://hush.example".

    The site writes it down when it is deployed, which is after its Lambdas are.

    Raises
    ------
    UnavailableError
        If it has not yet.
    """
    if not _public_url:
        found = call("ssm", "get_parameter", Name=settings().url_parameter)
        _public_url.append(found["Parameter"]["Value"].rstrip("/"))
    return _public_url[0]


def who_asks(request: Request, recheck: Callable[[Profile], Profile]) -> Caller:
    """Return who asks, signed in or not.

    Parameters
    ----------
    recheck
        As `identity.callers.caller_of` wants it.

    Raises
    ------
    HTTPException
        401 for a credential that is not good; 403 if another site's page sent it.
    """
    try:
        caller = caller_of(request.headers.get(CREDENTIAL, ""), recheck)
    except RefusedError as error:
        audit("refused", why=str(error))
        raise HTTPException(401, "sign in again, or send an API key that is good") from None
    origin = request.headers.get("origin")
    cross_site = request.method not in _SAFE_METHODS and origin != public_url()
    if caller.kind == "session" and cross_site:
        audit("refused", why="from another site", who=caller.identity)
        raise HTTPException(403, "the page of another site may not do this")
    return caller


async def _refused(_: Request, error: HTTPException) -> Response:
    return _error(error.status_code, str(error.detail), getattr(error, "code", None))


async def _not_understood(_: Request, error: RequestValidationError) -> Response:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"][1:])
    return _error(400, f"{name}: {problem['msg']}" if name else problem["msg"], "invalid_request")


def _error(status: int, message: str, code: str | None) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    body = error_body(status, message, code=code, request=request_id())
    return JSONResponse(body, status, headers)
