"""Any audio or video file as mono samples at 16 kHz, streamed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from hush.mel import SAMPLE_RATE

# FFmpeg opens what a playlist names: other files, or addresses elsewhere. None of that is wanted.
_NO_OTHER_FILES = {"protocol_whitelist": "none"}


class AudioError(ValueError):
    """The file holds no sound that can be decoded. The message says why."""


@dataclass
class Recording:
    """An open audio or video file. Its samples can be read once.

    Attributes
    ----------
    name
        What messages call it.
    duration
        Seconds, as the file itself says; None if it does not.
    seconds_read
        Seconds of sound decoded so far.
    """

    name: str
    duration: float | None
    _container: av.container.InputContainer = field(repr=False)
    seconds_read: float = 0.0

    @property
    def seconds_lost(self) -> float:
        """Seconds that the file promised and damage took, once it is read; 0 if there is none.

        Under a twentieth of a file is its own imprecision.
        """
        lost = (self.duration or 0.0) - self.seconds_read
        return lost if lost > max(0.5, self.seconds_read / 20) else 0.0

    def chunks(self, seconds: float = 1.0) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the samples in order, some `seconds` of them at a time.

        Damaged parts are left out, as players do: see `seconds_lost`.

        Yields
        ------
        (n,) array
            Mono samples at 16 kHz, -1 to 1, all finite.

        Raises
        ------
        AudioError
            If nothing could be decoded.
        """
        waiting: list[npt.NDArray[np.float32]] = []
        length = 0
        for samples in self._resampled():
            self.seconds_read += len(samples) / SAMPLE_RATE
            waiting.append(samples)
            length += len(samples)
            if length >= seconds * SAMPLE_RATE:
                yield np.concatenate(waiting)
                waiting, length = [], 0
        if waiting:
            yield np.concatenate(waiting)
        if not self.seconds_read:
            raise AudioError(
                f"{self.name}: no sound could be decoded; the file is empty or damaged"
            )

    def _resampled(self) -> Iterator[npt.NDArray[np.float32]]:
        resampler: AudioResampler | None = None
        form = None
        for frame in self._frames():
            # Recordings that were put together may change in the middle.
            if (frame.format.name, frame.layout.name, frame.sample_rate) != form:
                form = frame.format.name, frame.layout.name, frame.sample_rate
                if resampler is not None:
                    yield from map(_samples, resampler.resample(None))
                resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            assert resampler is not None
            yield from map(_samples, resampler.resample(frame))
        if resampler is not None:
            yield from map(_samples, resampler.resample(None))

    def _frames(self) -> Iterator[av.AudioFrame]:
        packets = self._container.demux(audio=0)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except av.error.FFmpegError:  # the container itself is damaged from here on
                return
            with suppress(av.error.FFmpegError):
                yield from packet.decode()


def _samples(frame: av.AudioFrame) -> npt.NDArray[np.float32]:
    """Return a frame's samples, clipped to -1 to 1, as the 16 bits that Whisper reads would be."""
    samples = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
    return np.clip(np.nan_to_num(samples, nan=0), -1, 1)


@contextmanager
def open_audio(source: str | Path | BinaryIO, name: str | None = None) -> Iterator[Recording]:
    """Open any audio or video file that FFmpeg knows.

    Parameters
    ----------
    source
        Path of the file, or an open binary file (which need not be seekable).
    name
        What messages call it; the path if not given.

    Raises
    ------
    AudioError
        If it is not such a file, or has no audio track.
    OSError
        If it cannot be opened.
    """
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file, open_audio(file, name or str(source)) as recording:
            yield recording
        return
    name = name or "the audio"
    try:
        container = av.open(source, "r", options=_NO_OTHER_FILES, metadata_errors="replace")
    except av.error.FFmpegError as error:
        hint = "" if _can_seek(source) else "; through a pipe, some files cannot be read"
        raise AudioError(
            f"{name}: not an audio or video file, or damaged at its start{hint}"
        ) from error
    with container:
        if not container.streams.audio:
            raise AudioError(f"{name}: has no audio track")
        yield Recording(name, _duration(container), container)


def _duration(container: av.container.InputContainer) -> float | None:
    stream = container.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _can_seek(source: BinaryIO) -> bool:
    try:
        return source.seekable()
    except (AttributeError, OSError):
        return False


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
