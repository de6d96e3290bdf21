"""What whoever decodes asks a model, and what it answers."""

from dataclasses import dataclass
from typing import Any

from hush.mel import Spectrogram


@dataclass(eq=False)
class Window:
    """What a model hears at once.

    Attributes
    ----------
    spectrogram
        (n_mels, frames) values, silence included.
    content
        Frames that are no silence put there.
    encoded
        What the model's encoder made of it, once it has.
    """

    spectrogram: Spectrogram
    content: int
    encoded: Any = None


@dataclass(frozen=True)
class DetectLanguage:
    """Asks for the ISO 639-1 code of the language that is most probable."""

    window: Window


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
    """

    window: Window
    prompt: tuple[int, ...]
    temperature: float


@dataclass(frozen=True)
class Align:
    """Asks when the tokens of a text were said: answered with `Alignment`."""

    window: Window
    start: tuple[int, ...]
    tokens: tuple[int, ...]


Question = DetectLanguage | Decode | Align


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
