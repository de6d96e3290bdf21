"""Teaches the network that finds speech in spectrograms, and writes hush/voice_network.json.

    python -m models.voice_activity [--data FOLDER]

on any Debian machine: it fetches what it learns from (`models.voice_sources`, 0.6 GB), mixes 44
hours of streams (`models.voice_mixtures`), and trains for about 50 minutes on one core. All of it
is kept in build/voice_activity, and it goes on where it stopped. It learns from none of the
recordings that `bench.vad` measures on; what it learns from was chosen with them in sight.
"""

import argparse
import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from hush import mel
from hush.voice_network import LOOK_AHEAD
from models.nothing_said import FOLDER as DATA
from models.voice_mixtures import stream
from models.voice_sources import sources

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "hush" / "voice_network.json"

SECONDS = 8
CHAPTER = 1000
"""Streams that are mixed, and kept, at a time."""
CHAPTERS = 10
"""Of each course."""
KNOCKING = (0.05, 0.25)
"""What each course has of knocks and clicks: the second learns the harder streams."""
PEAK_RATES = (4e-3, 2e-3)
STEPS = 8000
"""Of each course."""
BATCH = 24
SEEN = 300
"""Steps of 20 ms of a stream that one step of training sees."""
WARM_UP = 10
"""Steps of a stream before which nothing is expected of the network."""
THRESHOLD = 0.55
"""From here on, `bench.vad` finds no more speech in pauses than Silero does at its default."""

Array = npt.NDArray[Any]


class Network(nn.Module):
    """What `hush.voice_network` describes, for training.

    Tensors are (streams, channels, bins, steps), and after the bins (streams, channels, steps).
    """

    EDGES, SHAPES, VOICES = 8, 16, 24
    GAPS = (1, 2, 4, 8, 16)
    TAPS = 5

    def __init__(self) -> None:
        super().__init__()
        self.bins = nn.Conv2d(2, self.EDGES, (5, 1), stride=(2, 1), padding=(2, 0))
        self.both = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, stride=(2, 1), groups=channels)
            for channels in (self.EDGES, self.SHAPES)
        )
        self.both_mixed = nn.ModuleList(
            nn.Conv2d(channels, self.SHAPES, 1) for channels in (self.EDGES, self.SHAPES)
        )
        self.all_bins = nn.Conv1d(10 * self.SHAPES, self.VOICES, 1)
        self.time = nn.ParameterList(
            nn.Parameter(0.4 * torch.randn(self.VOICES, self.TAPS)) for _ in self.GAPS
        )
        self.mixed = nn.ModuleList(nn.Conv1d(self.VOICES, self.VOICES, 1) for _ in self.GAPS)
        self.speech = nn.Conv1d(self.VOICES, 1, 1)

    def forward(self, steps: Tensor) -> Tensor:
        """Return logits, (streams, steps), of (streams, 80, steps) log10 mel power."""
        x = functional.relu(self.bins(_relative(steps)))
        for near, mixed in zip(self.both, self.both_mixed, strict=True):
            x = functional.relu(mixed(near(functional.pad(x, (2, 0, 1, 1)))))
        x = functional.relu(self.all_bins(x.flatten(1, 2)))
        for gap, taps, mixed in zip(self.GAPS, self.time, self.mixed, strict=True):
            past = functional.pad(x, ((self.TAPS - 1) * gap, 0))
            seen = sum(
                past[..., place * gap : place * gap + x.shape[-1]] * taps[:, place, None]
                for place in range(self.TAPS)
            )
            x = functional.relu(x + mixed(seen))
        return self.speech(x)[:, 0]  # type: ignore[no-any-return] # a Tensor

    def layers(self) -> dict[str, Array]:
        """Return weights and biases as `hush.voice_network` has them, in its order."""
        made: dict[str, Array] = {
            "bins": _array(self.bins.weight).reshape(self.EDGES, 10).T,
            "bins bias": _array(self.bins.bias),
        }
        for number, (near, mixed) in enumerate(zip(self.both, self.both_mixed, strict=True), 1):
            made[f"both {number}"] = _array(near.weight)[:, 0].transpose(2, 1, 0)
            made[f"both {number} bias"] = _array(near.bias)
            made[f"both {number} mixed"] = _array(mixed.weight)[:, :, 0, 0].T
            made[f"both {number} mixed bias"] = _array(mixed.bias)
        by_channel = _array(self.all_bins.weight).reshape(self.VOICES, self.SHAPES, 10)
        made["all bins"] = by_channel.transpose(2, 1, 0).reshape(-1, self.VOICES)
        made["all bins bias"] = _array(self.all_bins.bias)
        made["time"] = np.stack([_array(taps).T for taps in self.time])
        made["mixed"] = np.stack([_array(each.weight)[:, :, 0].T for each in self.mixed])
        made["mixed bias"] = np.stack([_array(each.bias) for each in self.mixed])
        made["speech"] = _array(self.speech.weight)[:, :, 0].T
        made["speech bias"] = _array(self.speech.bias)
        return made


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().numpy(), np.float32)


def _relative(steps: Tensor) -> Tensor:
    loudest = _sliding_maximum(steps.mean(1, keepdim=True), 150)
    smooth = torch.cat([steps[..., :1], (steps[..., 1:] + steps[..., :-1]) / 2], -1)
    lowest = -_sliding_maximum(-smooth, 100)
    return torch.stack(
        [(steps - loudest).clamp(-3, 3) / 2, (steps - lowest).clamp(0, 4) / 2 - 0.5], 1
    )


def _sliding_maximum(values: Tensor, length: int) -> Tensor:
    padded = functional.pad(values, (length - 1, 0), value=-99.0)
    return functional.max_pool1d(padded, length, 1)


@dataclass
class Course:
    """How far training has come, and all that it needs to go on.

    Attributes
    ----------
    network
        What learns.
    average
        Its weights averaged over the last few hundred steps: what is kept of it.
    number
        0 for the first course.
    step
        Steps done in this one.
    """

    network: Network
    average: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.OneCycleLR
    number: int
    step: int = 0

    @classmethod
    def new(cls, number: int, before: Network | None) -> "Course":
        """Return the beginning of a course, with what the one before has come to."""
        torch.manual_seed(number)
        network = before or Network()
        rate = PEAK_RATES[number]
        optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rate, total_steps=STEPS, pct_start=0.1
        )
        average = {name: value.clone() for name, value in network.state_dict().items()}
        return cls(network, average, optimizer, schedule, number)

    def load(self, file: Path) -> None:
        """Go on from a file."""
        kept = torch.load(file, weights_only=True)
        self.network.load_state_dict(kept["network"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.schedule.load_state_dict(kept["schedule"])
        self.average, self.step = kept["average"], kept["step"]

    def save(self, file: Path) -> None:
        """Keep all of it in a file."""
        part = file.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "average": self.average,
                "step": self.step,
            },
            part,
        )
        part.rename(file)

    def learn(self, steps: Tensor, labels: Tensor) -> float:
        """Take one step of training; return the loss."""
        logits = self.network(steps)[:, LOOK_AHEAD + WARM_UP :]
        expected = labels[:, WARM_UP : labels.shape[1] - LOOK_AHEAD]
        loss = functional.binary_cross_entropy_with_logits(logits, expected)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch's own
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.step += 1
        kept = min(0.998, self.step / (self.step + 20))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].mul_(kept).add_(value, alpha=1 - kept)
        return loss.item()


def chapter(number: int, data: Path, folder: Path) -> tuple[Array, Array]:
    """Return streams' (1000, 80, 400) log10 mel power by steps, and (1000, 400) labels."""
    file = folder / f"chapter-{number}.npz"
    if not file.exists():
        print(f"mixing chapter {number}", flush=True)
        given, generator = sources(data, folder), np.random.default_rng(number)
        knocking = KNOCKING[number // CHAPTERS]
        made = [stream(SECONDS, given, generator, knocking) for _ in range(CHAPTER)]
        steps = np.stack([_halved(mel.log_mel(samples)) for samples, _ in made])
        labels = np.stack([_halved(speech) for _, speech in made])
        part = file.with_suffix(".part.npz")
        np.savez(part, steps=steps.astype(np.float16), labels=labels.astype(np.float16))
        part.rename(file)
    with np.load(file) as kept:
        return kept["steps"], kept["labels"]


def _halved(frames: Array) -> Array:
    return (frames[..., ::2] + frames[..., 1::2]) / 2


def batches(course: Course, data: Path, folder: Path) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield what is left of a course's batches, each from one of its chapters by chance."""
    at_once, first = 50, course.step
    for step in range(first, STEPS):
        generator = np.random.default_rng((1, course.number, step))
        if step % at_once == 0 or step == first:
            drawn = np.random.default_rng((2, course.number, step // at_once)).integers(CHAPTERS)
            steps, labels = chapter(CHAPTERS * course.number + int(drawn), data, folder)
        chosen = generator.integers(0, CHAPTER, BATCH)
        start = int(generator.integers(0, steps.shape[2] - SEEN)) if generator.random() < 0.5 else 0
        part = slice(start, start + SEEN)
        seen = steps[chosen][:, :, part].astype(np.float32) + _equalisers(generator)
        expected = labels[chosen][:, part].astype(np.float32)
        yield torch.from_numpy(np.maximum(seen, -10).astype(np.float32)), torch.from_numpy(expected)


def _equalisers(generator: np.random.Generator) -> Array:
    """Draw a smooth curve and a level for each stream of a batch, in log10 power."""
    knots = generator.uniform(-0.7, 0.7, (BATCH, 6))
    curves = [np.interp(np.arange(80), np.linspace(0, 79, 6), each) for each in knots]
    return np.array(curves)[..., None] + generator.uniform(-0.5, 0.5, (BATCH, 1, 1))


def write(network: Network, file: Path = WEIGHTS) -> None:
    """Write weights of 8 bits, each with the scale of its output, and biases as they are."""
    layers: dict[str, dict[str, Any]] = {}
    for name, values in network.layers().items():
        layer = layers[name] = {"shape": list(values.shape)}
        if name.endswith("bias"):
            layer["values"] = [float(f"{value:.6g}") for value in values.ravel()]
            continue
        largest = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
        scale = [float(f"{value:.6g}") for value in np.maximum(largest, 1e-9) / 127]
        whole = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
        layer["scale"] = scale
        layer["values"] = base64.b64encode(whole.tobytes()).decode()
    file.write_text(json.dumps({"threshold": THRESHOLD, "layers": layers}, indent=1) + "\n")


def main() -> None:
    """Train, or go on, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "voice_activity")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    network = None
    for number in range(len(KNOCKING)):
        course, kept = Course.new(number, network), folder / f"course-{number}.pt"
        if kept.exists():
            course.load(kept)
        _take(course, kept, arguments.data, folder)
        course.network.load_state_dict(course.average)
        network = course.network
    assert network is not None
    write(network)
    print(f"written: {WEIGHTS.relative_to(ROOT)}")


def _take(course: Course, kept: Path, data: Path, folder: Path) -> None:
    """Go through what is left of a course, and keep how far it came."""
    started, losses = time.monotonic(), []
    for steps, labels in batches(course, data, folder):
        losses.append(course.learn(steps, labels))
        if course.step % 250 == 0 or course.step == STEPS:
            spent = time.monotonic() - started
            done = f"course {course.number + 1}, {course.step} of {STEPS}"
            print(f"{done}: {np.mean(losses):.4f}, {spent:.0f} s", flush=True)
            losses = []
            course.save(kept)


if __name__ == "__main__":
    main()
