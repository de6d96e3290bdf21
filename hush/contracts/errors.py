"""Answers that are not a success, in the form of OpenAI's API."""

from typing import Any

LONGEST_RETRY_AFTER = 60
"""Seconds. OpenAI's clients ignore a Retry-After of more."""

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}


def error_body(
    status: int,
    message: str,
    param: str | None = None,
    code: str | None = None,
    request: str | None = None,
) -> dict[str, Any]:
    """Return the body of an answer that is not a success.

    Parameters
    ----------
    status
        HTTP status.
    message
        One sentence that says what is wrong and what to do.
    param
        Name of the parameter that is wrong.
    code
        Short name of the problem, such as "model_not_found".
    request
        What the request is called in logs; nothing is said of it if None.
    """
    error = {"message": message, "type": error_type(status), "param": param, "code": code}
    return {"error": error | ({"request_id": request} if request else {})}


def error_type(status: int) -> str:
    """Return OpenAI's name for the kind of error that an HTTP status is."""
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
