"""The service beside the watcher: how it fares, and how it is told to stop."""

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import httpx2
from prometheus_client.parser import text_string_to_metric_families

_PICTURE_ROUTES = frozenset({"/", "/mel", "/v1/audio/transcriptions", "/v1/audio/translations"})


@dataclass(frozen=True)
class Load:
    """What the service is busy with."""

    in_flight: int
    """Pictures taken and not yet answered."""
    answered: int
    """Answers since its start on routes that take pictures."""


class ServiceProcess:
    """The service on this machine.

    Parameters
    ----------
    url
        Where it listens.
    process_id
        Tells the id of its process; 0 if there is none.
    patience
        Seconds after which it counts as not answering.
    """

    def __init__(self, url: str, process_id: Callable[[], int], patience: float = 2.0) -> None:
        self._http = httpx2.Client(base_url=url, timeout=patience, trust_env=False)
        self._process_id = process_id

    def ready(self) -> bool:
        """Say whether a picture sent now would be answered."""
        try:
            return self._http.get("/readyz").is_success
        except httpx2.TransportError:
            return False

    def load(self) -> Load | None:
        """Return what it is busy with; None if it does not tell."""
        try:
            answer = self._http.get("/metrics")
        except httpx2.TransportError:
            return None
        in_flight = answered = 0.0
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                if sample.name == "hush_in_flight":
                    in_flight = sample.value
                elif sample.name == "hush_requests_total":
                    answered += sample.value * (sample.labels["route"] in _PICTURE_ROUTES)
        return Load(int(in_flight), int(answered))

    def stop(self) -> None:
        """Let it finish what it took, take nothing new, and end."""
        if process_id := self._process_id():
            os.kill(process_id, signal.SIGTERM)

    def stopped(self) -> bool:
        """Say whether it has ended."""
        return self._process_id() == 0


def systemd_process(unit: str) -> int:
    """Return the id of a unit's main process; 0 if it does not run."""
    shown = subprocess.run(
        ["systemctl", "show", "--property=MainPID", "--value", unit],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(shown.stdout)
