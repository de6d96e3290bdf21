"""A process with all that it started: memory, threads and open files, as Linux tells them."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """What processes have together.

    Attributes
    ----------
    at
        When, in seconds of the monotonic clock.
    megabytes
        Of memory; what several of them share counts once (proportional set size).
    threads, files
        How many, and how many files, connections among them, are open.
    own
        Megabytes of the first of them, which started the others.
    """

    at: float
    megabytes: float
    threads: int
    files: int
    own: float = 0.0

    @property
    def memory(self) -> str:
        """All memory, and in brackets that of the first process and that of the others."""
        return f"{self.megabytes:.0f} MB ({self.own:.0f} + {self.megabytes - self.own:.0f})"


def family(process: int) -> list[int]:
    """Return a process and all that it started, those included that these started."""
    found = [process]
    for each in found:  # which grows meanwhile
        with _that_may_end():
            for thread in (PROC / str(each) / "task").iterdir():
                with _that_may_end():
                    found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def usage(process: int) -> Usage:
    """Return what a process and all that it started have now. Takes milliseconds."""
    kilobytes = own = threads = files = 0
    for each in family(process):
        with _that_may_end():
            size = _number(PROC / str(each) / "smaps_rollup", "Pss")
            kilobytes += size
            own += size if each == process else 0
            threads += _number(PROC / str(each) / "status", "Threads")
            files += sum(1 for _ in (PROC / str(each) / "fd").iterdir())
    return Usage(time.monotonic(), kilobytes / 1000, threads, files, own / 1000)


def peak_megabytes(process: int) -> float:
    """Return the most memory that a process and those it started have had, each on its own."""
    kilobytes = 0
    for each in family(process):
        with _that_may_end():
            kilobytes += _number(PROC / str(each) / "status", "VmHWM")
    return kilobytes / 1000


def resident(process: int) -> tuple[float, float]:
    """Return a process's resident megabytes, and those of them that are files on disk."""
    with _that_may_end():
        status = PROC / str(process) / "status"
        return _number(status, "VmRSS") / 1000, _number(status, "RssFile") / 1000
    return 0.0, 0.0


def command(process: int) -> str:
    """Return a process's command line; nothing once it has ended."""
    with _that_may_end():
        return (PROC / str(process) / "cmdline").read_text(encoding="utf-8", errors="replace")
    return ""


@asynccontextmanager
async def watched(process: int, every: float = 1.0) -> AsyncIterator[list[Usage]]:
    """Look at a process and all that it started until the end of the block.

    Parameters
    ----------
    process
        Its number.
    every
        Seconds from one look to the next.
    """
    seen: list[Usage] = []

    async def watch() -> None:
        while True:
            seen.append(await asyncio.to_thread(usage, process))
            await asyncio.sleep(every)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watching.cancel()


def by_period(seen: list[Usage], seconds: float) -> list[Usage]:
    """Return the mean of each whole period of so many seconds."""
    if not seen:
        return []
    began = seen[0].at
    periods: dict[int, list[Usage]] = {}
    for each in seen:
        periods.setdefault(int((each.at - began) / seconds), []).append(each)
    whole = range(int((seen[-1].at - began) / seconds))
    return [mean(periods[period]) for period in whole if period in periods]


def mean(seen: list[Usage]) -> Usage:
    """Return the mean of what was seen, which is something."""
    count = len(seen)
    return Usage(
        seen[0].at,
        sum(each.megabytes for each in seen) / count,
        round(sum(each.threads for each in seen) / count),
        round(sum(each.files for each in seen) / count),
        sum(each.own for each in seen) / count,
    )


def change(first: float, last: float) -> str:
    """Return by how much something grew, as text."""
    return f"{100 * (last - first) / first:+.1f} %" if first else "-"


def _number(file: Path, name: str) -> int:
    for line in file.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


@contextmanager
def _that_may_end() -> Iterator[None]:
    with suppress(FileNotFoundError, ProcessLookupError):
        yield
