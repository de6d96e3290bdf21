"""The one chain from samples to mel images: spectrogram, voice activity, cuts, pictures.

The spectrogram is computed over the whole stream, reflected only at its two ends, and neither
floored nor scaled before the cuts are known: floor, scale, range and quantisation belong to each
segment. The web page does the same in the same order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hush.cutter import Cut, Cutter
from hush.detector import Detector, EdgeDetector, rounded
from hush.image import MelImage, quantize
from hush.mel import FRAMES_PER_SECOND, LogMelStream, Samples, Spectrogram, normalize


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of speech between two cuts.

    Attributes
    ----------
    cut
        Its place in the recording, in frames.
    log_mel
        (n_mels, frames) log10 mel power without floor or scale.
    """

    cut: Cut
    log_mel: Spectrogram

    @property
    def start(self) -> float:
        """Seconds from the beginning of the recording."""
        return self.cut.start / FRAMES_PER_SECOND

    @property
    def end(self) -> float:
        """Seconds from the beginning of the recording."""
        return self.cut.end / FRAMES_PER_SECOND

    def image(self) -> MelImage:
        """Return the picture of this segment that leaves the device."""
        return quantize(normalize(self.log_mel))


class SegmentStream:
    """Turns samples into segments as they arrive.

    Parameters
    ----------
    n_mels
        Number of mel bins, 80 or 128.
    detector
        Decides what is speech; an `EdgeDetector` if not given. It serves one stream.
    cutter
        Decides where segments end; a `Cutter` with its defaults, for live speech, if not given. It
        serves one stream.
    """

    def __init__(
        self, n_mels: int = 80, detector: Detector | None = None, cutter: Cutter | None = None
    ) -> None:
        self._spectrogram = LogMelStream(n_mels)
        self._detector = detector or EdgeDetector(n_mels)
        self._cutter = cutter or Cutter()
        self._log_mel = np.empty((n_mels, 0), np.float32)
        self._first_held = 0
        self._undecided = np.empty((n_mels, 0), np.int32)

    def push(self, samples: Samples) -> list[Segment]:
        """Take the next mono samples at 16 kHz; return the segments that ended, in order."""
        return self._advance(self._spectrogram.push(samples))

    def finish(self) -> list[Segment]:
        """Return the last segments.

        Raises
        ------
        ValueError
            If no samples came at all.
        """
        segments = self._advance(self._spectrogram.finish())
        cuts = self._cutter.push(self._detector.finish(), self._undecided) + self._cutter.finish()
        return segments + [self._segment(cut) for cut in cuts]

    def _advance(self, log_mel: Spectrogram) -> list[Segment]:
        self._log_mel = np.concatenate([self._log_mel, log_mel], axis=1)
        steps = rounded(log_mel)
        decisions = self._detector.push(steps)
        steps = np.concatenate([self._undecided, steps], axis=1)
        cuts = self._cutter.push(decisions, steps[:, : len(decisions)])
        self._undecided = steps[:, len(decisions) :]
        segments = [self._segment(cut) for cut in cuts]
        surplus = self._cutter.oldest_needed - self._first_held
        self._log_mel = self._log_mel[:, surplus:]
        self._first_held += surplus
        return segments

    def _segment(self, cut: Cut) -> Segment:
        held = self._log_mel[:, cut.start - self._first_held : cut.end - self._first_held]
        return Segment(cut, held.copy())


def segments(
    chunks: Iterable[Samples],
    n_mels: int = 80,
    detector: Detector | None = None,
    cutter: Cutter | None = None,
) -> Iterator[Segment]:
    """Yield the segments of a recording whose samples come in chunks; see `SegmentStream`."""
    stream = SegmentStream(n_mels, detector, cutter)
    for chunk in chunks:
        yield from stream.push(chunk)
    yield from stream.finish()
