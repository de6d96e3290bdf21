"""The CloudFront Function, run in Node as CloudFront would call it."""

import json
import subprocess
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "stacks" / "viewer_request.js"
CALL = """
const event = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(handler(event)));
"""


def viewer_request(
    method: str, uri: str, headers: dict[str, str], cookies: dict[str, str], address: str
) -> dict[str, Any]:
    """Return the request that CloudFront goes on with, or the answer that it gives instead."""
    event = {
        "version": "1.0",
        "context": {"eventType": "viewer-request"},
        "viewer": {"ip": address},
        "request": {
            "method": method,
            "uri": uri,
            "querystring": {},
            "headers": {name.lower(): {"value": value} for name, value in headers.items()},
            "cookies": {name: {"value": value} for name, value in cookies.items()},
        },
    }
    ran = subprocess.run(
        ["node", "-e", SOURCE.read_text(encoding="utf-8") + CALL],
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=True,
    )
    changed: dict[str, Any] = json.loads(ran.stdout)
    return changed
