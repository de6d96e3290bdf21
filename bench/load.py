"""The service under load, beside a plain faster-whisper server: `python -m bench.load`.

Some clients send a segment of speech each, and the next as soon as the answer is there; who is
told to come again later does. hush gets pictures, the other server audio; both have the same
weights in int8, the same beam and all cores, and run in turn, each in a process of its own. Words
are counted too: what is fast and wrong is of no use.

`pip install --target FOLDER faster-whisper`, and `--peers FOLDER`.
"""

import argparse
import asyncio
import io
import os
import sys
import time
import wave
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np

from bench.engine import chosen
from bench.recordings import Score, Utterance
from hush.image import encode, quantize
from hush.mel import SAMPLE_RATE, log_mel_spectrogram
from local.processes import ROOT, free_port, running, wait_until_ready
from models.nothing_said import FOLDER

SHORTEST, LONGEST = 3.0, 7.0
"""Seconds of a segment."""
LATEST = 300.0
"""Seconds after which a client gives up."""


@dataclass(frozen=True)
class Server:
    """A server, and what it is sent: a file for each utterance."""

    name: str
    command: list[str]
    files: list[bytes]
    settings: dict[str, str] = field(default_factory=dict)


@dataclass
class Load:
    """What became of requests.

    Attributes
    ----------
    seconds
        How long the clients asked.
    waits
        Of each answer, in seconds, from the first time that it was asked for.
    accepted
        Of each answer, in seconds, since it was asked for the last time.
    texts
        Number of the utterance, and its words.
    refused
        How often clients were told to come again.
    refusals
        How long each of these took, in seconds.
    statuses
        Of all answers.
    """

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    texts: list[tuple[int, str]] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def wav(one: Utterance) -> bytes:
    """Return an utterance as a WAV file of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes((one.samples.clip(-1, 1) * 32767).astype(np.int16).tobytes())
    return file.getvalue()


def picture(one: Utterance) -> bytes:
    """Return an utterance as a mel image."""
    return encode(quantize(log_mel_spectrogram(one.samples)))


@contextmanager
def serving(server: Server, peers: Path | None) -> Iterator[tuple[str, int]]:
    """Run a server until the end of the block; give its address and process."""
    port = free_port()
    command = [part.replace("PORT", str(port)) for part in server.command]
    paths = [str(ROOT), str(ROOT / "service"), *([str(peers)] if peers else [])]
    settings = {"HUSH_PORT": str(port), "PYTHONPATH": os.pathsep.join(paths), **server.settings}
    with running(command, **settings) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url, process.pid


async def asked(url: str, files: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Have clients ask for so long, and wait for the answers to what they asked until then."""
    load = Load()
    began = time.monotonic()
    numbers = iter(range(10**9))

    async def ask(http: httpx2.AsyncClient, number: int) -> None:
        file = {"file": ("speech", files[number % len(files)])}
        first = time.monotonic()
        while True:
            sent = time.monotonic()
            answer = await http.post(
                f"{url}/v1/audio/transcriptions", files=file, data={"language": "en"}
            )
            load.statuses[answer.status_code] += 1
            if answer.status_code != 429:
                break
            load.refusals.append(time.monotonic() - sent)
            await asyncio.sleep(float(answer.headers["retry-after"]))
            if time.monotonic() - began > seconds:
                return
        if answer.is_success:
            load.waits.append(time.monotonic() - first)
            load.accepted.append(time.monotonic() - sent)
            load.texts.append((number % len(files), str(answer.json()["text"])))

    async def client() -> None:
        async with httpx2.AsyncClient(timeout=LATEST) as http:
            while time.monotonic() - began < seconds:
                await ask(http, next(numbers))

    await asyncio.gather(*(client() for _ in range(clients)))
    load.seconds = time.monotonic() - began
    return load


def row(name: str, clients: int, load: Load, said: Sequence[Utterance], memory: float) -> str:
    """Return a line of the table."""
    if not load.waits:
        return f"| {clients} | {name} | none |" + " - |" * 6 + f" {memory:.0f} MB |"
    half, most = np.percentile(load.accepted, (50, 99))
    words = Score.of([said[number] for number, _ in load.texts], [text for _, text in load.texts])
    bad = sum(count for status, count in load.statuses.items() if status >= 500)
    late = f"{1000 * np.percentile(load.refusals, 99):.0f} ms" if load.refusals else "-"
    return (
        f"| {clients} | {name} | {len(load.waits) / load.seconds:.2f} | {half:.2f} s | {most:.2f} s"
        f" | {len(load.refusals)} | {late} | {bad} | {words.rate:.1f} % | {memory:.0f} MB |"
    )


def peak_megabytes(process: int) -> float:
    """Return the most memory that a process has had."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of recordings")
    parser.add_argument("--clients", default="1,8,64,256", help="how many, separated by commas")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each load")
    parser.add_argument("--utterances", type=int, default=64)
    parser.add_argument("--peers", type=Path, help="folder with faster_whisper in it")
    options = parser.parse_args()
    said = chosen(options.data, SHORTEST, LONGEST, options.utterances)
    np.random.default_rng(0).shuffle(said)
    servers = [
        Server(
            "hush",
            [sys.executable, "-m", "hush_service"],
            [picture(one) for one in said],
            {"HUSH_MODELS": options.model, "HUSH_BEAM": str(options.beam)},
        )
    ]
    plain = ["-m", "bench.plain_server", options.model, "PORT", str(options.beam)]
    if options.peers:
        servers.append(Server("plain", [sys.executable, *plain], [wav(one) for one in said]))
    print(f"{options.model}, beam {options.beam}, {len(os.sched_getaffinity(0))} cores")
    print(
        "| clients | server | answers a second | half within | 99 % within | told to come again"
        " | within | 5xx | words heard wrongly | memory, peak |\n" + "|---" * 10 + "|"
    )
    for clients in (int(count) for count in options.clients.split(",")):
        for server in servers:
            with serving(server, options.peers) as (url, process):
                asyncio.run(asked(url, server.files[:1], 1, 1.0))
                load = asyncio.run(asked(url, server.files, clients, options.seconds))
                print(row(server.name, clients, load, said, peak_megabytes(process)), flush=True)


if __name__ == "__main__":
    main()
