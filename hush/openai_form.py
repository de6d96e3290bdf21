"""What the service and the bridge both say in the form of OpenAI's API."""

from typing import Any, Literal, get_args

from hush.transcript import Transcript, TranscriptFormat

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]
RESPONSE_FORMATS: tuple[ResponseFormat, ...] = get_args(ResponseFormat)


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
