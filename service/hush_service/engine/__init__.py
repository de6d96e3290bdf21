"""What runs a model: the `Engine` protocol, and what goes in and out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from hush.mel import Spectrogram
from hush.transcript import Transcript

Task = Literal["transcribe", "translate"]


@dataclass(frozen=True)
class ModelInfo:
    """What a loaded model can do.

    Attributes
    ----------
    mel_bins
        Height of its mel images: 80 or 128.
    languages
        ISO 639-1 codes of the languages that it transcribes.
    tasks
        "transcribe", and for multilingual models "translate" into English.
    parameters
        Number of weights: how large it is.
    shortest_window
        Seconds that it hears at least, of silence if there is nothing else: what is shorter costs
        as much.
    """

    mel_bins: int
    languages: tuple[str, ...]
    tasks: tuple[Task, ...]
    parameters: int
    shortest_window: float = 0.0


@dataclass(frozen=True)
class DecodingRequest:
    """How a spectrogram is to be decoded.

    Attributes
    ----------
    task
        "transcribe", or "translate" into English.
    language
        ISO 639-1 code, or None to detect it.
    prompt
        Words that came before, or names and spellings to expect.
    temperature
        0 to 1. At 0, it is raised wherever the result is poor.
    words
        Whether every word is to have its time.
    interim
        Whether the words are of something that still goes on, and will be heard again: they are
        decoded once and greedily.
    """

    task: Task = "transcribe"
    language: str | None = None
    prompt: str | None = None
    temperature: float = 0.0
    words: bool = False
    interim: bool = False


class WorkStoppedError(Exception):
    """The work was given up before its end, because its caller said so."""


class Engine(Protocol):
    """A loaded model. Calls may come from any thread, one at a time."""

    info: ModelInfo

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        """Return the words of a spectrogram.

        Parameters
        ----------
        spectrogram
            (mel_bins, frames) floored and scaled values, any number of frames.
        request
            How to decode it.
        stop
            Asked now and then; once it says true, the work is given up.

        Raises
        ------
        WorkStoppedError
            If `stop` said so.
        """
