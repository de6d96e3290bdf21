"""A stand-in for EC2's instance metadata service, which asks for its version 2."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

TOKEN = "a-token"


class MetadataServer(ThreadingHTTPServer):
    """Serves what stands in `values`; everything else is 404, as in EC2."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.values = {"instance-id": "i-0123", "placement/region": "us-east-1"}
        self.tokens: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def expire_tokens(self) -> None:
        self.tokens.clear()


class _Handler(BaseHTTPRequestHandler):
    server: MetadataServer

    def do_PUT(self) -> None:
        if self.path != "/latest/api/token":
            return self._answer(404)
        if not self.headers["x-aws-ec2-metadata-token-ttl-seconds"]:
            return self._answer(400)
        self.server.tokens.append(f"{TOKEN}-{len(self.server.tokens)}")
        return self._answer(200, self.server.tokens[-1])

    def do_GET(self) -> None:
        if self.headers["x-aws-ec2-metadata-token"] not in self.server.tokens:
            return self._answer(401)
        value = self.server.values.get(self.path.removeprefix("/latest/meta-data/"))
        return self._answer(404) if value is None else self._answer(200, value)

    def _answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def metadata_server() -> Iterator[MetadataServer]:
    with MetadataServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
