"""Recordings at http addresses, from a server on this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import numpy as np
import pytest

from hush.audio import AudioError
from hush.folder import read_picture
from hush.image import decode, encode, quantize
from hush.inputs import source
from hush.mel import log_mel_spectrogram
from hush.sound.addresses import Address, is_address
from hush.terminal import opened
from local.processes import free_port
from tests.hush.test_audio import recorded, tone

FILES = {
    "/talk.mp3": recorded(tone(5), "mp3", "libmp3lame", 44_100),
    "/talk.m4a": recorded(tone(5), "ipod", "aac", 44_100),
    "/speech.png": encode(quantize(log_mel_spectrogram(tone(5), 80))),
    "/page.mp3": b"<!doctype html><title>Sign in</title>",
    "/list.m3u8": b"#EXTM3U\n#EXTINF:10,\ntalk.mp3\n",
}


class Server(ThreadingHTTPServer):
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        cast(Server, self.server).asked.append(self.path)
        path, _, query = self.path.partition("?")
        if path == "/moved.mp3":
            self.send_response(302)
            self.send_header("location", "/talk.mp3")
            self.end_headers()
            return
        if path not in FILES:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("content-length", str(len(FILES[path])))
        self.end_headers()
        part = FILES[path] if query != "broken" else FILES[path][: len(FILES[path]) // 2]
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    with serving() as found:
        yield found


@contextmanager
def serving() -> Iterator[tuple[str, list[str]]]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", server.asked
        server.shutdown()
        thread.join()


def seconds(url: str) -> float:
    with opened(Address(url)) as recording:
        return sum(map(len, recording.chunks())) / 16_000


@pytest.mark.parametrize("path", ["/talk.mp3", "/talk.m4a", "/moved.mp3", "/talk.mp3?key=a//b"])
def test_a_recording_is_fetched_and_heard(server: tuple[str, list[str]], path: str) -> None:
    url, asked = server
    assert seconds(url + path) == pytest.approx(5, abs=0.1)
    assert asked[0] == path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none.mp3", "none.mp3: the server answered 404"),
        ("/page.mp3", "page.mp3: is a web page"),
        ("/list.m3u8", "list.m3u8: is a playlist"),
        ("/talk.m4a?broken", "talk.m4a: broke off: "),
    ],
)
def test_what_cannot_be_heard_is_refused_in_words(
    server: tuple[str, list[str]], path: str, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        seconds(server[0] + path)


def test_a_mel_image_at_an_address_is_one(server: tuple[str, list[str]]) -> None:
    url, _ = server
    assert decode(read_picture(Address(f"{url}/speech.png"))).pixels.shape[0] == 80
    with pytest.raises(AudioError, match="404"):
        read_picture(Address(f"{url}/none.png"))


def test_an_address_where_nothing_is_cannot_be_reached() -> None:
    with pytest.raises(AudioError, match=r"talk\.mp3: cannot be reached: "):
        seconds(f"http://127.0.0.1:{free_port()}/talk.mp3")


def test_more_than_may_come_is_refused(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSH_MAX_KEPT_BYTES", "2000")
    with pytest.raises(AudioError, match="more than 2000 bytes"):
        seconds(server[0] + "/talk.mp3")


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hush.sound.addresses.PATIENCE", 0.1)
    released = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            released.wait(30)

    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with pytest.raises(AudioError, match="cannot be reached: it took too long"):
            seconds(f"http://127.0.0.1:{server.server_port}/talk.mp3")
        released.set()
        server.shutdown()
        thread.join()


def test_what_is_secret_in_an_address_is_not_shown() -> None:
    address = Address("https://ada:secret@files.example/a/Talk%20one.mp3?token=secret")
    assert str(address) == "https://files.example/a/Talk%20one.mp3"
    assert (address.name, address.stem, address.suffix) == ("Talk one.mp3", "Talk one", ".mp3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("http://a/b", True), ("HTTPS://a/b", True), ("ftp://a/b", False), ("httpx.wav", False)],
)
def test_only_the_webs_addresses_are_ones(text: str, expected: bool) -> None:
    assert is_address(text) is expected
    assert isinstance(source(text), Address) is expected


def test_samples_are_those_of_the_file(server: tuple[str, list[str]]) -> None:
    with opened(Address(server[0] + "/talk.mp3")) as recording:
        samples = np.concatenate(list(recording.chunks()))
    assert np.abs(samples[8000:-8000]).max() > 0.3
