import io
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from hush.audio import AudioError, open_audio, read_audio
from tests.conftest import Samples, noise


def recorded(
    samples: Samples, container: str = "wav", codec: str = "pcm_s16le", rate: int = 16_000
) -> bytes:
    """Return an audio file."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        options = {"strict": "experimental"}  # FFmpeg's own Vorbis
        stream = cast(av.AudioStream, output.add_stream(codec, rate=rate, options=options))
        stream.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = 16_000
        size = 1024 if codec == "vorbis" else None
        resampler = av.AudioResampler(stream.format, "stereo", rate, size)
        for resampled in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(resampled))
        output.mux(stream.encode(None))
    return file.getvalue()


def tone(seconds: float) -> Samples:
    samples: Samples = (np.sin(np.arange(round(seconds * 16_000)) * 0.3) / 2).astype(np.float32)
    return samples


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("wav", "pcm_s16le", 16_000),
        ("wav", "pcm_f32le", 44_100),
        ("wav", "pcm_u8", 8_000),
        ("flac", "flac", 48_000),
        ("mp3", "libmp3lame", 44_100),
        ("ogg", "libopus", 48_000),
        ("webm", "libopus", 48_000),
        ("mp4", "aac", 44_100),
    ],
)
def test_any_format_becomes_mono_at_16_khz(container: str, codec: str, rate: int) -> None:
    original = tone(3)
    samples = read_audio(io.BytesIO(recorded(original, container, codec, rate)))
    assert samples.dtype == np.float32
    assert abs(len(samples) - len(original)) < 1500
    middle = slice(10_000, 30_000)
    power = np.mean(samples[middle] ** 2) / np.mean(original[middle] ** 2)
    assert power == pytest.approx(0.5, abs=0.05)  # FFmpeg gives half of it to each of two channels


def test_samples_come_in_chunks_of_the_length_asked_for() -> None:
    with open_audio(io.BytesIO(recorded(tone(3.5)))) as recording:
        lengths = [len(chunk) for chunk in recording.chunks(seconds=1)]
    assert sum(lengths) == 56_000
    assert all(16_000 <= length < 18_000 for length in lengths[:-1])
    assert recording.duration == pytest.approx(3.5, abs=0.01)
    assert recording.seconds_read == pytest.approx(3.5)


def test_a_stream_that_cannot_seek_is_read() -> None:
    class Pipe:
        def __init__(self, data: bytes) -> None:
            self._file = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            return self._file.read(size)

    with open_audio(Pipe(recorded(tone(1))), "a pipe") as recording:  # type: ignore[arg-type]
        assert sum(len(chunk) for chunk in recording.chunks()) == 16_000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("mp3", "libmp3lame", 44_100), ("mp3", "libmp3lame", 48_000)),
        (("adts", "aac", 44_100), ("adts", "aac", 22_050)),
    ],
)
def test_recordings_put_together_from_different_ones_are_read_whole(
    first: tuple[str, str, int], second: tuple[str, str, int]
) -> None:
    samples = read_audio(io.BytesIO(recorded(tone(2), *first) + recorded(tone(3), *second)))
    assert len(samples) == pytest.approx(80_000, abs=4000)


def test_a_video_longer_than_its_sound_has_lost_nothing() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        video = output.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = output.add_stream("aac", rate=16_000)
        sound.layout = "mono"
        for _ in range(60):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(tone(2)[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    with open_audio(io.BytesIO(file.getvalue())) as recording:
        list(recording.chunks())
    assert recording.seconds_read == pytest.approx(2, abs=0.2)
    assert recording.seconds_lost == 0


def test_samples_beyond_full_scale_are_clipped() -> None:
    data = recorded(tone(1), codec="pcm_f32le")
    loud = data[: len(data) - 80] + np.full(20, 1e30, np.float32).tobytes()
    assert np.abs(read_audio(io.BytesIO(loud))).max() == 1


def test_samples_that_are_no_numbers_are_silenced() -> None:
    data = recorded(tone(1), codec="pcm_f32le")
    broken = data[: len(data) - 8000] + np.full(2000, np.nan, np.float32).tobytes()
    read = read_audio(io.BytesIO(broken))
    assert np.isfinite(read).all()


def test_a_damaged_file_is_read_as_far_as_it_goes_and_says_what_is_lost() -> None:
    data = bytearray(recorded(noise(10), "flac", "flac"))
    for place in range(len(data) // 2, len(data), 700):
        data[place] ^= 0xFF
    with open_audio(io.BytesIO(bytes(data)), "damaged") as recording:
        seconds = sum(len(chunk) for chunk in recording.chunks()) / 16_000
    assert seconds == 10  # what is lost is silent, so that what follows keeps its time
    assert 2 < recording.seconds_lost < 6


def test_a_whole_file_has_lost_nothing() -> None:
    with open_audio(io.BytesIO(recorded(noise(10), "mp3", "libmp3lame", 44_100))) as recording:
        list(recording.chunks())
    assert recording.seconds_lost == 0


@pytest.mark.parametrize(
    "data",
    [b"", b"hello, this is text" * 50, recorded(tone(1))[:44], b"\x00" * 10_000],
    ids=["empty", "text", "a header alone", "zeros"],
)
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    with pytest.raises(AudioError, match="note: "):
        read_and_name(data)


def read_and_name(data: bytes) -> None:
    with open_audio(io.BytesIO(data), "note") as recording:
        list(recording.chunks())


def test_a_video_without_sound_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(AudioError, match="note: has no audio track"):
        read_and_name(file.getvalue())


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {}\n",
    ],
)
def test_playlists_open_no_other_files(tmp_path: Path, playlist: str) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(recorded(tone(1)))
    with pytest.raises(AudioError):
        read_and_name(playlist.format(other).encode())


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_audio(tmp_path / "missing.wav"):
        pass
