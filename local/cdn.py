"""CloudFront, as far as hush depends on it: the page, the function, and the secret header."""

import fnmatch
import json
import mimetypes
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2

from hush.contracts.routes import ADMIN_PAGE
from local.gateway import Answer, Parts, Request
from local.viewer import viewer_request

HEADERS = Path(__file__).parents[1] / "ui" / "headers.json"
GATEWAY_HOST = "api.execute-api.us-east-1.amazonaws.com"
VIEWER = "203.0.113.7"
"""Every client's address."""


@dataclass
class Cdn:
    """Answers clients: with the page, or with what the API says.

    Parameters
    ----------
    api_paths
        Patterns of the paths that the API answers.
    origin_headers
        Returns what is added on the way to the API.
    api
        Answers there.
    file
        Returns a file of the page by its path; None if there is none.
    """

    api_paths: Sequence[str]
    origin_headers: Callable[[], dict[str, str]]
    api: Callable[[Request], Answer]
    file: Callable[[str], bytes | None]

    def answer(self, request: Request) -> Answer:
        """Answer a client."""
        if any(fnmatch.fnmatchcase(request.path, pattern) for pattern in self.api_paths):
            answer = self._of_api(request)
        else:
            answer = self._of_page(request.path)
        for name, value in json.loads(HEADERS.read_text(encoding="utf-8")).items():
            answer.headers[name] = value
        return answer

    def _of_api(self, request: Request) -> Answer:
        headers = dict(request.headers)
        origin = headers.get("origin", "")
        if origin == f"http://{headers.get('host')}":
            # Here the browser comes without TLS, which it cannot do to CloudFront.
            headers["origin"] = origin.replace("http:", "https:", 1)
        cookies = _cookies(headers.pop("cookie", ""))
        decided = viewer_request(request.method, request.path, headers, cookies, VIEWER)
        if "statusCode" in decided:
            words = {name: each["value"] for name, each in decided["headers"].items()}
            body = decided["body"]["data"].encode()
            return Answer(decided["statusCode"], httpx2.Headers(words), body)
        passed = {name: each["value"] for name, each in decided["headers"].items()}
        if origin:
            passed["origin"] = origin
        if decided["cookies"]:
            pairs = (f"{name}={each['value']}" for name, each in decided["cookies"].items())
            passed["cookie"] = "; ".join(pairs)
        passed |= {"host": GATEWAY_HOST, **self.origin_headers()}
        return self.api(Request(request.method, request.path, passed, request.body, request.query))

    def _of_page(self, path: str) -> Answer:
        if path == ADMIN_PAGE:
            path = viewer_request("GET", path, {}, {}, VIEWER)["uri"]
        name = path.lstrip("/") or "index.html"
        body = self.file(name)
        if body is None:
            return Answer(403, httpx2.Headers({"content-type": "text/plain"}), b"no such page")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Answer(200, httpx2.Headers({"content-type": kind}), body)

    @contextmanager
    def listening(self, port: int = 0) -> Iterator[str]:
        """Serve for as long as the block lasts, and give the address."""
        with ThreadingHTTPServer(("127.0.0.1", port), _handler(self)) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://localhost:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


def _cookies(header: str) -> dict[str, str]:
    pairs = (pair.strip().partition("=") for pair in header.split(";") if "=" in pair)
    return {name: value for name, _, value in pairs}


def _handler(cdn: Cdn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            path, _, query = self.path.partition("?")
            answer = cdn.answer(Request(self.command, path, headers, body, query))
            with closing(answer.parts) if answer.parts else nullcontext():
                self.pass_on(answer)

        def pass_on(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.multi_items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            if answer.parts is not None:
                self.pass_on_parts(answer.parts)
                return
            if answer.status != HTTPStatus.NO_CONTENT:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def pass_on_parts(self, parts: Parts) -> None:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for part in parts:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = do_OPTIONS = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
