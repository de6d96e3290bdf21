"""What both demonstrations have in common: a port, the service, and an end at Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from hush.connection import ServiceError
from local.processes import NotReadyError, is_free, wait_until_ready

console = Console(highlight=False, soft_wrap=True)


def run(title: str, command: str, demonstrate: Callable[[int], int]) -> int:
    """Run a demonstration until it ends, or until Ctrl-C or SIGTERM.

    Parameters
    ----------
    title
        What to print first.
    command
        What the user typed, to be told how to take another port.
    demonstrate
        The demonstration; it takes a port of loopback, and returns the process's exit code.

    Returns
    -------
    int
        The process's exit code.
    """
    console.print(f"\n[bold]hush[/bold]{title}\n")
    said = os.environ.get("HUSH_PORT", "1337")
    port = int(said) if said.isdecimal() else 0
    if not port or not is_free(port):
        console.print(f"[red]port {said} is taken; HUSH_PORT=… {command} takes another[/red]")
        return 2
    # What it starts has to end with this process, however that ends.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return demonstrate(port)
    except KeyboardInterrupt:
        console.print("stopped")
        return 0
    except (NotReadyError, ServiceError) as error:
        console.print(str(error), style="red", markup=False)
        return 1


@contextmanager
def serving(port: int, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run the service with the demo model, ready when the block begins, until the block ends.

    Parameters
    ----------
    port
        Of loopback, where it listens.
    settings
        Variables of its environment.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "HUSH_API_KEY"}
    own = {"HUSH_HOST": "127.0.0.1", "HUSH_PORT": str(port), "HUSH_MODELS": "demo", **settings}
    service = subprocess.Popen(
        [sys.executable, "-m", "hush_service"], env={**inherited, **own}, text=True
    )
    try:
        with console.status("starting the service and loading its model"):
            wait_until_ready(f"http://127.0.0.1:{port}", service)
        yield service
    finally:
        service.terminate()
        service.wait()


def _interrupt(_: int, __: FrameType | None) -> None:
    """Take a signal as Ctrl-C is taken."""
    raise KeyboardInterrupt
