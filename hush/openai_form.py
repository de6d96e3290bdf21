"""What the service and the bridge both say in the form of OpenAI's API."""

from typing import Any, Literal, get_args

from hush.transcript import Transcript, TranscriptFormat

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]
RESPONSE_FORMATS: tuple[ResponseFormat, ...] = get_args(ResponseFormat)

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}


def written(transcript: Transcript, response_format: ResponseFormat) -> dict[str, Any] | str:
    """Return a transcript as the body of an answer: an object for JSON, or text."""
    match response_format:
        case "json":
            usage = {"type": "duration", "seconds": round(transcript.duration)}
            return {"text": transcript.text, "usage": usage}
        case "verbose_json":
            return transcript.verbose_json()
        case "text" | "srt" | "vtt":
            return transcript.written(TranscriptFormat(response_format))


def error_body(
    status: int, message: str, param: str | None = None, code: str | None = None
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
    """
    usual = "invalid_request_error" if status < 500 else "server_error"
    kind = _TYPES.get(status, usual)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
