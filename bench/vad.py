"""How well speech is found: hush in the picture, its peers in the sound.

    python -m bench.vad
    python -m bench.vad --peers --plot docs/vad.svg --hardships

Prints macro means over labelled recordings on a grid of 10 ms, the area under the receiver's curve
over all frames, each recording, and seconds of sound a second on one thread, spectrogram not
counted.
`--peers` runs Silero, TEN and WebRTC from their packages beside it (`models.vad_peers`), `--plot`
draws precision against recall, `--hardships` repeats it in noise, at levels, through a telephone,
and counts speech that is found where there is none.

The recordings, WAV files with their labels beside them, are `testset/` of
github.com/TEN-framework/ten-vad. hush learnt from none of them; its threshold and what it learns
from were chosen with them in sight. "Folds" has the threshold chosen on the other recordings.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt
from scipy.stats import rankdata

from hush import mel
from hush.audio import read_audio
from hush.detector import Decisions, EdgeDetector
from hush.mel import HOP_LENGTH, SAMPLE_RATE, Samples, Spectrogram
from hush.voice_network import FRAMES_PER_STEP, THRESHOLD, VoiceNetwork
from models import nothing_said, vad_peers
from models.nothing_said import FOLDER as SPEECH
from models.nothing_said import surroundings
from models.tables import table

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "ten-vad"
THRESHOLDS = np.arange(0.05, 0.96, 0.01)

Probabilities = npt.NDArray[np.floating]


class Labelled(NamedTuple):
    """A recording, and where somebody speaks in each 10 ms of it."""

    name: str
    samples: Samples
    labels: Decisions


class Figures(NamedTuple):
    """Of one recording, or macro means over several."""

    precision: float
    recall: float
    f1: float
    false_positive_rate: float


@dataclass(frozen=True)
class Listener:
    """Something that says how probable speech is.

    Attributes
    ----------
    name
        What it is.
    hear
        Takes samples, returns the probability of each 10 ms and the seconds that it took.
    threshold
        Probability from which it takes something for speech by default.
    """

    name: str
    hear: Callable[[Samples], tuple[Probabilities, float]]
    threshold: float = 0.5


def labelled(folder: Path = FOLDER) -> Iterator[Labelled]:
    """Yield the recordings of a folder."""
    for file in sorted(folder.glob("*.wav")):
        samples = read_audio(file)
        labels = np.zeros(len(samples) // HOP_LENGTH, bool)
        fields = file.with_suffix(".scv").read_text().strip().split(",")[1:]
        for start, end, label in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
            if float(label):
                labels[round(float(start) * 100) : round(float(end) * 100)] = True
        yield Labelled(file.stem, samples, labels)


def network(n_mels: int = 80) -> Listener:
    """Return hush's network."""

    def probabilities(log_mel: Spectrogram) -> Probabilities:
        voice = VoiceNetwork(n_mels)
        steps = np.concatenate([voice.push(log_mel), voice.finish()])
        return np.repeat(steps, FRAMES_PER_STEP)[: log_mel.shape[1]]

    return Listener(f"hush, {n_mels} mel bins", _seen(probabilities, n_mels), THRESHOLD)


def edges(n_mels: int = 80) -> Listener:
    """Return hush's older detector, which says 0 or 1."""

    def decisions(log_mel: Spectrogram) -> Probabilities:
        detector = EdgeDetector(n_mels)
        return np.concatenate([detector.push(log_mel), detector.finish()]).astype(np.float32)

    return Listener(f"hush --vad edges, {n_mels} mel bins", _seen(decisions, n_mels))


def _seen(
    decide: Callable[[Spectrogram], Probabilities], n_mels: int
) -> Callable[[Samples], tuple[Probabilities, float]]:
    def hear(samples: Samples) -> tuple[Probabilities, float]:
        spectrogram = mel.log_mel(samples, n_mels)
        started = time.perf_counter()
        probabilities = decide(spectrogram)
        return probabilities, time.perf_counter() - started

    return hear


def _heard(peer: vad_peers.Peer) -> Callable[[Samples], tuple[Probabilities, float]]:
    def hear(samples: Samples) -> tuple[Probabilities, float]:
        started = time.perf_counter()
        probabilities = peer(samples)
        return probabilities, time.perf_counter() - started

    return hear


def peers() -> Iterator[Listener]:
    """Yield the peers that run on this machine."""
    for name, peer in vad_peers.PEERS.items():
        try:
            peer(np.zeros(SAMPLE_RATE, np.float32))
        except (OSError, ImportError) as error:
            print(f"{name} does not run here: {error}", file=sys.stderr)
        else:
            yield Listener(name, _heard(peer))


def figures(probabilities: Probabilities, labels: Decisions, threshold: float) -> Figures:
    """Compare decisions with labels."""
    speech = probabilities[: len(labels)] >= threshold
    hits = float((speech & labels).sum())
    precision, recall = hits / max(1, speech.sum()), hits / max(1, labels.sum())
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return Figures(precision, recall, f1, float((speech & ~labels).sum() / max(1, (~labels).sum())))


def means(heard: Sequence[Probabilities], said: Sequence[Labelled], threshold: float) -> Figures:
    """Return macro means."""
    each = [
        figures(one, labels, threshold) for one, (_, _, labels) in zip(heard, said, strict=True)
    ]
    return Figures(*np.mean(each, axis=0).tolist())


def area(heard: Sequence[Probabilities], said: Sequence[Labelled]) -> float:
    """Return the area under the receiver's curve over all frames (Mann and Whitney's U)."""
    labels = np.concatenate([each.labels for each in said])
    pairs = zip(heard, said, strict=True)
    ranks = rankdata(np.concatenate([one[: len(each.labels)] for one, each in pairs]))
    speech, rest = int(labels.sum()), int((~labels).sum())
    return float((ranks[labels].sum() - speech * (speech + 1) / 2) / (speech * rest))


def evaluate(folder: Path, listener: Listener) -> Figures:
    """Return the macro means of one listener at its default."""
    said = list(labelled(folder))
    return means([listener.hear(each.samples)[0] for each in said], said, listener.threshold)


def compare(listeners: Sequence[Listener], said: Sequence[Labelled], plot: Path | None) -> None:
    """Print the tables of the labelled recordings."""
    lines, by_recording, curves = [], [], {}
    for listener in listeners:
        heard, spent = zip(*(listener.hear(each.samples) for each in said), strict=True)
        seconds = sum(len(each.samples) for each in said) / SAMPLE_RATE
        curve = [means(heard, said, threshold) for threshold in THRESHOLDS]
        curves[listener.name] = curve
        best = int(np.argmax([each.f1 for each in curve]))
        default = means(heard, said, listener.threshold)
        own = [
            figures(one, each.labels, listener.threshold)
            for one, each in zip(heard, said, strict=True)
        ]
        by_recording.append([f"{each.f1:.3f}" for each in own])
        lines.append(
            (
                listener.name,
                *(f"{value:.3f}" for value in default),
                f"{_fold(heard, said):.3f}",
                f"{curve[best].f1:.3f} at {THRESHOLDS[best]:.2f}",
                f"{area(heard, said):.3f}",
                f"{seconds / sum(spent):.0f}",
            )
        )
    heads = ("", "precision", "recall", "F1", "false +", "F1, folds", "best F1", "area", "x time")
    table(f"{len(said)} recordings, {sum(len(e.labels) for e in said) / 100:.0f} s", heads, lines)
    names = [listener.name for listener in listeners]
    columns = zip(*by_recording, strict=True)
    rows = [(each.name, *column) for each, column in zip(said, columns, strict=True)]
    table("F1 of each recording, at the default", ("", *names), rows)
    if plot:
        _plot(curves, listeners, plot)


def _fold(heard: Sequence[Probabilities], said: Sequence[Labelled]) -> float:
    """Return F1 with the threshold of each recording chosen on the others."""
    by_threshold = np.array(
        [
            [figures(one, each.labels, threshold).f1 for threshold in THRESHOLDS]
            for one, each in zip(heard, said, strict=True)
        ]
    )
    others = by_threshold.sum(axis=0) - by_threshold
    return float(np.take_along_axis(by_threshold, others.argmax(axis=1)[:, None], axis=1).mean())


def _plot(curves: dict[str, list[Figures]], listeners: Sequence[Listener], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    for listener in listeners:
        curve = curves[listener.name]
        [line] = axes.plot([e.recall for e in curve], [e.precision for e in curve])
        default = curve[int(np.abs(THRESHOLDS - listener.threshold).argmin())]
        axes.plot(
            default.recall, default.precision, "o", color=line.get_color(), label=listener.name
        )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0.8, 1), ylim=(0.8, 1))
    axes.set_title("Voice activity: each at all thresholds, the dot at its default")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(file, metadata={"Date": None})


def hardships(listeners: Sequence[Listener], said: Sequence[Labelled]) -> None:
    """Print what noise, level and line do to F1, and how much speech is found in none."""
    rooms = surroundings(SPEECH)
    generator = np.random.default_rng(3)
    changes: dict[str, Callable[[Samples], Samples]] = {"as recorded": lambda samples: samples}
    for decibels in (20, 10, 5, 0, -5):
        changes[f"in noise, {decibels} dB"] = _noisy(decibels, rooms, generator)
    for level in (0, -40, -60, -80):
        changes[f"at {level} dBFS, 32 bits"] = _levelled(level)
    changes["through a telephone"] = _telephone
    lines = []
    for name, change in changes.items():
        changed = [each._replace(samples=change(each.samples)) for each in said]
        cells = []
        for listener in listeners:
            heard = [listener.hear(each.samples)[0] for each in changed]
            made = means(heard, changed, listener.threshold)
            cells.append(f"{made.f1:.3f}, {made.false_positive_rate:.2f}")
        lines.append((name, *cells))
    heads = ("", *(listener.name for listener in listeners))
    table("F1 and false positive rate, at the default", heads, lines)
    lines = []
    for kind, clips in _nothing().items():
        cells = []
        for listener in listeners:
            speech = np.concatenate([listener.hear(clip)[0] for clip in clips])
            cells.append(f"{100 * float((speech >= listener.threshold).mean()):.1f}")
        seconds = sum(map(len, clips)) / SAMPLE_RATE
        lines.append((f"{kind}, {seconds:.0f} s", *cells))
    table("Found where nobody speaks, in % of the time", heads, lines)


@cache
def _nothing() -> dict[str, list[Samples]]:
    kinds: dict[str, list[Samples]] = {"silence": [np.zeros(10 * SAMPLE_RATE, np.float32)]}
    for kind, clip in nothing_said.clips(SPEECH):
        kinds.setdefault(kind, []).append(clip)
    return kinds


def _noisy(
    decibels: float, rooms: Samples, generator: np.random.Generator
) -> Callable[[Samples], Samples]:
    def change(samples: Samples) -> Samples:
        first = int(generator.integers(0, len(rooms) - len(samples)))
        noise = rooms[first : first + len(samples)]
        ratio = np.sqrt(np.square(samples).mean() / np.square(noise).mean())
        return np.asarray(samples + noise * ratio * 10 ** (-decibels / 20), np.float32)

    return change


def _levelled(decibels: float) -> Callable[[Samples], Samples]:
    def change(samples: Samples) -> Samples:
        return np.asarray(samples / np.abs(samples).max() * 10 ** (decibels / 20), np.float32)

    return change


def _telephone(samples: Samples) -> Samples:
    band = butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(band, samples), np.float32)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--peers", action="store_true", help="run Silero, TEN and WebRTC too")
    parser.add_argument("--plot", type=Path, help="draw precision against recall there")
    parser.add_argument("--hardships", action="store_true", help="in noise, at levels, and so on")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        print(f"nothing measured: no labelled recordings at {arguments.folder}; name their folder")
        return
    listeners = [network(80), network(128), edges(80), edges(128)]
    if arguments.peers:
        listeners += peers()
    said = list(labelled(arguments.folder))
    compare(listeners, said, arguments.plot)
    if arguments.hardships:
        hardships(listeners, said)


if __name__ == "__main__":
    main()
