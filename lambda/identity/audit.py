"""The audit log: a line of JSON for each event, with no secret, token, transcript or image."""

import json
import sys
import time


def audit(event: str, **details: str | int | bool | None) -> None:
    """Write down what happened, to standard output, which goes to the Lambda's log.

    Parameters
    ----------
    event
        What happened, such as "signed-in" or "refused".
    details
        To whom, and why.
    """
    line = {"audit": event, "time": round(time.time(), 3), **details}
    print(json.dumps(line, ensure_ascii=True), file=sys.stdout, flush=True)
