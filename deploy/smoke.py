"""After a deployment: wake the fleet at its public address, send a mel image, and check the words.

HUSH_URL is the address, HUSH_DEPLOYMENT_KEY the secret that holds an API key. Without capacity, or
dollars left for the month, there are no words to check: that is said, and is no failure.
"""

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import httpx2

from hush import Client

SAMPLE = Path(__file__).parents[1] / "models" / "sample.flac"
EXPECTED = frozenset({"remind", "cook", "dinner", "tonight"})
"""The words of the sample that any model hears alike."""
STOPPED = "stopped"
"""The status's step when the month's dollars are spent, and nothing wakes the fleet."""
PATIENCE = 600.0
LOOK_EVERY = 10.0


def smoke_test(
    url: str,
    key: str,
    sleep: Callable[[float], None] = time.sleep,
    patience: float = PATIENCE,
) -> bool:
    """Wake the fleet, wait until it is up, and see whether it hears what was said.

    Parameters
    ----------
    url, key
        The public address, and an API key.
    sleep
        Waits for some seconds.
    patience
        Seconds to wait for the fleet.

    Returns
    -------
    bool
        False if something is wrong; what, is printed.
    """
    headers = {"authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=30) as http:
        page = http.get("/")
        if not page.is_success or "html" not in page.text:
            print(f"the page is not there: {page.status_code}")
            return False
        if http.get("/v1/models", headers={"authorization": ""}).status_code not in (401, 403):
            print("the API is open to everybody")
            return False
        status: dict[str, Any] = http.post("/status").raise_for_status().json()
        waited = 0.0
        while status["state"] != "up" and status["step"] != STOPPED and waited < patience:
            print(f"{waited:4.0f} s  {status['detail']}", flush=True)
            sleep(LOOK_EVERY)
            waited += LOOK_EVERY
            status = http.get("/status").raise_for_status().json()
    if status["state"] != "up":
        if status["step"] in ("capacity", "no_capacity", STOPPED):
            print(f"warning: nothing was transcribed: {status['detail']}")
            return True
        print(f"the fleet did not come up: {status['detail']}")
        return False
    with Client(url, api_key=key) as client:
        heard = client.transcribe_audio(SAMPLE).text
    print(f"heard: {heard}")
    missing = EXPECTED - set(re.findall(r"\w+", heard.lower()))
    if missing:
        print(f"it did not hear {', '.join(sorted(missing))}")
    return not missing


def main() -> int:
    """Run with what the pipeline gives; return the process's exit code."""
    secret = os.environ["HUSH_DEPLOYMENT_KEY"]
    key = boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    return 0 if smoke_test(os.environ["HUSH_URL"], key) else 1


if __name__ == "__main__":
    sys.exit(main())
