"""How fast the log-mel spectrogram is, beside openai-whisper's on torch, on one thread each.

    python -m bench.mel

times both in turn on the same 30 s of noise, and prints medians in seconds of sound a second of
work, and the ratio pair by pair.
"""

import os

# Before NumPy and torch are imported, since they read it then.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import whisper.audio

from hush import mel

SECONDS = 30
PAIRS = 60


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Print a line of the table."""
    ours(), theirs()
    pairs = [(seconds_of(ours), seconds_of(theirs)) for _ in range(PAIRS)]
    our_speed, their_speed = (
        SECONDS / statistics.median(times) for times in zip(*pairs, strict=True)
    )
    ratio = statistics.median(their / our for our, their in pairs)
    print(f"{name:32} {our_speed:8.0f} {their_speed:8.0f} {ratio:8.2f}")


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    samples = (generator.standard_normal(SECONDS * mel.SAMPLE_RATE) * 0.1).astype(np.float32)
    tensor = torch.from_numpy(samples)

    def streamed() -> None:
        stream = mel.LogMelStream()
        for chunk in np.split(samples, SECONDS):
            stream.push(chunk)
        stream.finish()

    print(f"seconds of sound a second, one thread, median of {PAIRS} runs in turn")
    print(f"{'':32} {'hush':>8} {'whisper':>8} {'ratio':>8}")
    for n_mels in mel.MEL_BINS:
        compare(
            f"{n_mels} mel bins, whole",
            partial(mel.log_mel_spectrogram, samples, n_mels),
            partial(whisper.audio.log_mel_spectrogram, tensor, n_mels),
        )
    compare(
        "80 mel bins, in chunks of 1 s",
        streamed,
        partial(whisper.audio.log_mel_spectrogram, tensor, 80),
    )


if __name__ == "__main__":
    main()
