"""What a picture costs in words and saves in bytes, beside audio codecs, on people's recordings.

    python -m bench.payload --plot docs/payload.svg
    python -m bench.payload --kinds clean --ways "WebP, quality 75" "Opus, 12 kbit/s"

English recordings go through each way of sending them, as they are and with the noise of real
surroundings 10 dB below, and are heard by base and tiny.en with the default engine. Prints Markdown
tables: bytes a second, word error rate, its increase over the float32 spectrogram with a paired
bootstrap interval of 95 % (recordings are drawn), and the processor's time to make and to read what
is sent. Then it chooses the smallest picture that costs no words worth mention on one half of the
recordings, and says what that picture does on the other half.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from bench.hearing import Heard, Listener, Memory, hear_all, heard_in
from bench.recordings import UNSURE, Score, Utterance, in_noise, utterances
from bench.sending import AUDIO, FLOAT32, Way, ways
from hush import image, mel
from models.nothing_said import FOLDER, surroundings
from models.tables import table

NOISE = 10.0  # dB below the speech
KINDS = {"clean": "Clean", "noise": f"Noise of surroundings, {NOISE:.0f} dB below the speech"}
MEAN, UPPER = 0.2, 1.0
"""Points that `small` may cost on clean speech: in the mean, and at the interval's upper end."""


@lru_cache
def recordings(folder: Path, few: int) -> Sequence[Utterance]:
    """Return the clean English recordings of a data set, every so manyth."""
    english = [each for each in utterances(folder) if each.language == "en"]
    noisy = {*UNSURE, "voicebank-demand-noisy"}
    return [each for each in english if each.source not in noisy and each.seconds <= 30][::few]


def hear(way: Way, kind: str, listener: Listener, folder: Path, few: int) -> tuple[str, Heard]:
    """Send all recordings one way, and hear them."""
    said = recordings(folder, few)
    samples = [each.samples for each in said]
    if kind == "noise":
        noise = surroundings(folder)
        samples = [in_noise(one, noise, NOISE, seed) for seed, one in enumerate(samples)]
    started = time.process_time()
    sent = [way.send(one, 80) for one in samples]
    spent = time.process_time() - started
    seconds = sum(map(len, samples)) / mel.SAMPLE_RATE
    answers = listener.hear([spectrogram for spectrogram, _ in sent], ["en"] * len(sent))
    size = sum(size for _, size in sent) / seconds
    return _name(way, kind, listener), heard_in(answers, size, 1000 * spent / seconds)


def _name(way: Way, kind: str, listener: Listener) -> str:
    return f"{kind}: {listener.name}, from {way.name}"


class Results:
    """What was heard, scored."""

    def __init__(
        self, memory: Memory, listeners: Sequence[Listener], said: Sequence[Utterance]
    ) -> None:
        self._memory, self._listeners, self._said = memory, listeners, said

    @lru_cache  # noqa: B019 # as long as the program runs
    def score(self, way: Way, kind: str, listener: Listener | None = None) -> Score:
        """Return the score of one listener, or of all together."""
        if listener is not None:
            return Score.of(self._said, self._memory[_name(way, kind, listener)].texts)
        scores = [self.score(way, kind, each) for each in self._listeners]
        return Score(
            sum(score.errors for score in scores),  # type: ignore[arg-type]
            sum(score.words for score in scores),  # type: ignore[arg-type]
        )

    def weight(self, way: Way, kind: str) -> tuple[float, float]:
        """Return bytes and milliseconds of the processor a second of sound."""
        heard = self._memory[_name(way, kind, self._listeners[0])]
        return heard.bytes_a_second, heard.milliseconds_a_second

    def report(self, kind: str, compared: Sequence[Way]) -> None:
        """Print the table of one kind of recordings."""
        lines = []
        for way in compared:
            size, spent = self.weight(way, kind)
            line = [way.name, f"{size:.0f}"]
            for listener in self._listeners:
                score = self.score(way, kind, listener)
                line.append(f"{score.rate:.2f}")
                line.append("" if way == FLOAT32 else self._increase(way, kind, listener))
            lines.append([*line, f"{spent:.1f}"])
        heads = ["sent as", "bytes a second"]
        for listener in self._listeners:
            heads += [f"{listener.model}: WER in %", "increase in points"]
        words = int(self.score(FLOAT32, kind, self._listeners[0]).words.sum())
        title = f"{KINDS[kind]}: {len(self._said)} recordings, {words} words"
        table(title, [*heads, "ms a second"], lines)

    def _increase(self, way: Way, kind: str, listener: Listener) -> str:
        score, first = self.score(way, kind, listener), self.score(FLOAT32, kind, listener)
        more, low, high = score.increase(first)
        return f"{more:+.2f} ({low:+.2f} to {high:+.2f})"

    def choose(self, compared: Sequence[Way]) -> None:
        """Print which lossy pictures are within the bounds on one half, and on the other."""
        halves = [range(half, len(self._said), 2) for half in (0, 1)]
        lines = []
        pictures = [way for way in compared if way.kind not in (*AUDIO, "float32")]
        for way in sorted(pictures, key=lambda way: self.weight(way, "clean")[0]):
            line = [way.name, f"{self.weight(way, 'clean')[0]:.0f}"]
            for half in [*halves, range(len(self._said))]:
                first = self.score(FLOAT32, "clean").of_some(half)
                more, low, high = self.score(way, "clean").of_some(half).increase(first)
                within = "within" if more <= MEAN and high <= UPPER else "beyond"
                line.append(f"{more:+.2f} ({low:+.2f} to {high:+.2f}) {within}")
            lines.append(line)
        heads = ("picture", "bytes a second", "first half", "second half", "all")
        models = " and ".join(listener.model for listener in self._listeners)
        bounds = f"mean at most {MEAN:+}, upper end at most {UPPER:+}"
        table(f"Clean, {models} together, in points: {bounds}", heads, lines)

    def plot(self, compared: Sequence[Way], file: Path) -> None:
        """Draw what each way costs in words against bytes, a panel for each model."""
        from matplotlib.figure import Figure
        from matplotlib.ticker import ScalarFormatter

        figure = Figure(figsize=(9, 4), layout="constrained")
        panels = figure.subplots(1, len(self._listeners), sharey=True, squeeze=False)[0]
        plain = [way for way in compared if way != FLOAT32 and not way.is_smoothed]
        for axes, listener in zip(panels, self._listeners, strict=True):
            reference = self.score(FLOAT32, "clean", listener)
            for kind in dict.fromkeys(way.kind for way in plain):
                points = [way for way in plain if way.kind == kind]
                found = [self.score(way, "clean", listener).increase(reference) for way in points]
                more, low, high = np.array(found).T
                axes.errorbar(
                    [self.weight(way, "clean")[0] for way in points],
                    more,
                    yerr=(more - low, high - more),
                    marker="o",
                    markersize=4,
                    capsize=2,
                    linewidth=1.2,
                    linestyle="--" if kind in AUDIO else "-",
                    label=f"{kind} (audio)" if kind in AUDIO else kind,
                )
            axes.axhline(0, color="grey", linewidth=0.8, linestyle=":")
            axes.set(
                xscale="log",
                xticks=(500, 1000, 2000, 5000),
                title=f"{listener.model}, {reference.rate:.1f} % from the float32 spectrogram",
                xlabel="bytes a second of speech",
            )
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_formatter("")
            axes.grid(alpha=0.3)
        panels[0].set_ylabel("more words heard wrongly, in points")
        panels[-1].legend()
        figure.savefig(file, metadata={"Date": None})


def lengths(said: Sequence[Utterance]) -> None:
    """Print what pictures weigh in segments of several lengths."""
    durations = (1, 2, 5, 10, 30)  # seconds
    spoken = np.concatenate([each.samples for each in said])[: 600 * mel.SAMPLE_RATE]
    lines = []
    for name, encoding in (
        ("PNG", image.PNG),
        ("WebP lossless", image.Encoding("webp")),
        ("`small`", image.SMALL),
    ):
        line: list[object] = [name]
        for seconds in durations:
            length = seconds * mel.SAMPLE_RATE
            whole = [spoken[i : i + length] for i in range(0, len(spoken) - length + 1, length)]
            total = sum(
                len(image.encode(image.quantize(mel.log_mel_spectrogram(one)), encoding))
                for one in whole
            )
            line.append(f"{total / len(whole) / seconds:.0f}" if whole else "")
        lines.append(line)
    table("Bytes a second, by length of the segment", ("", *(f"{d} s" for d in durations)), lines)


def main() -> None:
    """Hear what is not yet heard, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--few", type=int, default=1, help="take every so manyth recording")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--ways", nargs="+", help="names of those to compare, as tables have them")
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS))
    parser.add_argument("--plot", type=Path, help="write the plot of the clean recordings there")
    parser.add_argument("--keep", type=Path, help="JSON lines of what was heard, to go on with")
    arguments = parser.parse_args()
    if not (arguments.data / "manifest.jsonl").exists():
        sys.exit(f"there is no manifest.jsonl in {arguments.data}; --data names another folder")
    precision = "float16" if arguments.device == "cuda" else "int8"
    listeners = [
        Listener(model, device=arguments.device, precision=precision) for model in arguments.model
    ]
    memory = Memory(arguments.keep)
    known = {way.name: way for way in ways()}
    if unknown := set(arguments.ways or ()) - known.keys():
        sys.exit(f"no way is called {', '.join(unknown)}; there are: {'; '.join(known)}")
    compared = [FLOAT32, *(known[name] for name in arguments.ways)] if arguments.ways else ways()
    folder, few = arguments.data, arguments.few
    new = [
        (way, kind, listener, folder, few)
        for way in compared
        for kind in arguments.kinds
        for listener in listeners
        if _name(way, kind, listener) not in memory
    ]
    hear_all(hear, new, memory, arguments.processes)
    results = Results(memory, listeners, recordings(folder, few))
    for kind in arguments.kinds:
        results.report(kind, compared)
    if "clean" in arguments.kinds:
        results.choose(compared)
    lengths(recordings(folder, few))
    if arguments.plot:
        results.plot(compared, arguments.plot)


if __name__ == "__main__":
    main()
