"""What cannot seek: pipes, and samples without a file around them."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest

from hush.audio import AudioError, open_audio
from hush.sound.raw import RawFormat
from tests.hush.sound.files import Pipe, Sound, video
from tests.hush.test_audio import recorded, tone

M4A = recorded(tone(5), "ipod", "aac", 16_000)


def seconds(source: object, **settings: object) -> float:
    with open_audio(source, "the pipe", **settings) as recording:  # type: ignore[arg-type]
        return sum(map(len, recording.chunks())) / 16_000


@pytest.mark.parametrize(
    ("container", "codec"), [("ipod", "aac"), ("mov", "pcm_s16le"), ("mp4", "aac"), ("3gp", "aac")]
)
def test_a_file_whose_index_is_at_its_end_is_read_from_a_pipe(container: str, codec: str) -> None:
    data = recorded(tone(5), container, codec, 44_100)
    assert seconds(Pipe(data)) == pytest.approx(5, abs=0.1)


def test_sound_that_begins_late_in_a_file_without_an_index_is_found_in_a_pipe() -> None:
    data = video([Sound([(4.0, tone(5))], "mp2")], 16, "mpeg")
    assert seconds(io.BytesIO(data)) == pytest.approx(9, abs=0.2)
    assert seconds(Pipe(data)) == pytest.approx(9, abs=0.2)


def test_a_video_with_several_tracks_is_read_from_a_pipe() -> None:
    data = video([Sound([(1.0, tone(2))]), Sound([(0.0, tone(3))])], 3, "mp4")
    assert seconds(Pipe(data), track=1) == pytest.approx(3, abs=0.1)


def test_no_more_is_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSH_MAX_KEPT_BYTES", str(len(M4A) - 1))
    with pytest.raises(AudioError, match=r"^the pipe: .*\(HUSH_MAX_KEPT_BYTES\)"):
        seconds(Pipe(M4A))
    monkeypatch.setenv("HUSH_MAX_KEPT_BYTES", "much")
    with pytest.raises(AudioError, match="is a number of bytes, not 'much'"):
        seconds(Pipe(M4A))


def test_what_is_read_as_it_comes_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSH_MAX_KEPT_BYTES", "6000000")  # FFmpeg looks at 5 MB of an unknown file
    assert seconds(Pipe(recorded(np.tile(tone(20), 25)))) == 500


def test_a_pipe_is_heard_while_it_is_still_written() -> None:
    class Live(Pipe):
        taken = 0

        def read(self, size: int = -1) -> bytes:
            data = super().read(size)
            self.taken += len(data)
            return data

    data = recorded(np.tile(tone(20), 25))
    live = Live(data)
    with open_audio(live) as recording:  # type: ignore[arg-type]
        next(recording.chunks())
        assert live.taken < len(data) / 2


def test_a_full_disk_is_said_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hush.sound.spool._IN_MEMORY", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OSError, match="missing"):
        seconds(Pipe(M4A))


@pytest.mark.parametrize(
    ("text", "dtype", "scale"),
    [
        ("s16le:16000:1", "<i2", 32_767),
        ("s16be", ">i2", 32_767),
        ("f32le:16000", "<f4", 1),
        (":16000:1", "<i2", 32_767),
    ],
)
@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
def test_raw_samples_are_understood_as_they_are_said_to_be(
    text: str, dtype: str, scale: int, pipe: bool
) -> None:
    data = (tone(3) * scale).astype(dtype).tobytes()
    source = Pipe(data) if pipe else io.BytesIO(data)
    with open_audio(source, raw=RawFormat.parse(text)) as recording:  # type: ignore[arg-type]
        samples = np.concatenate(list(recording.chunks()))
    np.testing.assert_allclose(samples, tone(3), atol=1e-3)
    assert recording.seconds_lost == 0


def test_raw_samples_of_several_channels_are_mixed() -> None:
    planes = np.stack([tone(3), tone(3), 0 * tone(3)], axis=1)
    data = (planes * 32_767).astype("<i2").tobytes()
    with open_audio(Pipe(data), raw=RawFormat("s16le", 16_000, 3)) as recording:  # type: ignore[arg-type]
        samples = np.concatenate(list(recording.chunks()))
    assert np.abs(samples).max() == pytest.approx(0.5 * 2 / 3, abs=0.01)


@pytest.mark.parametrize(
    "text", ["mp3", "s16le:fast", "s16le:16000:0", "s16le:16000:1:2", "s16le:7"]
)
def test_raw_samples_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"raw samples|is not ENCODING:RATE:CHANNELS"):
        RawFormat.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#EXTM3U\n#EXTINF:10,\nother.wav\n", "is a playlist; give the recordings"),
        ("\ufeff#EXTM3U\nother.wav\n", "is a playlist"),
        ("[playlist]\nFile1=other.wav\n", "is a playlist"),
        ("ffconcat version 1.0\nfile other.wav\n", "is a playlist"),
        ("<!DOCTYPE html><title>Sign in</title>", "is a web page"),
    ],
)
@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
def test_what_only_names_recordings_is_refused_in_words(
    text: str, message: str, pipe: bool
) -> None:
    data = text.encode()
    with pytest.raises(AudioError, match=f"the pipe: {message}"):
        seconds(Pipe(data) if pipe else io.BytesIO(data))
