"""What was said, and when: joined from segments, and written as text, SubRip, WebVTT or JSON."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from hush.subtitles import Layout, Subtitles, in_order
from hush.typography import joined, joint


class TranscriptFormat(StrEnum):
    """Forms in which a transcript is written: plain, SubRip, WebVTT, OpenAI's verbose JSON."""

    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"


@dataclass(frozen=True)
class Word:
    """A word with its time in seconds.

    Attributes
    ----------
    probability
        How sure the model is of it, 0 to 1; None if it does not say.
    speaker
        Who says it; None if nobody told the speakers apart.
    """

    word: str
    start: float
    end: float
    probability: float | None = None
    speaker: str | None = None


@dataclass(frozen=True)
class Phrase:
    """What OpenAI's API calls a segment: some words that a Whisper model timed together.

    Attributes
    ----------
    start, end
        Seconds.
    text
        As the model wrote it, often with a leading space.
    seek
        First frame of the window that the model heard, 10 ms each.
    tokens
        Token numbers, timestamps included.
    temperature
        Sampling temperature that the text came from.
    avg_logprob
        Mean log-probability of the tokens.
    compression_ratio
        UTF-8 bytes to zlib's; over 2.4 means that the text repeats itself.
    no_speech_prob
        Probability that the window holds no speech.
    speaker
        Who says it; None if nobody told the speakers apart.
    """

    start: float
    end: float
    text: str
    seek: int = 0
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0
    speaker: str | None = None


@dataclass(frozen=True)
class Stretch:
    """A part of a recording, in seconds."""

    start: float
    end: float


@dataclass(frozen=True)
class Transcript:
    """The words of a recording or of a part of it.

    Attributes
    ----------
    text
        All of it.
    duration
        Seconds of sound that it covers.
    language
        English name in lower case, such as "english"; None if nobody said.
    task
        "transcribe" or "translate".
    phrases, words
        With times; there are words only where they were asked for.
    unheard
        Where somebody speaks, and the model has no words for it.
    """

    text: str
    duration: float
    language: str | None = None
    task: str = "transcribe"
    phrases: tuple[Phrase, ...] = ()
    words: tuple[Word, ...] | None = None
    unheard: tuple[Stretch, ...] = ()

    @classmethod
    def from_verbose_json(cls, body: Mapping[str, Any]) -> Self:
        """Read a service's answer in OpenAI's ``verbose_json`` form; unknown fields are ignored.

        Raises
        ------
        ValueError
            If it is something else.
        """
        try:
            words = body.get("words")
            return cls(
                text=str(body["text"]),
                duration=_seconds(body["duration"]),
                language=body.get("language") or None,
                task=body.get("task") or "transcribe",
                phrases=tuple(_phrase(segment) for segment in body.get("segments") or ()),
                words=None if words is None else tuple(_word(word) for word in words),
                unheard=tuple(
                    Stretch(_seconds(stretch["start"]), _seconds(stretch["end"]))
                    for stretch in body.get("unheard") or ()
                ),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("this is not a transcript in verbose_json form") from error

    def verbose_json(self) -> dict[str, Any]:
        """Return OpenAI's ``verbose_json`` form, with `unheard` beside it."""
        body: dict[str, Any] = {
            "task": self.task,
            "language": self.language or "",  # OpenAI's clients want a string
            "duration": round(self.duration, 3),
            "text": self.text,
            "segments": [
                {
                    "id": number,
                    "seek": phrase.seek,
                    "start": round(phrase.start, 3),
                    "end": round(phrase.end, 3),
                    "text": phrase.text,
                    "tokens": list(phrase.tokens),
                    "temperature": phrase.temperature,
                    "avg_logprob": phrase.avg_logprob,
                    "compression_ratio": phrase.compression_ratio,
                    "no_speech_prob": phrase.no_speech_prob,
                    **({} if phrase.speaker is None else {"speaker": phrase.speaker}),
                }
                for number, phrase in enumerate(self.phrases)
            ],
        }
        if self.words is not None:
            body["words"] = [_word_json(word) for word in self.words]
        body["unheard"] = self.unheard_json()
        return body

    def unheard_json(self) -> list[dict[str, float]]:
        """Return where speech has no words, as JSON has it."""
        return [
            {"start": round(stretch.start, 3), "end": round(stretch.end, 3)}
            for stretch in self.unheard
        ]

    def shifted(self, seconds: float) -> "Transcript":
        """Return the same words, said so much later."""
        frames = round(seconds * 100)
        return replace(
            self,
            phrases=tuple(
                replace(
                    phrase,
                    start=phrase.start + seconds,
                    end=phrase.end + seconds,
                    seek=phrase.seek + frames,
                )
                for phrase in self.phrases
            ),
            words=None
            if self.words is None
            else tuple(
                replace(word, start=word.start + seconds, end=word.end + seconds)
                for word in self.words
            ),
            unheard=tuple(
                Stretch(stretch.start + seconds, stretch.end + seconds) for stretch in self.unheard
            ),
        )

    def in_order(self) -> "Transcript":
        """Return the same with phrases that follow each other, within its duration.

        Models tell times freely: one phrase over another, beyond what was heard, or of no length.
        """
        phrases = sorted(self.phrases, key=lambda phrase: phrase.start)
        given = [(_milliseconds(phrase.start), _milliseconds(phrase.end)) for phrase in phrases]
        spans = in_order(given, latest=_milliseconds(self.duration))
        return replace(
            self,
            phrases=tuple(
                phrase if span == old else replace(phrase, start=span[0] / 1000, end=span[1] / 1000)
                for phrase, old, span in zip(phrases, given, spans, strict=True)
            ),
        )

    def written(self, form: TranscriptFormat, layout: Layout | None = None) -> str:
        """Return the transcript as the content of a file, with a line break at its end.

        Parameters
        ----------
        form
            Of the file.
        layout
            Of subtitles.
        """
        if form is TranscriptFormat.JSON:
            return json.dumps(self.verbose_json(), ensure_ascii=False, indent=2) + "\n"
        running = RunningTranscript(form, layout)
        return running.add(self) + running.end()


class RunningTranscript:
    """A transcript that is written as its parts come: as text or subtitles, for JSON is one whole.

    Parameters
    ----------
    form
        In which it is written.
    layout
        Of subtitles.
    """

    def __init__(self, form: TranscriptFormat, layout: Layout | None = None) -> None:
        web = form is TranscriptFormat.VTT
        self._subtitles = None if form is TranscriptFormat.TEXT else Subtitles(web, layout)
        self._last = ""

    def add(self, part: Transcript) -> str:
        """Return what is written for the next part, whose times are those of the recording."""
        if self._subtitles is not None:
            return self._subtitles.add(part)
        text = part.text.strip()
        space = joint(self._last, text)
        self._last = text or self._last
        return space + text

    def end(self) -> str:
        """Return what is written when all parts have come."""
        return "\n" if self._subtitles is None else self._subtitles.begin()


def join(parts: Iterable[tuple[float, Transcript]], duration: float) -> Transcript:
    """Join the transcripts of a recording's segments.

    Parameters
    ----------
    parts
        Start in seconds and transcript of each segment, in order.
    duration
        Seconds of the whole recording.

    Returns
    -------
    Transcript
        Times count from the recording's start. Its language is that of the most speech.
    """
    shifted = [(part.duration, part.shifted(start)) for start, part in parts]
    spoken: dict[str, float] = {}
    for seconds, part in shifted:
        if part.language is not None:
            spoken[part.language] = spoken.get(part.language, 0.0) + seconds
    transcripts = [part for _, part in shifted]
    timed = [part.words for part in transcripts if part.words is not None]
    return Transcript(
        text=joined(part.text for part in transcripts),
        duration=duration,
        language=max(spoken, key=lambda name: spoken[name]) if spoken else None,
        task=transcripts[0].task if transcripts else "transcribe",
        phrases=tuple(phrase for part in transcripts for phrase in part.phrases),
        words=tuple(word for words in timed for word in words) if timed else None,
        unheard=tuple(stretch for part in transcripts for stretch in part.unheard),
    )


def _phrase(segment: Mapping[str, Any]) -> Phrase:
    return Phrase(
        start=_seconds(segment["start"]),
        end=_seconds(segment["end"]),
        text=str(segment["text"]),
        seek=int(segment.get("seek", 0)),
        tokens=tuple(segment.get("tokens", ())),
        temperature=float(segment.get("temperature", 0)),
        avg_logprob=float(segment.get("avg_logprob", 0)),
        compression_ratio=float(segment.get("compression_ratio", 0)),
        no_speech_prob=float(segment.get("no_speech_prob", 0)),
    )


def _word(word: Mapping[str, Any]) -> Word:
    probability = word.get("probability")
    return Word(
        word=str(word["word"]),
        start=_seconds(word["start"]),
        end=_seconds(word["end"]),
        probability=None if probability is None else float(probability),
    )


def _word_json(word: Word) -> dict[str, Any]:
    return {
        "word": word.word,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        **({} if word.probability is None else {"probability": round(word.probability, 4)}),
        **({} if word.speaker is None else {"speaker": word.speaker}),
    }


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds} is no time")
    return seconds


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
