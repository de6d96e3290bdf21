"""What a service is asked for: its models, the options of a transcription, and what may be sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from hush.image import PNG, Encoding, MelImage, decode, encode, read_header

Picture = MelImage | bytes
"""A mel image, or a file of one in any format that `hush.image.decode` reads."""


@dataclass(frozen=True)
class Model:
    """A model of the service that is ready, as `GET /v1/models` describes it."""

    name: str
    mel_bins: int
    languages: tuple[str, ...]
    tasks: tuple[str, ...]

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read an entry of the service's list of models."""
        return cls(
            name=str(body["id"]),
            mel_bins=int(body["mel_bins"]),
            languages=tuple(body["languages"]),
            tasks=tuple(body["tasks"]),
        )


@dataclass(frozen=True)
class Options:
    """What to ask for.

    Attributes
    ----------
    model
        Name of the model; the service's largest ready one that takes the picture if None.
    language
        ISO 639-1 code of the language spoken; detected if None.
    task
        "transcribe", or "translate" into English.
    prompt
        Words that came before, or names and spellings to expect.
    temperature
        0 to 1. At 0, Whisper raises it by itself where its first try is poor.
    words
        Whether every word is to have its time.

    Raises
    ------
    ValueError
        If there is no such task, or the temperature is outside its range.
    """

    model: str | None = None
    language: str | None = None
    task: str = "transcribe"
    prompt: str | None = None
    temperature: float = 0.0
    words: bool = False

    def __post_init__(self) -> None:
        if self.task not in ("transcribe", "translate"):
            raise ValueError(f"a task is transcribe or translate, not {self.task!r}")
        if not 0 <= self.temperature <= 1:
            raise ValueError(f"a temperature is 0 to 1, not {self.temperature}")


def file_of(picture: Picture, encoding: Encoding = PNG) -> bytes:
    """Return the bytes that may leave the device: a mel image, and nothing else.

    Parameters
    ----------
    picture
        What to send. PNG and TGA files are written anew, without whatever else is in them; WebP and
        AVIF files stay as they are.
    encoding
        How to write a picture that is not a file yet.

    Raises
    ------
    MelImageError
        If it is anything but a mel image. Audio above all never passes.
    TypeError
        If it is neither a picture nor bytes.
    """
    if isinstance(picture, MelImage):
        return encode(picture, encoding)
    if not isinstance(picture, bytes):
        raise TypeError(f"a picture is a MelImage or the bytes of a file, not {type(picture)}")
    image, form = decode(picture), read_header(picture).format
    return encode(image, Encoding(form)) if form in ("png", "tga") else picture
