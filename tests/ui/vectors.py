"""What the Python chain makes of small streams, kept in vectors/ for other languages to check.

    python -m tests.ui.vectors

writes them anew. vectors.json describes each stream by pieces that any language can put together
from whole numbers alone, and says what has to come of it; pictures lie beside it. Its
`small` is what the library means by a small picture, its `strengths` what it means by the steps of
privacy; disguised/ has the pictures of the first stream at each step, by the numbers of
`draw_in_turn`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hush.audio import read_audio
from hush.cutter import Cutter
from hush.detector import Detector, EverythingIsSpeech
from hush.disguise import STRENGTHS, Disguise, Privacy, Strength
from hush.image import SMALL, encode
from hush.mel import MEL_BINS, LogMelStream
from hush.segments import Segment, segments
from hush.voice_network import NetworkDetector
from tests.conftest import ROOT, Samples

FOLDER = Path(__file__).parent / "vectors"
SPEECH = FOLDER / "speech.pcm"
"""16-bit samples, little-endian, 16 kHz: the beginning of the bundled sample."""
SPEECH_SAMPLES = 40_000

Piece = tuple[str, int, int] | tuple[str, int, int, int]


@dataclass(frozen=True)
class Stream:
    """A sound, how it is cut, and whether its pictures are kept.

    Pieces, in 16-bit samples: `("silence", samples, 0)`, `("noise", samples, level)`,
    `("square", samples, level)` of 1 kHz, `("speech", first, after, percent)`, and
    `("noisy", first, after, level)`, which is speech and noise together.
    """

    name: str
    pieces: tuple[Piece, ...]
    pictures: bool = True
    whole: bool = False
    cutter: dict[str, float] = field(default_factory=dict)

    def samples(self) -> Samples:
        """Return the sound, -1 to 1."""
        whole = np.concatenate([_piece(*piece) for piece in self.pieces])
        return (whole / 32768).astype(np.float32)

    def detector(self, n_mels: int) -> Detector:
        """Return a new detector for this stream."""
        return EverythingIsSpeech() if self.whole else NetworkDetector(n_mels)

    def segments(self, n_mels: int, disguise: Disguise | None = None) -> list[Segment]:
        """Return what the chain makes of it."""
        cutter = Cutter(**self.cutter)
        return list(segments([self.samples()], n_mels, self.detector(n_mels), cutter, disguise))

    def decisions(self, n_mels: int) -> np.ndarray:
        """Return the voice activity of each frame."""
        spectrogram, detector = LogMelStream(n_mels), self.detector(n_mels)
        frames = [spectrogram.push(self.samples()), spectrogram.finish()]
        parts = [*(detector.push(part) for part in frames), detector.finish()]
        return np.concatenate(parts)


def _piece(kind: str, first: int, second: int, percent: int = 100) -> np.ndarray:
    match kind:
        case "silence":
            return np.zeros(first, np.int64)
        case "noise":
            return np.array([value * second // 32768 for value in _random(first)], np.int64)
        case "square":
            return np.where(np.arange(first) % 16 < 8, second, -second)
        case "speech":
            speech = np.fromfile(SPEECH, "<i2").astype(np.int64)
            return speech[first:second] * percent // 100
        case "noisy":
            noisy: np.ndarray = _piece("speech", first, second) + _piece(
                "noise", second - first, percent
            )
            return noisy
        case _:
            raise ValueError(kind)


def _random(count: int) -> Iterator[int]:
    """Yield numbers from -32768 to 32767, by the linear congruence of Numerical Recipes."""
    state = 1
    for _ in range(count):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        yield (state >> 16) - 32768


PHRASE: Piece = ("speech", 0, 40_000, 100)
HALF: Piece = ("speech", 0, 20_000, 100)
STREAMS = (
    Stream("a phrase in noise", (("noise", 6_000, 30), PHRASE, ("noise", 16_000, 30))),
    Stream(
        "two phrases, one quiet, in digital silence",
        (("silence", 8_000, 0), HALF, ("silence", 12_000, 0), ("speech", 20_000, 40_000, 10)),
    ),
    Stream("digital silence", (("silence", 16_000, 0),)),
    Stream("digital silence sent whole", (("silence", 16_000, 0),), whole=True),
    Stream("a clipped tone sent whole", (("square", 4_000, 32_767),), whole=True),
    Stream("white noise", (("noise", 48_000, 3_000),)),
    Stream(
        "speech in less and less noise",
        tuple(("noisy", 0, 40_000, level) for level in (16_000, 8_000, 5_000, 3_000, 2_000, 1_000)),
        pictures=False,
        cutter={"pause": 0.1},
    ),
    Stream(
        "speech in more and more noise",
        tuple(("noisy", 0, 40_000, level) for level in (500, 1_500, 2_500, 4_000, 6_000, 7_000)),
        pictures=False,
        cutter={"pause": 0.1},
    ),
    *(
        Stream(f"speech of {count} samples", (("speech", 9_000, 9_000 + count, 100),), whole=True)
        for count in (1, 159, 200, 201, 320, 400, 1_600)
    ),
    Stream(
        "long speech over pauses that are too short",
        (PHRASE, ("noise", 2_500, 30)) * 14,
        pictures=False,
    ),
    Stream("speech without a pause", (("speech", 4_000, 30_000, 100),) * 24, pictures=False),
    Stream(
        "phrases joined to segments of some length",
        (PHRASE, ("noise", 12_000, 30)) * 12,
        pictures=False,
        cutter={"shortest": 15},
    ),
    Stream(
        "a long pause where the segment has to end",
        (*(PHRASE, ("noise", 2_000, 30)) * 11, ("noise", 32_000, 30), PHRASE),
        pictures=False,
        cutter={"shortest": 29, "silence": 4},
    ),
    Stream(
        "other times of the cutter",
        (PHRASE, ("noise", 4_000, 30)) * 8,
        pictures=False,
        cutter={"pause": 0.2, "longest": 6, "margin": 0.05},
    ),
    Stream(
        "a phrase that is hardly there",
        (("silence", 8_000, 0), ("speech", 0, 40_000, 1), ("silence", 8_000, 0)),
    ),
)


def picture(stream: int, n_mels: int, segment: int) -> Path:
    """Return where a picture lies."""
    return FOLDER / f"{stream:02}-{n_mels}-{segment}.png"


STEPS: dict[Privacy, Strength] = {
    name: strength for name, strength in STRENGTHS.items() if strength is not None
}


def draw_in_turn() -> Callable[[], float]:
    """Return what draws the numbers of a disguise, the same ones each time."""
    numbers = _random(100_000)
    return lambda: (next(numbers) + 32768) / 65536


def disguised(privacy: Privacy, n_mels: int) -> tuple[Path, Segment]:
    """Return where the picture of a step lies, and the segment that it is of."""
    file = FOLDER / "disguised" / f"{privacy}-{n_mels}.png"
    disguise = Disguise(STEPS[privacy], draw_in_turn())
    return file, STREAMS[0].segments(n_mels, disguise)[0]


def expected(stream: Stream, n_mels: int) -> dict[str, Any]:
    """Return what vectors.json says of a stream."""
    decisions = stream.decisions(n_mels)
    changes = np.flatnonzero(np.diff(decisions.astype(np.int8), prepend=0))
    cuts = [(segment.cut.start, segment.cut.end) for segment in stream.segments(n_mels)]
    return {"frames": len(decisions), "voice_changes": changes.tolist(), "cuts": cuts}


def main() -> None:
    """Write the vectors."""
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.png"):
        file.unlink()
    sample = read_audio(ROOT / "models" / "sample.flac")[:SPEECH_SAMPLES]
    np.rint(sample * 32767).astype("<i2").tofile(SPEECH)
    described = []
    for number, stream in enumerate(STREAMS):
        results = {}
        for n_mels in MEL_BINS:
            results[str(n_mels)] = expected(stream, n_mels)
            if stream.pictures:
                for index, segment in enumerate(stream.segments(n_mels)):
                    picture(number, n_mels, index).write_bytes(encode(segment.image()))
        described.append(
            {
                "name": stream.name,
                "pieces": stream.pieces,
                "cutter": stream.cutter,
                "everything_is_speech": stream.whole,
                "pictures": stream.pictures,
                "expected": results,
            }
        )
    for privacy in STEPS:
        for n_mels in MEL_BINS:
            file, segment = disguised(privacy, n_mels)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(encode(segment.image()))
    strengths = json.dumps({name: asdict(strength) for name, strength in STEPS.items()})
    streams = ",\n".join(json.dumps(one) for one in described)
    small = json.dumps(asdict(SMALL))
    (FOLDER / "vectors.json").write_text(
        f'{{"small": {small},\n"strengths": {strengths},\n"streams": [\n{streams}\n]}}\n'
    )


if __name__ == "__main__":
    main()
