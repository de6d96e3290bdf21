"""The audio tracks of a file, and which one is heard."""

from dataclasses import dataclass

import av

from hush.sound import AudioError


@dataclass(frozen=True)
class Track:
    """An audio track of a file.

    Attributes
    ----------
    number
        1 is the file's first audio track.
    codec
        Name of its codec, such as "aac".
    channels
        How many it has.
    language
        As the file says it, such as "eng"; None if it does not.
    title
        As the file says it; None if it does not.
    default
        Whether the file says that it is to be heard where nobody chooses.
    """

    number: int
    codec: str
    channels: int
    language: str | None = None
    title: str | None = None
    default: bool = False

    def __str__(self) -> str:
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        said = (self.language, self.title, f"{self.codec} {channels}")
        words = ", ".join(word for word in said if word)
        return f"{self.number} ({words}{', default' if self.default else ''})"


def tracks_of(container: av.container.InputContainer) -> tuple[Track, ...]:
    """Return the audio tracks of a file, in its order."""
    return tuple(
        Track(
            number=number,
            codec=stream.codec_context.name if stream.codec_context else "unknown",
            channels=stream.codec_context.channels if stream.codec_context else 0,
            language=_said(stream.metadata.get("language")),
            title=_said(stream.metadata.get("title")),
            default=bool(stream.disposition & av.stream.Disposition.default),
        )
        for number, stream in enumerate(container.streams.audio, start=1)
    )


def _said(value: str | None) -> str | None:
    return None if value in (None, "", "und") else value


def chosen(
    container: av.container.InputContainer, number: int | None, name: str
) -> av.audio.stream.AudioStream:
    """Return the audio track to hear.

    Parameters
    ----------
    container
        The open file.
    number
        1 is its first audio track; None takes the one that the file says is the default, or the
        best, as FFmpeg does.
    name
        What messages call the file.

    Raises
    ------
    AudioError
        If there is no such track.
    """
    streams = container.streams.audio
    if not streams:
        raise AudioError(f"{name}: has no audio track")
    if number is None:
        best = container.streams.best("audio")
        return best if isinstance(best, av.audio.stream.AudioStream) else streams[0]
    if not 1 <= number <= len(streams):
        raise AudioError(f"{name}: has no audio track {number}; it has {len(streams)}")
    return streams[number - 1]
