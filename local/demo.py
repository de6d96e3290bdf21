"""The demonstration behind `make demo`: the service on this machine, and one sample through it."""

import os
import sys
import time
from functools import partial
from pathlib import Path

from hush import Client
from hush.audio import read_audio
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.image import SMALL, encode
from hush.mel import SAMPLE_RATE
from hush.segments import segments
from hush_service.packaged import page_folder
from local.demonstration import run, serving
from local.model import ShownModel, chosen_model
from local.terminal import console

PICTURE = Path("build/sample.png")
BRIDGE = "http://127.0.0.1:1338/v1"


def transcribe_sample(url: str, model: ShownModel, picture: Path) -> bool:
    """Send a recording through a service, and show what went there and came back.

    Parameters
    ----------
    url
        Where the service is.
    model
        Its model, and the recording.
    picture
        Where to leave the mel image that was sent.

    Returns
    -------
    bool
        Whether the words are right.
    """
    samples = read_audio(model.audio)
    seconds = len(samples) / SAMPLE_RATE
    with Client(url) as client:
        started = time.monotonic()
        cutter = Cutter(shortest=RECORDING_SEGMENT)
        cut = segments([samples], client.model().mel_bins, cutter=cutter)
        images = [segment.image() for segment in cut]
        files = [encode(image) for image in images]
        heard = " ".join(part.text.strip() for part in client.transcribe_each(files))
        elapsed = time.monotonic() - started
    small = sum(len(encode(image, SMALL)) for image in images)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(files[0])
    sent = sum(map(len, files))
    console.print(f"  speech   {model.audio.name}: {seconds:.1f} s of {model.speaker}")
    console.print(
        f"  sent     {sent / 1000:.1f} kB as a mel image, or {small / 1000:.1f} kB as a"
        f" small one; as 16-bit audio it would be"
        f" {seconds * SAMPLE_RATE * 2 / 1000:.1f} kB"
    )
    console.print(f"  words    [bold]{heard}[/bold]")
    console.print(f"  time     {elapsed:.2f} s from samples to words\n")
    right = model.heard_rightly(heard)
    if not right:
        console.print(f"  [red]expected: {model.words}[/red]\n")
    return right


def demonstrate(port: int, once: bool) -> int:
    """Start the service, show one transcription through it, and serve until Ctrl-C.

    Parameters
    ----------
    port
        Of loopback, where the service listens.
    once
        Whether to end after the transcription.

    Returns
    -------
    int
        The process's exit code.
    """
    url = f"http://127.0.0.1:{port}"
    model = chosen_model()
    started = time.monotonic()
    with serving(port, model.name) as service:
        seconds = time.monotonic() - started
        console.print(f"  service  {url}, with model {model.name}: ready after {seconds:.1f} s")
        right = transcribe_sample(url, model, PICTURE)
        if once:
            return 0 if right else 1
        if page_folder():
            console.print(f"  page     [bold]http://localhost:{port}[/bold] in a browser")
        else:
            console.print("  page     is not built; `make page` says why")
        console.print(f"  try      .venv/bin/hush transcribe --url {url} YOUR_RECORDING")
        console.print(f"           curl --data-binary @{PICTURE} {url}/")
        console.print(f"           curl -F file=@{PICTURE} {url}/v1/audio/transcriptions")
        console.print(
            f"           .venv/bin/hush bridge {url}   and then, with audio, as to OpenAI:"
        )
        console.print(f"           curl -F file=@YOUR_RECORDING {BRIDGE}/audio/transcriptions")
        console.print(f"           OPENAI_BASE_URL={BRIDGE} OPENAI_API_KEY=unused your-application")
        console.print(f"           {url}/docs describes the API; Ctrl-C stops\n")
        return service.wait()


if __name__ == "__main__":
    once = os.environ.get("ONCE", "") not in ("", "0")
    title = ": private speech-to-text; only a picture is sent"
    sys.exit(run(title, "make demo", partial(demonstrate, once=once)))
