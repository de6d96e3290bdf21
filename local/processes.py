"""Real processes: the service and the command line, as a user starts them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx2

ROOT = Path(__file__).parents[1]
HANG = 600.0
"""Seconds that only what hangs takes, however busy the machine is."""


class NotReadyError(Exception):
    """A process ended or took too long before it answered. The message has what it printed."""


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port of loopback."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except (OSError, OverflowError):
        return False


def environment(**settings: str) -> dict[str, str]:
    """Return this process's environment without settings of hush but these; with the toy model."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HUSH_")}
    return {**inherited, "PYTHONUNBUFFERED": "1", "HUSH_MODELS": "demo", **settings}


def hush(
    *arguments: str | Path, cwd: Path | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "hush.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd or ROOT,
        env=environment(**{"PYTHONPATH": str(ROOT), "COLUMNS": "100", **settings}),
        timeout=HANG,
        check=False,
    )


@contextmanager
def running(
    command: list[str], output: IO[str] | None = None, /, **settings: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a process until the end of the block.

    Parameters
    ----------
    command
        What is run.
    output
        File that it prints to; a pipe if None, which does not hold much that nobody reads.
    **settings
        Its settings of hush.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(**settings),
        stdout=subprocess.PIPE if output is None else output,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        # The block may have read it to its end, and closed it.
        if process.stdout is not None:
            process.stdout.close()


def first_answer(url: str, process: subprocess.Popen[str]) -> httpx2.Response:
    """Return the first answer of a process that has just been started.

    Raises
    ------
    NotReadyError
        If it ends, or takes too long.
    """
    deadline = time.monotonic() + HANG
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return httpx2.get(url, timeout=HANG)
        except httpx2.TransportError:
            time.sleep(0.02)
    process.kill()
    raise NotReadyError(f"no answer at {url}{_said(process.stdout)}")


def wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    """Return when a service that has just been started is ready.

    Raises
    ------
    NotReadyError
        If it ends, or takes too long.
    """
    deadline = time.monotonic() + HANG
    while not first_answer(f"{url}/readyz", process).is_success:
        if time.monotonic() > deadline:
            process.kill()
            raise NotReadyError(f"the service did not become ready{_said(process.stdout)}")
        time.sleep(0.1)


@contextmanager
def service(
    output: IO[str] | None = None, /, **settings: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the service with the demo model, and wait until it is ready; see `running`."""
    port = free_port()
    command = [sys.executable, "-m", "hush_service"]
    with running(command, output, HUSH_PORT=str(port), **settings) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url, process


def _said(output: IO[str] | None) -> str:
    """Return what a process that has ended printed, unless that is on the terminal already."""
    return "" if output is None else f": {output.read()}"


def children(process: int) -> list[int]:
    """Return the processes that another one has started and that have not ended."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
    return [int(child) for child in listed.split()]
