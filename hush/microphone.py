"""The microphones of this machine, as mono samples at 16 kHz. Wants the extra `listen`."""

import queue
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import miniaudio
import numpy as np
import numpy.typing as npt

from hush.mel import SAMPLE_RATE

MOST_WAITING = 600.0
"""Seconds of sound that are kept while nobody takes them; what comes after is lost."""
_BLOCK = 100
"""Milliseconds of sound that come at once."""
_NOBODY = "Null"
"""What miniaudio falls back to where a machine has no sound: a device that hears silence."""


class MicrophoneError(Exception):
    """There is no such microphone, or it cannot be heard. The message says why."""


class Microphone:
    """A microphone that is open. What it hears can be read once.

    Attributes
    ----------
    name
        What the system calls it.
    level
        Loudest sample of the newest tenth of a second, 0 to 1.
    seconds_lost
        Seconds of sound that nobody took in time.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.level = 0.0
        self.seconds_lost = 0.0
        self._blocks: queue.SimpleQueue[npt.NDArray[np.int16] | None] = queue.SimpleQueue()

    def close(self) -> None:
        """Hear no more: `chunks` ends with what was heard until now. May be called by a signal."""
        self._blocks.put(None)

    def chunks(self) -> Iterator[npt.NDArray[np.float32]]:
        """Yield what is heard as it is, (n,) samples at 16 kHz from -1 to 1, until `close`."""
        while (block := self._blocks.get()) is not None:
            yield block.astype(np.float32) / np.float32(32768)

    def _hear(self) -> Generator[None, bytes, None]:
        """Take what the audio thread sends."""
        while True:
            block = np.frombuffer((yield), np.int16)
            seconds = len(block) / SAMPLE_RATE
            self.level = float(np.abs(block.astype(np.int32)).max(initial=0)) / 32768
            if self._blocks.qsize() * _BLOCK / 1000 < MOST_WAITING:
                self._blocks.put(block)
            else:
                self.seconds_lost += seconds


def microphones(backends: list[miniaudio.Backend] | None = None) -> list[str]:
    """Return the names of this machine's microphones, as `open_microphone` takes them."""
    return [each["name"] or "(without a name)" for each in _captures(backends)]


def _captures(backends: list[miniaudio.Backend] | None) -> list[dict[str, Any]]:
    try:
        devices = miniaudio.Devices(backends)
        if devices.backend == _NOBODY and not backends:
            return []
        return list(devices.get_captures())
    except miniaudio.MiniaudioError:
        return []


@contextmanager
def open_microphone(
    wanted: str | None = None, backends: list[miniaudio.Backend] | None = None
) -> Iterator[Microphone]:
    """Open a microphone; from here on it is heard.

    Parameters
    ----------
    wanted
        Its number among `microphones`, from 1, or a part of its name; the system's own choice if
        None.
    backends
        Sound systems to look in; all that there are if None.

    Raises
    ------
    MicrophoneError
        If there is no such microphone, or the system does not let it be heard.
    """
    found = _captures(backends)
    chosen = None if wanted is None else _chosen(found, wanted)
    try:
        device = miniaudio.CaptureDevice(
            input_format=miniaudio.SampleFormat.SIGNED16,
            nchannels=1,
            sample_rate=SAMPLE_RATE,
            buffersize_msec=_BLOCK,
            device_id=chosen["id"] if chosen else None,
            backends=backends,
            app_name="hush",
        )
    except miniaudio.MiniaudioError as error:
        raise MicrophoneError(f"the microphone cannot be opened: {error.args[0]}") from error
    with device:
        if device.backend == _NOBODY and not backends:
            raise MicrophoneError("this machine has no microphone, or no sound at all")
        microphone = Microphone(chosen["name"] if chosen else "the microphone")
        hearing = microphone._hear()
        next(hearing)
        device.stop_callback = microphone.close  # as when it is unplugged
        try:
            device.start(hearing)
        except miniaudio.MiniaudioError as error:
            raise MicrophoneError(f"the microphone cannot be heard: {error.args[0]}") from error
        yield microphone


def _chosen(found: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    if wanted.isdecimal() and 0 < int(wanted) <= len(found):
        return found[int(wanted) - 1]
    for each in found:
        if wanted.lower() in each["name"].lower():
            return each
    names = ", ".join(each["name"] for each in found) or "none"
    raise MicrophoneError(f"there is no microphone {wanted!r}; there is {names}")
