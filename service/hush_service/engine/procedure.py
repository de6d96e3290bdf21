"""How a model is asked for words: what of an engine wants no weights."""

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hush.mel import FRAMES_PER_SECOND, Spectrogram
from hush.transcript import Phrase, Transcript
from hush_service.engine import DecodingRequest, ModelInfo
from hush_service.engine.questions import Align, Decode, Question
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.windows import Rules, transcription, unheeded

Transcription = Generator[Any, Any, Transcript]
"""Yields what it asks an engine, is sent the answers, and returns the words."""
Heard = Callable[[Sequence[Phrase]], None]
"""Is called with phrases in their order, as soon as they are there."""


class Procedure(Protocol):
    """How a model is asked."""

    @property
    def info(self) -> ModelInfo:
        """What the model can do."""

    def begin(
        self, spectrogram: Spectrogram, request: DecodingRequest, heard: Heard = unheeded
    ) -> Transcription:
        """Return what asks for the words of a spectrogram.

        Parameters
        ----------
        spectrogram
            (mel_bins, frames) floored and scaled values, any number of frames.
        request
            How to decode it.
        heard
            Called with its phrases as they come.
        """

    def kind(self, question: Any) -> Hashable:
        """Return what is equal for questions that can be asked at once."""


class ByProcedure:
    """What is asked as a procedure says.

    Attributes
    ----------
    procedure
        How.
    info
        What the model can do.
    """

    procedure: Procedure
    info: ModelInfo

    def begin(
        self, spectrogram: Spectrogram, request: DecodingRequest, heard: Heard = unheeded
    ) -> Transcription:
        """Return what asks for words; see `Procedure`."""
        return self.procedure.begin(spectrogram, request, heard)

    def kind(self, question: Any) -> Hashable:
        """Return what is equal for questions that can be asked at once."""
        return self.procedure.kind(question)


@dataclass(frozen=True)
class WindowByWindow:
    """Asks for one window after the other; see `hush_service.engine.windows`.

    Attributes
    ----------
    info
        What the model can do.
    tokenizer
        Its tokens.
    rules
        What to believe of what it says.
    """

    info: ModelInfo
    tokenizer: Tokenizer
    rules: Rules

    def begin(
        self, spectrogram: Spectrogram, request: DecodingRequest, heard: Heard = unheeded
    ) -> Transcription:
        """Return what asks for words; see `Procedure`."""
        return transcription(spectrogram, request, self.tokenizer, self.rules, heard)

    def kind(self, question: Question) -> Hashable:
        """Return what is equal for questions that the model can be asked at once."""
        kind: tuple[object, ...] = (type(question), question.window.frames)
        match question:
            case Decode():
                # It wants prompts of one length.
                kind += (question.temperature, question.beam, len(question.prompt))
            case Align():
                kind += (question.start,)
        return kind


@dataclass(frozen=True)
class Whole:
    """Asks for all words of a spectrogram: answered with a `Transcript`.

    Attributes
    ----------
    spectrogram, request
        What to hear, and how.
    seconds
        That are heard, silence included.
    """

    spectrogram: Spectrogram
    request: DecodingRequest
    seconds: float


@dataclass(frozen=True)
class WholeRecordings:
    """Asks for all words of a recording at once.

    Attributes
    ----------
    info
        What the model can do.
    """

    info: ModelInfo

    def begin(
        self, spectrogram: Spectrogram, request: DecodingRequest, heard: Heard = unheeded
    ) -> Transcription:
        """Return what asks for words; see `Procedure`."""
        seconds = max(spectrogram.shape[1] / FRAMES_PER_SECOND, self.info.shortest_window)
        transcript: Transcript = yield Whole(spectrogram, request, seconds)
        heard(transcript.phrases)
        return transcript

    def kind(self, question: Whole) -> Hashable:
        """Return what no other question has."""
        return id(question)
