"""The service under steady load of all that clients do, for long: `python -m bench.soak`.

Some clients do one thing after another, drawn by chance: short and long pictures, interim ones,
streams, all of them to their end or left in the middle, bodies that break off, and what has to be
refused. Each minute shows what was answered, and memory, threads and open files of the service with
all processes that it started (their means), and the tasks of its event loop; the last lines, what
is left when nobody asks, and what changed from the tenth minute to the end.
"""

import argparse
import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx2
import numpy as np

from bench.clients import (
    BUSY,
    Answer,
    Fields,
    arguments,
    ask,
    client,
    conditions,
    pictures,
    segments,
    served,
)
from bench.process_tree import Usage, change, mean, usage, watched
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram

LONG_SECONDS = 75.0
PATIENCE = 1.5
"""Seconds after which a client that does not wait for its words goes away, at most."""
TENTH = 10
"""The minute with which the end is compared."""
LEFT = -1
"""In the place of a status, where a client went away by itself."""
OK, NOTHING, BAD, NOT_FOUND, IS_AUDIO = 200, 204, 400, 404, 415
STREAM = {"stream": "true"}
TIMES = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
TASKS = re.compile(r"^hush_tasks (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Pictures:
    """What is sent."""

    short: Sequence[bytes]
    long: bytes


@dataclass(frozen=True)
class Kind:
    """Something that clients do.

    Attributes
    ----------
    share
        How often, beside the others.
    act
        Does it, and returns the status of the answer.
    statuses
        Those that are right, beside 429.
    """

    share: int
    act: Callable[[httpx2.AsyncClient, bytes], Awaitable[Answer]]
    statuses: frozenset[int]


def kinds(sent: Pictures) -> dict[str, Kind]:
    """Return all that clients do."""
    words, left = frozenset({OK}), frozenset({OK, LEFT})

    def asks(
        share: int,
        statuses: frozenset[int],
        file: bytes | None = None,
        fields: Fields | None = None,
    ) -> Kind:
        return Kind(share, lambda http, short: ask(http, file or short, fields), statuses)

    def junk(status: int, file: bytes | None = None, fields: Fields | None = None) -> Kind:
        return asks(1, frozenset({status}), file, fields)

    return {
        "short": asks(30, words),
        "long": asks(2, words, sent.long),
        "interim": asks(20, words | {NOTHING}, fields={"interim": "true"}),
        "stream": asks(10, words, fields=STREAM),
        "words with times": asks(5, words, fields=TIMES),
        "goes away": Kind(8, leaves, left),
        "leaves a stream": Kind(4, lambda http, _: leaves(http, sent.long, STREAM), left),
        "breaks off": Kind(4, breaks_off, frozenset({LEFT})),
        "looks": Kind(5, looks, words),
        "audio": junk(IS_AUDIO, b"RIFF\0\0\0\0WAVEfmt " + bytes(1000)),
        "no picture": junk(BAD, b"junk" * 100),
        "a picture that breaks off": junk(BAD, sent.long[: len(sent.long) // 2]),
        "no such model": junk(NOT_FOUND, fields={"model": "of-nobody"}),
        "a language that it has not learnt": junk(BAD, fields={"language": "xx"}),
    }


async def leaves(http: httpx2.AsyncClient, file: bytes, fields: Fields | None = None) -> Answer:
    """Ask, and do not wait for the end."""
    patience = random.uniform(0, PATIENCE)
    asking = asyncio.create_task(ask(http, file, fields))
    await asyncio.wait([asking], timeout=patience)
    if not asking.done():
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        return Answer("", 0, 0.0, patience, LEFT, "")
    return asking.result()


async def breaks_off(http: httpx2.AsyncClient, file: bytes) -> Answer:
    """Send half of a body, and close the connection."""
    address = http.base_url
    _, writer = await asyncio.open_connection(address.host, address.port)
    head = f"POST / HTTP/1.1\r\nHost: {address.host}\r\nContent-Length: {len(file)}\r\n\r\n"
    writer.write(head.encode() + file[: len(file) // 2])
    with contextlib.suppress(ConnectionError):
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    return Answer("", 0, 0.0, 0.0, LEFT, "")


async def looks(http: httpx2.AsyncClient, _: bytes) -> Answer:
    """Ask how the service is."""
    statuses = [(await http.get(path)).status_code for path in ("/", "/v1/models", "/readyz")]
    return Answer("", 0, 0.0, 0.0, max(statuses), "")


@dataclass
class Count:
    """What was answered: statuses since the last row, and all that is not as it should be."""

    statuses: Counter[int] = field(default_factory=Counter)
    unexpected: Counter[tuple[str, int, str]] = field(default_factory=Counter)


async def clients(url: str, sent: Pictures, number: int, seconds: float, count: Count) -> None:
    """Have so many clients do something all the time."""
    every = kinds(sent)
    shares = np.array([kind.share for kind in every.values()])
    began = time.monotonic()

    async def one(seed: int) -> None:
        generator = np.random.default_rng(seed)
        async with client(url) as http:
            while time.monotonic() - began < seconds:
                name = str(generator.choice(list(every), p=shares / shares.sum()))
                short = sent.short[int(generator.integers(len(sent.short)))]
                answer = await every[name].act(http, short)
                count.statuses[answer.status] += 1
                if answer.status == BUSY:
                    await asyncio.sleep(answer.retry_after)
                elif answer.status not in every[name].statuses:
                    count.unexpected[name, answer.status, answer.text] += 1

    await asyncio.gather(*(one(seed) for seed in range(number)))


async def tasks(http: httpx2.AsyncClient) -> int:
    """Return how many tasks the service's event loop has."""
    found = TASKS.search((await http.get("/metrics")).text)
    return round(float(found[1])) if found else 0


def row(minute: int, count: Count, now: Usage, tasks: int) -> str:
    """Return a line of the table."""
    failed = sum(times for status, times in count.statuses.items() if status >= 500)
    cells = [
        str(minute),
        str(count.statuses[OK]),
        str(count.statuses[NOTHING]),
        str(count.statuses[BUSY]),
        str(sum(times for status, times in count.statuses.items() if 400 <= status < BUSY)),
        str(count.statuses[LEFT]),
        str(failed),
        now.memory,
        str(now.threads),
        str(now.files),
        str(tasks),
    ]
    return f"| {' | '.join(cells)} |"


async def measure(url: str, process: int, options: argparse.Namespace) -> None:
    said = segments(options.data, options.utterances)
    samples = np.concatenate([one.samples for one in said])[: round(LONG_SECONDS * 16_000)]
    sent = Pictures(pictures(said), encode(quantize(log_mel_spectrogram(samples))))
    count = Count()
    rows: list[tuple[Usage, int]] = []
    load = asyncio.create_task(
        clients(url, sent, options.clients, options.minutes * options.minute, count)
    )
    print(
        "| minute | words | interim dropped | told to come again | refused | went away | 5xx"
        " | memory (service + engine) | threads | open files | tasks |\n" + "|---" * 11 + "|"
    )
    async with client(url) as http, watched(process) as seen:
        for minute in range(1, options.minutes + 1):
            await asyncio.wait([load], timeout=options.minute)
            rows.append((mean(seen), await tasks(http)))
            print(row(minute, count, *rows[-1]), flush=True)
            seen.clear()
            count.statuses.clear()
        await load
        await asyncio.sleep(options.minute / 6)
        rest = await asyncio.to_thread(usage, process)
        print(
            f"\nat rest: {rest.memory}, {rest.threads} threads, {rest.files} open files,"
            f" {await tasks(http)} tasks"
        )
    print(f"unexpected: {sum(count.unexpected.values())}")
    for (name, status, text), times in count.unexpected.most_common():
        print(f"- {name}: {status} {text} ({times} times)")
    if len(rows) > TENTH:
        (first, first_tasks), (last, last_tasks) = rows[TENTH - 1], rows[-1]
        print(
            f"from minute {TENTH} to {len(rows)}: memory"
            f" {change(first.megabytes, last.megabytes)}, threads {last.threads - first.threads:+},"
            f" open files {last.files - first.files:+}, tasks {last_tasks - first_tasks:+}"
        )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--minute", type=float, default=60.0, help="its seconds; less to try it")
    options = parser.parse_args()
    print(conditions(options))
    with served(options, {}) as (url, process):
        asyncio.run(measure(url, process, options))


if __name__ == "__main__":
    main()
