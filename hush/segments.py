"""The one chain from samples to mel images: spectrogram, voice activity, cuts, pictures.

The spectrogram is computed over the whole stream, reflected only at its two ends, and neither
floored nor scaled before the cuts are known: floor, scale, range and quantisation belong to each
segment. The web page does the same in the same order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hush.cutter import Cut, Cutter
from hush.detector import Detector, EdgeDetector, EverythingIsSpeech, rounded
from hush.disguise import Disguise
from hush.image import MelImage, quantize
from hush.mel import FRAMES_PER_SECOND, LogMelStream, Samples, Spectrogram, normalize, raised
from hush.voice_network import NetworkDetector

DetectorName = Literal["network", "edges", "off"]


@dataclass(frozen=True)
class VoiceActivity:
    """What decides where speech is.

    Attributes
    ----------
    by
        "network", a `NetworkDetector`; "edges", an `EdgeDetector`; "off", where all of a recording
        is to be sent.
    threshold
        Probability from which the network takes something for speech; its own if None. Lower, it
        misses less; higher, it takes less for speech that is none.

    Raises
    ------
    ValueError
        If the threshold is no probability, or there is no network for it.
    """

    by: DetectorName = "network"
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None and (self.by != "network" or not 0 < self.threshold < 1):
            raise ValueError("a threshold is over 0 and under 1, and only the network has one")

    def detector(self, n_mels: int) -> Detector:
        """Return a new detector, for one stream."""
        match self.by:
            case "network":
                return NetworkDetector(n_mels, self.threshold)
            case "edges":
                return EdgeDetector(n_mels)
            case "off":
                return EverythingIsSpeech()


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of speech between two cuts.

    Attributes
    ----------
    cut
        Its place in the recording, in frames.
    log_mel
        (n_mels, frames) log10 mel power without floor or scale.
    disguise
        That its picture wears; None for none.
    """

    cut: Cut
    log_mel: Spectrogram
    disguise: Disguise | None = None

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
        shown = self.log_mel
        if self.disguise is not None:
            shown = self.disguise.of(shown, self.cut.start)
        return quantize(normalize(raised(shown)))


class SegmentStream:
    """Turns samples into segments as they arrive.

    Parameters
    ----------
    n_mels
        Number of mel bins, 80 or 128.
    detector
        Decides what is speech: the network if nothing is given. A `Detector` serves one stream.
    cutter
        Decides where segments end; a `Cutter` with its defaults, for live speech, if not given. It
        serves one stream.
    disguise
        That the pictures wear, on which neither voice activity nor cuts depend.
    """

    def __init__(
        self,
        n_mels: int = 80,
        detector: Detector | VoiceActivity | None = None,
        cutter: Cutter | None = None,
        disguise: Disguise | None = None,
    ) -> None:
        self._spectrogram = LogMelStream(n_mels)
        chosen = detector or VoiceActivity()
        self._detector: Detector = (
            chosen.detector(n_mels) if isinstance(chosen, VoiceActivity) else chosen
        )
        self._cutter = cutter or Cutter()
        self._disguise = disguise
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
        decisions = self._detector.push(log_mel)
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
        return Segment(cut, held.copy(), self._disguise)


def segments(
    chunks: Iterable[Samples],
    n_mels: int = 80,
    detector: Detector | VoiceActivity | None = None,
    cutter: Cutter | None = None,
    disguise: Disguise | None = None,
) -> Iterator[Segment]:
    """Yield the segments of a recording whose samples come in chunks; see `SegmentStream`."""
    stream = SegmentStream(n_mels, detector, cutter, disguise)
    for chunk in chunks:
        yield from stream.push(chunk)
    yield from stream.finish()
