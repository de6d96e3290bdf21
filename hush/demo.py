"""The demonstration behind `make demo`: the service on this machine, and one sample through it."""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import httpx2
from rich.console import Console

from hush.audio import read_audio
from hush.client import Client, ServiceError
from hush.image import encode
from hush.mel import SAMPLE_RATE
from hush.segments import segments

console = Console(highlight=False)

STARTUP_SECONDS = 120.0


def sample_files() -> tuple[Path, Path]:
    """Return the paths of the bundled sample of synthetic speech and of its words."""
    spec = find_spec("service")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    packaged = Path(spec.submodule_search_locations[0]) / "demo"
    folder = packaged if packaged.exists() else Path(__file__).parents[1] / "models"
    return folder / "sample.flac", folder / "sample.txt"


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
    audio, words = sample_files()
    expected = words.read_text(encoding="utf-8").strip()
    samples = read_audio(audio)
    seconds = len(samples) / SAMPLE_RATE
    with Client(url) as client:
        started = time.monotonic()
        images = [
            encode(segment.image()) for segment in segments([samples], client.model().mel_bins)
        ]
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(images[0])
        heard = " ".join(part.text.strip() for part in client.transcribe_each(images))
        elapsed = time.monotonic() - started
    sent = sum(map(len, images))
    console.print(f"  speech   {audio.name}: {seconds:.1f} s of synthetic speech")
    console.print(
        f"  sent     {sent / 1000:.1f} kB as a mel image; as 16-bit audio it would be"
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
    picture = Path("build/sample.png")
    console.print(
        "\n[bold]hush[/bold]: private speech-to-text. Only a picture leaves the device.\n"
    )
    environment = {**os.environ, "HUSH_HOST": "127.0.0.1", "HUSH_PORT": port, "HUSH_MODELS": "demo"}
    environment.pop("HUSH_API_KEY", None)
    service = subprocess.Popen([sys.executable, "-m", "service"], env=environment)
    try:
        started = time.monotonic()
        if not _wait_until_ready(url, service):
            return service.wait()
        console.print(
            f"  service  {url}, with the demo model: ready after {time.monotonic() - started:.1f} s"
        )
        right = demonstrate(url, picture)
        if once:
            return 0 if right else 1
        console.print(f"  try      curl --data-binary @{picture} {url}/")
        console.print(f"           .venv/bin/hush transcribe --url {url} YOUR_RECORDING")
        console.print(f"           {url}/docs describes the API; Ctrl-C stops\n")
        return service.wait()
    except KeyboardInterrupt:
        return 0
    except ServiceError as error:
        console.print(f"[red]{error}[/red]")
        return 1
    finally:
        service.terminate()
        service.wait()


def _wait_until_ready(url: str, service: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + STARTUP_SECONDS
    with console.status("starting the service and loading its model"):
        while service.poll() is None and time.monotonic() < deadline:
            try:
                if httpx2.get(f"{url}/readyz").is_success:
                    return True
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
    return False


if __name__ == "__main__":
    sys.exit(main())
