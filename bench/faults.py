"""What a service under load makes of faults: `python -m bench.faults`.

A few clients send pictures of which the words are known, one after another, to a service of its
own for each fault. Then something goes wrong. Every request has to come back with the right words,
or with an honest error: a status, and what is the matter. Wrong words and requests without an
answer are counted, and how long it took until one that was sent after the fault had its words.

Who is refused comes again after half a second; where the service stops, its clients leave.
"""

import argparse
import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL

from bench import harm
from bench.clients import NO_ANSWER, Answer, ask, client, pictures, segments
from bench.process_tree import family
from hush_service.weights.models import default_folder, resolve
from local.processes import free_port, running, wait_until_ready
from models.nothing_said import FOLDER

COME_AGAIN = 0.5
"""Seconds after which a client that was refused asks again."""
LONGEST = 90.0
"""Seconds that are waited for words after a fault."""
SERVICE = [sys.executable, "-m", "hush_service"]
UNAVAILABLE = 503
DAMAGED = "a damaged model, at the start"


@dataclass
class Outcome:
    """What became of the requests of a fault.

    Attributes
    ----------
    answers
        All of them.
    words
        Those that are right, of each picture.
    not_sent
        How often nobody took a connection.
    began
        When the fault was, in seconds of the monotonic clock.
    remark
        What else there is to say.
    """

    words: Sequence[str]
    answers: list[Answer] = field(default_factory=list)
    not_sent: int = 0
    began: float = 0.0
    remark: str = ""

    @property
    def right(self) -> list[Answer]:
        """Answers with the right words."""
        return [each for each in self.answers if each.good and self._is_right(each)]

    @property
    def wrong(self) -> list[Answer]:
        """Answers with other words."""
        return [each for each in self.answers if each.good and not self._is_right(each)]

    @property
    def lost(self) -> list[Answer]:
        """Requests that have no answer, or one that does not say what is the matter."""
        return [
            each
            for each in self.answers
            if not each.good and (each.status == NO_ANSWER or not each.text)
        ]

    @property
    def refused(self) -> Counter[int]:
        """How often each status was answered, with what is the matter."""
        return Counter(
            each.status
            for each in self.answers
            if not each.good and each.status != NO_ANSWER and each.text
        )

    @property
    def again(self) -> float | None:
        """Seconds from the fault until words came to what was sent after it; None if none did."""
        return min(
            (
                each.sent + each.seconds - self.began
                for each in self.right
                if self.began <= each.sent
            ),
            default=None,
        )

    def _is_right(self, answer: Answer) -> bool:
        return answer.text == self.words[answer.number]

    def row(self, name: str) -> str:
        """Return a line of the table."""
        refused = ", ".join(
            f"{count} of {status}" for status, count in sorted(self.refused.items())
        )
        again = "-" if self.again is None else f"{self.again:.1f} s"
        absent = f"no connection {self.not_sent} times" if self.not_sent else ""
        return (
            f"| {name} | {len(self.answers)} | {len(self.right)} | {refused or '0'}"
            f" | {len(self.wrong)} | {len(self.lost)} | {again}"
            f" | {'; '.join(filter(None, (self.remark, absent)))} |"
        )


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes
    ----------
    name
        What it is called in the table.
    act
        Does it to the service of an address and a process, and returns a remark.
    settings
        Of the service.
    before
        What is put before the service's command, with a folder of its own.
    stops
        Whether the service is told to stop: who is refused then leaves.
    """

    name: str
    act: Callable[[harm.Service], Awaitable[str]]
    settings: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[Path], list[str]] = lambda folder: []
    stops: bool = False


FAULTS = (
    Fault("the engine's process is killed", harm.kill_engine),
    Fault("the engine's process hangs", harm.stop_engine, {"HUSH_MAX_SECONDS": "5"}),
    Fault("SIGTERM", harm.terminate, stops=True),
    Fault("clients that do not read", harm.do_not_read),
    Fault("bodies that trickle", harm.trickle, {"HUSH_MAX_BODY_SECONDS": "5"}),
    Fault("idle connections", harm.idle),
    Fault("clients that ask and leave", harm.leave),
    Fault("a full disk", harm.write, before=harm.on_full_disk),
    Fault("the model's file is overwritten", harm.overwrite),
    Fault("it is, and the engine's process is killed", harm.overwrite_and_kill),
)


@contextmanager
def served(fault: Fault, model: str, picture: bytes) -> Iterator[harm.Service]:
    """Run a service with a copy of its model until the end of the block; leave nothing of it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        printed = stack.enter_context(tempfile.TemporaryFile("w+"))
        settings = {**copied(model, folder), "HUSH_PORT": str(port), **fault.settings}
        command = [*fault.before(folder), *SERVICE]
        process = stack.enter_context(running(command, printed, **settings))
        wait_until_ready(url, process)
        try:
            yield harm.Service(url, process, folder / model, picture)
        finally:
            for each in family(process.pid)[1:]:
                with suppress(ProcessLookupError):
                    os.kill(each, SIGKILL)


def copied(model: str, folder: Path) -> dict[str, str]:
    """Return settings with which a service takes a model from a folder, where now a copy is."""
    kept = resolve(model, "ctranslate2")
    shutil.copytree(kept, folder / kept.relative_to(default_folder()))
    return {"HUSH_MODELS": model, "HUSH_DOWNLOAD_FOLDER": str(folder)}


async def known_words(url: str, files: Sequence[bytes]) -> list[str | None]:
    """Return each picture's words; None where they are not the same each time, by chance."""
    async with client(url) as http:
        alone = [await ask(http, file) for file in files]
        together = await asyncio.gather(*(ask(http, file) for file in files))
        again = await asyncio.gather(*(ask(http, file) for file in files[::-1]))
    return [
        one.text if one.good and one.text == other.text == third.text else None
        for one, other, third in zip(alone, together, again[::-1], strict=True)
    ]


async def under_load(
    service: harm.Service,
    fault: Fault,
    files: Sequence[bytes],
    outcome: Outcome,
    clients: int,
    seconds: float,
) -> None:
    """Have clients ask before, during and after a fault."""
    stop = asyncio.Event()
    numbers = iter(range(10**9))

    async def one() -> None:
        async with client(service.url) as http:
            while not stop.is_set():
                number = next(numbers) % len(files)
                answer = await ask(http, files[number], number=number)
                if answer.text == "ConnectError":  # nothing was sent
                    outcome.not_sent += 1
                else:
                    outcome.answers.append(answer)
                if service.has_ended:
                    return
                if outcome.began and fault.stops and answer.status == UNAVAILABLE:
                    return
                if not answer.good:
                    await asyncio.sleep(COME_AGAIN)

    asking = asyncio.gather(*(one() for _ in range(clients)))
    await asyncio.sleep(seconds)
    outcome.began = time.monotonic()
    outcome.remark = await fault.act(service)
    latest = time.monotonic() + LONGEST
    while outcome.again is None and not service.has_ended and time.monotonic() < latest:
        await asyncio.sleep(0.1)
    await asyncio.sleep(seconds)
    stop.set()
    await asking
    if service.has_ended:
        outcome.remark += f"; it ended with status {service.process.returncode}"


def damaged(model: str, folder: Path) -> str:
    """Start a service whose model is damaged; return what comes of it."""
    settings = {**copied(model, folder), "HUSH_PORT": str(free_port())}
    for file in folder.rglob("model.bin"):
        harm.flip(file)
    with running(SERVICE, **settings) as process:
        try:
            printed, _ = process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return "it starts"
    said = [line for line in printed.splitlines() if " ERROR " in line and model in line]
    why = said[-1].partition(" ERROR ")[2].split(": ")[:2] if said else ["no word of it"]
    return f"exit {process.returncode}: {': '.join(why)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of recordings")
    parser.add_argument("--utterances", type=int, default=24)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0, help="before and after a fault")
    parser.add_argument("--only", default="", help="faults whose name has this in it")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    files = pictures(segments(options.data, options.utterances))
    nothing = Fault("nothing", harm.nothing)
    with served(nothing, options.model, files[0]) as service:
        words = asyncio.run(known_words(service.url, files))
    sure = [number for number, text in enumerate(words) if text is not None]
    files, known = [files[number] for number in sure], [str(words[number]) for number in sure]
    print(f"{options.model}, {len(os.sched_getaffinity(0))} cores, {options.clients} clients,")
    print(f"{len(files)} of {options.utterances} pictures, whose words are the same each time\n")
    print(
        "| fault | sent | right | refused, by status | wrong | lost | words again after | |\n"
        + "|---" * 8
        + "|"
    )
    for fault in (nothing, *FAULTS):
        if options.only not in fault.name:
            continue
        outcome = Outcome(known)
        with served(fault, options.model, files[0]) as service:
            asyncio.run(
                under_load(service, fault, files, outcome, options.clients, options.seconds)
            )
        print(outcome.row(fault.name), flush=True)
    if options.only in DAMAGED:
        with tempfile.TemporaryDirectory() as folder:
            print(Outcome((), remark=damaged(options.model, Path(folder))).row(DAMAGED))


if __name__ == "__main__":
    main()
