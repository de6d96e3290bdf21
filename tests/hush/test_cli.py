import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hush import __version__
from hush.image import decode
from local.processes import ROOT, environment, hush, service
from tests.conftest import Samples
from tests.hush.test_audio import recorded, tone

SAMPLE = ROOT / "models" / "sample.flac"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with service() as (url, _):
        yield url


@pytest.fixture
def long(tmp_path: Path, sample: Samples) -> Path:
    """Some minutes of the sample with pauses: many segments."""
    file = tmp_path / "long.wav"
    file.write_bytes(recorded(np.tile(np.concatenate([sample, np.zeros(40_000, np.float32)]), 40)))
    return file


@pytest.fixture
def talk(tmp_path: Path, sample: Samples) -> Path:
    """The sample six times with pauses, which make it two segments at least."""
    pause = np.zeros(40_000, np.float32)
    file = tmp_path / "talk.wav"
    file.write_bytes(recorded(np.concatenate([sample, pause] * 6)))
    return file


def test_transcribe_prints_the_words(url: str, sample_words: str) -> None:
    ended = hush("transcribe", SAMPLE, "--url", url)
    assert (ended.returncode, ended.stdout) == (0, sample_words + "\n")
    assert ended.stderr == ""


def test_transcribe_works_in_this_process_too(sample_words: str) -> None:
    ended = hush("transcribe", SAMPLE)
    assert (ended.returncode, ended.stdout) == (0, sample_words + "\n")
    assert ended.stderr == ""


def test_a_model_that_cannot_be_loaded_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "broken.pt").write_bytes(b"no checkpoint")
    ended = hush("transcribe", SAMPLE, "--model", tmp_path / "broken.pt")
    assert ended.returncode == 1
    assert ended.stderr.count("model broken cannot be loaded") == 1
    assert "Traceback" not in ended.stderr


def test_transcribe_takes_the_path_of_a_checkpoint(sample_words: str) -> None:
    ended = hush("transcribe", SAMPLE, "--model", ROOT / "models" / "demo.pt")
    assert (ended.returncode, ended.stdout) == (0, sample_words + "\n")


def test_transcribe_reads_standard_input(url: str, sample_words: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "hush.cli", "transcribe", "-", "--url", url],
        input=SAMPLE.read_bytes(),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert ended.stdout.decode().strip() == sample_words


def test_silence_from_standard_input_is_said_by_its_name(url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "hush.cli", "transcribe", "-", "--url", url],
        input=recorded(np.zeros(5 * 16_000, np.float32)),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert ended.stderr.decode() == "no speech found in standard input\n"


def test_transcribe_writes_every_format_into_a_folder(
    url: str, talk: Path, tmp_path: Path, sample_words: str
) -> None:
    output = tmp_path / "out" / "put"
    ended = hush(
        *("transcribe", talk, SAMPLE, "-o", output, "--words"),
        *("-f", "text", "-f", "srt", "-f", "vtt", "-f", "json"),
        HUSH_URL=url,
    )
    assert ended.returncode == 0
    names = sorted(file.name for file in output.iterdir())
    assert names == [
        f"{stem}.{end}" for stem in ("sample", "talk") for end in ("json", "srt", "txt", "vtt")
    ]
    assert (output / "sample.txt").read_text() == sample_words + "\n"
    assert (output / "talk.txt").read_text().count(sample_words) == 6
    body = json.loads((output / "talk.json").read_text())
    starts = [segment["start"] for segment in body["segments"]]
    assert starts == sorted(starts)
    period = len_of(SAMPLE) + 2.5
    assert starts[-1] == pytest.approx(5 * period, abs=1)
    assert body["words"][-1]["end"] == pytest.approx(6 * period - 2.5, abs=1)
    assert (output / "talk.srt").read_text().count(" --> ") >= 6
    assert (output / "talk.vtt").read_text().startswith("WEBVTT\n")


def len_of(file: Path) -> float:
    from hush.audio import read_audio

    return len(read_audio(file)) / 16_000


def test_files_of_one_name_do_not_overwrite_each_other(url: str, tmp_path: Path) -> None:
    for name in ("a.flac", "a.mp3"):
        (tmp_path / name).write_bytes(SAMPLE.read_bytes())
    out = tmp_path / "out"
    hush("transcribe", tmp_path / "a.flac", tmp_path / "a.mp3", "-o", out, "--url", url)
    assert sorted(file.name for file in out.iterdir()) == ["a.flac.txt", "a.mp3.txt"]


def test_stored_pictures_are_transcribed_later(
    url: str, talk: Path, tmp_path: Path, sample_words: str
) -> None:
    ended = hush("encode", talk, "-o", tmp_path)
    folder = tmp_path / "talk.mel"
    assert (ended.returncode, ended.stdout.strip()) == (0, str(folder))
    assert len(list(folder.glob("*.png"))) >= 2
    from_pictures = hush("transcribe", folder, "--url", url, "-f", "json")
    from_audio = hush("transcribe", talk, "--url", url, "-f", "json")
    assert from_pictures.stdout == from_audio.stdout
    assert json.loads(from_pictures.stdout)["text"].count(sample_words) == 6


def test_one_picture_of_it_all(url: str, tmp_path: Path, sample_words: str) -> None:
    ended = hush("encode", SAMPLE, "--whole", "--picture", "webp", "-o", tmp_path)
    picture = tmp_path / "sample.webp"
    assert ended.stdout.strip() == str(picture)
    assert decode(picture.read_bytes()).frames == int(len_of(SAMPLE) * 100)
    assert hush("transcribe", picture, "--url", url).stdout == sample_words + "\n"


def test_a_small_picture_has_a_third_of_the_bytes_at_most_and_the_same_words(
    url: str, tmp_path: Path, sample_words: str
) -> None:
    hush("encode", SAMPLE, "--whole", "-o", tmp_path)
    ended = hush("encode", SAMPLE, "--whole", "--picture", "small", "-o", tmp_path)
    picture = tmp_path / "sample.webp"
    assert ended.stdout.strip() == str(picture)
    assert picture.stat().st_size < (tmp_path / "sample.png").stat().st_size / 3
    assert hush("transcribe", picture, "--url", url).stdout == sample_words + "\n"
    assert hush("transcribe", SAMPLE, "--url", url, "--picture", "small").stdout == (
        sample_words + "\n"
    )


def test_a_small_picture_has_no_other_quality(tmp_path: Path) -> None:
    ended = hush("encode", SAMPLE, "--picture", "small", "--quality", "90", "-o", tmp_path)
    assert ended.returncode == 2
    assert "--picture webp takes another" in " ".join(ended.stderr.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut"])
def test_a_voice_is_disguised_anew_by_each_command(url: str, tmp_path: Path, whole: bool) -> None:
    copy = tmp_path / "copy.flac"
    copy.write_bytes(SAMPLE.read_bytes())
    pictures = []
    for number, privacy in enumerate(("off", "light", "strong", "strong")):
        folder = tmp_path / str(number)
        how = ["--whole"] if whole else []
        ended = hush("encode", SAMPLE, copy, "--privacy", privacy, *how, "-o", folder)
        assert (ended.returncode, ended.stderr) == (0, "")
        one, other = (file.read_bytes() for file in folder.rglob("*.png"))
        assert one == other
        pictures.append(decode(one))
    assert len({picture.pixels.tobytes() for picture in pictures}) == 4
    assert len({picture.frames for picture in pictures}) == 1
    ended = hush("transcribe", SAMPLE, "--url", url, "--privacy", "light", "-f", "json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["duration"] == pytest.approx(len_of(SAMPLE), abs=0.01)
    # What was encoded before cannot be disguised any more.
    plain = next((tmp_path / "0").rglob("*.png" if whole else "*.mel"))
    ended = hush("transcribe", plain, "--url", url, "--privacy", "light")
    assert ended.returncode == 0
    said = "is sent as it was encoded: `hush encode --privacy light` disguises voices"
    assert said in " ".join(ended.stderr.split())


def test_a_step_of_privacy_that_is_none_is_refused() -> None:
    ended = hush("transcribe", SAMPLE, "--privacy", "total")
    assert ended.returncode == 2
    assert "'light', 'strong'" in " ".join(ended.stderr.split())


def test_decode_gives_the_spectrogram_back(tmp_path: Path) -> None:
    hush("encode", SAMPLE, "--whole", "--mel-bins", "128", "-o", tmp_path)
    ended = hush("decode", tmp_path / "sample.png", "-o", tmp_path)
    assert ended.stdout.strip() == str(tmp_path / "sample.npy")
    spectrogram = np.load(tmp_path / "sample.npy")
    assert spectrogram.dtype == np.float32
    np.testing.assert_array_equal(
        spectrogram, decode((tmp_path / "sample.png").read_bytes()).spectrogram()
    )
    assert spectrogram.shape[0] == 128


@pytest.mark.parametrize("kind", ["audio", "picture", "folder"])
def test_show_draws_a_picture(kind: str, talk: Path, tmp_path: Path) -> None:
    file = talk
    if kind == "picture":
        hush("encode", SAMPLE, "--whole", "-o", tmp_path)
        file = tmp_path / "sample.png"
    elif kind == "folder":
        hush("encode", talk, "-o", tmp_path)
        file = tmp_path / "talk.mel"
    target = tmp_path / "drawn.png"
    ended = hush("show", file, "-o", target)
    assert (ended.returncode, ended.stdout.strip()) == (0, str(target))
    with Image.open(target) as drawn:
        assert drawn.width > drawn.height
        colors = np.unique(np.asarray(drawn.convert("RGB")).reshape(-1, 3), axis=0)
    assert len(colors) > 200


def test_one_bad_file_does_not_keep_the_others_from_being_done(
    url: str, tmp_path: Path, sample_words: str
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no audio")
    ended = hush("transcribe", text, tmp_path / "missing.wav", SAMPLE, "--url", url)
    assert ended.returncode == 1
    assert sample_words in ended.stdout
    assert "notes.txt: not an audio or video file" in ended.stderr
    assert f"{tmp_path}/missing.wav: there is no such file" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transcribe", "nofile.mp3"], "nofile.mp3: there is no such file"),
        (["transcribe", "folder"], "folder: holds neither recordings nor mel images"),
        (["transcribe", "nowhere/x.mp3"], "nowhere/x.mp3: there is no folder nowhere"),
        (["transcribe", "file/x.mp3"], "file/x.mp3: is not a folder, or"),
        (["encode", "nofile.mp3"], "nofile.mp3: there is no such file"),
        (["encode", "folder"], "folder: is a folder, not a file"),
        (["decode", "nofile.png"], "nofile.png: there is no such file"),
        (["decode", "folder"], "folder: is a folder, not a file"),
        (["show", "nofile.mp3"], "nofile.mp3: there is no such file"),
        (["show", "folder"], "folder: holds neither recordings nor mel images"),
        (["show", SAMPLE, "-o", "nowhere/x.png"], "nowhere/x.png: there is no folder nowhere"),
        (["show", SAMPLE, "-o", "folder.png"], "folder.png: is a folder, not a file"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_in_words(
    arguments: list[str | Path], message: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    ended = hush(*arguments, cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(message)
    assert ended.stderr.count("\n") == 1


def test_files_are_looked_at_before_a_model_is_loaded(tmp_path: Path) -> None:
    """A model that nobody can load would be said, if it were tried."""
    (tmp_path / "broken.pt").touch()
    ended = hush("transcribe", "nofile.mp3", "--model", tmp_path / "broken.pt")
    assert ended.stderr == "nofile.mp3: there is no such file\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["transcribe"],
        ["transcribe", "x.wav", "-f", "srt", "-f", "vtt"],
        ["transcribe", "x.wav", "-f", "doc"],
        ["transcribe", "x.wav", "--quality", "50"],
        ["transcribe", "README.md", "--model", "gigantic"],
        ["serve", "--host", "0.0.0.0"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_exit_code_2(arguments: list[str]) -> None:
    ended = hush(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_bad_pictures_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for command in ("decode", "show"):
        ended = hush(command, tmp_path / "bad.png", "-o", tmp_path / "out.png")
        assert ended.returncode == 1
        assert "truncated or damaged" in ended.stderr
        assert ended.stderr.count("\n") == 1
    (tmp_path / "empty.wav").write_bytes(b"")
    ended = hush("encode", tmp_path / "empty.wav", "-o", tmp_path)
    assert ended.returncode == 1
    assert "empty.wav" in ended.stderr


def test_a_recording_too_long_for_one_picture_says_so(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(recorded(np.tile(tone(60), 11)))
    ended = hush("encode", "--whole", tmp_path / "long.wav", "-o", tmp_path)
    assert ended.returncode == 1
    assert "cut the speech into segments" in ended.stderr


def test_a_service_that_is_not_there_is_said_while_it_is_tried() -> None:
    ended = hush("transcribe", SAMPLE, "--url", "http://127.0.0.1:9", "--patience", "2")
    assert ended.returncode == 1
    *tries, last = ended.stderr.splitlines()
    assert 2 <= len(tries) <= 5
    assert all("cannot be reached" in line and "trying again" in line for line in tries)
    assert "cannot be reached" in last
    assert "trying again" not in last


@pytest.mark.parametrize(
    "arguments",
    [
        ["transcribe", SAMPLE, "--url", "localhost:1337"],
        ["transcribe", SAMPLE, "--url", "http://[::1"],
        ["transcribe", SAMPLE, "--url", "http://localhost", "--api-key", "schlüssel"],
        ["transcribe", SAMPLE, "--url", "http://hush.example", "--api-key", "secret"],
        ["bridge", "http://192.168.0.2:1337", "--api-key", "secret"],
        ["bridge", "http://localhost", "--allow-origin", "localhost:3000"],
        ["bridge", "http://localhost", "--allow-origin", "*"],
        ["listen", "--url", "http://hush.example", "--api-key", "secret"],
        ["encode", SAMPLE, "--mel-bins", "64"],
        ["bridge", "localhost:1337"],
        ["bridge", "http://localhost", "--port", "99999"],
        ["bridge", "http://localhost", "--host", "0.0.0.0"],
        ["transcribe", SAMPLE, "--max-line-width", "3"],
        ["transcribe", SAMPLE, "--temperature", "2"],
        ["transcribe", SAMPLE, "--url", "http://localhost", "-o", "README.md"],
        ["transcribe", SAMPLE, "--url", "http://localhost", "-o", "/dev/null/x"],
        ["encode", SAMPLE, "-o", "README.md"],
        ["show", SAMPLE, "-o", "talk.doc"],
        ["encode", SAMPLE, SAMPLE],
        ["transcribe", SAMPLE, SAMPLE, "-o", "build"],
        ["decode", "a/0001.png", "b/0001.png"],
    ],
)
def test_what_cannot_work_is_said_before_anything_is_done(arguments: list[str | Path]) -> None:
    ended = hush(*arguments)
    assert ended.returncode == 2
    assert "Error" in ended.stderr
    assert "Errno" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_names_are_shown_as_they_are(url: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a[red].wav", "[", "red].wav", "c[bold]missing.wav")]
    files[1].mkdir()
    for file in (files[0], files[2]):
        file.write_bytes(SAMPLE.read_bytes())
    ended = hush("transcribe", *files, "-o", tmp_path / "out", "--url", url)
    assert ended.returncode == 1
    assert "a[red].txt" in ended.stderr
    assert "red].txt" in ended.stderr
    assert "c[bold]missing.wav" in ended.stderr
    assert "[: holds neither recordings" in ended.stderr


def test_words_of_a_damaged_folder_until_the_damage_are_not_lost(
    url: str, talk: Path, tmp_path: Path, sample_words: str
) -> None:
    hush("encode", talk, "-o", tmp_path)
    folder = tmp_path / "talk.mel"
    last = max(folder.glob("*.png"))
    last.write_bytes(b"RIFF0000WAVE not a picture")
    ended = hush("transcribe", folder, "--url", url)
    assert ended.returncode == 1
    assert sample_words in ended.stdout
    assert f"talk.mel: {last.name}: this is not a picture" in ended.stderr
    assert "what is written ends at" in ended.stderr


def test_show_marks_what_would_be_sent(talk: Path, tmp_path: Path) -> None:
    hush("encode", talk, "-o", tmp_path)
    pictures = len(list((tmp_path / "talk.mel").glob("*.png")))
    hush("show", talk, "-o", tmp_path / "drawn.svg")
    drawn = (tmp_path / "drawn.svg").read_text()
    assert drawn.count("fill: #3fd0c9") == pictures


def in_a_terminal(*arguments: str | Path, interrupt_at: str = "") -> tuple[int, str]:
    """Run the command line in a terminal, to its end or to Ctrl-C once it shows a pattern."""
    terminal, other = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hush.cli", *map(str, arguments)],
        cwd=ROOT,
        env=environment(TERM="xterm", COLUMNS="120"),
        stdin=other,
        stdout=other,
        stderr=other,
    )
    os.close(other)
    shown = b""
    with suppress(OSError):  # which is how a terminal ends
        while part := os.read(terminal, 10_000):
            shown += part
            if interrupt_at and re.search(interrupt_at, shown.decode(errors="replace")):
                process.send_signal(signal.SIGINT)
                interrupt_at = ""
    os.close(terminal)
    return process.wait(), shown.decode(errors="replace")


def test_a_terminal_sees_how_far_it_is(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(recorded(np.tile(tone(60), 20)))
    code, shown = in_a_terminal("encode", tmp_path / "long.wav", "-o", tmp_path)
    assert code == 0
    assert "long.wav" in shown
    assert " %" in shown
    assert "left" in shown


def test_ctrl_c_stops_work_on_a_file(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(recorded(np.tile(tone(60), 60)))
    code, shown = in_a_terminal(
        "encode", tmp_path / "long.wav", "-o", tmp_path, interrupt_at="left"
    )
    assert code == 130
    assert "Traceback" not in shown
    assert not list(tmp_path.glob("*.mel"))


def test_words_come_to_a_terminal_until_ctrl_c(url: str, long: Path, sample_words: str) -> None:
    code, shown = in_a_terminal(
        "transcribe", long, "--url", url, interrupt_at=re.escape(sample_words)
    )
    assert code == 130
    assert "passed," in shown
    assert 0 < shown.count(sample_words) < 40
    assert "Traceback" not in shown


def test_ctrl_c_writes_what_there_is(
    url: str, long: Path, tmp_path: Path, sample_words: str
) -> None:
    code, shown = in_a_terminal(
        *("transcribe", long, "--url", url),
        *("-o", tmp_path, "-f", "json", "-f", "vtt"),
        interrupt_at="[1-9] %",
    )
    assert code == 130
    assert "wrote" in shown
    body = json.loads((tmp_path / "long.json").read_text())
    assert 0 < body["text"].count(sample_words) < 40
    assert (tmp_path / "long.vtt").read_text().count("-->") == len(body["segments"])


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_words_come_while_a_pipe_goes_on(
    form: str, url: str, talk: Path, sample_words: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "hush.cli", "transcribe", "-", "--url", url, "-f", form],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(talk.read_bytes() + bytes(640_000))
    process.stdin.flush()
    shown = b""
    while sample_words.rsplit(maxsplit=1)[-1].encode() not in shown:
        shown += os.read(process.stdout.fileno(), 10_000)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate()
    assert process.returncode == 130
    written = (shown + rest).decode()
    assert sample_words in " ".join(written.split())
    assert written.endswith("\n")


def test_subtitles_are_shaped_as_wished(url: str, talk: Path) -> None:
    shaped = ("-f", "vtt", "--max-line-width", "12", "--max-lines", "1")
    written = hush("transcribe", talk, "--url", url, *shaped).stdout
    lines = [line for line in written.splitlines()[1:] if line and "-->" not in line]
    assert len(lines) > 6
    assert max(map(len, lines)) <= 12
    single = hush("transcribe", SAMPLE, "--url", url, "-f", "srt", "--max-words", "1").stdout
    assert single.count("-->") == len(SAMPLE.with_suffix(".txt").read_text().split())
    timed = hush("transcribe", SAMPLE, "--url", url, "-f", "vtt", "--words").stdout
    assert re.search(r" <00:00:0\d\.\d{3}>\w", timed)


def test_json_says_how_sure_the_model_is_of_each_word(url: str) -> None:
    written = hush("transcribe", SAMPLE, "--url", url, "-f", "json", "--words").stdout
    probabilities = [word["probability"] for word in json.loads(written)["words"]]
    assert all(0 < each <= 1 for each in probabilities)
    assert max(probabilities) > 0.5


@pytest.mark.parametrize("command", ["transcribe", "encode"])
def test_ctrl_c_stops_waiting_for_standard_input(command: str, url: str, tmp_path: Path) -> None:
    arguments = [command, "-", *(["--url", url] if command == "transcribe" else ["-o", tmp_path])]
    process = subprocess.Popen(
        [sys.executable, "-m", "hush.cli", *map(str, arguments)],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(SAMPLE.read_bytes()[:20_000])
    process.stdin.flush()
    stopped = f"/proc/{process.pid}/wchan"
    while "pipe" not in Path(stopped).read_text():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    process.communicate()


def test_help_shows_examples() -> None:
    for command in ("transcribe", "listen", "encode", "decode", "show", "serve", "bridge"):
        ended = hush(command, "--help")
        assert ended.returncode == 0
        assert f"hush {command}" in ended.stdout
        assert "<bool>" not in ended.stdout
    assert hush("--version").stdout == __version__ + "\n"


def test_the_client_needs_neither_torch_nor_the_service() -> None:
    code = (
        "import sys, hush.client, hush.cli, hush.bridge, hush.segments;"
        "heavy = {'torch', 'whisper', 'fastapi', 'service', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )
    assert ended.stdout.strip() == "[]"
