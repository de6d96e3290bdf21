"""Deployed Lambdas, run for real: their code as uploaded, with the environment it was given."""

import math
import threading
import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

from local.functions import Function, LambdaError
from local.log_delivery import LogDelivery
from tests.cloud.emulated_aws import EmulatedAws


class ThrottledError(LambdaError):
    """A function is called more often at once than was kept for it."""


class Lambdas:
    """All deployed functions, each started when it is first called.

    Attributes
    ----------
    environment
        What all of them are told besides, such as where GitHub is.
    most
        Of how many calls of each at once there have been.
    """

    def __init__(self, aws: EmulatedAws, folder: Path) -> None:
        self._aws, self._folder = aws, folder
        self._delivery = LogDelivery(aws.client("logs"))
        self._running: dict[str, Function] = {}
        self.environment: dict[str, str] = {}
        self._lock = threading.RLock()
        self._asked: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def invoke(self, arn: str, event: dict[str, Any]) -> Any:
        """Call the function that a name, an ARN, or an address that holds one, tells."""
        functions = self._aws.of("Lambda::Function")
        name = next(name for name in functions if f":function:{name}" in arn or name == arn)
        with self._lock:
            if name not in self._running:
                self._running[name] = self._start(functions[name], self._folder / name)
            if self._asked[name] >= functions[name].get("ReservedConcurrentExecutions", math.inf):
                raise ThrottledError(name)
            self._asked[name] += 1
            self.most[name] = max(self.most[name], self._asked[name])
        try:
            return self._running[name](event)
        finally:
            with self._lock:
                self._asked[name] -= 1

    def _start(self, properties: dict[str, Any], folder: Path) -> Function:
        code = properties["Code"]
        with zipfile.ZipFile(BytesIO(self._aws.asset(code["S3Bucket"], code["S3Key"]))) as archive:
            archive.extractall(folder)
        variables = properties.get("Environment", {}).get("Variables", {})
        environment = {**self._aws.environment, **variables, **self.environment}
        log = folder.with_suffix(".log")
        return Function(properties["Handler"], [folder], environment, log)

    def said(self) -> str:
        """Return all that the functions printed: their logs."""
        return "".join(log.read_text() for log in sorted(self._folder.glob("*.log")))

    def deliver_logs(self) -> None:
        """Have CloudWatch Logs know what was printed so far, each function's in its group."""
        for name, properties in self._aws.of("Lambda::Function").items():
            log = self._folder / f"{name}.log"
            if log.exists():
                self._delivery.deliver(log, properties["LoggingConfig"]["LogGroup"])

    def stop(self) -> None:
        """End all of them; the next call starts anew."""
        for function in self._running.values():
            function.stop()
        self._running.clear()
