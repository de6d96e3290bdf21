"""How long the authorizer takes: from the start of its process to its first decision, and then.

`python -m bench.authorizer`

Each cold start is a process of its own, with Python's own start and all imports counted, that
reads its secrets and the table from a stand-in for AWS on loopback that answers at once. The peer
is the least that a Lambda in Python can do which asks DynamoDB through boto3: import it, make the
two clients, and ask the same. Lambda's own machines are slower or faster, and AWS is further away.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hush.contracts.headers import CREDENTIAL, ORIGIN

ROOT = Path(__file__).parents[1]
LAMBDA = ROOT / "lambda"
COLD_STARTS, WARM_DECISIONS = 15, 300
COLD_TARGET, WARM_TARGET = 300.0, 5.0
SIGNING_KEY = "s" * 64

DECIDE = """
import json, sys, time
import authorizer
event = json.loads(sys.argv[1])
decision = authorizer.handler(event, None)
assert decision["policyDocument"]["Statement"][0]["Effect"] == "Allow", decision
print("decided", flush=True)
times = []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    authorizer.handler(event, None)
    times.append(time.perf_counter() - began)
print(json.dumps(times))
"""
PEER = """
import sys
import boto3
secrets, table = boto3.client("secretsmanager"), boto3.client("dynamodb")
for _ in range(2):
    secrets.get_secret_value(SecretId="any")
keys = [{"who": {"S": "github:1"}, "what": {"S": "profile"}}]
table.batch_get_item(RequestItems={"people": {"Keys": keys}})
print("decided", flush=True)
"""


def main() -> None:
    session, key = _credentials()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Aws) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = _environment(f"http://127.0.0.1:{server.server_port}")
        colds: dict[str, list[float]] = {"session": [], "key": [], "boto3 alone": []}
        warms: dict[str, list[float]] = {}
        for _ in range(COLD_STARTS):
            for name, credential in {"session": session, "key": key}.items():
                cold, _none = _run([DECIDE, _event(credential), "0"], environment)
                colds[name].append(cold)
            cold, _none = _run([PEER], environment)
            colds["boto3 alone"].append(cold)
        for name, credential in {"session": session, "key": key}.items():
            _cold, warms[name] = _run(
                [DECIDE, _event(credential), str(WARM_DECISIONS)], environment
            )
        server.shutdown()
    peer = statistics.median(colds["boto3 alone"])
    print(f"{'milliseconds':14}{'median':>9}{'longest':>9}{'target':>8}{'of boto3 alone':>16}")
    for name, times in colds.items():
        middle = statistics.median(times)
        print(
            f"cold, {name:11}{middle:6.0f}{max(times):9.0f}{COLD_TARGET:8.0f}{middle / peer:16.2f}"
        )
    for name, times in warms.items():
        print(
            f"warm, {name:8}{statistics.median(times) * 1e3:9.2f}{max(times) * 1e3:9.2f}"
            f"{WARM_TARGET:8.0f}"
        )


def _run(arguments: list[str], environment: dict[str, str]) -> tuple[float, list[float]]:
    """Return the milliseconds to the first decision, and the seconds that others took."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "decided\n":
            raise SystemExit("the authorizer did not let in whom it should")
        cold = (time.perf_counter() - began) * 1e3
        rest = process.stdout.read()
    return cold, json.loads(rest) if rest else []


def _credentials() -> tuple[str, str]:
    """Return a session and a key that the stand-in knows."""
    sys.path.insert(0, str(LAMBDA))
    from identity import tokens
    from identity.keys import ApiKey

    now = int(time.time())
    said = tokens.Session("github:1", "octocat", "open", now, now + 3600)
    token = tokens.sign(said, "bench", ["signing"], lambda _: SIGNING_KEY)
    key = ApiKey("github:1", "0" * 16, "k" * 43)
    _Aws.digest = key.digest
    return f"session {token}", f"bearer {key}"


def _event(credential: str) -> str:
    headers = {ORIGIN: "front", CREDENTIAL: credential}
    return json.dumps({"methodArn": "arn:aws:api/live/POST/mel", "headers": headers})


def _environment(url: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "PYTHONPATH": f"{LAMBDA / 'authorizer'}:{LAMBDA}:{ROOT}",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HUSH_DEPLOYMENT": "bench",
        "HUSH_PEOPLE_TABLE": "people",
        "HUSH_QUOTA_TABLE": "quota",
        "HUSH_SIGNING_KEYS": "signing",
        "HUSH_FRONT_DOOR_SECRET": "front",
        "HUSH_DEPLOYMENT_KEY_SECRET": "deployment",
        "HUSH_POLICY": '{"users": ["octocat"]}',
        "HUSH_LIMITS": "{}",
    }


class _Aws(BaseHTTPRequestHandler):
    """Secrets Manager and DynamoDB, as far as a decision asks them."""

    protocol_version = "HTTP/1.1"
    # Else the body waits 40 ms for the headers to be acknowledged.
    wbufsize = -1
    digest = ""

    def do_POST(self) -> None:
        asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer: dict[str, Any]
        if "SecretId" in asked:
            value = SIGNING_KEY if asked["SecretId"] == "signing" else asked["SecretId"]
            answer = {"SecretString": value, "ARN": "arn", "Name": "name"}
        else:
            keys = asked["RequestItems"]["people"]["Keys"]
            answer = {"Responses": {"people": [self._item(key) for key in keys]}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _item(self, key: dict[str, Any]) -> dict[str, Any]:
        # Once an hour it is written down that somebody was seen, which this is not about.
        lately = {"N": f"{time.time():.0f}"}
        if key["what"]["S"] == "profile":
            rest: dict[str, Any] = {
                "login": {"S": "octocat"},
                "name": {"S": ""},
                "member": {"BOOL": False},
                "checked": {"N": "0"},
                "seen": lately,
            }
        else:
            rest = {"digest": {"S": self.digest}, "kind": {"S": "key"}, "used": lately}
        return key | rest

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    main()
