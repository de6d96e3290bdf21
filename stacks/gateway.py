"""What API Gateway says by itself and passes on, as data that needs no CDK to be read."""

import json

API_PATHS = ("/v1/*", "/mel", "/auth/*", "/status", "/healthz")
"""What CloudFront passes on to it. Everything else is the page."""
ORIGIN_HEADER = "x-hush-origin"
CREDENTIAL_HEADER = "x-hush-credential"
IDENTITY_SOURCES = (ORIGIN_HEADER, CREDENTIAL_HEADER)
"""A decision holds for requests that have both in common."""
DECISION_SECONDS = 60

ERRORS: dict[str, tuple[int | None, int | None, str, str | None, str]] = {
    # API Gateway's name: (status, Retry-After, type, code, message)
    "DEFAULT_4XX": (None, None, "invalid_request_error", None, "$context.error.message"),
    "DEFAULT_5XX": (None, None, "server_error", None, "the API failed; try again"),
    "UNAUTHORIZED": (
        401,
        None,
        "authentication_error",
        "invalid_api_key",
        "sign in, or send an API key as `Authorization: Bearer KEY`",
    ),
    "ACCESS_DENIED": (
        403,
        None,
        "permission_error",
        "not_allowed",
        "sign in first; or this key or session may not do this",
    ),
    "MISSING_AUTHENTICATION_TOKEN": (
        404,
        None,
        "invalid_request_error",
        "not_found",
        "there is nothing at this address",
    ),
    "REQUEST_TOO_LARGE": (
        413,
        None,
        "invalid_request_error",
        "too_large",
        "the body is larger than 10 MB; send shorter segments",
    ),
    "THROTTLED": (429, 1, "rate_limit_error", "too_many_requests", "too many requests; try again"),
    "QUOTA_EXCEEDED": (429, 60, "rate_limit_error", "quota_exceeded", "the quota is used up"),
    "INTEGRATION_FAILURE": (
        503,
        10,
        "service_unavailable_error",
        "unreachable",
        "the service cannot be reached; try again",
    ),
    "INTEGRATION_TIMEOUT": (
        503,
        10,
        "service_unavailable_error",
        "timeout",
        "the service did not answer in time; try again",
    ),
}


def error_body(name: str) -> str:
    """Return an error of API Gateway's in OpenAI's shape."""
    _, _, kind, code, message = ERRORS[name]
    error = {"message": message, "type": kind, "param": None, "code": code}
    return json.dumps({"error": error})


def error_headers(name: str) -> dict[str, str]:
    """Return the headers that go with an error."""
    retry_after = ERRORS[name][1]
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if name == "UNAUTHORIZED":
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def service_headers(key: str) -> dict[str, str]:
    """Return what the service is told, in place of whatever a client sent by these names.

    Parameters
    ----------
    key
        By which the service knows that the gateway asks.
    """
    return {
        "authorization": f"'Bearer {key}'",
        "x-hush-identity": "context.authorizer.identity",
        "x-hush-tier": "context.authorizer.tier",
        # Nobody's session or key goes as far as the instances.
        CREDENTIAL_HEADER: "'none'",
    }
