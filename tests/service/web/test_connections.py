"""Connections and bodies that misbehave, over real sockets."""

import asyncio
import contextlib
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn

from hush_service.settings import ServiceSettings
from hush_service.web import bodies, connections
from hush_service.web.app import create_app
from hush_service.web.connections import bounded
from hush_service.web.server import _connections
from local.processes import HANG
from tests.service.conftest import engine, get, loaded, picture, post, wait_until


@contextmanager
def listening(app: Any, most: int = 100) -> Iterator[str]:
    """Serve an application in a thread of its own until the end of the block."""
    config = uvicorn.Config(app, port=0, log_config=None, http=bounded(most))
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


def service(**settings: object) -> Any:
    return create_app(ServiceSettings(**settings), loaded(demo=engine()))  # type: ignore[arg-type]


def connected(url: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))
    connection.settimeout(HANG)
    return connection


def answer_on(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Return status and error of an answer, after which the connection is closed."""
    with connection.makefile("rb") as stream:
        head, _, body = stream.read().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1000) == b""
    except ConnectionError:
        return True


def send_until_cut(connection: socket.socket, part: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            connection.sendall(part)
            time.sleep(0.02)


def head(length: int | None, **headers: str) -> bytes:
    given = {"Host": "x", "Content-Type": "image/png", **headers}
    if length is None:
        given["Transfer-Encoding"] = "chunked"
    else:
        given["Content-Length"] = str(length)
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode()


def test_who_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    with listening(service()) as url, ExitStack() as stack:
        silent, half, trickling = (stack.enter_context(connected(url)) for _ in range(3))
        half.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        send_until_cut(trickling, b"G")
        assert is_closed(silent)
        assert is_closed(half)
        assert get(f"{url}/healthz").is_success


def test_a_client_that_has_been_answered_may_ask_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    with listening(service()) as url, httpx2.Client(base_url=url) as client:
        assert client.get("/healthz").is_success
        time.sleep(0.3)
        (kept,) = client._transport._pool.connections  # type: ignore[attr-defined]
        assert client.get("/healthz").is_success
        assert client._transport._pool.connections == [kept]  # type: ignore[attr-defined]


def test_idle_connections_give_way_the_longest_idle_first() -> None:
    with listening(service(), most=8) as url, ExitStack() as stack:
        idle = [stack.enter_context(connected(url)) for _ in range(40)]
        assert get(f"{url}/healthz").is_success
        assert all(is_closed(connection) for connection in idle[:32])
        assert post(url, picture()).text == "Hello.\n"


@pytest.mark.parametrize(
    ("soft", "hard", "most", "files"),
    [(1024, 4096, 1024, 1152), (256, 1024, 896, 1024), (4096, 4096, 1024, 4096), (64, 64, 1, 64)],
)
def test_there_are_no_more_connections_than_files(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, files: int
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    assert _connections(1024) == most
    assert limits[-1] == (files, hard)


def test_connections_that_are_asked_something_do_not_give_way() -> None:
    with listening(service(), most=4) as url, ExitStack() as stack:
        busy = [stack.enter_context(connected(url)) for _ in range(4)]
        for connection in busy:
            connection.sendall(head(len(picture()), Expect="100-continue"))
            assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        assert is_closed(stack.enter_context(connected(url)))
        for connection in busy:
            connection.sendall(picture())
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_who_still_reads_the_last_answer_does_not_give_way() -> None:
    answer = bytes(32_000_000)  # more than the system keeps for who does not read
    answered = threading.Event()

    async def app(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": answer})
        answered.set()

    with listening(app, most=1) as url, connected(url) as reading:
        reading.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answered.wait(HANG)
        with connected(url) as another:
            assert is_closed(another)
        with reading.makefile("rb") as stream:
            assert len(stream.read()) > len(answer)


def test_who_does_not_read_the_answer_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.2)
    ended = threading.Event()

    async def endless(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        if scope["type"] != "http":
            return
        await receive()
        await send({"type": "http.response.start", "status": 200})
        left = asyncio.ensure_future(receive())
        while not left.done():
            body = {"type": "http.response.body", "body": bytes(100_000), "more_body": True}
            await send(body)
            await asyncio.sleep(0)
        ended.set()

    with listening(endless) as url, connected(url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert ended.wait(HANG)


@pytest.mark.parametrize(
    "limits",
    [{"max_body_seconds": 0.5}, {"min_body_rate": 10_000}],
    ids=["seconds", "rate"],
)
@pytest.mark.parametrize("is_silent", [False, True], ids=["trickles", "says nothing"])
def test_a_body_that_is_slow_is_given_up(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, float], is_silent: bool
) -> None:
    monkeypatch.setattr(bodies, "SLOW_START", 0.3)
    monkeypatch.setattr(bodies, "REST_SECONDS", 0.1)
    with listening(service(**limits)) as url, connected(url) as connection:
        connection.sendall(head(1_000_000, Connection="close"))
        if is_silent:
            assert answer_on(connection)[0] == 408
        else:
            send_until_cut(connection, b"x" * 100)
        assert get(f"{url}/healthz").is_success
        assert 'hush_requests_total{route="/",status="408"} 1.0' in get(f"{url}/metrics").text


@pytest.mark.parametrize(
    ("settings", "status"), [({"max_body_bytes": 5_000_000}, 413), ({"api_key": "k"}, 401)]
)
@pytest.mark.parametrize("announced", [True, False])
def test_who_sends_everything_before_looking_sees_the_refusal(
    settings: dict[str, object], status: int, announced: bool
) -> None:
    body = bytes(8_000_000)
    with listening(service(**settings)) as url, connected(url) as connection:
        if not announced:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        connection.sendall(head(len(body) if announced else None, Connection="close") + body)
        assert answer_on(connection)[0] == status


def test_who_sends_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "REST_SECONDS", 0.5)
    with listening(service(api_key="k")) as url, connected(url) as connection:
        connection.sendall(head(None))
        send_until_cut(connection, b"10\r\n0123456789abcdef\r\n")


def test_no_more_is_held_than_fits() -> None:
    with (
        listening(service(max_held_bytes=2**27, max_body_bytes=2**24)) as url,
        ExitStack() as stack,
    ):
        part = bytes(15_000_000)
        held = [stack.enter_context(connected(url)) for _ in range(4)]
        for connection in held:
            connection.sendall(head(2**24, Connection="close") + part)
        refused = stack.enter_context(connected(url))
        refused.sendall(head(2**24, Connection="close") + part)
        refused.shutdown(socket.SHUT_WR)
        status, error = answer_on(refused)
        assert (status, error["message"]) == (429, "too much is under way already; try again")
        for connection in held:
            connection.close()
        wait_until(lambda: post(url, picture()).is_success)
