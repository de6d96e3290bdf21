"""The service under twice what it can answer: `python -m bench.overload`.

First its capacity: some clients ask one thing at a time, so that batches are full. Then ten callers
ask for an eleventh of the capacity each, at times drawn by chance, and an eleventh, greedy one for
all that is missing to twice the capacity; whatever they are answered, nobody waits with the next
(an open loop). Callers are told apart by identity, as behind the gateway, without limits a day.

Memory is that of the service with all processes that it started.
"""

import argparse
import asyncio
from collections.abc import Sequence

import numpy as np

from bench.clients import (
    NO_ANSWER,
    Headers,
    Load,
    arguments,
    closed_loop,
    conditions,
    open_loop,
    pictures,
    segments,
    served,
)
from bench.process_tree import Usage, by_period, change, watched
from hush.contracts.headers import IDENTITY, TIER

KEY = "bench"
SETTINGS = {"HUSH_API_KEY": KEY, "HUSH_QUOTA_TABLE": "of-nobody", "HUSH_REGION": "us-east-1"}
"""Have the service believe who asks; who has no limit is not counted, and no table is asked."""
GREEDY = "greedy"
WITHIN = (50, 99)
"""Percentiles of times."""


def identity(caller: str) -> Headers:
    """Return what the gateway says of a caller without limits."""
    return {"authorization": f"Bearer {KEY}", IDENTITY: caller, TIER: "unlimited"}


def rates(capacity: float, behaved: int, times: float) -> dict[str, float]:
    """Return how often each caller asks, in requests a second.

    Parameters
    ----------
    capacity
        Requests a second that can be answered.
    behaved
        Callers that ask for no more than their share of it.
    times
        How often the capacity all ask for together.
    """
    share = capacity / (behaved + 1)
    asking = {f"caller {number}": share for number in range(1, behaved + 1)}
    return asking | {GREEDY: times * capacity - behaved * share}


def percentiles(seconds: Sequence[float], digits: int = 2) -> str:
    """Return median and 99 % of times, as cells."""
    if not seconds:
        return "- | -"
    return " | ".join(f"{value:.{digits}f} s" for value in np.percentile(seconds, WITHIN))


def memory_table(seen: list[Usage], every: float) -> str:
    """Return the service's memory in each period, and its change since the second, as a table."""
    periods = by_period(seen, every)
    lines = [
        f"| after {every:g} s each: memory (service + engine) | since the second | threads"
        " | open files |",
        "|---" * 4 + "|",
    ]
    for number, each in enumerate(periods):
        since = change(periods[1].megabytes, each.megabytes) if number > 1 else "-"
        lines.append(f"| {each.memory} | {since} | {each.threads} | {each.files} |")
    return "\n".join(lines)


def fairness_table(load: Load, callers: Sequence[str]) -> str:
    """Return what became of whose requests, as a table."""
    groups = {"all": callers, "well-behaved": callers[:-1]}
    groups |= {caller: [caller] for caller in callers}
    lines = [
        "| caller | asked | answered | of what was asked | half within | 99 % within |",
        "|---" * 6 + "|",
    ]
    for name, group in groups.items():
        part = load.of(*group)
        asked, answered = len(part.answers), len(part.good)
        share = f"{100 * answered / asked:.0f} %" if asked else "-"
        lines.append(f"| {name} | {asked} | {answered} | {share} | {percentiles(part.waits)} |")
    return "\n".join(lines)


async def measure(url: str, process: int, options: argparse.Namespace) -> None:
    files = pictures(segments(options.data, options.utterances))
    await closed_loop(url, files[:1], 1, 1.0, identity)
    whole = options.capacity_seconds
    full = await closed_loop(url, files, options.clients, whole, identity)
    capacity = full.pace(whole / 2, whole)
    print(
        f"capacity: {capacity:.2f} answers a second, half and 99 % within"
        f" {percentiles(full.waits).replace(' |', ',')}, of {options.clients} clients",
        flush=True,
    )
    asking = rates(capacity, options.callers, options.times)
    async with watched(process) as seen:
        load = await open_loop(url, files, asking, options.seconds, identity)
    print(f"\n{fairness_table(load, list(asking))}\n\n{memory_table(seen, options.every)}\n")
    shares = [
        len(part.good) / len(part.answers)
        for part in map(load.of, list(asking)[:-1])
        if part.answers
    ]
    print(
        f"5xx: {load.failures}; without an answer: {load.statuses[NO_ANSWER]}; statuses:"
        f" {dict(sorted(load.statuses.items()))}\n"
        f"refused, half and 99 % within: {percentiles(load.refusals, 3).replace(' |', ',')}\n"
        f"the smallest share answered of a well-behaved caller: {100 * min(shares):.0f} %"
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--clients", type=int, default=16, help="that find the capacity")
    parser.add_argument("--capacity-seconds", type=float, default=60.0)
    parser.add_argument("--times", type=float, default=2.0, help="of the capacity is asked for")
    parser.add_argument("--callers", type=int, default=10, help="well-behaved ones")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--every", type=float, default=60.0, help="seconds of a row of memory")
    options = parser.parse_args()
    print(conditions(options))
    with served(options, SETTINGS) as (url, process):
        asyncio.run(measure(url, process, options))


if __name__ == "__main__":
    main()
