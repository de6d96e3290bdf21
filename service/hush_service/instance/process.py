"""The service beside the watcher: how it fares, and how it is told to stop."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

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


class Unit:
    """A unit of systemd's, which the watcher may look at, and have root stop.

    Parameters
    ----------
    name
        Such as "hush.service".
    drain
        The file that has it stopped once it is there (`ami/hush-drain.path`).
    """

    def __init__(self, name: str, drain: Path) -> None:
        self.name = name
        self.drain = drain

    def stop(self) -> None:
        """Have it stopped, for good."""
        self.drain.touch()

    def stopped(self) -> bool:
        """Say whether it has ended, and will not be started again."""
        shown = subprocess.run(
            ["systemctl", "show", "--property=ActiveState", "--value", self.name],
            capture_output=True,
            text=True,
            check=True,
        )
        return shown.stdout.strip() in ("inactive", "failed")


class ServiceProcess:
    """The service on this machine.

    Parameters
    ----------
    url
        Where it listens.
    unit
        What it runs as.
    patience
        Seconds after which it counts as not answering.
    """

    def __init__(self, url: str, unit: Unit, patience: float = 2.0) -> None:
        self._http = httpx2.Client(base_url=url, timeout=patience, trust_env=False)
        self._unit = unit

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
        self._unit.stop()

    def stopped(self) -> bool:
        """Say whether it has ended."""
        return self._unit.stopped()
