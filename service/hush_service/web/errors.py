"""Errors over HTTP: their statuses, and the shape of OpenAI's API that its clients understand."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from hush.contracts.errors import LONGEST_RETRY_AFTER, error_body
from hush.contracts.headers import REQUEST
from hush_service.core import errors as core
from hush_service.web import request_id

log = logging.getLogger(__name__)

CLIENT_CLOSED_REQUEST = 499
"""Nginx's status for an answer that nobody waits for; only logs and metrics see it."""

STATUSES: dict[type[core.RefusedError], int] = {
    core.InterimDroppedError: 204,
    core.UnusablePictureError: 400,
    core.UnsupportedError: 400,
    core.UnknownAccountError: 401,
    core.UnknownModelError: 404,
    core.AudioRefusedError: 415,
    core.WrongHeightError: 422,
    core.TooSlowError: 422,
    core.QueueFullError: 429,
    core.TooLateError: 429,
    core.TooOftenError: 429,
    core.QuotaSpentError: 429,
    core.CallerGoneError: CLIENT_CLOSED_REQUEST,
    core.ModelLoadingError: 503,
    core.ModelComingError: 503,
    core.ModelFailedError: 503,
    core.DrainingError: 503,
    core.EngineStuckError: 503,
    core.EngineLostError: 503,
    core.QuotaUnavailableError: 503,
}
"""What the core does not do, as a status of HTTP."""


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None
    request_id: str | None = None


class ErrorBody(BaseModel):
    """Every answer that is not a success."""

    error: ErrorDetail


class ApiError(HTTPException):
    """An answer that is not a success.

    Parameters
    ----------
    status
        HTTP status.
    message
        One sentence that says what is wrong and what to do.
    code
        Short name of the problem, such as "model_not_found".
    param
        Name of the parameter that is wrong.
    retry_after
        Seconds after which another try makes sense.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, message)
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """What it says, in OpenAI's shape."""
        return error_body(
            self.status_code, self.detail, self.param, self.code, request_id.current()
        )

    def response(self) -> Response:
        """Return this error as an HTTP response."""
        if self.status_code == HTTPStatus.NO_CONTENT:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        headers = {}
        if self.retry_after is not None:
            seconds = min(max(1, round(self.retry_after)), LONGEST_RETRY_AFTER)
            headers["Retry-After"] = str(seconds)
        if self.status_code == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body, self.status_code, headers)


def over_http(error: core.RefusedError) -> ApiError:
    """Return what the core does not do as an answer over HTTP."""
    return ApiError(
        STATUSES[type(error)],
        error.message,
        code=error.code,
        param=error.param,
        retry_after=error.retry_after,
    )


def failure() -> ApiError:
    """Return the answer to what should not have happened."""
    return ApiError(500, "the service failed on this request; its log says how")


def body_of(error: Exception) -> dict[str, Any]:
    """Return what an answer says of an error that comes amid it, in OpenAI's shape."""
    if isinstance(error, core.RefusedError):
        return over_http(error).body
    log.error("an answer failed after its beginning", exc_info=error)
    return failure().body


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that a route answers with, for the OpenAPI document."""
    return {
        status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
        for status in statuses
    }


def install_error_handlers(app: FastAPI) -> None:
    """Have the application answer all its errors in this shape."""

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, ApiError):
            return error.response()
        response = ApiError(error.status_code, str(error.detail)).response()
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(_allowed_methods(request))
        return response

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, core.RefusedError)
        return over_http(error).response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problem = error.errors()[0]
        param = ".".join(str(part) for part in problem["loc"][1:]) or None
        message = f"{param}: {problem['msg']}" if param else str(problem["msg"])
        return ApiError(400, message, param=param).response()

    async def unexpected(_: Request, error: Exception) -> Response:
        response = failure().response()
        # It is sent around all that would add this.
        response.headers[REQUEST] = request_id.current()
        # The server closes it: what came on it next would have no answer.
        response.headers["Connection"] = "close"
        return response

    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(core.RefusedError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unexpected)


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes of an address; Starlette names only those of the first."""
    return [
        method
        for method in ("GET", "POST")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
