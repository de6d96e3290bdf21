"""What the service and the bridge both read and say in the form of OpenAI's API."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from hush.contracts.headers import UNHEARD
from hush.subtitles import Layout
from hush.transcript import Transcript, TranscriptFormat

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]
RESPONSE_FORMATS: tuple[ResponseFormat, ...] = get_args(ResponseFormat)
GRANULARITIES = ("segment", "word")
INCLUDED = ("logprobs",)
LONGEST_PROMPT = 10_000
"""Characters. A model takes the last two hundred words or so."""
MOST_IN_HEADER = 100
"""Stretches that a header names: some proxies take no more than 4 kB of headers."""
_LEAST_LOGPROB = -100.0
"""JSON has no infinity, which is what the logarithm of an impossible word would be."""


class FormError(ValueError):
    """A field of the form makes no sense. The message says which, and what it may be.

    Attributes
    ----------
    param
        Its name.
    """

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}")
        self.param = param


@dataclass(frozen=True)
class Wishes:
    """What a form of OpenAI's API asks for, beside the file and the model.

    Attributes
    ----------
    response_format
        Form of the answer.
    layout
        Of subtitles.
    granularities
        What is to have times: "segment", "word".
    logprobs
        Whether `json` is to say how sure the model is.
    language
        As the client names it; None if it is to be detected, or is one of several.
    prompt
        Keywords and words that came before.
    temperature
        0 to 1.
    """

    response_format: ResponseFormat = "json"
    layout: Layout = field(default_factory=Layout)
    granularities: frozenset[str] = frozenset()
    logprobs: bool = False
    language: str | None = None
    prompt: str | None = None
    temperature: float = 0.0

    @classmethod
    def from_form(cls, fields: Iterable[tuple[str, Any]]) -> Self:
        """Read the fields of a form; files and unknown fields are ignored.

        Raises
        ------
        FormError
            If one of them makes no sense.
        """
        texts = [(name, value) for name, value in fields if isinstance(value, str) and value]
        granularities = frozenset(_choices(texts, "timestamp_granularities", GRANULARITIES))
        language, languages = _last(texts, "language"), _list(texts, "languages")
        prompt = " ".join(
            part for part in (", ".join(_list(texts, "keywords")), _last(texts, "prompt")) if part
        )
        if len(prompt) > LONGEST_PROMPT:
            raise FormError("prompt", f"has {LONGEST_PROMPT} characters at most")
        response_format = _last(texts, "response_format") or "json"
        for known in RESPONSE_FORMATS:
            if response_format == known:
                return cls(
                    response_format=known,
                    layout=_layout(texts, "word" in granularities),
                    granularities=granularities,
                    logprobs=bool(_choices(texts, "include", INCLUDED)),
                    language=language or (languages[0] if len(languages) == 1 else None),
                    prompt=prompt or None,
                    temperature=_temperature(_last(texts, "temperature")),
                )
        raise FormError("response_format", f"has to be one of {', '.join(RESPONSE_FORMATS)}")

    @property
    def words(self) -> bool:
        """Whether the answer cannot do without the times of words."""
        match self.response_format:
            case "json":
                return self.logprobs
            case "text":
                return False
            case "verbose_json":
                return "word" in self.granularities
        return "word" in self.granularities or self.layout.words is not None


def _list(texts: list[tuple[str, str]], name: str) -> list[str]:
    """Return all values of a list, whose items clients call `name`, `name[]` or `name[0]`."""
    of_list = re.compile(rf"{name}(\[\d*\])?")
    return [value for key, value in texts if of_list.fullmatch(key)]


def _choices(texts: list[tuple[str, str]], name: str, known: tuple[str, ...]) -> list[str]:
    chosen = _list(texts, name)
    if unknown := [value for value in chosen if value not in known]:
        raise FormError(f"{name}[]", f"{unknown[0]!r} is none of {', '.join(known)}")
    return chosen


def _last(texts: list[tuple[str, str]], name: str) -> str | None:
    return next((value for key, value in reversed(texts) if key == name), None)


def _temperature(given: str | None) -> float:
    try:
        temperature = float(given or 0)
    except ValueError:
        temperature = math.nan
    if not 0 <= temperature <= 1:
        raise FormError("temperature", "has to be a number from 0 to 1")
    return temperature


def _layout(texts: list[tuple[str, str]], word_times: bool) -> Layout:
    usual = Layout()
    return Layout(
        _whole(_last(texts, "max_line_width"), "max_line_width", 8) or usual.line_width,
        _whole(_last(texts, "max_lines"), "max_lines", 1) or usual.lines,
        _whole(_last(texts, "max_words"), "max_words", 1),
        word_times,
    )


def _whole(given: str | None, name: str, least: int) -> int | None:
    if given is None:
        return None
    if not re.fullmatch("[0-9]{1,6}", given) or int(given) < least:
        raise FormError(name, f"has to be a whole number from {least} to 999999")
    return int(given)


def written(transcript: Transcript, wishes: Wishes) -> dict[str, Any] | str:
    """Return a transcript as the body of an answer: an object for JSON, or text."""
    usage = {"type": "duration", "seconds": round(transcript.duration)}
    match wishes.response_format:
        case "json":
            body: dict[str, Any] = {
                "text": transcript.text,
                "usage": usage,
                "unheard": transcript.unheard_json(),
            }
            return body | {"logprobs": _logprobs(transcript)} if wishes.logprobs else body
        case "verbose_json":
            return {**transcript.verbose_json(), "usage": usage}
        case "text" | "srt" | "vtt":
            return transcript.written(TranscriptFormat(wishes.response_format), wishes.layout)


def _logprobs(transcript: Transcript) -> list[dict[str, Any]]:
    """Return how sure the model is, as OpenAI does it, but of words where it has tokens."""
    found = []
    for word in transcript.words or ():
        sure = word.probability
        logprob = math.log(sure) if sure else _LEAST_LOGPROB
        token = {"token": word.word, "logprob": round(logprob, 4)}
        found.append({**token, "bytes": list(word.word.encode())})
    return found


def headers(transcript: Transcript) -> dict[str, str]:
    """Return what an answer says beside its body: where speech has no words, if there is any."""
    stretches = transcript.unheard[:MOST_IN_HEADER]
    if not stretches:
        return {}
    return {UNHEARD: ", ".join(f"{each.start:.2f}-{each.end:.2f}" for each in stretches)}
