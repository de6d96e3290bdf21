"""CloudWatch Logs, as far as hush reads them: what a Lambda prints becomes events of its group."""

import time
from pathlib import Path
from typing import Any

STREAM = "emulated"


class LogDelivery:
    """Delivers what was printed since it last did.

    Parameters
    ----------
    logs
        boto3's client of CloudWatch Logs.
    """

    def __init__(self, logs: Any) -> None:
        self._logs = logs
        self._delivered: dict[Path, int] = {}

    def deliver(self, file: Path, group: str) -> None:
        """Deliver a file's new lines to a group, which is made if need be.

        All that is not finished with a line end waits for the next time.
        """
        if file not in self._delivered:
            self._delivered[file] = 0
            self._make(group)
        with file.open("rb") as lines:
            lines.seek(self._delivered[file])
            new = lines.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._delivered[file] += len(whole)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in whole.decode().splitlines()]
        if events:
            self._logs.put_log_events(logGroupName=group, logStreamName=STREAM, logEvents=events)

    def _make(self, group: str) -> None:
        known = self._logs.exceptions.ResourceAlreadyExistsException
        for make, names in (
            (self._logs.create_log_group, {"logGroupName": group}),
            (self._logs.create_log_stream, {"logGroupName": group, "logStreamName": STREAM}),
        ):
            try:
                make(**names)
            except known:
                continue
