import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import numpy as np

from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from local.processes import (
    ROOT,
    environment,
    first_answer,
    free_port,
    running,
    service,
    wait_until_ready,
)
from tests.conftest import Samples


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    """Run the service to its end, which comes soon."""
    return subprocess.run(
        [sys.executable, "-m", "hush_service"],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_listens_at_once_and_loads_in_the_background() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running([sys.executable, "-m", "hush_service"], HUSH_PORT=str(port)) as process:
        early = first_answer(f"{url}/v1/models", process)
        assert early.status_code == 503
        assert 1 <= int(early.headers["retry-after"]) <= 60
        assert httpx2.get(f"{url}/healthz").status_code == 200
        wait_until_ready(url, process)
        assert httpx2.get(f"{url}/").json()["models"] == {"demo": "ready"}


def test_sigterm_finishes_what_is_in_flight_and_takes_nothing_new(sample: Samples) -> None:
    pause = np.zeros(32_000, np.float32)
    long = encode(quantize(log_mel_spectrogram(np.concatenate([sample, pause] * 12))))
    short = encode(quantize(log_mel_spectrogram(sample)))
    answers: list[httpx2.Response] = []
    with service() as (url, process):
        work = threading.Thread(
            target=lambda: answers.append(httpx2.post(url, content=long, timeout=120))
        )
        work.start()
        while "hush_in_flight 1.0" not in httpx2.get(f"{url}/metrics").text:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        while (ready := httpx2.get(f"{url}/readyz")).is_success:
            time.sleep(0.01)
        assert ready.status_code == 503
        refused = httpx2.post(url, content=short)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "draining"
        assert int(refused.headers["retry-after"]) >= 1
        assert httpx2.get(f"{url}/healthz").is_success
        work.join()
        assert process.wait(timeout=30) == 0
    assert answers[0].status_code == 200
    assert len(answers[0].text.split()) > 10


def test_sigterm_while_models_are_loaded_is_a_clean_end() -> None:
    port = free_port()
    with running([sys.executable, "-m", "hush_service"], HUSH_PORT=str(port)) as process:
        assert first_answer(f"http://127.0.0.1:{port}/readyz", process).status_code == 503
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_body_that_is_still_coming_does_not_keep_it_from_stopping() -> None:
    with service() as (url, process), connected(url) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
        while "hush_requests" not in httpx2.get(f"{url}/metrics").text:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        with connection.makefile("rb") as stream:
            answer = stream.read()
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"about to stop" in answer
        assert process.wait(timeout=15) == 0


def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_failure() -> None:
    with service() as (url, _):
        with connected(url) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
        while 'status="499"' not in (metrics := httpx2.get(f"{url}/metrics").text):
            time.sleep(0.01)
        assert 'status="500"' not in metrics


def test_ctrl_c_stops_an_idle_service_at_once() -> None:
    with service() as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 0


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))


def send_long_work(connection: socket.socket, url: str, sample: Samples) -> None:
    """Send minutes of speech, and wait until they are being worked on."""
    picture = encode(quantize(log_mel_spectrogram(np.tile(sample, 100))))
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(picture)}\r\n\r\n"
    connection.sendall(head.encode() + picture)
    while "hush_in_flight 1.0" not in httpx2.get(f"{url}/metrics").text:
        time.sleep(0.01)


def test_a_second_signal_stops_in_the_middle_of_work(sample: Samples) -> None:
    with service() as (url, process), connected(url) as connection:
        send_long_work(connection, url, sample)
        process.send_signal(signal.SIGTERM)
        while httpx2.get(f"{url}/readyz").is_success:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_work_for_a_client_that_left_is_given_up(sample: Samples) -> None:
    short = encode(quantize(log_mel_spectrogram(sample)))
    with service() as (url, _):
        with connected(url) as connection:
            send_long_work(connection, url, sample)
        assert httpx2.post(url, content=short, timeout=60).status_code == 200
        metrics = httpx2.get(f"{url}/metrics").text
        assert 'hush_requests_total{route="/",status="499"} 1.0' in metrics


def test_a_model_that_does_not_exist_is_said_at_once() -> None:
    ended = start(HUSH_MODELS="demo,gigantic")
    assert ended.returncode == 2
    assert "'gigantic' is neither a model nor a file" in ended.stderr
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


def test_what_is_no_http_does_not_stop_it() -> None:
    with service() as (url, process):
        for junk in (b"\x00\xff" * 500, b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n"):
            with connected(url) as connection:
                connection.sendall(junk)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1000)
        assert httpx2.get(f"{url}/readyz").is_success
        assert process.poll() is None
