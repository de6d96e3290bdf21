"""What commands take as recordings."""

from pathlib import Path

import numpy as np
import pytest

from hush.inputs import with_folders_opened
from local.processes import hush
from tests.hush.sound.files import Sound, channels, video
from tests.hush.sound.test_addresses import serving
from tests.hush.test_audio import recorded, tone
from tests.hush.test_segments import TALK


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.MP3", "a.wav", ".hidden.wav", "notes.txt", "deeper/c.wav"):
        (folder / name).write_bytes(recorded(tone(1)))
    return folder


def test_a_folder_is_its_recordings_in_order(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "z.wav"
    found = with_folders_opened([other, folder])
    assert found == [other, folder / "a.wav", folder / "b.MP3"]


def test_folders_of_mel_images_stay(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")
    (tmp_path / "a.wav").write_bytes(b"")
    assert with_folders_opened([tmp_path]) == [tmp_path]


def test_a_folder_of_recordings_is_encoded(folder: Path, tmp_path: Path) -> None:
    ended = hush("encode", folder, "-o", tmp_path)
    assert ended.returncode == 0
    assert ended.stdout.split() == [str(tmp_path / "a.mel"), str(tmp_path / "b.mel")]


def test_a_folder_of_nothing_is_one_line(tmp_path: Path) -> None:
    ended = hush("transcribe", tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.strip() == f"{tmp_path}: holds neither recordings nor mel images"


def test_a_playlist_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "radio.m3u8").write_text("#EXTM3U\nother.wav\n")
    ended = hush("encode", tmp_path / "radio.m3u8", "-o", tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith(
        "radio.m3u8: is a playlist; give the recordings that it names"
    )


def test_an_address_is_encoded(tmp_path: Path) -> None:
    with serving() as (url, _):
        ended = hush("encode", f"{url}/talk.mp3?key=secret", "-o", tmp_path)
    assert (ended.returncode, ended.stdout.strip()) == (0, str(tmp_path / "talk.mel"))
    assert "secret" not in (tmp_path / "talk.mel" / "index.json").read_text() + ended.stderr


def test_no_speech_is_said_and_no_failure(tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    silence.write_bytes(recorded(np.zeros(80_000, np.float32)))
    for command in (["transcribe", "--model", "demo"], ["encode", "-o", tmp_path]):
        ended = hush(*command, silence)
        assert ended.returncode == 0
        assert ended.stderr.strip() == f"no speech found in {silence}"


def test_several_tracks_are_named_and_one_can_be_chosen(tmp_path: Path) -> None:
    silent = Sound([(0.0, np.zeros_like(TALK))], language="eng")
    spoken = Sound([(0.0, TALK)], language="deu", default=True)
    film = tmp_path / "film.mkv"
    film.write_bytes(video([silent, spoken], 1))
    ended = hush("encode", film, "-o", tmp_path)
    assert ended.returncode == 0
    assert ended.stderr.strip() == (
        f"{film}: has 2 audio tracks: 1 (eng, aac mono); 2 (deu, aac mono, default). This is 2;"
        " --track N takes another"
    )
    assert list((tmp_path / "film.mel").glob("*.png"))
    ended = hush("encode", film, "-o", tmp_path, "--track", "1")
    assert ended.stderr.strip() == f"no speech found in {film}"
    ended = hush("encode", film, "-o", tmp_path, "--track", "3")
    assert (ended.returncode, ended.stderr.strip()) == (
        1,
        f"{film}: has no audio track 3; it has 2",
    )


def test_a_channel_can_be_chosen(tmp_path: Path) -> None:
    call = tmp_path / "call.wav"
    call.write_bytes(channels(np.stack([TALK, 0 * TALK])))
    assert hush("encode", call, "-o", tmp_path, "--channel", "1").stderr == ""
    ended = hush("encode", call, "-o", tmp_path, "--channel", "2")
    assert ended.stderr.strip() == f"no speech found in {call}"


def test_raw_samples_are_read(tmp_path: Path) -> None:
    raw = tmp_path / "talk.raw"
    raw.write_bytes((TALK * 32_767).astype(">i2").tobytes())
    ended = hush("encode", raw, "-o", tmp_path, "--raw", "s16be:16000:1")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list((tmp_path / "talk.mel").glob("*.png"))
    ended = hush("encode", raw, "-o", tmp_path, "--raw", "mp3")
    assert ended.returncode == 2
    assert "raw samples are s16le" in " ".join(ended.stderr.split())


def test_speakers_by_channel_are_named(tmp_path: Path) -> None:
    turn = TALK[: 8 * 16_000]
    call = tmp_path / "call.wav"
    pause = np.zeros_like(turn)
    planes = np.stack([np.concatenate([turn, pause]), np.concatenate([pause, turn])])
    call.write_bytes(channels(planes))
    ended = hush("transcribe", "--model", "demo", call, "--speakers-by-channel")
    assert ended.returncode == 0
    names = [line.partition(":")[0] for line in ended.stdout.splitlines()]
    assert set(names) <= {"Speaker 1", "Speaker 2"}
    ended = hush("transcribe", call, "--speakers-by-channel", "--channel", "1")
    assert ended.returncode == 2
