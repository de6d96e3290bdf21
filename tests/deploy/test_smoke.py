"""The smoke test against a public address that behaves as it is told, with the real service."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from deploy import smoke
from deploy.smoke import smoke_test
from local.processes import service

KEY = "a-key"


class PublicAddress(ThreadingHTTPServer):
    """Wakes after some looks at its status; passes pictures on to a service."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.service = ""
        self.looks_until_up = 3
        self.step: str | None = "instance"
        self.open_to_all = False


class _Handler(BaseHTTPRequestHandler):
    server: PublicAddress

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        here = self.server
        if self.path == "/":
            return self._send(200, b"<html>")
        if not here.open_to_all and self.headers["authorization"] != f"Bearer {KEY}":
            return self._send(403, b"{}")
        if self.path == "/status":
            here.looks_until_up -= 1
            up = here.looks_until_up < 0
            status = {"state": "up" if up else "starting", "step": here.step, "detail": "…"}
            return self._send(200, json.dumps(status).encode())
        headers = {"content-type": self.headers.get("content-type", "")}
        passed = httpx2.request(
            self.command, here.service + self.path, headers=headers, content=body, timeout=240
        )
        return self._send(passed.status_code, passed.content)

    do_GET = do_POST = answer  # noqa: N815

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[PublicAddress]:
    with PublicAddress() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(address: PublicAddress) -> tuple[bool, float]:
    slept = 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds

    return smoke_test(address.url, KEY, sleep), slept


def test_it_waits_for_the_fleet_and_checks_the_words(
    address: PublicAddress, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with service() as (url, _):
        address.service = url
        good, slept = run(address)
        assert good
        assert slept == 30
        assert "cook dinner tonight" in capsys.readouterr().out
        monkeypatch.setattr(smoke, "EXPECTED", frozenset({"breakfast"}))
        assert not run(address)[0]
        assert "did not hear breakfast" in capsys.readouterr().out


def test_no_spot_capacity_is_a_warning(
    address: PublicAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    address.looks_until_up, address.step = 1000, "no_capacity"
    good, slept = run(address)
    assert good
    assert slept == smoke.PATIENCE
    assert "warning" in capsys.readouterr().out


def test_a_fleet_that_was_stopped_for_the_month_is_a_warning_at_once(
    address: PublicAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    address.looks_until_up, address.step = 1000, "stopped"
    assert run(address) == (True, 0)
    assert "warning" in capsys.readouterr().out


def test_a_fleet_that_does_not_come_up_is_a_failure(address: PublicAddress) -> None:
    address.looks_until_up, address.step = 1000, "model"
    assert not run(address)[0]


def test_an_open_api_is_a_failure(
    address: PublicAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    address.open_to_all = True
    with service() as (url, _):
        address.service = url
        assert not run(address)[0]
    assert "open to everybody" in capsys.readouterr().out
