"""How well the detector finds speech, on the labelled recordings of the TEN-VAD test set.

    python -m bench.vad [FOLDER]

prints macro means over the recordings of a folder on a grid of 10 ms. The recordings, WAV files
with their labels beside them, are `testset/` of github.com/TEN-framework/ten-vad; the figures in
docs/segments.md are of its 15 with odd numbers, on which the detector's thresholds were chosen.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hush import detector, mel
from hush.audio import read_audio
from hush.detector import Decisions

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "ten-vad"

ELSEWHERE = """\

Measured at another time (November 2026), on all 30 recordings of the set:
Silero VAD 6.2.3, best threshold         0.926     0.956  0.939  0.222    286
TEN VAD 1.0.6, best threshold            0.922     0.939  0.927  0.244    207
WebRTC VAD, mode 2                       0.853     0.941  0.891  0.504   9111
mel-spec, Sobel edges (its own figures)  0.875     0.879  0.857  0.395    820"""


@dataclass(frozen=True)
class Figures:
    """Macro means over recordings."""

    precision: float
    recall: float
    f1: float
    false_positive_rate: float
    speed: float


def labelled(folder: Path) -> Iterator[tuple[np.ndarray, Decisions]]:
    """Yield samples and labels, one each 10 ms, of each recording."""
    for file in sorted(folder.glob("*.wav")):
        samples = read_audio(file)
        labels = np.zeros(len(samples) // mel.HOP_LENGTH, bool)
        fields = file.with_suffix(".scv").read_text().strip().split(",")[1:]
        for start, end, label in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
            if float(label):
                labels[round(float(start) * 100) : round(float(end) * 100)] = True
        yield samples, labels


def evaluate(folder: Path, n_mels: int = 80) -> Figures:
    """Return the figures of `EdgeDetector` on a folder of labelled recordings."""
    rows = []
    seconds, spent = 0.0, 0.0
    for samples, labels in labelled(folder):
        steps = detector.rounded(mel.log_mel(samples, n_mels))
        started = time.perf_counter()
        edges = detector.EdgeDetector(n_mels)
        decisions = np.concatenate([edges.push(steps), edges.finish()])
        spent += time.perf_counter() - started
        seconds += len(samples) / mel.SAMPLE_RATE
        hits = float((decisions & labels).sum())
        precision, recall = hits / max(1, decisions.sum()), hits / max(1, labels.sum())
        rows.append(
            (
                precision,
                recall,
                2 * precision * recall / max(1e-9, precision + recall),
                float((decisions & ~labels).sum() / max(1, (~labels).sum())),
            )
        )
    precision, recall, f1, false_positive_rate = np.mean(rows, axis=0).tolist()
    return Figures(precision, recall, f1, false_positive_rate, seconds / spent)


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    if not folder.is_dir():
        print(f"nothing measured: the labelled recordings are not at {folder}; name their folder")
        return
    print(f"{'':40} precision recall F1     false+ x real time")
    for n_mels in mel.MEL_BINS:
        figures = evaluate(folder, n_mels)
        name = f"hush, edges, {n_mels} mel bins"
        print(
            f"{name:40} {figures.precision:.3f}     {figures.recall:.3f}  {figures.f1:.3f}"
            f"  {figures.false_positive_rate:.3f}  {figures.speed:5.0f}"
        )
    print(ELSEWHERE)


if __name__ == "__main__":
    main()
