"""How fast the page's log-mel spectrogram is, beside openai-whisper's on torch, on one thread each.

    python -m bench.wasm_mel

times torch, Node and headless Chromium in turn on 30 s of noise, and prints medians in seconds of
sound a second of work, and the ratio round by round; then the same of the network that finds speech
in the spectrogram, which has no peer there.
"""

import os

# Before NumPy and torch are imported, since they read it then.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import base64
import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
import whisper.audio
from playwright.sync_api import sync_playwright

from hush.mel import MEL_BINS, SAMPLE_RATE

UI = Path(__file__).parents[1] / "ui"
SECONDS = 30
ROUNDS = 15
CLIPS = 9
"""Of which a round takes the median."""

ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""With these headers, a page's clock has steps of 5 instead of 100 microseconds."""

Measure = Callable[[dict[str, object]], float]
"""Returns the milliseconds that a case takes."""


@contextmanager
def node() -> Iterator[tuple[str, Measure]]:
    """Run the program in Node; also return its code."""
    command = ["node", "bench/mel.mjs"]
    with subprocess.Popen(
        command, cwd=UI, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout
        code: str = json.loads(answers.readline())

        def measure(case: dict[str, object]) -> float:
            print(json.dumps([case, CLIPS]), file=requests, flush=True)
            return float(json.loads(answers.readline()))

        yield code, measure
        requests.close()


@contextmanager
def chromium(code: str) -> Iterator[Measure]:
    """Run the program in headless Chromium."""
    address = f"data:text/javascript;base64,{base64.b64encode(code.encode()).decode()}"
    with sync_playwright() as playwright:
        executable = shutil.which("chromium")
        assert executable, "Chromium is not here: `sh setup.sh packages chromium`"
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        page.route("**", lambda route: route.fulfill(headers=ISOLATED, content_type="text/html"))
        page.goto("http://localhost/")
        page.evaluate("async address => { window.program = await import(address) }", address)
        yield lambda case: float(
            page.evaluate("([one, clips]) => program.measure(one, clips)", [case, CLIPS])
        )
        browser.close()


def torch_milliseconds(samples: torch.Tensor, n_mels: int) -> float:
    """Return what openai-whisper takes."""
    times = []
    for _ in range(CLIPS):
        started = time.perf_counter()
        whisper.audio.log_mel_spectrogram(samples, n_mels)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    noise = (generator.standard_normal(SECONDS * SAMPLE_RATE) * 0.1).astype(np.float32)
    samples = torch.from_numpy(noise)
    subprocess.run(["node", "wasm/build.mjs"], cwd=UI, check=True)
    builds = {
        name: base64.b64encode((UI / "wasm" / "build" / file).read_bytes()).decode()
        for name, file in (("SIMD", "chain.simd.wasm"), ("no SIMD", "chain.wasm"))
    }
    cases = [
        (f"{n_mels} mel bins, {build}, slices of {slice_} s", n_mels, module, slice_)
        for n_mels in MEL_BINS
        for build, module in builds.items()
        for slice_ in ((30, 1) if build == "SIMD" else (1,))
    ]
    print(f"seconds of sound a second, one thread, medians of {ROUNDS} rounds in turn")
    print(f"{'':38} {'whisper':>8} {'Node':>8} {'ratio':>6} {'Chromium':>8} {'ratio':>6}")
    with node() as (code, in_node), chromium(code) as in_chromium:
        for name, n_mels, module, slice_ in cases:
            case: dict[str, object] = {
                "module": module,
                "melBins": n_mels,
                "slice": slice_ * SAMPLE_RATE,
                "voice": False,
            }
            measures: list[Callable[[], float]] = [
                partial(torch_milliseconds, samples, n_mels),
                partial(in_node, case),
                partial(in_chromium, case),
            ]
            for measure in measures:
                measure()
            rounds = [[measure() for measure in measures] for _ in range(ROUNDS)]
            speeds = [
                SECONDS * 1000 / statistics.median(times) for times in zip(*rounds, strict=True)
            ]
            ratios = [statistics.median(times[0] / times[i] for times in rounds) for i in (1, 2)]
            print(
                f"{name:38} {speeds[0]:8.0f} {speeds[1]:8.0f} {ratios[0]:6.2f}"
                f" {speeds[2]:8.0f} {ratios[1]:6.2f}",
                flush=True,
            )
        print("\nthe voice network, on a spectrogram that is there already")
        print(f"{'':38} {'Node':>8} {'Chromium':>8}")
        for name, n_mels, module, slice_ in cases:
            case = {
                "module": module,
                "melBins": n_mels,
                "slice": slice_ * SAMPLE_RATE,
                "voice": True,
            }
            speeds = [
                SECONDS * 1000 / statistics.median(run(case) for _ in range(ROUNDS))
                for run in (in_node, in_chromium)
            ]
            print(f"{name:38} {speeds[0]:8.0f} {speeds[1]:8.0f}", flush=True)


if __name__ == "__main__":
    main()
