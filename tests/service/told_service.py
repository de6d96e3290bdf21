"""`python -m tests.service.told_service`: the service as a process that does as it is told.

It wants no torch, loads its model once the file ``TOLD_LOAD`` is there, and answers once the file
``TOLD_GO`` is; at once where these are not named. Where ``TOLD_FAIL`` is set, it fails. Where the
folder ``TOLD_SAY`` is named, it says a phrase for each second of a picture, the first of all once a
file ``0`` is there, and so on.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

from botocore.config import Config

from hush_service.__main__ import run
from hush_service.core import quota
from hush_service.engine import ModelInfo, loading
from hush_service.settings import ServiceSettings
from local.processes import HANG, free_port, running, wait_until_ready
from tests.service.conftest import SayingEngine, engine

INFO = ModelInfo(80, ("en",), ("transcribe",), 1000)
COMMAND = [sys.executable, "-m", "tests.service.told_service"]


@contextmanager
def told_service(**told: str | Path) -> Iterator[tuple[str, "Popen[str]"]]:
    """Run it until the end of the block, and wait until it is ready.

    Parameters
    ----------
    **told
        Its environment: settings, and what it is told.
    """
    port = free_port()
    settings = {name: str(value) for name, value in told.items()}
    with running(COMMAND, HUSH_PORT=str(port), **settings) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url, process


class Appearance(threading.Event):
    """Is set once a file is there."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def wait(self, timeout: float | None = None) -> bool:
        while not self._file.exists():
            if super().wait(0.01 if timeout is None else timeout) or timeout is not None:
                break
        return self._file.exists()


def _told(name: str) -> Appearance | None:
    return Appearance(Path(os.environ[name])) if name in os.environ else None


def _load_engine(settings: ServiceSettings, source: str | Path) -> Any:
    if load := _told("TOLD_LOAD"):
        load.wait()
    if say := os.environ.get("TOLD_SAY"):
        return SayingEngine(INFO, may=lambda said: (Path(say) / str(said)).exists())
    told = engine(go=_told("TOLD_GO"))
    if "TOLD_FAIL" in os.environ:
        told.transcribe = None  # type: ignore[method-assign,assignment]
    return told


if __name__ == "__main__":
    loading.load_apart = _load_engine
    # DynamoDB's stand-in answers when the machine has time for it.
    quota._CONFIG = Config(
        connect_timeout=HANG, read_timeout=HANG, retries={"total_max_attempts": 1}
    )
    sys.exit(run())
