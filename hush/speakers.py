"""Calls with one person on each channel: who said what."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.disguise import Disguise
from hush.segments import Segment, SegmentStream, VoiceActivity
from hush.sound.mixing import Planes
from hush.transcript import Phrase, Transcript, join
from hush.typography import joined


def segments_by_channel(
    chunks: Iterable[Planes],
    n_mels: int,
    detector: VoiceActivity | None,
    disguise: Disguise | None,
) -> Iterator[tuple[int, Segment]]:
    """Yield the segments of a recording, each of one channel, as they end.

    Parameters
    ----------
    chunks
        Its samples; see `Recording.channel_chunks`.
    n_mels
        Number of mel bins, 80 or 128.
    detector
        What decides where speech is; the network if None.
    disguise
        That the pictures of all channels wear, as what one says may be heard on another.

    Yields
    ------
    (channel, segment)
        0 is the first channel.
    """
    streams: list[SegmentStream] = []
    for planes in chunks:
        if not streams:
            streams = [
                SegmentStream(
                    n_mels,
                    detector,
                    Cutter(shortest=RECORDING_SEGMENT),
                    disguise,
                )
                for _ in planes
            ]
        for channel, stream in enumerate(streams):
            yield from ((channel, segment) for segment in stream.push(planes[channel]))
    for channel, stream in enumerate(streams):
        yield from ((channel, segment) for segment in stream.finish())


def told_apart(
    parts: Iterable[tuple[int, float, Transcript]], names: Sequence[str], duration: float
) -> Transcript:
    """Join what was said on several channels, in the order in which it was.

    Parameters
    ----------
    parts
        Channel, start in seconds and words of each segment.
    names
        Of the people, by channel; "Speaker 1" and so on for those that have none.
    duration
        Seconds of the whole recording.

    Returns
    -------
    Transcript
        Each phrase and word has a speaker, and phrases begin with the name; in the text, whoever
        speaks has a line.
    """
    named = [
        (start, named_part(part, channel, names))
        for channel, start, part in sorted(parts, key=lambda part: part[1])
    ]
    return in_turns(join(named, duration))


def named_part(part: Transcript, channel: int, names: Sequence[str]) -> Transcript:
    """Return the words of a segment with the name of whoever says them; see `told_apart`."""
    return _named(part, names[channel] if channel < len(names) else f"Speaker {channel + 1}")


def in_turns(whole: Transcript) -> Transcript:
    """Return the words of several people, whose phrases have names, in the order of their times."""
    phrases = sorted(whole.phrases, key=lambda phrase: phrase.start)
    words = None if whole.words is None else sorted(whole.words, key=lambda word: word.start)
    return replace(
        whole,
        text="\n".join(_lines(phrases)),
        phrases=tuple(phrases),
        words=None if words is None else tuple(words),
        unheard=tuple(sorted(whole.unheard, key=lambda stretch: stretch.start)),
    )


def _named(part: Transcript, name: str) -> Transcript:
    text = part.text.strip()
    if not text:
        return part
    phrases = part.phrases or (Phrase(0.0, part.duration, text),)
    words = part.words
    return replace(
        part,
        text=_said_by(name, text),
        words=None if words is None else tuple(replace(word, speaker=name) for word in words),
        phrases=tuple(
            replace(phrase, text=_said_by(name, phrase.text), speaker=name)
            for phrase in phrases
            if phrase.text.strip()
        ),
    )


def _said_by(name: str, text: str) -> str:
    return f"{name}: {text.strip()}"


def _lines(phrases: Iterable[Phrase]) -> Iterator[str]:
    for name, spoken in groupby(phrases, key=lambda phrase: phrase.speaker):
        texts = (phrase.text.removeprefix(f"{name}: ") for phrase in spoken)
        yield f"{name}: {joined(texts)}"
