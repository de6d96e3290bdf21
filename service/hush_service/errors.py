"""Errors in the shape of OpenAI's API, so that its clients understand them."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from hush.contracts.errors import error_body

LONGEST_RETRY_AFTER = 60
"""OpenAI's clients ignore a Retry-After of more seconds than this."""


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


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

    def response(self) -> JSONResponse:
        """Return this error as an HTTP response."""
        body = error_body(self.status_code, self.detail, self.param, self.code)
        headers = {}
        if self.retry_after is not None:
            seconds = min(max(1, round(self.retry_after)), LONGEST_RETRY_AFTER)
            headers["Retry-After"] = str(seconds)
        if self.status_code == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(body, self.status_code, headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that a route answers with, for the OpenAPI document."""
    return {
        status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
        for status in statuses
    }


def install_error_handlers(app: FastAPI) -> None:
    """Have the application answer all its errors in this shape."""

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if isinstance(error, ApiError):
            return error.response()
        response = ApiError(error.status_code, str(error.detail)).response()
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(_allowed_methods(request))
        return response

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        problem = error.errors()[0]
        param = ".".join(str(part) for part in problem["loc"][1:]) or None
        message = f"{param}: {problem['msg']}" if param else str(problem["msg"])
        return ApiError(400, message, param=param).response()

    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        return ApiError(500, "the service failed on this request; its log says how").response()

    app.add_exception_handler(HTTPException, http_error)
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
