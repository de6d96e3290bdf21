"""What both demonstrations have in common: a port, the service, and an end at Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from hush.connection import ServiceError
from hush_service.engine.loading import MissingEngineError
from hush_service.weights.errors import WeightsError
from local.processes import NotReadyError, is_free, wait_until_ready
from local.terminal import console


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
    except (NotReadyError, ServiceError, WeightsError, MissingEngineError, OSError) as error:
        console.print(str(error), style="red", markup=False)
        return 1


@contextmanager
def serving(port: int, model: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run the service with a model, ready when the block begins, until the block ends.

    Parameters
    ----------
    port
        Of loopback, where it listens.
    model
        As in HUSH_MODELS.
    settings
        Variables of its environment.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "HUSH_API_KEY"}
    own = {"HUSH_HOST": "127.0.0.1", "HUSH_PORT": str(port), "HUSH_MODELS": model, **settings}
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
