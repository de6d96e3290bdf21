"""The demonstration behind `make demo`: the service on this machine, and one sample through it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import httpx2
from rich.console import Console

from hush.audio import read_audio
from hush.client import Client
from hush.connection import ServiceError
from hush.image import SMALL, encode
from hush.mel import SAMPLE_RATE
from hush.segments import segments
from hush_service.packaged import demo_folder, page_folder

console = Console(highlight=False, soft_wrap=True)

STARTUP_SECONDS = 180.0
PICTURE = Path("build/sample.png")


def demonstrate(url: str, picture: Path) -> bool:
    """Send the bundled sample through a service, and show what went there and came back.

    Parameters
    ----------
    url
        Where the service is.
    picture
        Where to leave the mel image that was sent.

    Returns
    -------
    bool
        Whether the words are right.
    """
    audio = demo_folder() / "sample.flac"
    expected = audio.with_suffix(".txt").read_text(encoding="utf-8").strip()
    samples = read_audio(audio)
    seconds = len(samples) / SAMPLE_RATE
    with Client(url) as client:
        started = time.monotonic()
        cut = segments([samples], client.model().mel_bins)
        images = [segment.image() for segment in cut]
        files = [encode(image) for image in images]
        heard = " ".join(part.text.strip() for part in client.transcribe_each(files))
        elapsed = time.monotonic() - started
    small = sum(len(encode(image, SMALL)) for image in images)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(files[0])
    sent = sum(map(len, files))
    console.print(f"  speech   {audio.name}: {seconds:.1f} s of synthetic speech")
    console.print(
        f"  sent     {sent / 1000:.1f} kB as a mel image, or {small / 1000:.1f} kB as a"
        f" small one; as 16-bit audio it would be"
        f" {seconds * SAMPLE_RATE * 2 / 1000:.1f} kB"
    )
    console.print(f"  words    [bold]{heard}[/bold]")
    console.print(f"  time     {elapsed:.2f} s from samples to words\n")
    if heard != expected:
        console.print(f"  [red]expected: {expected}[/red]\n")
    return heard == expected


def main() -> int:
    """Start the service, show one transcription through it, and serve until Ctrl-C."""
    once = os.environ.get("ONCE", "") not in ("", "0")
    port = os.environ.get("HUSH_PORT", "1337")
    url = f"http://127.0.0.1:{port}"
    console.print("\n[bold]hush[/bold]: private speech-to-text; only a picture is sent\n")
    if not is_free(port):
        console.print(f"[red]port {port} is taken; HUSH_PORT=… make demo takes another[/red]")
        return 2
    environment = {**os.environ, "HUSH_HOST": "127.0.0.1", "HUSH_PORT": port, "HUSH_MODELS": "demo"}
    environment.pop("HUSH_API_KEY", None)
    service = subprocess.Popen([sys.executable, "-m", "hush_service"], env=environment)
    # The service has to end with this process, however that ends.
    signal.signal(signal.SIGTERM, interrupt)
    try:
        started = time.monotonic()
        wait_until_ready(url, service)
        console.print(
            f"  service  {url}, with the demo model: ready after {time.monotonic() - started:.1f} s"
        )
        right = demonstrate(url, PICTURE)
        if once:
            return 0 if right else 1
        if page_folder():
            console.print(f"  page     [bold]http://localhost:{port}[/bold] in a browser")
        console.print(f"  try      curl --data-binary @{PICTURE} {url}/")
        console.print(f"           .venv/bin/hush transcribe --url {url} YOUR_RECORDING")
        console.print(f"           {url}/docs describes the API; Ctrl-C stops\n")
        return service.wait()
    except KeyboardInterrupt:
        return 0
    except ServiceError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    finally:
        service.terminate()
        service.wait()


def is_free(port: str) -> bool:
    """Tell whether a server could listen on a port of loopback."""
    try:
        with socket.create_server(("127.0.0.1", int(port))):
            return True
    except (OSError, OverflowError, ValueError):
        return False


def interrupt(_: int, __: FrameType | None) -> None:
    """Take a signal as Ctrl-C is taken."""
    raise KeyboardInterrupt


def wait_until_ready(url: str, service: subprocess.Popen[bytes]) -> None:
    """Return when the service is ready.

    Raises
    ------
    ServiceError
        If it ends, or takes too long.
    """
    deadline = time.monotonic() + STARTUP_SECONDS
    with console.status("starting the service and loading its model"):
        while service.poll() is None and time.monotonic() < deadline:
            try:
                if httpx2.get(f"{url}/readyz").is_success:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
    raise ServiceError("the service did not become ready")


if __name__ == "__main__":
    sys.exit(main())
