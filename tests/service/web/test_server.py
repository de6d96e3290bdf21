import os
import signal
import socket
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import numpy as np
import pytest

from bench.process_tree import usage
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from hush_service.packaged import demo_folder
from hush_service.web.server import listen
from local.processes import (
    HANG,
    ROOT,
    children,
    environment,
    first_answer,
    free_port,
    running,
    service,
    wait_until_ready,
)
from tests.conftest import Samples
from tests.service.conftest import get, picture, post, wait_until
from tests.service.told_service import COMMAND, told_service


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    """Run the service to its end, which comes soon."""
    return subprocess.run(
        [sys.executable, "-m", "hush_service"],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def metrics(url: str) -> str:
    return get(f"{url}/metrics").text


def in_flight(url: str) -> bool:
    return "hush_in_flight 0.0" not in metrics(url)


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))


def half_a_body(connection: socket.socket) -> None:
    """Send half of a body, and wait until the service reads it."""
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    head += b"Expect: 100-continue\r\n\r\n"
    connection.sendall(head)
    assert connection.recv(1000).startswith(b"HTTP/1.1 100")
    connection.sendall(b"half")


def test_it_listens_at_once_and_loads_in_the_background(tmp_path: Path) -> None:
    load = tmp_path / "load"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(COMMAND, HUSH_PORT=str(port), TOLD_LOAD=str(load)) as process:
        early = first_answer(f"{url}/v1/models", process)
        assert early.status_code == 503
        assert 1 <= int(early.headers["retry-after"]) <= 60
        assert get(f"{url}/healthz").status_code == 200
        load.touch()
        wait_until_ready(url, process)
        assert get(f"{url}/").json()["models"] == {"demo": "ready"}


def test_sigterm_finishes_what_is_in_flight_and_takes_nothing_new(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with ThreadPoolExecutor() as threads, told_service(TOLD_GO=go) as (url, process):
        answer = threads.submit(post, url, picture())
        wait_until(lambda: in_flight(url))
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: not get(f"{url}/readyz").is_success)
        assert get(f"{url}/readyz").status_code == 503
        refused = post(url, picture())
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "draining"
        assert int(refused.headers["retry-after"]) >= 1
        assert get(f"{url}/healthz").is_success
        go.touch()
        assert answer.result().text == "Hello.\n"
        assert process.wait(HANG) == 0


def test_sigterm_while_models_are_loaded_is_a_clean_end() -> None:
    port = free_port()
    with running([sys.executable, "-m", "hush_service"], HUSH_PORT=str(port)) as process:
        assert first_answer(f"http://127.0.0.1:{port}/healthz", process).is_success
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG) == 0


def test_a_model_that_loads_for_ever_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    port = free_port()
    never = str(tmp_path / "load")
    with running(COMMAND, HUSH_PORT=str(port), TOLD_LOAD=never) as process:
        assert first_answer(f"http://127.0.0.1:{port}/readyz", process).status_code == 503
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG) == 0


def test_a_body_that_is_still_coming_does_not_keep_it_from_stopping() -> None:
    with told_service() as (url, process), connected(url) as connection:
        half_a_body(connection)
        process.send_signal(signal.SIGTERM)
        with connection.makefile("rb") as stream:
            answer = stream.read()
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"about to stop" in answer
        assert process.wait(HANG) == 0


def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_failure() -> None:
    with told_service() as (url, _):
        with connected(url) as connection:
            half_a_body(connection)
        wait_until(lambda: 'status="499"' in get(f"{url}/metrics").text)
        assert 'status="500"' not in get(f"{url}/metrics").text


def test_more_idle_connections_than_files_leave_room_for_probes() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    few = ["bash", "-c", 'ulimit -n 256; exec "$0" "$@"', *COMMAND]
    with running(few, HUSH_PORT=str(port)) as process, ExitStack() as stack:
        wait_until_ready(url, process)
        for _ in range(400):
            stack.enter_context(connected(url))
        assert get(f"{url}/readyz").is_success
        assert post(url, picture()).text == "Hello.\n"
        process.send_signal(signal.SIGTERM)
        assert "out of system resource" not in process.communicate(timeout=HANG)[0]


def test_a_log_that_cannot_be_written_keeps_nobody_from_words(tmp_path: Path) -> None:
    """As on a full disk: what does not write to files goes on."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    no_file_grows = ["bash", "-c", 'ulimit -f 0; exec "$0" "$@"', *COMMAND]
    with (
        (tmp_path / "log").open("w+") as log,
        running(no_file_grows, log, HUSH_PORT=str(port)) as process,
    ):
        wait_until_ready(url, process)
        with connected(url) as connection:
            connection.sendall(b"\x00 no HTTP, which the log would say\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 400")
        assert post(url, bytes(15_000_000)).status_code == 400
        assert post(url, picture()).text == "Hello.\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG) == 0
        assert log.read() == ""


def test_clients_that_ask_and_reset_leave_nothing_behind(tmp_path: Path) -> None:
    reset = struct.pack("ii", 1, 0)
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(picture())}\r\n\r\n"
    with told_service(TOLD_GO=tmp_path / "never") as (url, process):
        files = usage(process.pid).files
        for _ in range(100):
            with connected(url) as connection:
                connection.sendall(head.encode() + picture())
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        wait_until(lambda: usage(process.pid).files <= files)
        for at_rest in ("hush_in_flight 0.0", "hush_held_bytes 0.0"):
            wait_until(lambda text=at_rest: text in metrics(url))  # type: ignore[misc]
        assert 'status="500"' not in metrics(url)


def test_ctrl_c_stops_an_idle_service() -> None:
    with told_service() as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG) == 0


def test_a_second_signal_stops_in_the_middle_of_work(tmp_path: Path) -> None:
    never = tmp_path / "go"
    with ThreadPoolExecutor() as threads, told_service(TOLD_GO=never) as (url, process):
        threads.submit(post, url, picture())
        wait_until(lambda: in_flight(url))
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: not get(f"{url}/readyz").is_success)
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG) == 0


def test_work_for_a_client_that_left_is_given_up(sample: Samples) -> None:
    """The reference engine's, which has minutes of speech before it."""
    long = encode(quantize(log_mel_spectrogram(np.tile(sample, 100))))
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(long)}\r\n\r\n"
    with service() as (url, _):
        with connected(url) as connection:
            connection.sendall(head.encode() + long)
            wait_until(lambda: in_flight(url))
        assert post(url, picture()).status_code == 200
        given_up = 'hush_requests_total{route="/",status="499"} 1.0'
        wait_until(lambda: given_up in get(f"{url}/metrics").text)
        assert not in_flight(url)


def test_whoever_asks_an_engine_that_is_killed_has_the_words_all_the_same(
    sample: Samples, sample_words: str
) -> None:
    asked = encode(quantize(log_mel_spectrogram(sample)))
    with ThreadPoolExecutor() as threads, service(HUSH_ANSWER_SECONDS="600") as (url, process):
        (engine,) = children(process.pid)
        os.kill(engine, signal.SIGSTOP)
        answers = [threads.submit(post, url, asked) for _ in range(4)]
        wait_until(lambda: in_flight(url))
        os.kill(engine, signal.SIGKILL)
        assert [answer.result().text for answer in answers] == [f"{sample_words}\n"] * 4
        assert children(process.pid) != [engine]
        assert get(f"{url}/readyz").is_success
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG) == 0


def test_a_service_that_is_killed_leaves_no_engine_behind() -> None:
    with service() as (_, process):
        (engine,) = children(process.pid)
        process.kill()
        wait_until(lambda: not Path(f"/proc/{engine}").exists())


def test_a_service_whose_only_engine_cannot_be_started_again_ends(tmp_path: Path) -> None:
    model = tmp_path / "mine.pt"
    model.write_bytes((demo_folder() / "demo.pt").read_bytes())
    folder = str(tmp_path / "folder")
    with service(HUSH_MODELS=str(model), HUSH_DOWNLOAD_FOLDER=folder) as (url, process):
        (engine,) = children(process.pid)
        model.write_bytes(b"nothing of use")
        os.kill(engine, signal.SIGKILL)
        lost = post(url, picture())
        assert (lost.status_code, lost.json()["error"]["code"]) == (503, "engine_lost")
        assert 1 <= int(lost.headers["retry-after"]) <= 60
        assert process.wait(HANG) == 1


def test_a_model_that_does_not_exist_is_said_at_once() -> None:
    ended = start(HUSH_MODELS="demo,gigantic")
    assert ended.returncode == 2
    assert "'gigantic' is neither a model nor a path of one" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_model_that_cannot_be_loaded_ends_the_service(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"nothing of use")
    ended = start(HUSH_MODELS=str(broken), HUSH_PORT=str(free_port()))
    assert ended.returncode == 1
    assert "model broken cannot be loaded" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_listening_to_others_without_a_key_is_refused() -> None:
    ended = start(HUSH_HOST="0.0.0.0")
    assert ended.returncode == 2
    assert "set HUSH_API_KEY" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = start(HUSH_PORT=str(listener.getsockname()[1]))
    assert ended.returncode == 2
    assert "HUSH_PORT sets another" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_body_of_an_answer_does_not_wait_for_its_header_to_be_acknowledged() -> None:
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_is_no_http_does_not_stop_it() -> None:
    with told_service() as (url, process):
        for junk in (b"\x00\xff" * 500, b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n"):
            with connected(url) as connection:
                connection.sendall(junk)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1000)
        assert get(f"{url}/readyz").is_success
        assert process.poll() is None


def test_that_the_page_is_not_built_is_said_where_it_would_be_served() -> None:
    """And there alone: see `test_page`."""
    port = free_port()
    program = (
        "from hush_service.__main__ import run; from hush_service.web import server;"
        "server.page_folder = lambda: None; run()"
    )
    with running([sys.executable, "-c", program], HUSH_PORT=str(port)) as process:
        assert first_answer(f"http://127.0.0.1:{port}/healthz", process).is_success
        process.send_signal(signal.SIGTERM)
        assert "the web page is not built" in process.communicate(timeout=HANG)[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "attacker.example"},
        {"origin": "https://attacker.example"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_without_a_key_no_foreign_page_is_answered(headers: dict[str, str]) -> None:
    allowed = {
        "HUSH_ALLOWED_HOSTS": "hush.home, other.home",
        "HUSH_ALLOWED_ORIGINS": "https://notes.home",
    }
    with told_service(**allowed) as (url, _):
        for path in ("/v1/models", "/v1/audio/transcriptions", "/"):
            assert httpx2.post(url + path, headers=headers).status_code == 403
        for known in ({"host": "hush.home"}, {"origin": "https://notes.home"}, {"origin": url}):
            assert httpx2.get(f"{url}/healthz", headers=known).status_code == 200
    with told_service(HUSH_API_KEY="secret") as (url, _):  # which no foreign page knows
        headers |= {"authorization": "Bearer secret"}
        assert httpx2.get(f"{url}/healthz", headers=headers).status_code == 200
