"""What was said, and when: joined from segments, and written as text, SubRip, WebVTT or JSON."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self


class TranscriptFormat(StrEnum):
    """Forms in which a transcript is written: plain, SubRip, WebVTT, OpenAI's verbose JSON."""

    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"


@dataclass(frozen=True)
class Word:
    """A word with its time in seconds."""

    word: str
    start: float
    end: float


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
                duration=float(body["duration"]),
                language=body.get("language"),
                task=body.get("task") or "transcribe",
                phrases=tuple(_phrase(segment) for segment in body.get("segments") or ()),
                words=None
                if words is None
                else tuple(
                    Word(str(word["word"]), float(word["start"]), float(word["end"]))
                    for word in words
                ),
                unheard=tuple(
                    Stretch(float(stretch["start"]), float(stretch["end"]))
                    for stretch in body.get("unheard") or ()
                ),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("this is not a transcript in verbose_json form") from error

    def verbose_json(self) -> dict[str, Any]:
        """Return OpenAI's ``verbose_json`` form, with `unheard` beside it."""
        body: dict[str, Any] = {
            "task": self.task,
            "language": self.language,
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
                }
                for number, phrase in enumerate(self.phrases)
            ],
        }
        if self.words is not None:
            body["words"] = [
                {"word": word.word, "start": round(word.start, 3), "end": round(word.end, 3)}
                for word in self.words
            ]
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

    def written(self, form: TranscriptFormat) -> str:
        """Return the transcript as the content of a file, with a line break at its end."""
        return _WRITERS[form](self)


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
        text=" ".join(part.text.strip() for part in transcripts if part.text.strip()),
        duration=duration,
        language=max(spoken, key=lambda name: spoken[name]) if spoken else None,
        task=transcripts[0].task if transcripts else "transcribe",
        phrases=tuple(phrase for part in transcripts for phrase in part.phrases),
        words=tuple(word for words in timed for word in words) if timed else None,
        unheard=tuple(stretch for part in transcripts for stretch in part.unheard),
    )


def _phrase(segment: Mapping[str, Any]) -> Phrase:
    return Phrase(
        start=float(segment["start"]),
        end=float(segment["end"]),
        text=str(segment["text"]),
        seek=int(segment.get("seek", 0)),
        tokens=tuple(segment.get("tokens", ())),
        temperature=float(segment.get("temperature", 0)),
        avg_logprob=float(segment.get("avg_logprob", 0)),
        compression_ratio=float(segment.get("compression_ratio", 0)),
        no_speech_prob=float(segment.get("no_speech_prob", 0)),
    )


def _text(transcript: Transcript) -> str:
    return transcript.text.strip() + "\n"


def _clock(seconds: float, fraction_mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{fraction_mark}{milliseconds % 1000:03}"
    )


def _subtitle(phrase: Phrase, fraction_mark: str) -> str:
    times = " --> ".join(_clock(time, fraction_mark) for time in (phrase.start, phrase.end))
    # An arrow or an empty line in the text would begin a subtitle of its own.
    lines = (line.strip() for line in phrase.text.replace("-->", "->").splitlines())
    return times + "\n" + "\n".join(line for line in lines if line) + "\n"


def _spoken(transcript: Transcript) -> list[Phrase]:
    return [phrase for phrase in transcript.phrases if phrase.text.strip()]


def _srt(transcript: Transcript) -> str:
    subtitles = enumerate(_spoken(transcript), start=1)
    return "\n".join(f"{number}\n{_subtitle(phrase, ',')}" for number, phrase in subtitles)


def _vtt(transcript: Transcript) -> str:
    subtitles = [_subtitle(phrase, ".") for phrase in _spoken(transcript)]
    return "\n".join(["WEBVTT\n", *subtitles])


def _json(transcript: Transcript) -> str:
    return json.dumps(transcript.verbose_json(), ensure_ascii=False, indent=2) + "\n"


_WRITERS: dict[TranscriptFormat, Callable[[Transcript], str]] = {
    TranscriptFormat.TEXT: _text,
    TranscriptFormat.SRT: _srt,
    TranscriptFormat.VTT: _vtt,
    TranscriptFormat.JSON: _json,
}
