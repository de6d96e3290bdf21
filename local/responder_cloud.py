"""What the responder asks of AWS, answered on this machine: weights, a key, quotas, and a call."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = "the-gateway's-key"


@dataclass
class Cloud:
    """The few services.

    Attributes
    ----------
    url
        Where they are.
    told
        What the status Lambda was told.
    spent
        What was counted in the table of quotas.
    stopped
        Whether the fleet is, as the governor says there.
    """

    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    spent: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False

    def environment(self, model: str, **settings: str) -> Mapping[str, str]:
        """Return what the function is told, as the stack does it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "HUSH_RESPONDER_MODEL": model,
            "HUSH_WEIGHTS_URL": "https://s3.us-east-1.amazonaws.com/assets/model.bin",
            "HUSH_GATEWAY_KEY_SECRET": "key",
            "HUSH_STATUS_FUNCTION": "status",
            "HUSH_GROUP": "hush-live",
            "HUSH_ROOT_PATH": "/live",
            "HUSH_QUOTA_TABLE": "quota",
            "HUSH_COMING": "small,turbo",
            **settings,
        }


@contextmanager
def responder_cloud(weights: Path) -> Iterator[Cloud]:
    """Serve for as long as the block lasts.

    Parameters
    ----------
    weights
        The file that S3 has.
    """
    cloud = Cloud()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
            size = weights.stat().st_size
            count = min(last + 1, size) - first
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{first + count - 1}/{size}")
            self.send_header("Content-Length", str(count))
            self.end_headers()
            self.wfile.flush()
            with weights.open("rb") as file:
                self.connection.sendfile(file, first, count)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            answer: dict[str, Any] = {}
            match action:
                case "GetSecretValue":
                    answer = {"SecretString": KEY}
                case "GetItem":
                    answer = {"Item": {"stopped": {"BOOL": cloud.stopped}}}
                case "UpdateItem":
                    cloud.spent.append(body)
                case _:
                    cloud.told.append(body)
            encoded = json.dumps(answer).encode()
            self.send_response(200 if action else 202)
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def handle(self) -> None:
            # A function that is ended leaves its connections.
            with suppress(ConnectionResetError):
                super().handle()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        cloud.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield cloud
        finally:
            server.shutdown()
            thread.join()
