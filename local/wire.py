"""The wire between a browser and the service: sees every byte, and can misbehave."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_OF_ONE_CONNECTION = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Request:
    """What the browser sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def form(self) -> dict[str, bytes]:
        """Return the fields of a multipart body."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + self.body)
        assert message.is_multipart(), "the body is no form"
        return {
            str(part.get_param("name", header="content-disposition")): bytes(
                part.get_payload(decode=True)
            )
            for part in message.iter_parts()
        }


@dataclass(frozen=True)
class Response:
    """What the browser gets."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Wire:
    """A running proxy.

    Attributes
    ----------
    url
        What the browser opens.
    requests
        Everything that it sent, in order.
    answer_instead
        Asked before the service: what it returns, if anything, is the answer.
    change
        Changes an answer on its way back.
    """

    url: str
    requests: list[Request] = field(default_factory=list)
    answer_instead: Callable[[Request], Response | None] = lambda _: None
    change: Callable[[Request, Response], Response] = lambda _, response: response

    def pictures(self) -> list[Request]:
        """Return the requests that carried pictures."""
        return [request for request in self.requests if request.method == "POST"]


@contextmanager
def wire_to(service: str) -> Iterator[Wire]:
    """Run a proxy before a service until the end of the block."""
    wire = Wire("")
    host = urlsplit(service).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if len(body) < int(self.headers.get("Content-Length", 0)):
                self.close_connection = True  # the browser gave up
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            wire.requests.append(request)
            response = wire.answer_instead(request) or forwarded(host, request)
            response = wire.change(request, response)
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing of browsers that close a connection."""

    with Server(("127.0.0.1", 0), Handler) as server:
        wire.url = f"http://localhost:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield wire
        server.shutdown()
        thread.join()


def forwarded(host: str, request: Request) -> Response:
    """Return the service's own answer, or 502 if there is no service."""
    connection = http.client.HTTPConnection(host, timeout=240)
    try:
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        headers = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in _OF_ONE_CONNECTION
        }
        return Response(answer.status, headers, answer.read())
    except OSError:
        return Response(502)
    finally:
        connection.close()
