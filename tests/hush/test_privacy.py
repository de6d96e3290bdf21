"""What leaves by each command: pictures that are disguised where that is wished, and only there."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np
import pytest
from typer.testing import CliRunner
from wyoming.asr import Transcript

from hush.audio import read_audio
from hush.cli import app
from hush.disguise import Privacy
from hush.microphone import Microphone
from local.processes import HANG, ROOT, first_answer, free_port, hush, is_free, running
from local.wire import Wire, wire_to
from tests.disguised import is_disguised
from tests.hush.test_audio import recorded
from tests.hush.test_wyoming_bridge import ask, spoken
from tests.service.told_service import told_service

SAMPLE = ROOT / "models" / "sample.flac"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with told_service() as (url, _):
        yield url


@pytest.fixture
def wire(url: str) -> Iterator[Wire]:
    with wire_to(url) as wire:
        yield wire


def transcribe(url: str, privacy: Privacy, folder: Path) -> None:
    ended = hush("transcribe", SAMPLE, "--url", url, "--privacy", privacy)
    assert (ended.returncode, ended.stderr) == (0, "")


def transcribe_speakers(url: str, privacy: Privacy, folder: Path) -> None:
    file = folder / "call.wav"
    file.write_bytes(recorded(read_audio(SAMPLE)))
    apart = ("transcribe", file, "--speakers-by-channel")
    ended = hush(*apart, "--url", url, "--privacy", privacy)
    assert (ended.returncode, ended.stderr) == (0, "")


def listen(url: str, privacy: Privacy, folder: Path) -> None:
    @contextmanager
    def open_microphone(_: str | None) -> Iterator[Microphone]:
        microphone = Microphone("a file")
        hearing = microphone._hear()
        next(hearing)
        hearing.send(np.round(read_audio(SAMPLE) * 32_767).astype("<i2").tobytes())
        microphone.close()
        yield microphone

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("hush.microphone.open_microphone", open_microphone)
        ended = CliRunner().invoke(app, ["listen", "--url", url, "--privacy", privacy])
    assert ended.exit_code == 0, ended.output


def bridge(url: str, privacy: Privacy, folder: Path) -> None:
    port = free_port()
    here = f"http://127.0.0.1:{port}/v1"
    command = [sys.executable, "-m", "hush.cli", "bridge", url, "--port", str(port)]
    with running([*command, "--privacy", privacy]) as process:
        first_answer(f"{here}/models", process)
        for stream in ("false", "true"):
            answer = httpx2.post(
                f"{here}/audio/transcriptions",
                files={"file": SAMPLE.read_bytes()},
                data={"stream": stream},
                timeout=HANG,
            )
            assert answer.status_code == 200


def bridge_wyoming(url: str, privacy: Privacy, folder: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "hush.cli", "bridge", url, "--wyoming", "--port", str(port)]
    sound = np.round(read_audio(SAMPLE) * 32_767).astype("<i2").tobytes()
    with running([*command, "--privacy", privacy]) as process:
        while is_free(port) and process.poll() is None:
            time.sleep(0.02)
        for _ in range(2):
            answer = asyncio.run(ask(port, *spoken(sound)))
            assert answer is not None
            assert Transcript.from_event(answer).text == "Hello."


WAYS = {transcribe: 1, transcribe_speakers: 2, listen: 1, bridge: 2, bridge_wyoming: 2}
"""How often the same is sent, by each."""


@pytest.mark.parametrize("privacy", ["off", "strong"])
@pytest.mark.parametrize(("way", "times"), WAYS.items())
def test_pictures_are_disguised_alike_where_that_is_wished(
    way: Callable[[str, Privacy, Path], None],
    times: int,
    privacy: Privacy,
    wire: Wire,
    tmp_path: Path,
) -> None:
    way(wire.url, privacy, tmp_path)
    pictures = [request.form()["file"] for request in wire.pictures()]
    assert pictures
    assert {is_disguised(picture) for picture in pictures} == {privacy != "off"}
    assert len(pictures) == times * len({*pictures})
