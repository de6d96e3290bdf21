"""The service under load, beside a plain faster-whisper server: `python -m bench.load`.

Some clients send a segment of speech each, and the next as soon as the answer is there; who is
told to come again later does. hush gets pictures, the other server audio; both have the same
weights and precision, the same beam and all cores, and run in turn, each in a process of its own.
Words are counted too: what is fast and wrong is of no use.

`pip install --target FOLDER faster-whisper`, and `--peers FOLDER`.
"""

import asyncio
import io
import os
import sys
import tempfile
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from bench.clients import Load, arguments, closed_loop, conditions, pictures, segments
from bench.process_tree import peak_megabytes
from bench.recordings import Score, Utterance
from hush.mel import SAMPLE_RATE
from local.processes import ROOT, free_port, running, wait_until_ready


@dataclass(frozen=True)
class Server:
    """A server, and what it is sent: a file for each utterance."""

    name: str
    command: list[str]
    files: list[bytes]
    settings: dict[str, str] = field(default_factory=dict)


def wav(one: Utterance) -> bytes:
    """Return an utterance as a WAV file of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes((one.samples.clip(-1, 1) * 32767).astype(np.int16).tobytes())
    return file.getvalue()


@contextmanager
def serving(server: Server, peers: Path | None) -> Iterator[tuple[str, int]]:
    """Run a server until the end of the block; give its address and process."""
    port = free_port()
    command = [part.replace("PORT", str(port)) for part in server.command]
    paths = [str(ROOT), str(ROOT / "service"), *([str(peers)] if peers else [])]
    settings = {"HUSH_PORT": str(port), "PYTHONPATH": os.pathsep.join(paths), **server.settings}
    with (
        tempfile.TemporaryFile("w+") as printed,
        running(command, printed, **settings) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url, process.pid


def engine_seconds(url: str) -> float | None:
    """Return how long a service's engine has worked, if it says so."""
    answer = httpx2.get(f"{url}/metrics")
    if answer.is_error:
        return None
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "hush_engine_seconds_total"
    )


def row(
    name: str,
    clients: int,
    load: Load,
    said: Sequence[Utterance],
    memory: float,
    worked: float | None,
) -> str:
    """Return a line of the table; `worked` is how long the engine did, in seconds, if known."""
    if not load.good:
        return f"| {clients} | {name} | none |" + " - |" * 7 + f" {memory:.0f} MB |"
    half, most = np.percentile(load.waits, (50, 99))
    heard = [said[each.number] for each in load.good]
    words = Score.of(heard, [each.text for each in load.good])
    # Of several clients, each waits while the engine hears the others.
    known = worked is not None and clients == 1
    rest = f"{1000 * (sum(load.waits) - (worked or 0)) / len(load.good):.1f} ms" if known else "-"
    late = f"{1000 * np.percentile(load.refusals, 99):.0f} ms" if load.refusals else "-"
    return (
        f"| {clients} | {name} | {len(load.good) / load.seconds:.2f} | {half:.2f} s | {most:.2f} s"
        f" | {rest} | {len(load.refusals)} | {late} | {load.failures} | {words.rate:.1f} %"
        f" | {memory:.0f} MB |"
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--clients", default="1,8,64,256", help="how many, separated by commas")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each load")
    parser.add_argument("--device", choices=("cpu", "cuda", "webgpu"), default="cpu")
    parser.add_argument("--peers", type=Path, help="folder with faster_whisper in it")
    options = parser.parse_args()
    said = segments(options.data, options.utterances)
    servers = [
        Server(
            "hush",
            [sys.executable, "-m", "hush_service"],
            pictures(said),
            {
                "HUSH_MODELS": options.model,
                "HUSH_BEAM": str(options.beam),
                "HUSH_DEVICE": options.device,
            },
        )
    ]
    asked = [options.model, "PORT", str(options.beam), options.device]
    plain = ["-m", "bench.plain_server", *asked]
    if options.peers:
        servers.append(Server("plain", [sys.executable, *plain], [wav(one) for one in said]))
    print(conditions(options))
    print(
        "| clients | server | answers a second | half within | 99 % within | beside the engine"
        " | told to come again | within | 5xx | words heard wrongly | memory, peak |\n"
        + "|---" * 11
        + "|"
    )
    for clients in (int(count) for count in options.clients.split(",")):
        for server in servers:
            with serving(server, options.peers) as (url, process):
                asyncio.run(closed_loop(url, server.files[:1], 1, 1.0))
                before = engine_seconds(url)
                load = asyncio.run(closed_loop(url, server.files, clients, options.seconds))
                worked = None if before is None else (engine_seconds(url) or 0.0) - before
                memory = peak_megabytes(process)
                print(row(server.name, clients, load, said, memory, worked), flush=True)


if __name__ == "__main__":
    main()
