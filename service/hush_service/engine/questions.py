"""What whoever decodes asks a model, and what it answers."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from hush.mel import FRAMES_PER_SECOND, Spectrogram


@dataclass(eq=False)
class Window:
    """What a model hears at once.

    Attributes
    ----------
    content
        (n_mels, frames) values.
    frames
        Its length, with the silence that follows its content.
    silence
        The value of that.
    first
        Its first frame, counted from the recording's beginning.
    encoded
        What the model's encoder made of it, once it has.
    """

    content: Spectrogram
    frames: int
    silence: float = 0.0
    first: int = 0
    encoded: Any = None

    @property
    def spectrogram(self) -> Spectrogram:
        """Content and silence, (n_mels, frames): made anew, so that what waits takes no room."""
        spectrogram = np.full((self.content.shape[0], self.frames), self.silence, np.float32)
        spectrogram[:, : self.spoken] = self.content
        return spectrogram

    @property
    def spoken(self) -> int:
        """Frames of its content."""
        return int(self.content.shape[1])

    @property
    def seconds(self) -> float:
        """Length, silence included."""
        return self.frames / FRAMES_PER_SECOND


@dataclass(frozen=True)
class Encode:
    """Asks for a window to be encoded, which everything else that is asked of it wants."""

    window: Window


@dataclass(frozen=True)
class DetectLanguage:
    """Asks for the ISO 639-1 code of the language that is most probable."""

    window: Window


Reason = Literal["loop", "improbable", "echo", "unheard"]
"""Why something is decoded again: the text repeated itself, was guessed, or was what the model was
told before; or there was speech without words."""


@dataclass(frozen=True)
class Decode:
    """Asks for text: answered with `Decoded`.

    Attributes
    ----------
    window
        What to hear.
    prompt
        All tokens that the text follows.
    temperature
        0 for the most probable text, more for a random one.
    beam
        Texts that are followed at once at temperature 0; 1 is greedy.
    again
        Why it is asked, if not for the first time.
    """

    window: Window
    prompt: tuple[int, ...]
    temperature: float
    beam: int = 5
    again: Reason | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Align:
    """Asks when the tokens of a text were said: answered with `Alignment`."""

    window: Window
    start: tuple[int, ...]
    tokens: tuple[int, ...]


Question = Encode | DetectLanguage | Decode | Align


@dataclass(frozen=True)
class Decoded:
    """A text that a model wrote.

    Attributes
    ----------
    tokens
        With timestamps, without what ends the text.
    avg_logprob
        Mean log-probability of its tokens and of its end.
    no_speech_prob
        Probability that nobody speaks.
    """

    tokens: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float
