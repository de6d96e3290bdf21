"""How long the service takes to be of use: `python -m bench.start`.

From the start of the process to its first answer over HTTP, to each model ready, and to the words
of the first picture. Medians of some starts, after one that is not counted: it fetches and converts
models that are not on this machine yet.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import httpx2

from bench.clients import pictures, segments
from local.processes import HANG, NotReadyError, free_port, running
from models.nothing_said import FOLDER

LOOK_EVERY = 0.01
LISTENING, WORDS = "first answer", "first words"


def start(engine: str, models: Sequence[str], picture: bytes) -> dict[str, float]:
    """Start the service; return after how many seconds it had come how far.

    Raises
    ------
    NotReadyError
        If it does not come so far.
    """
    port = free_port()
    settings = {"HUSH_PORT": str(port), "HUSH_ENGINE": engine, "HUSH_MODELS": ",".join(models)}
    reached: dict[str, float] = {}
    with (
        tempfile.TemporaryFile("w+") as printed,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=HANG) as http,
    ):
        began = time.monotonic()
        with running([sys.executable, "-m", "hush_service"], printed, **settings) as process:
            while len(reached) < len(models) + 2:
                if process.poll() is not None or time.monotonic() - began > HANG:
                    printed.seek(0)
                    raise NotReadyError(printed.read())
                time.sleep(LOOK_EVERY)
                with contextlib.suppress(httpx2.ConnectError):
                    _look(http, picture, began, reached)
    return reached


def _look(http: httpx2.Client, picture: bytes, began: float, reached: dict[str, float]) -> None:
    states = http.get("/").json()["models"]
    now = time.monotonic() - began
    reached.setdefault(LISTENING, now)
    ready = [name for name, state in states.items() if state == "ready"]
    for name in ready:
        reached.setdefault(f"{name} ready", now)
    if ready and WORDS not in reached and http.post("/", content=picture).is_success:
        reached[WORDS] = time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", default="ctranslate2,reference", help="separated by commas")
    parser.add_argument("--models", default="tiny.en,base", help="separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of recordings")
    options = parser.parse_args()
    models = options.models.split(",")
    picture = pictures(segments(options.data, 1))[0]
    columns = [LISTENING, WORDS, *(f"{model} ready" for model in models)]
    print(f"| engine | {' | '.join(columns)} |\n" + "|---" * (len(columns) + 1) + "|")
    for engine in options.engines.split(","):
        times: dict[str, list[float]] = defaultdict(list)
        start(engine, models, picture)
        for _ in range(options.rounds):
            for name, seconds in start(engine, models, picture).items():
                times[name].append(seconds)
        cells = [f"{median(times[name]):.2f} s" for name in columns]
        print(f"| {engine} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
