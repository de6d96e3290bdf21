"""A spectrogram in as many columns as can be seen, however long the recording is."""

import numpy as np

from hush.mel import Spectrogram

COLUMNS = 16_384
"""Columns at most: twice as many as there are dots in the widest drawing."""


class Canvas:
    """Takes the frames of a spectrogram, and keeps the loudest of those that share a column.

    Parameters
    ----------
    n_mels
        Number of mel bins.

    Attributes
    ----------
    frames
        How many frames it reaches.
    """

    def __init__(self, n_mels: int) -> None:
        self._columns = np.full((n_mels, COLUMNS), -np.inf, np.float32)
        self._each = 1
        self.frames = 0

    def reach(self, frames: int) -> None:
        """Make room for so many frames."""
        while frames > COLUMNS * self._each:
            pairs = self._columns.reshape(len(self._columns), -1, 2).max(axis=2)
            self._columns[:, : COLUMNS // 2] = pairs
            self._columns[:, COLUMNS // 2 :] = -np.inf
            self._each *= 2
        self.frames = max(self.frames, frames)

    def put(self, start: int, spectrogram: Spectrogram) -> None:
        """Put frames in their place.

        Parameters
        ----------
        start
            Place of the first, in frames.
        spectrogram
            (n_mels, frames) values.
        """
        length = spectrogram.shape[1]
        if not length:
            return
        self.reach(start + length)
        columns = np.arange(start, start + length) // self._each
        first = int(columns[0])
        edges = np.flatnonzero(np.diff(columns, prepend=first - 1))
        pooled = np.maximum.reduceat(spectrogram, edges, axis=1)
        place = self._columns[:, first : first + pooled.shape[1]]
        np.maximum(place, pooled, out=place)

    def spectrogram(self) -> Spectrogram:
        """Return (n_mels, columns) values; where nothing was put, the lowest of all."""
        used = self._columns[:, : max(1, -(-self.frames // self._each))].copy()
        heard = np.isfinite(used)
        used[~heard] = used[heard].min() if heard.any() else 0
        return used
