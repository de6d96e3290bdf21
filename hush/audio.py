"""Any audio or video file as mono samples at 16 kHz, streamed."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.layout import AudioLayout

from hush.mel import SAMPLE_RATE
from hush.sound import AudioError as AudioError  # noqa: PLC0414 # others know it from here
from hush.sound.clock import Clock
from hush.sound.lengths import end_of, is_guessed, origin_of
from hush.sound.mixing import Mixer, Planes, weights_of
from hush.sound.opening import Opened, opened
from hush.sound.raw import RawFormat
from hush.sound.resampling import Resampler
from hush.sound.tracks import Track, chosen, tracks_of
from hush.wording import in_words

LEAST_LOST = 0.5
"""Seconds; files are that imprecise about their own lengths."""

_GAPLESS = frozenset({"aac", "aiff", "au", "flac", "mp3", "w64", "wav"})
"""Formats whose times count samples, so that a gap can only be damage."""
_MOST_FAILURES = 100
"""Times in a row that a damaged file may fail to give a packet, until it is left."""


@dataclass
class Recording:
    """An open audio or video file. Its samples can be read once.

    Attributes
    ----------
    name
        What messages call it.
    duration
        Seconds, as the file itself says; None if it does not.
    tracks
        Its audio tracks.
    track
        The one that is heard.
    """

    name: str
    duration: float | None
    tracks: tuple[Track, ...]
    track: Track
    _opened: Opened = field(repr=False)
    _wanted: tuple[int | None, int | None] = field(default=(None, None), repr=False)
    _samples_read: int = field(default=0, repr=False)
    _promised: float | None = field(default=None, repr=False)
    _guessed: bool = field(default=False, repr=False)
    _lost: float = field(default=0.0, repr=False)
    _failed: float = field(default=0.0, repr=False)
    _latest: float = field(default=0.0, repr=False)

    @property
    def seconds_read(self) -> float:
        """Seconds of sound so far, with the silence that belongs before it and into its gaps."""
        return self._samples_read / SAMPLE_RATE

    @property
    def seconds_lost(self) -> float:
        """Seconds of sound that damage took, once it is read; 0 if there are none."""
        lost = self._lost + self._missing()
        return lost if lost > LEAST_LOST else 0.0

    @property
    def seconds_promised(self) -> float:
        """Seconds that it should have had, once it is read."""
        return self.seconds_read + self._missing()

    def _missing(self) -> float:
        """Return the seconds that should have come after the last that did."""
        missing = self._failed
        if self._promised is not None:
            missing = max(missing, self._promised - self.seconds_read)
        elif self._latest and self.duration and not self._guessed:
            missing = max(missing, self.duration - max(self._latest, self.seconds_read))
        return max(missing, self.seconds_read * self._opened.share_missing())

    def chunks(self, seconds: float = 1.0) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the samples in order, some `seconds` of them at a time.

        They keep the file's own clock: where its sound begins later than its picture, or has a gap,
        there is silence. Damaged parts are silent too: see `seconds_lost`.

        Yields
        ------
        (n,) array
            Mono samples at 16 kHz, -1 to 1, all finite.

        Raises
        ------
        AudioError
            If nothing could be decoded, the channel that is wanted is not there, or the source
            cannot be read any further.
        """
        for planes in self._chunks(seconds, separate=False):
            yield planes[0]

    def channel_chunks(self, seconds: float = 1.0) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the samples of each channel by itself, in order; otherwise as `chunks` does.

        Yields
        ------
        (channels, n) array
            As many channels as the track has where it begins.
        """
        return self._chunks(seconds, separate=True)

    def _chunks(self, seconds: float, separate: bool) -> Iterator[Planes]:
        waiting: list[Planes] = []
        length = 0
        for planes in self._resampled(separate):
            self._samples_read += planes.shape[1]
            waiting.append(planes)
            length += planes.shape[1]
            if length >= seconds * SAMPLE_RATE:
                yield np.concatenate(waiting, axis=1)
                waiting, length = [], 0
        if waiting:
            yield np.concatenate(waiting, axis=1)
        try:
            self._opened.check()
        except OSError as error:
            raise self._broken(error) from error
        if not self._samples_read:
            raise AudioError(
                f"{self.name}: no sound could be decoded; the file is empty or damaged"
            )

    def _resampled(self, separate: bool) -> Iterator[Planes]:
        resampler = None
        for planes, rate in self._heard(separate):
            if resampler is None or rate != resampler.rate:
                if resampler is not None:
                    yield from resampler.finish()
                resampler = Resampler(len(planes), rate)
            yield from resampler.push(planes)
        if resampler is not None:
            yield from resampler.finish()

    def _heard(self, separate: bool) -> Iterator[tuple[Planes, int]]:
        """Yield one row, mixed or chosen, or a row for each channel; and its samples a second."""
        _, channel = self._wanted
        form, mixer, count = None, None, 0
        for planes, layout, rate in self._timed():
            channels = layout.nb_channels
            count = count or channels
            if (layout.name, rate) != form:  # recordings that were joined may change in the middle
                if mixer is not None:
                    yield from mixer.finish()
                form = layout.name, rate
                mixer = None if separate or channel else Mixer(rate, weights_of(layout))
                if channel is not None and not 1 <= channel <= channels:
                    raise AudioError(f"{self.name}: has no channel {channel}; it has {channels}")
            if separate:
                rows = np.zeros((count, planes.shape[1]), np.float32)
                rows[:channels] = planes[:count]
                yield rows, rate
            elif mixer is None:
                place = (channel or 1) - 1
                yield planes[place : place + 1], rate
            else:
                yield from mixer.push(planes)
        if mixer is not None:
            yield from mixer.finish()

    def _broken(self, error: OSError) -> AudioError:
        return AudioError(f"{error.filename or self.name}: {in_words(error)}")

    def _timed(self) -> Iterator[tuple[Planes, AudioLayout, int]]:
        """Yield the channels' samples, and silence where the file's clock has nothing."""
        clock = Clock()
        for container in self._opened.containers:
            clock.begin(origin_of(container))
            gapless = container.format.name in _GAPLESS
            for frame in self._frames(container):
                rate, layout = frame.sample_rate, frame.layout
                silence = clock.silence_before(frame.time, frame.samples / rate)
                self._lost += max(self._failed, silence if gapless else 0.0)
                self._failed = 0.0
                for length in _pieces(round(silence * rate), rate):
                    yield np.zeros((layout.nb_channels, length), np.float32), layout, rate
                yield _planes(frame), layout, rate

    def _frames(self, container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
        stream = chosen(container, self._wanted[0], self.name)
        # Where only the file says a length, its other tracks show whether it is all there.
        others = [] if self._promised is not None else list(container.streams.video)
        origin = origin_of(container)
        packets = container.demux(stream, *others)
        failures = 0
        while failures < _MOST_FAILURES:
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except av.error.FFmpegError:  # the container itself is damaged here
                failures += 1
                packets = container.demux(stream, *others)
                continue
            except OSError as error:
                raise self._broken(error) from error
            failures = 0
            time_base = packet.time_base or 0
            if packet.pts is not None:
                end = float((packet.pts + (packet.duration or 0)) * time_base) - origin
                self._latest = max(self._latest, end)
            if packet.stream is not stream:
                continue
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._failed += float((packet.duration or 0) * time_base)
            else:
                yield from (frame for frame in frames if isinstance(frame, av.AudioFrame))


def _pieces(length: int, longest: int) -> Iterator[int]:
    for start in range(0, length, longest):
        yield min(longest, length - start)


def _planes(frame: av.AudioFrame) -> Planes:
    """Return a frame's samples, a row for each channel, -1 to 1 or a little more, all finite."""
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind in "iu":
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        samples = samples.astype(np.float32) - (half if samples.dtype.kind == "u" else 0)
        return samples / np.float32(half)
    # More than float32 can square would make the channels' energies infinite.
    finite = np.nan_to_num(samples, nan=0, posinf=1, neginf=-1)
    planes: Planes = np.clip(finite, -1e6, 1e6).astype(np.float32, copy=False)
    return planes


@contextmanager
def open_audio(
    source: str | Path | BinaryIO,
    name: str | None = None,
    *,
    track: int | None = None,
    channel: int | None = None,
    raw: RawFormat | None = None,
) -> Iterator[Recording]:
    """Open any audio or video file that FFmpeg knows.

    Parameters
    ----------
    source
        Path of the file, or an open binary file. It need not be seekable: what has to be read in
        another order than it comes is kept in a temporary file until then.
    name
        What messages call it; the path if not given.
    track
        Which of several audio tracks is heard, 1 for the first; the one that the file says is the
        default, or the best, if None.
    channel
        Which channel is heard, 1 for the first; if None, all of them, or the loudest where they
        cancel each other.
    raw
        How to understand samples that have no file around them.

    Raises
    ------
    AudioError
        If it is not such a file, or has no such track.
    OSError
        If it cannot be opened.
    """
    with ExitStack() as stack:
        if isinstance(source, str | Path):
            name = name or str(source)
            source = stack.enter_context(Path(source).open("rb"))
        name = name or "the audio"
        file = stack.enter_context(closing(opened(source, name, raw)))
        container = file.first
        stream = chosen(container, track, name)
        tracks = tracks_of(container)
        promised = None if file.joined else end_of(container, stream)
        duration = promised
        if duration is None and container.duration and not file.joined:
            duration = container.duration / av.time_base
        heard = tracks[container.streams.audio.index(stream)]
        wanted, guessed = (track, channel), is_guessed(container)
        yield Recording(
            name, duration, tracks, heard, file, wanted, _promised=promised, _guessed=guessed
        )


def read_audio(source: str | Path | BinaryIO) -> npt.NDArray[np.float32]:
    """Return all samples of a file at once: for recordings that fit into memory.

    Returns
    -------
    (n,) array
        Mono samples at 16 kHz.

    Raises
    ------
    AudioError, OSError
        As `open_audio` and `Recording.chunks` do.
    """
    with open_audio(source) as recording:
        return np.concatenate(list(recording.chunks(seconds=60)))
