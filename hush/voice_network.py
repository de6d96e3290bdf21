"""Where speech is, decided by a small network that looks at the spectrogram alone.

The network was taught by `models/voice_activity.py`; what it has learnt is in voice_network.json,
8 bits a weight, read by the web page too. It looks at steps of 20 ms and at nothing after the next
80 ms. Its layers, all causal:

- The spectrogram of a step, 80 mel bins, once against the loudest step of the last 3 s, once
  against each bin's own minimum of the last 2 s: neither says how loud the recording is.
- Three convolutions over 5, 3 and 3 bins (the last two over 3 steps too), each of which halves the
  number of bins: harmonics and formants, wherever they are.
- One layer over all that is left of the bins, and five over time, with gaps of 1, 2, 4, 8 and 16
  steps between what each sees, added to what they see (S. Bai et al., "An Empirical Evaluation of
  Generic Convolutional and Recurrent Networks for Sequence Modeling", 2018).
"""

import base64
import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from hush.detector import Decisions
from hush.mel import MEL_BINS, Spectrogram

_FILE = json.loads(files("hush").joinpath("voice_network.json").read_text())

FRAMES_PER_STEP = 2
"""Frames of 10 ms in a step of the network."""
LOOK_AHEAD = 4
"""Steps that the network hears before it decides about one."""
THRESHOLD: float = _FILE["threshold"]
"""Probability from which a step is speech."""

_BINS = 80
_LOWEST = np.float32(-10)
_LOUDEST_OF = 150
_MINIMUM_OF = 100
_SEEN = 5
"""Steps that a layer over time looks at."""

Values = npt.NDArray[np.float32]


class VoiceNetwork:
    """Says for each step of 20 ms of a stream how probable speech is.

    Parameters
    ----------
    n_mels
        Number of mel bins, 80 or 128.

    Raises
    ------
    ValueError
        If Whisper has no models of that height.
    """

    def __init__(self, n_mels: int = 80) -> None:
        self._layers = _learnt()
        self._resampling = _resampling(n_mels)
        self._odd = np.empty((n_mels, 0), np.float32)
        self._newest = np.zeros((n_mels, 1), np.float32)
        self._early = LOOK_AHEAD
        self._before: Values | None = None
        self._loudest = _History(_LOUDEST_OF - 1, -np.inf)
        self._lowest = _History(_MINIMUM_OF - 1, np.inf)
        self._seen = [_History(2), _History(2)]
        self._remembered = [
            _History((_SEEN - 1) << number) for number in range(len(self._layers["time"]))
        ]
        self._finished = False

    def push(self, log_mel: Spectrogram) -> Values:
        """Take the next frames.

        Parameters
        ----------
        log_mel
            (n_mels, frames) log10 mel power without floor or scale.

        Returns
        -------
        (steps,) array
            Probabilities, 0 to 1, of the steps that are now certain: 5 steps late at most.

        Raises
        ------
        ValueError
            If the stream is finished.
        """
        if self._finished:
            raise ValueError("this detector has finished its stream; another wants another one")
        frames = np.concatenate([self._odd, np.maximum(log_mel, _LOWEST)], axis=1)
        whole = frames.shape[1] - frames.shape[1] % FRAMES_PER_STEP
        self._odd = frames[:, whole:]
        if frames.shape[1]:
            self._newest = frames[:, -1:]
        if not whole:
            return np.empty(0, np.float32)
        steps = (frames[:, :whole:2] + frames[:, 1:whole:2]) / 2
        probabilities = self._probabilities((self._resampling @ steps).T)
        early = min(self._early, len(probabilities))
        self._early -= early
        return probabilities[early:]

    def finish(self) -> Values:
        """Return the probabilities of the last steps, as if the last frame went on.

        An odd frame at the end counts as a step.
        """
        odd = self._odd.shape[1]
        probabilities = self.push(
            np.repeat(self._newest, odd + FRAMES_PER_STEP * LOOK_AHEAD, axis=1)
        )
        self._finished = True
        return probabilities

    def _probabilities(self, steps: Values) -> Values:
        """Go through all layers with (steps, bins)."""
        layers = self._layers
        x = self._relative(steps)
        x = _rectified(
            _windows(np.pad(x, ((0, 0), (2, 2), (0, 0))), 5) @ layers["bins"] + layers["bins bias"]
        )
        for number, history in enumerate(self._seen, start=1):
            x = self._over_both(x, history, f"both {number}")
        x = _rectified(x.reshape(len(x), -1) @ layers["all bins"] + layers["all bins bias"])
        for number, history in enumerate(self._remembered):
            gap = 2**number
            past = history.extended(x)
            mixed = sum(
                past[place * gap : place * gap + len(x)] * layers["time"][number, place]
                for place in range(_SEEN)
            )
            x = _rectified(x + mixed @ layers["mixed"][number] + layers["mixed bias"][number])
        logits = x @ layers["speech"] + layers["speech bias"]
        return np.asarray(1 / (1 + np.exp(-logits[:, 0])), np.float32)

    def _relative(self, steps: Values) -> Values:
        """Return (steps, bins, 2): above the loudest step, and above each bin's minimum."""
        level = steps.mean(axis=1, keepdims=True)
        loudest = _sliding(np.maximum, self._loudest.extended(level), _LOUDEST_OF)
        before = steps[:1] if self._before is None else self._before
        smooth = (steps + np.concatenate([before, steps[:-1]])) / 2
        self._before = steps[-1:]
        lowest = _sliding(np.minimum, self._lowest.extended(smooth), _MINIMUM_OF)
        return np.stack(
            [np.clip(steps - loudest, -3, 3) / 2, np.clip(steps - lowest, 0, 4) / 2 - 0.5], axis=-1
        ).astype(np.float32, copy=False)

    def _over_both(self, x: Values, history: "_History", layer: str) -> Values:
        """Convolve (steps, bins, channels) over 3 bins and 3 steps, every second bin."""
        layers = self._layers
        padded = np.pad(history.extended(x), ((0, 0), (1, 1), (0, 0)))
        kernel = layers[layer]
        bins = x.shape[1] // 2
        near = sum(
            padded[step : step + len(x), place : place + 2 * bins : 2] * kernel[step, place]
            for step in range(3)
            for place in range(3)
        )
        near = near + layers[f"{layer} bias"]
        return _rectified(near @ layers[f"{layer} mixed"] + layers[f"{layer} mixed bias"])


class NetworkDetector:
    """Decides by a `VoiceNetwork`; see `hush.detector.Detector`. Decisions come 11 frames late.

    Parameters
    ----------
    n_mels
        Number of mel bins, 80 or 128.
    threshold
        Probability from which a step is speech; `THRESHOLD` if None.
    """

    def __init__(self, n_mels: int = 80, threshold: float | None = None) -> None:
        self._network = VoiceNetwork(n_mels)
        self._threshold = THRESHOLD if threshold is None else threshold
        self._undecided = 0

    def push(self, log_mel: Spectrogram) -> Decisions:
        """Take the next (n_mels, frames) log10 mel power; return the decisions now certain."""
        decisions = self._decided(self._network.push(log_mel))
        self._undecided += log_mel.shape[1] - len(decisions)
        return decisions

    def finish(self) -> Decisions:
        """Return the decisions of the frames that are still without one."""
        return self._decided(self._network.finish())[: self._undecided]

    def _decided(self, probabilities: Values) -> Decisions:
        decisions: Decisions = np.repeat(probabilities >= self._threshold, FRAMES_PER_STEP)
        return decisions


class _History:
    """The last values of a stream, and before it began a constant.

    Parameters
    ----------
    length
        How many steps are kept.
    before
        What stands for steps before the first.
    """

    def __init__(self, length: int, before: float = 0) -> None:
        self._length = length
        self._before = np.float32(before)
        self._kept: Values | None = None

    def extended(self, values: Values) -> Values:
        """Return what is kept and the next (steps, ...) values behind it; keep the last."""
        if self._kept is None:
            self._kept = np.full((self._length, *values.shape[1:]), self._before, np.float32)
        both = np.concatenate([self._kept, values])
        self._kept = both[len(values) :]
        return both


def _sliding(extreme: np.ufunc, values: Values, length: int) -> Values:
    """Return the maximum or minimum of each `length` neighbouring rows."""
    span = 1
    while span < length:
        step = min(span, length - span)
        values = extreme(values[step:], values[:-step])
        span += step
    return values


def _windows(values: Values, length: int) -> Values:
    """Return each second window over the bins of (steps, bins, channels), as rows."""
    windows = np.lib.stride_tricks.sliding_window_view(values, length, axis=1)[:, ::2]
    return windows.reshape(*windows.shape[:2], -1)


def _rectified(values: Values) -> Values:
    return np.maximum(values, 0, out=values)


@lru_cache
def _learnt() -> dict[str, Values]:
    """Return weights and biases by the names of their layers."""
    return {name: _dequantized(**layer) for name, layer in _FILE["layers"].items()}


def _dequantized(
    shape: Sequence[int], values: str | list[float], scale: Sequence[float] = ()
) -> Values:
    """Return 8-bit weights times the scales of their last axis, or biases as they are."""
    if not isinstance(values, str):
        return np.array(values, np.float32).reshape(shape)
    whole = np.frombuffer(base64.b64decode(values), np.int8).reshape(shape)
    return whole.astype(np.float32) * np.asarray(scale, np.float32)


@lru_cache
def _resampling(n_mels: int) -> Values:
    """Return the (80, n_mels) matrix that makes 80 bins of 128, by triangles; 80 stay as they are.

    The centres of both are evenly spaced in mel.
    """
    if n_mels not in MEL_BINS:
        raise ValueError(f"Whisper's spectrograms have 80 or 128 mel bins, not {n_mels}")
    ratio = (n_mels + 1) / (_BINS + 1)
    centres = np.arange(1, _BINS + 1) * ratio - 1
    distances = np.abs(np.arange(n_mels) - centres[:, None]) / ratio
    weights = np.maximum(0, 1 - distances)
    scaled: Values = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled
