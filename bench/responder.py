"""From nothing to words on Lambda, with the real runtime client: `python -m bench.responder`.

The function is what the stack deploys, run by AWS's own runtime client on two threads of this
machine: it imports, fetches its weights from a stand-in for S3 on loopback, loads, and hears. Then
it is asked again, warm. What Lambda itself adds, another processor and S3 in earnest are not in it;
the table for other sizes is reckoned, and says so.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np

from bench.cost import PRICES
from bench.process_tree import peak_megabytes
from hush.audio import read_audio
from hush.contracts.headers import IDENTITY, TIER
from hush.image import encode, quantize
from hush.mel import SAMPLE_RATE, log_mel_spectrogram
from local.functions import Function
from local.gateway import Request, balancer_event, of_function
from local.responder_cloud import KEY, responder_cloud
from models.nothing_said import FOLDER
from stacks.functions import Bundle
from stacks.weights import MODEL, responder_weights, small_files

THREADS = 2
LENGTHS = (5, 10, 30)
"""Seconds of speech."""
MEMORY = "memory, MB"
FIRST = "nothing to first words"
MEGABYTES_OF_A_PROCESSOR = 1769
"""Of a function's memory, for which Lambda gives one processor."""
SHARE_SIDE_BY_SIDE = 0.8
"""Of the work on a segment that more processors share: an assumption."""


def speech(folder: Path, rounds: int) -> dict[int, list[bytes]]:
    """Return pictures of people by their length: the beginnings of long readings."""
    found: dict[int, list[bytes]] = defaultdict(list)
    with (folder / "long.jsonl").open(encoding="utf-8") as lines:
        for line in islice(lines, rounds):
            parts = [read_audio(folder / part) for part in json.loads(line)["parts"]]
            samples = np.concatenate(parts)
            for seconds in LENGTHS:
                start = samples[: seconds * SAMPLE_RATE]
                found[seconds].append(encode(quantize(log_mel_spectrogram(start))))
    return found


@contextmanager
def running(model: str, code: Path, folder: Path) -> Iterator[Function]:
    """Start the function from nothing, on two threads, and give it."""
    folder.mkdir()
    with responder_cloud(responder_weights(model) / MODEL) as cloud:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUSH_")},
            **cloud.environment(model, HUSH_DISK=str(folder / "disk")),
            "OMP_NUM_THREADS": str(THREADS),
        }
        function = Function("responder.handler", [code], environment, folder / "log")
        try:
            yield function
        finally:
            function.stop()


def ask(function: Function, picture: bytes) -> str:
    """Return the words of a picture, as the load balancer asks for them."""
    sent = {"authorization": f"Bearer {KEY}", IDENTITY: "github:1", TIER: "person"}
    request = Request("POST", "/live/mel", sent, picture)
    answer = of_function(function(balancer_event(request, "responder")))
    assert answer.status == 200, answer.body
    return answer.body.decode()


def measure(model: str, pictures: dict[int, list[bytes]]) -> dict[str, float]:
    """Return the medians of what it takes, in seconds, and its memory in megabytes."""
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        code = Path(name) / "code"
        files = {"model": small_files(responder_weights(model))}
        bundle = Bundle("responder", wanted=False, service=True, files=files, python=sys.executable)
        bundle.try_bundle(str(code))
        for number, first in enumerate(pictures[LENGTHS[0]]):
            began = time.monotonic()
            with running(model, code, Path(name) / str(number)) as function:
                ask(function, first)
                found[FIRST].append(time.monotonic() - began)
                if number == 0:
                    for seconds in LENGTHS:
                        for picture in pictures[seconds]:
                            asked = time.monotonic()
                            ask(function, picture)
                            found[f"{seconds} s"].append(time.monotonic() - asked)
                    found[MEMORY].append(peak_megabytes(function.process.pid))
    return {name: median(values) for name, values in found.items()}


def package(model: str, compiled: bool) -> tuple[float, float]:
    """Return the megabytes of what the stack uploads for Lambda, unpacked and as a zip."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "code"
        folder.mkdir()
        Bundle(
            "responder",
            service=True,
            files={"model": small_files(responder_weights(model))},
            python=sys.executable if compiled else None,
        ).try_bundle(str(folder))
        unpacked = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        zipped = Path(shutil.make_archive(str(Path(name) / "code"), "zip", folder))
        return unpacked / 1e6, zipped.stat().st_size / 1e6


def dollars_a_segment(seconds: float, megabytes: int) -> float:
    """Return what a function of so much memory costs that works for so long, at list prices."""
    gigabytes = megabytes / 1024
    call: float = PRICES["million"]["lambda_requests"] / 1e6
    working: float = PRICES["lambda"]["gigabyte_second_arm"]
    return seconds * gigabytes * working + call


def reckoned(measured: dict[str, float], processors: float) -> dict[str, float]:
    """Return what the same would take with another number of processors: a calculation."""
    alone = 1 - SHARE_SIDE_BY_SIDE
    factor = alone + SHARE_SIDE_BY_SIDE * THREADS / processors
    return {name: value * factor for name, value in measured.items() if name != MEMORY}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="base,tiny.en", help="separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of recordings")
    parser.add_argument("--package", action="store_true", help="its size alone; fetches libraries")
    options = parser.parse_args()
    if options.package:
        for compiled in (True, False):
            unpacked, zipped = package("base", compiled)
            name = "compiled" if compiled else "not compiled"
            print(f"modules {name}: {unpacked:.0f} MB unpacked, of 262; {zipped:.0f} MB as a zip")
        print(f"weights: {(responder_weights('base') / MODEL).stat().st_size / 1e6:.0f} MB")
        return
    pictures = speech(options.data, options.rounds)
    columns = [FIRST, *(f"{seconds} s" for seconds in LENGTHS)]
    print(f"| model | {' | '.join(columns)} | {MEMORY} |\n" + "|---" * (len(columns) + 2) + "|")
    of: dict[str, dict[str, float]] = {}
    for model in options.models.split(","):
        found = of[model] = measure(model, pictures)
        cells = [f"{found[column]:.2f} s" for column in columns]
        print(f"| {model} | {' | '.join(cells)} | {found[MEMORY]:.0f} |", flush=True)
    print(f"\nReckoned with {SHARE_SIDE_BY_SIDE:.0%} of the work shared; not measured:\n")
    names = [*columns, "$ a thousand segments of 5 s"]
    print(f"| model | processors | MB | {' | '.join(names)} |\n" + "|---" * (len(names) + 3) + "|")
    for model, found in of.items():
        for processors in (1.7, 2, 4, 6):
            megabytes = round(processors * MEGABYTES_OF_A_PROCESSOR)
            times = reckoned(found, processors)
            cells = [f"{times[column]:.2f} s" for column in columns]
            price = 1000 * dollars_a_segment(times["5 s"], megabytes)
            print(f"| {model} | {processors} | {megabytes} | {' | '.join(cells)} | {price:.3f} |")


if __name__ == "__main__":
    main()
