"""The log-mel spectrogram, exactly as Whisper defines it, for whole recordings and for streams.

Every step is the one of openai/whisper's `audio.py`: 16 kHz mono samples, reflected at both ends,
a periodic Hann window of 25 ms every 10 ms, the power spectrum, Slaney's mel filters, and the
logarithm to base 10. What Whisper does next needs the whole recording (a floor 8 below its maximum,
and a scale), so that is a step of its own: `normalize`.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Samples a second."""
N_FFT = 400
"""Samples in a window: 25 ms."""
HOP_LENGTH = 160
"""Samples between windows: 10 ms."""
FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH
"""Spectrogram columns a second: 100."""
MEL_BINS = (80, 128)
"""Heights of Whisper's spectrograms: 128 for large-v3 and turbo, 80 for every other model."""

SMALLEST_POWER = 1e-10
"""Mel power below this counts as this, so that the logarithm is finite."""
DYNAMIC_RANGE = 8.0
"""Whisper's floor lies this far below the maximum, in units of log10 power."""

QUIET = (-7.0, -2.0)
"""Between these a recording's maximum is that of quiet speech, in log10 mel power. Above, all of
Whisper's range lies over `SMALLEST_POWER`; below, there is nothing but rounding."""

_HALF_WINDOW = N_FFT // 2
_FREQUENCIES = N_FFT // 2 + 1
# A block's window, spectrum and power stay in the second-level cache together.
_BLOCK_FRAMES = 128
_CACHED_VALUES = 1 << 16

Samples = npt.NDArray[np.floating]
Spectrogram = npt.NDArray[np.float32]


def mel_edges(bands: int) -> npt.NDArray[np.float64]:
    """Return where Slaney's mel bands begin, peak and end, from 0 to 8 kHz.

    Linear up to 1 kHz (3 mel every 200 Hz), logarithmic above it (27 mel for a factor of 6.4):
    M. Slaney, "Auditory Toolbox", Technical Report 1998-010, Interval Research Corporation, 1998.

    Parameters
    ----------
    bands
        How many there are.

    Returns
    -------
    (bands + 2,) array
        In hertz; band `n` begins at the nth, peaks at the next, and ends at the one after that.
    """
    hertz_per_mel = 200 / 3
    first_logarithmic = 1000 / hertz_per_mel
    log_step = np.log(6.4) / 27

    highest = first_logarithmic + np.log(SAMPLE_RATE / 2 / 1000) / log_step
    mels = np.linspace(0, highest, bands + 2)
    logarithmic = 1000 * np.exp(log_step * (mels - first_logarithmic))
    return np.where(mels < first_logarithmic, mels * hertz_per_mel, logarithmic)


def triangular_filters(edges: npt.NDArray[np.float64]) -> Spectrogram:
    """Return the filters of unit area between `mel_edges`.

    Returns
    -------
    (bands, 201) array
        Weight of each frequency (0 to 8 kHz in steps of 40 Hz) in each band.
    """
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _FREQUENCIES)
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (frequencies - lower) / (centre - lower)
    falling = (upper - frequencies) / (upper - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: Spectrogram = (triangles * 2 / (upper - lower)).astype(np.float32)
    return filters


@lru_cache
def mel_filters(n_mels: int) -> Spectrogram:
    """Return Whisper's triangular mel filters, each of unit area.

    The same as ``librosa.filters.mel(sr=16000, n_fft=400, n_mels=n_mels)``.

    Parameters
    ----------
    n_mels
        Number of mel bins, 80 or 128.

    Returns
    -------
    (n_mels, 201) array
        Weight of each frequency (0 to 8 kHz in steps of 40 Hz) in each mel bin. Read-only.

    Raises
    ------
    ValueError
        If Whisper has no models of that height.
    """
    if n_mels not in MEL_BINS:
        raise ValueError(f"Whisper's spectrograms have 80 or 128 mel bins, not {n_mels}")
    filters = triangular_filters(mel_edges(n_mels))
    filters.setflags(write=False)
    return filters


@lru_cache
def _filter_groups(n_mels: int) -> tuple[tuple[slice, slice, Spectrogram], ...]:
    """Split the filters into groups of neighbours, each with the only frequencies it looks at."""
    filters = mel_filters(n_mels)
    groups = []
    for rows in np.array_split(np.arange(n_mels), 4):
        used = np.flatnonzero(filters[rows].any(axis=0))
        mels, frequencies = slice(rows[0], rows[-1] + 1), slice(used[0], used[-1] + 1)
        groups.append((mels, frequencies, np.ascontiguousarray(filters[mels, frequencies])))
    return tuple(groups)


class LogMelStream:
    """Turns samples into log10 mel power as they arrive.

    However the samples are sliced, the frames are the same to the last bit. Neither floor nor scale
    is applied: see `normalize`.

    Parameters
    ----------
    n_mels
        Number of mel bins, 80 or 128.
    """

    def __init__(self, n_mels: int = 80) -> None:
        self.n_mels = n_mels
        self._filters = _filter_groups(n_mels)
        self._window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
        self._samples = np.empty(0, np.float32)  # not yet in any frame, or still in the next
        self._reflected = False
        self._received = 0
        self._finished = False
        self._row = 0
        self._windowed = np.empty((_BLOCK_FRAMES, N_FFT), np.float32)
        self._spectrum = np.empty((_BLOCK_FRAMES, _FREQUENCIES), np.complex64)
        # A matrix product may round a row by its place in the block, so that frame i always stands
        # in row i % _BLOCK_FRAMES, and every product has the same shape.
        self._power = np.zeros((_BLOCK_FRAMES, _FREQUENCIES), np.float32)
        self._mel = np.empty((n_mels, _BLOCK_FRAMES), np.float32)

    def push(self, samples: Samples) -> Spectrogram:
        """Take the next samples and return the frames that they complete.

        Parameters
        ----------
        samples
            Mono samples at 16 kHz, -1 to 1, any number of them.

        Returns
        -------
        (n_mels, frames) array
            Logarithm to base 10 of mel power, at least -10. Frames come 200 samples late at most.

        Raises
        ------
        ValueError
            If the samples are not one row of floating-point numbers, or the stream is finished.
        """
        return self._joined(self.blocks(samples))

    def blocks(self, samples: Samples) -> Iterator[Spectrogram]:
        """Do as `push` does, but yield views of a few frames, each valid until the next.

        For long recordings, where a copy of the frames would be one too many.
        """
        self._check_open()
        self._take(_checked(samples))
        yield from self._frames()

    def finish(self) -> Spectrogram:
        """Return the last frames, whose windows reach over the end of the recording.

        Under 201 samples in all cannot be reflected: they are padded with zeros to 201.

        Returns
        -------
        (n_mels, frames) array
            So that the whole recording has one frame for each 160 samples, rounded down.

        Raises
        ------
        ValueError
            If no samples came at all, or the stream is finished already.
        """
        self._check_open()
        if self._received == 0:
            raise ValueError("there are no samples, so there is no spectrogram")
        if not self._reflected:
            self._take(np.zeros(_HALF_WINDOW + 1 - self._received, np.float32))
        end = self._samples[-2 : -_HALF_WINDOW - 2 : -1]
        self._samples = np.concatenate([self._samples, end])
        # torch.stft makes one frame more, and Whisper drops it.
        surplus = 1
        self._finished = True
        return self._joined(self._frames(surplus))

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("this stream is finished; another recording wants another stream")

    def _take(self, samples: Spectrogram) -> None:
        self._received += len(samples)
        self._samples = np.concatenate([self._samples, samples])
        if not self._reflected and self._received > _HALF_WINDOW:
            beginning = self._samples[_HALF_WINDOW:0:-1]
            self._samples = np.concatenate([beginning, self._samples])
            self._reflected = True

    def _frames(self, surplus: int = 0) -> Iterator[Spectrogram]:
        """Yield views of at most a block of new frames each, valid until the next."""
        if not self._reflected or len(self._samples) < N_FFT:
            return
        windows = np.lib.stride_tricks.sliding_window_view(self._samples, N_FFT)[::HOP_LENGTH]
        windows = windows[: len(windows) - surplus]
        done = 0
        while done < len(windows):
            first = self._row
            last = min(first + len(windows) - done, _BLOCK_FRAMES)
            self._transform(windows[done : done + last - first], slice(first, last))
            done += last - first
            self._row = last % _BLOCK_FRAMES
            yield self._mel[:, first:last]
        self._samples = self._samples[done * HOP_LENGTH :].copy()

    def _transform(self, windows: Spectrogram, rows: slice) -> None:
        """Put the mel power of these windows' rows of the block into `_mel`, as a logarithm."""
        windowed, spectrum = self._windowed[rows], self._spectrum[rows]
        np.multiply(windows, self._window, out=windowed)
        np.fft.rfft(windowed, out=spectrum)  # type: ignore[arg-type] # its types know no float32
        parts = spectrum.view(np.float32)
        np.square(parts, out=parts)
        np.add(parts[:, ::2], parts[:, 1::2], out=self._power[rows])
        for mels, frequencies, filters in self._filters:
            np.matmul(filters, self._power[:, frequencies].T, out=self._mel[mels])
        mel = self._mel[:, rows]
        np.maximum(mel, SMALLEST_POWER, out=mel)
        np.log(mel, out=mel)
        mel *= np.float32(1 / np.log(10))

    def _joined(self, blocks: Iterator[Spectrogram]) -> Spectrogram:
        copies = [block.copy() for block in blocks]
        return np.concatenate([np.empty((self.n_mels, 0), np.float32), *copies], axis=1)


def log_mel(samples: Samples, n_mels: int = 80) -> Spectrogram:
    """Return the log-mel spectrogram of a whole recording, neither floored nor scaled.

    Parameters
    ----------
    samples
        Mono samples at 16 kHz, -1 to 1. Under 201 samples, which openai-whisper refuses, are padded
        with zeros to 201.
    n_mels
        Number of mel bins, 80 or 128.

    Returns
    -------
    (n_mels, frames) array
        Logarithm to base 10 of mel power, one frame for each 160 samples, rounded down. Beside it,
        memory stays under a few megabytes for any length.

    Raises
    ------
    ValueError
        If there are no samples, or they are not one row of floating-point numbers.
    """
    samples = _checked(samples)
    stream = LogMelStream(n_mels)
    frames = max(len(samples), _HALF_WINDOW + 1) // HOP_LENGTH
    out = np.empty((n_mels, frames), np.float32)
    filled = 0
    slice_length = 16 * _BLOCK_FRAMES * HOP_LENGTH
    for start in range(0, len(samples), slice_length):
        for block in stream.blocks(samples[start : start + slice_length]):
            out[:, filled : filled + block.shape[1]] = block
            filled += block.shape[1]
    out[:, filled:] = stream.finish()
    return out


def raised(spectrogram: Spectrogram) -> Spectrogram:
    """Raise what is so quiet that `SMALLEST_POWER` cuts into the range that Whisper looks at.

    Whisper hears nothing of such a recording; as if it had been recorded louder, it does.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) logarithms to base 10 of mel power, at least one frame.

    Returns
    -------
    (n_mels, frames) array
        The same, with its maximum at 0 if that was between `QUIET`.
    """
    loudest = spectrogram.max()
    least, most = QUIET
    return spectrogram - loudest if least < loudest < most else spectrogram


def normalize(spectrogram: Spectrogram, out: Spectrogram | None = None) -> Spectrogram:
    """Floor at 8 below the maximum, then scale to about -1 to 1, as Whisper does.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) logarithms to base 10 of mel power, at least one frame.
    out
        Where to put the result; `spectrogram` itself is allowed.

    Returns
    -------
    (n_mels, frames) array
        (x + 4) / 4 of the floored values: what Whisper's encoder takes.
    """
    if out is None:
        out = np.empty_like(spectrogram)
    floor = spectrogram.max() - np.float32(DYNAMIC_RANGE)
    height = max(1, _CACHED_VALUES // spectrogram.shape[1])
    for first in range(0, len(spectrogram), height):
        part = out[first : first + height]
        np.maximum(spectrogram[first : first + height], floor, out=part)
        part += 4
        part *= 0.25
    return out


def floor_normalized(spectrogram: Spectrogram) -> Spectrogram:
    """Apply Whisper's floor to values that `normalize` has scaled: at least maximum - 2.

    For spectrograms that come from elsewhere or from lossy pictures, before a model sees them.
    """
    floored: Spectrogram = np.maximum(
        spectrogram, spectrogram.max() - np.float32(DYNAMIC_RANGE / 4)
    )
    return floored


def log_mel_spectrogram(samples: Samples, n_mels: int = 80) -> Spectrogram:
    """Return what Whisper's encoder takes: `log_mel`, floored and scaled by `normalize`.

    Equal to ``whisper.audio.log_mel_spectrogram`` within 1e-4. Parameters, shape and errors are
    those of `log_mel`.
    """
    spectrogram = log_mel(samples, n_mels)
    return normalize(spectrogram, out=spectrogram)


def _checked(samples: Samples) -> Spectrogram:
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ValueError(f"samples must be one row (mono), not an array of shape {samples.shape}")
    if not np.issubdtype(samples.dtype, np.floating):
        raise ValueError(f"samples must be floating-point from -1 to 1, not {samples.dtype}")
    return samples.astype(np.float32, copy=False)
