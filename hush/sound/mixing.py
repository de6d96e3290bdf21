"""Several channels as one, so that nobody is lost."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from av.audio.layout import AudioLayout

Planes = npt.NDArray[np.float32]
"""(channels, n) samples."""

FAR_LESS = 1 / 8
"""Where the mix has less of the loudest channel's energy, 9 dB, that channel is heard instead."""
CLOSE = 1 / 2
"""A channel that was heard is kept while it has so much of the loudest one's energy."""

_BLOCKS_A_SECOND = 2
_FADES_A_SECOND = 100
_WEIGHTS = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "LFE": 0.0, "LFE2": 0.0}
_WEIGHT_BEHIND = 0.5


def weights_of(layout: AudioLayout) -> npt.NDArray[np.float32]:
    """Return how much of each channel the mix has.

    Of surround sound, as ITU-R BS.775 says. Elsewhere all channels count alike: a file that only
    says how many it has may have a person on each.
    """
    names = [channel.name for channel in layout.channels]
    if len(names) > 2 and {"FC", "FL", "FR"} <= set(names):
        weights = np.array([_WEIGHTS.get(name, _WEIGHT_BEHIND) for name in names], np.float32)
    else:
        weights = np.ones(layout.nb_channels, np.float32)
    mixed: npt.NDArray[np.float32] = weights / weights.sum()
    return mixed


class Mixer:
    """Mixes channels, half a second at a time; the page does the same.

    Where channels cancel each other, or nearly all are silent, the loudest one is heard alone.

    Parameters
    ----------
    rate
        Samples a second.
    weights
        How much of each channel the mix has; see `weights_of`.
    """

    def __init__(self, rate: int, weights: npt.NDArray[np.float32]) -> None:
        self._rate = rate
        self._block = max(1, rate // _BLOCKS_A_SECOND)
        self._fade = max(1, rate // _FADES_A_SECOND)
        self._mix = weights
        self._now: npt.NDArray[np.float32] | None = None
        self._waiting: list[Planes] = []
        self._length = 0

    def push(self, planes: Planes) -> Iterator[tuple[Planes, int]]:
        """Take the next samples of all channels; yield one row of what is mixed, and its rate."""
        if len(planes) == 1:
            yield planes, self._rate
            return
        self._waiting.append(planes)
        self._length += planes.shape[1]
        if self._length < self._block:
            return
        held = np.concatenate(self._waiting, axis=1)
        whole = self._length - self._length % self._block
        for start in range(0, whole, self._block):
            yield self._mixed(held[:, start : start + self._block])[None], self._rate
        self._waiting, self._length = [held[:, whole:]], self._length - whole

    def finish(self) -> Iterator[tuple[Planes, int]]:
        """Yield the last samples, if there are any left."""
        if self._length:
            yield self._mixed(np.concatenate(self._waiting, axis=1))[None], self._rate
        self._waiting, self._length = [], 0

    def _mixed(self, planes: Planes) -> npt.NDArray[np.float32]:
        wanted = self._wanted(planes)
        mono = wanted @ planes
        if self._now is not None and self._now is not wanted:
            fade = min(self._fade, len(mono))
            share = np.linspace(0, 1, fade, dtype=np.float32)
            mono[:fade] = share * mono[:fade] + (1 - share) * (self._now @ planes[:, :fade])
        self._now = wanted
        return mono

    def _wanted(self, planes: Planes) -> npt.NDArray[np.float32]:
        """Return the weights of a block."""
        energies = _energy(planes)
        loudest = int(np.argmax(energies))
        if not energies[loudest]:
            return self._mix if self._now is None else self._now
        if _energy(self._mix @ planes) >= FAR_LESS * energies[loudest]:
            return self._mix
        now = self._mix if self._now is None else self._now
        if now is not self._mix and energies[int(np.argmax(now))] >= CLOSE * energies[loudest]:
            return now
        alone = np.zeros_like(self._mix)
        alone[loudest] = 1
        return alone


def _energy(samples: Planes) -> npt.NDArray[np.float64]:
    """Return the energy of samples along their last axis, as speech counts: less of low tones."""
    steps = np.diff(samples, axis=-1).astype(np.float64)
    energy: npt.NDArray[np.float64] = np.sum(steps * steps, axis=-1)
    return energy
