"""`hush listen` before a service that answers with the width of each picture."""

import json
import os
import signal
import threading
from pathlib import Path

import httpx2
import miniaudio
import numpy as np
import pytest
from typer.testing import CliRunner

from hush import listen_command
from hush.asking import Options
from hush.cli import app
from hush.connection import ServiceError
from hush.image import Encoding
from hush.listen_command import hear
from hush.microphone import Microphone, MicrophoneError, microphones, open_microphone
from hush.segments import segments
from tests.hush.test_client import FakeService, client_of
from tests.hush.test_segments import TALK

NOBODY = [miniaudio.Backend.NULL]
HEARD = list(segments([(np.round(TALK * 32767) / 32768).astype(np.float32)]))
"""What is cut of the talk in 16 bits, as microphones have it."""
LINES = [f"{segment.log_mel.shape[1]} frames" for segment in HEARD]


def microphone_of_a_file(ends: bool = True) -> Microphone:
    """Return a microphone that hears a recording, and then nothing, or that it was unplugged."""
    microphone = Microphone("a file")
    hearing = microphone._hear()
    next(hearing)
    for block in np.split(np.round(TALK * 32767).astype(np.int16), len(TALK) // 1600):
        hearing.send(block.tobytes())
    if ends:
        microphone.close()
    return microphone


def test_every_phrase_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    code = hear(microphone_of_a_file(), client_of(FakeService()), Options(), Encoding(), "off")
    shown = capsys.readouterr()
    assert (code, shown.out.splitlines()) == (0, LINES)
    assert "listening to a file; Ctrl-C ends it" in shown.err


@pytest.mark.parametrize("ending", list(listen_command.ENDINGS))
def test_words_are_written_into_a_file_too(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"notes{ending}"
    hear(microphone_of_a_file(), client_of(FakeService()), Options(), Encoding(), "off", file)
    written = file.read_text()
    if ending == ".json":
        body = json.loads(written)
        assert body["text"] == " ".join(LINES)
        assert body["segments"][1]["start"] == HEARD[1].start
    else:
        assert all(line in written for line in LINES)
        assert written.count("-->") == (0 if ending == ".txt" else len(LINES))


def test_ctrl_c_writes_what_was_said_until_then(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    class Interrupting(FakeService):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "POST" and len(self.requests) == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return await super().__call__(request)

    microphone = microphone_of_a_file(ends=False)
    file = tmp_path / "notes.vtt"
    code = hear(microphone, client_of(Interrupting()), Options(), Encoding(), "off", file)
    assert code == 130
    assert capsys.readouterr().out.splitlines() == LINES
    assert file.read_text().count("-->") == len(LINES)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_service_that_refuses_ends_it_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    service = FakeService(ServiceError("no such model", 404))
    microphone = microphone_of_a_file(ends=False)
    assert hear(microphone, client_of(service), Options(), Encoding(), "off") == 1
    assert "no such model" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "nowhere" / "notes.txt"
    client = client_of(FakeService())
    assert hear(microphone_of_a_file(), client, Options(), Encoding(), "off", file) == 1
    assert "there is no folder" in capsys.readouterr().err


def test_what_nobody_takes_is_kept_for_a_while_and_then_counted_as_lost() -> None:
    microphone = Microphone("loud")
    hearing = microphone._hear()
    next(hearing)
    for _ in range(6_010):
        hearing.send(np.full(1600, -32768, np.int16).tobytes())
    microphone.close()
    assert microphone.level == 1.0
    assert sum(len(chunk) for chunk in microphone.chunks()) == 600 * 16_000
    assert microphone.seconds_lost == pytest.approx(1.0)


def test_a_device_that_hears_nothing_is_heard_all_the_same() -> None:
    with open_microphone(None, NOBODY) as microphone:
        first = next(microphone.chunks())
        threading.Timer(0.2, microphone.close).start()
        rest = list(microphone.chunks())
    assert len(first) == 1600
    assert not np.concatenate([first, *rest]).any()


def test_microphones_are_chosen_by_number_or_by_a_part_of_their_name() -> None:
    (name,) = microphones(NOBODY)
    for wanted in ("1", name[3:9].upper()):
        with open_microphone(wanted, NOBODY) as microphone:
            assert microphone.name == name
    with (
        pytest.raises(MicrophoneError, match=f"no microphone 'studio'; there is {name}"),
        open_microphone("studio", NOBODY),
    ):
        pass


def test_the_command_lists_microphones_and_knows_its_files() -> None:
    assert CliRunner().invoke(app, ["listen", "--microphones"]).exit_code == 0
    ended = CliRunner().invoke(app, ["listen", "-o", "notes.doc"])
    assert ended.exit_code == 2
    assert "ends in none of" in ended.output
