"""Clients that send pictures of real speech to a service, and what became of their requests.

In a closed loop, some clients send a request each, and the next as soon as the answer is there: so
a service's capacity is found. In an open loop, requests come when they come, whatever becomes of
those before (a Poisson process): so there can be more of them than anything can answer.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np

from bench.engine import chosen
from bench.recordings import Utterance
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from local.processes import service
from models.nothing_said import FOLDER

SHORTEST, LONGEST = 3.0, 7.0
"""Seconds of a segment."""
LATEST = 300.0
"""Seconds after which a client gives up."""
NO_ANSWER = 0
"""In the place of a status, where the connection ended, or nothing came."""
BUSY = 429


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a command's arguments, of which all loads have these."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of recordings")
    parser.add_argument("--utterances", type=int, default=64)
    return parser


def conditions(options: argparse.Namespace) -> str:
    """Return a line that says what is measured, and on what."""
    return f"{options.model}, beam {options.beam}, {len(os.sched_getaffinity(0))} cores"


@contextmanager
def served(options: argparse.Namespace, settings: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Run the service until the end of the block; give its address and process."""
    chosen_model = {"HUSH_MODELS": options.model, "HUSH_BEAM": str(options.beam)}
    with (
        tempfile.TemporaryFile("w+") as printed,
        service(printed, **chosen_model, **settings) as (url, process),
    ):
        yield url, process.pid


Headers = Mapping[str, str]
Fields = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    Attributes
    ----------
    caller
        Who asked.
    number
        Of the file that was sent.
    sent, seconds
        When, in seconds of the monotonic clock, and how long the answer took.
    status
        Of HTTP, or `NO_ANSWER`.
    text
        The words; or what was the matter.
    retry_after
        Seconds until another try, if the answer says so.
    """

    caller: str
    number: int
    sent: float
    seconds: float
    status: int
    text: str
    retry_after: float = 0.0

    @property
    def good(self) -> bool:
        """Whether it has words."""
        return self.status == httpx2.codes.OK


@dataclass
class Load:
    """All answers, since when and for how long was asked, in seconds."""

    began: float = 0.0
    seconds: float = 0.0
    answers: list[Answer] = field(default_factory=list)

    def of(self, *callers: str) -> "Load":
        """Return the part of some callers."""
        return Load(
            self.began, self.seconds, [each for each in self.answers if each.caller in callers]
        )

    @property
    def good(self) -> list[Answer]:
        """Those with words."""
        return [each for each in self.answers if each.good]

    @property
    def waits(self) -> list[float]:
        """How long each of those with words took, in seconds."""
        return [each.seconds for each in self.good]

    @property
    def refusals(self) -> list[float]:
        """How long it took to say that a client should come again, in seconds each."""
        return [each.seconds for each in self.answers if each.status == BUSY]

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(each.status for each in self.answers)

    def pace(self, since: float, until: float) -> float:
        """Return how many had words a second, from the last that came by then to the last by then.

        Parameters
        ----------
        since, until
            Seconds after the beginning, without which clients begin and end one by one.
        """
        came = sorted(each.sent + each.seconds - self.began for each in self.good)
        before = [at for at in came if at <= since]
        counted = [at for at in came if since < at <= until]
        if not counted:
            return 0.0
        return len(counted) / (counted[-1] - (before[-1] if before else since))

    @property
    def failures(self) -> int:
        """How many failed by the service's fault: 5xx."""
        return sum(count for status, count in self.statuses.items() if status >= 500)


def pictures(said: Sequence[Utterance]) -> list[bytes]:
    """Return a mel image of each utterance."""
    return [encode(quantize(log_mel_spectrogram(one.samples))) for one in said]


def segments(folder: Path, count: int) -> list[Utterance]:
    """Return so many English utterances of a segment's usual length, in no order."""
    said = chosen(folder, SHORTEST, LONGEST, count)
    np.random.default_rng(0).shuffle(said)
    return said


def client(url: str) -> httpx2.AsyncClient:
    """Return one with as many connections as it takes."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    # Certificates are of no use here, and reading them keeps all others of this loop waiting.
    return httpx2.AsyncClient(base_url=url, timeout=LATEST, limits=limits, verify=False)


async def ask(
    http: httpx2.AsyncClient,
    file: bytes,
    fields: Fields | None = None,
    *,
    headers: Headers | None = None,
    number: int = 0,
    caller: str = "",
) -> Answer:
    """Send a file, and wait for what comes back.

    Parameters
    ----------
    http
        Connections to the service.
    file
        What is sent.
    fields
        Of the form, beside the language.
    headers
        Of the request.
    number, caller
        As in the `Answer`.
    """
    sent = time.monotonic()
    try:
        answer = await http.post(
            "/v1/audio/transcriptions",
            files={"file": ("speech", file)},
            data={"language": "en", **(fields or {})},
            headers=headers,
        )
    except httpx2.TransportError as error:
        took = time.monotonic() - sent
        return Answer(caller, number, sent, took, NO_ANSWER, type(error).__name__)
    took = time.monotonic() - sent
    later = float(answer.headers.get("retry-after", 0))
    return Answer(caller, number, sent, took, answer.status_code, _text(answer), later)


async def closed_loop(
    url: str,
    files: Sequence[bytes],
    clients: int,
    seconds: float,
    headers: Callable[[str], Headers] = lambda caller: {},
) -> Load:
    """Have clients ask one thing at a time for so long; wait for all answers.

    Who is told to come again does so when it was said.

    Parameters
    ----------
    url
        The service's address.
    files
        What is sent, in turn.
    clients
        How many.
    seconds
        How long.
    headers
        Returns those of a client's requests, by its number.
    """
    began = time.monotonic()
    load = Load(began)
    numbers = iter(range(10**9))

    async def one(caller: str) -> None:
        async with client(url) as http:
            while time.monotonic() - began < seconds:
                number = next(numbers) % len(files)
                while time.monotonic() - began < seconds:
                    answer = await ask(
                        http, files[number], headers=headers(caller), number=number, caller=caller
                    )
                    load.answers.append(answer)
                    if answer.status != BUSY:
                        break
                    await asyncio.sleep(answer.retry_after)

    await asyncio.gather(*(one(str(number)) for number in range(clients)))
    load.seconds = time.monotonic() - began
    return load


async def open_loop(
    url: str,
    files: Sequence[bytes],
    rates: Mapping[str, float],
    seconds: float,
    headers: Callable[[str], Headers],
) -> Load:
    """Have callers ask at their rates for so long, whatever is answered; wait for all answers.

    Parameters
    ----------
    url
        The service's address.
    files
        What is sent, in turn.
    rates
        Requests a second of each caller.
    seconds
        How long.
    headers
        Returns those of a caller's requests.
    """
    began = time.monotonic()
    load = Load(began, seconds)

    async def send(number: int, caller: str) -> None:
        number %= len(files)
        load.answers.append(
            await ask(http, files[number], headers=headers(caller), number=number, caller=caller)
        )

    async with client(url) as http, asyncio.TaskGroup() as sending:
        for number, (at, caller) in enumerate(arrivals(rates, seconds)):
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            sending.create_task(send(number, caller))
    return load


def arrivals(rates: Mapping[str, float], seconds: float) -> list[tuple[float, str]]:
    """Return when who asks, in order: drawn once for all, about `rates` times a second each."""
    generator = np.random.default_rng(0)
    times = []
    for caller, rate in rates.items():
        count = generator.poisson(rate * seconds)
        times += [(float(at), caller) for at in generator.uniform(0, seconds, count)]
    return sorted(times)


def _text(answer: httpx2.Response) -> str:
    try:
        said = answer.json()
    except json.JSONDecodeError:
        return answer.text
    return str(said["text"] if "text" in said else said.get("error", {}).get("message", ""))
