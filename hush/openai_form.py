"""What the service and the bridge both say in the form of OpenAI's API."""

from typing import Any, Literal, get_args

from hush.contracts.headers import UNHEARD
from hush.transcript import Transcript, TranscriptFormat

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]
RESPONSE_FORMATS: tuple[ResponseFormat, ...] = get_args(ResponseFormat)
MOST_IN_HEADER = 100
"""Stretches that a header names: some proxies take no more than 4 kB of headers."""


def written(transcript: Transcript, response_format: ResponseFormat) -> dict[str, Any] | str:
    """Return a transcript as the body of an answer: an object for JSON, or text."""
    match response_format:
        case "json":
            usage = {"type": "duration", "seconds": round(transcript.duration)}
            unheard = transcript.unheard_json()
            return {"text": transcript.text, "usage": usage, "unheard": unheard}
        case "verbose_json":
            return transcript.verbose_json()
        case "text" | "srt" | "vtt":
            return transcript.written(TranscriptFormat(response_format))


def headers(transcript: Transcript) -> dict[str, str]:
    """Return what an answer says beside its body: where speech has no words, if there is any."""
    stretches = transcript.unheard[:MOST_IN_HEADER]
    if not stretches:
        return {}
    return {UNHEARD: ", ".join(f"{each.start:.2f}-{each.end:.2f}" for each in stretches)}
