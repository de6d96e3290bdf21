"""What can be done to a running service: to its processes, its connections and its disk."""

import asyncio
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.process_tree import PROC, family
from local.processes import HANG

HELD_SECONDS = 10.0
"""For which connections are held that do nothing good."""
NOT_READING, TRICKLING, IDLE = 200, 300, 2000
"""Connections that do not read, that send a byte at a time, and that do nothing."""
LEAVING = 50
"""Clients that ask and leave at the same time."""
MUCH = "/static-offline-docs/swagger-ui-bundle.js"
"""What is more than a megabyte."""
LARGE = 15_000_000
RESETS = (struct.pack("ii", 0, 0), struct.pack("ii", 1, 0))
"""How a connection is closed: as usual, or with a reset."""
ENGINE = b"hush_service.engine"
"""In the command of an engine's process."""
FILLED = """
mount -t tmpfs -o size=64k none "$0" && {
  cat /dev/zero > "$0/full" 2> /dev/null
  TMPDIR="$0" exec "$@" > "$0/printed" 2>&1
}
"""
"""Runs a command with all that it prints, and its temporary files, on a disk that is full."""


@dataclass(frozen=True)
class Service:
    """A service that is running.

    Attributes
    ----------
    url
        Its address.
    process
        Its process.
    model
        The folder of its model.
    picture
        One that it can be sent.
    """

    url: str
    process: "subprocess.Popen[str]"
    model: Path
    picture: bytes

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", int(self.url.rsplit(":", 1)[1])

    @property
    def has_ended(self) -> bool:
        """Whether its process is gone."""
        return self.process.poll() is not None

    @property
    def engine(self) -> int | None:
        """The process of its engine, if that has one."""
        for each in family(self.process.pid)[1:]:
            with suppress(OSError):
                if ENGINE in (PROC / str(each) / "cmdline").read_bytes():
                    return each
        return None


async def nothing(service: Service) -> str:
    """Leave it alone."""
    return ""


async def kill_engine(service: Service) -> str:
    """End the engine's process at once."""
    return _signal_engine(service, signal.SIGKILL)


async def stop_engine(service: Service) -> str:
    """Have the engine's process do nothing any more, as in a hang."""
    return _signal_engine(service, signal.SIGSTOP)


def _signal_engine(service: Service, number: signal.Signals) -> str:
    engine = service.engine
    if engine is None:
        return "not done: the engine has no process of its own"
    os.kill(engine, number)
    return "done"


async def terminate(service: Service) -> str:
    """Tell it to stop, and wait until it has."""
    began = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(service.process.wait, HANG)
    return f"{time.monotonic() - began:.1f} s"


async def do_not_read(service: Service) -> str:
    """Ask for much, and read nothing of it."""
    asked = f"GET {MUCH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * 5
    async with _connections(service, NOT_READING) as connections:
        with suppress(TimeoutError):
            async with asyncio.timeout(HELD_SECONDS):
                await _send(connections, asked)
                await asyncio.sleep(HELD_SECONDS)
    return f"{NOT_READING} for {HELD_SECONDS:g} s"


async def trickle(service: Service) -> str:
    """Send bodies a byte at a time."""
    async with _connections(service, TRICKLING) as connections:
        await _send(connections, _head(100_000))
        ends = time.monotonic() + HELD_SECONDS
        while time.monotonic() < ends:
            await asyncio.sleep(0.8)
            await _send(connections, b"x")
    return f"{TRICKLING} for {HELD_SECONDS:g} s"


async def idle(service: Service) -> str:
    """Connect, and do nothing."""
    async with _connections(service, IDLE):
        await asyncio.sleep(HELD_SECONDS)
    return f"{IDLE} for {HELD_SECONDS:g} s"


async def leave(service: Service) -> str:
    """Ask for words, and close or reset the connection at once or soon, again and again."""
    ends = time.monotonic() + HELD_SECONDS
    request = _head(len(service.picture)) + service.picture
    left = 0

    async def one() -> None:
        nonlocal left
        while time.monotonic() < ends:
            async with _connections(service, 1) as connections:
                await _send(connections, request)
                await asyncio.sleep(random.uniform(0, 0.5))
                for each in connections:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, random.choice(RESETS))
                    left += 1

    await asyncio.gather(*(one() for _ in range(LEAVING)))
    return f"{left} in {HELD_SECONDS:g} s"


async def write(service: Service) -> str:
    """Have it write, if it does: long bodies, and what its log has a line for."""
    async with _connections(service, 20) as connections:
        await _send(connections[:4], _head(LARGE) + bytes(LARGE))
        await _send(connections[4:], b"\x00 no HTTP\r\n\r\n")
        await asyncio.sleep(1)
    return "that of its log and temporary files"


def on_full_disk(folder: Path) -> list[str]:
    """Return what runs a command on a disk that is full; or, where that cannot be, without one."""
    disk = folder / "disk"
    disk.mkdir()
    new = ["unshare", "--map-root-user", "--mount", "sh", "-c", FILLED, str(disk)]
    if shutil.which("unshare") and subprocess.run([*new, "true"], check=False).returncode == 0:
        return new
    return ["sh", "-c", 'ulimit -f 0; exec "$0" "$@"']


async def overwrite(service: Service) -> str:
    """Replace its model's weights by something else, in their place."""
    for file in service.model.rglob("model.bin"):
        file.write_bytes(bytes(file.stat().st_size))
    return "done"


async def overwrite_and_kill(service: Service) -> str:
    """Replace its model's weights, and end the engine's process, which they are loaded into."""
    await overwrite(service)
    return await kill_engine(service)


def flip(file: Path) -> None:
    """Change one byte in the middle of a file."""
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)[0]
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte ^ 0xFF]))


def _head(length: int) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n".encode()


@asynccontextmanager
async def _connections(service: Service, count: int) -> AsyncIterator[list[socket.socket]]:
    """Have so many connections until the end of the block, or fewer if some are refused."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        made: list[socket.socket] = []
        for _ in range(count):
            connection = stack.enter_context(socket.socket())
            connection.setblocking(False)
            with suppress(OSError):
                await loop.sock_connect(connection, service.address)
                made.append(connection)
        yield made


async def _send(connections: Iterable[socket.socket], data: bytes) -> None:
    """Send the same on all connections that are still there."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(_if_there(loop.sock_sendall(each, data)) for each in connections))


async def _if_there(sending: Awaitable[None]) -> None:
    with suppress(OSError):
        await sending
