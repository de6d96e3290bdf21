"""The file's own clock, and what it says of damage."""

import io
from pathlib import Path

import numpy as np
import pytest

from hush.audio import AudioError, Recording, open_audio
from hush.sound.clock import LONGEST_SILENCE, MOST_SILENCE, Clock
from tests.conftest import Samples, noise
from tests.hush.sound.files import Pipe, Sound, video
from tests.hush.test_audio import recorded, tone


def heard(data: bytes) -> tuple[Recording, list[float]]:
    """Return a recording that was read, and the seconds at which its sound begins and ends."""
    with open_audio(io.BytesIO(data)) as recording:
        samples = np.concatenate(list(recording.chunks()))
    return recording, edges(samples)


def edges(samples: Samples) -> list[float]:
    frames = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(axis=1) > 0.05
    padded = np.concatenate([[False], frames, [False]]).astype(int)
    return [float(place) / 100 for place in np.flatnonzero(np.diff(padded))]


@pytest.mark.parametrize("container", ["matroska", "mp4", "mov", "mpegts", "nut"])
def test_sound_that_begins_after_its_picture_and_has_a_gap_keeps_its_times(container: str) -> None:
    sound = Sound([(2.0, tone(2)), (7.0, tone(2))])
    recording, times = heard(video([sound], 12, container))
    assert times == pytest.approx([2, 4, 7, 9], abs=0.1)
    assert recording.seconds_read == pytest.approx(9, abs=0.1)
    assert recording.seconds_lost == 0


def test_sound_alone_begins_where_players_begin() -> None:
    _, times = heard(video([Sound([(5.0, tone(2))], "libopus")], 0, "webm"))
    assert times == pytest.approx([0, 2], abs=0.1)


def test_sound_shorter_than_its_picture_is_not_damaged() -> None:
    recording, times = heard(video([Sound([(0.0, tone(4))])], 30))
    assert times == pytest.approx([0, 4], abs=0.1)
    assert recording.seconds_lost == 0


def test_rounded_times_are_no_gaps_and_add_up_to_none() -> None:
    clock = Clock()
    clock.begin(0)
    assert all(clock.silence_before(number * 0.02 + 0.009, 0.02) == 0 for number in range(1000))
    assert clock.heard == pytest.approx(20)


def test_many_lost_packets_do_not_move_what_follows() -> None:
    clock = Clock()
    clock.begin(0)
    for number in range(100):  # 20 ms of every 80 are lost
        clock.silence_before(number * 0.08, 0.06)
    assert clock.heard == pytest.approx(8, abs=0.1)


def test_times_that_begin_anew_go_on_where_the_sound_is() -> None:
    clock = Clock()
    clock.begin(0)
    for time in (0, 1, 2, 0, 1, 3):
        silence = clock.silence_before(time, 1)
    assert silence == pytest.approx(1)
    assert clock.heard == pytest.approx(7)
    assert clock.silence_before(4 + LONGEST_SILENCE + 1, 1) == 0


def test_a_file_cannot_ask_for_years_of_silence() -> None:
    clock = Clock()
    clock.begin(0)
    for number in range(1000):
        clock.silence_before(number * LONGEST_SILENCE * 0.9, 0.02)
    assert clock.heard < MOST_SILENCE + 30


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        *(("wav", "pcm_s16le", 16_000), ("wav", "pcm_f32le", 44_100), ("w64", "pcm_s16le", 16_000)),
        *(("aiff", "pcm_s16be", 16_000), ("au", "pcm_s16be", 16_000), ("flac", "flac", 16_000)),
        *(("mp3", "libmp3lame", 44_100), ("matroska", "aac", 44_100), ("avi", "mp3", 44_100)),
    ],
)
@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
def test_what_a_cut_file_misses_is_said(container: str, codec: str, rate: int, pipe: bool) -> None:
    data = recorded(noise(20), container, codec, rate)
    if pipe and container == "mp3":
        pytest.skip("an MP3 in a pipe does not say how long it is")
    for share in (1.0, 0.6, 0.9):
        part = data[: round(len(data) * share)]
        with open_audio(Pipe(part) if pipe else io.BytesIO(part)) as recording:  # type: ignore[arg-type]
            assert sum(map(len, recording.chunks())) == pytest.approx(320_000 * share, rel=0.05)
        assert recording.seconds_lost == pytest.approx(20 * (1 - share), abs=0.5)


@pytest.mark.parametrize("length", [0, 0x7FFF_F024, 0xFFFF_FFFF])
def test_a_wav_that_was_written_into_a_pipe_has_lost_nothing(length: int) -> None:
    data = bytearray(recorded(noise(3)))
    data[4:8] = length.to_bytes(4, "little")
    place = data.index(b"data") + 4
    data[place : place + 4] = max(0, length - 36).to_bytes(4, "little") if length else b"\xff" * 4
    with open_audio(Pipe(bytes(data))) as recording:  # type: ignore[arg-type]
        assert sum(map(len, recording.chunks())) == 48_000
    assert recording.seconds_lost == 0


def test_packets_that_cannot_be_decoded_are_silent_and_counted() -> None:
    data = bytearray(recorded(noise(20), "mp4", "aac", 48_000))
    for place in range(len(data) * 4 // 10, len(data) * 6 // 10, 300):
        data[place] ^= 0xFF
    recording, times = heard(bytes(data))
    assert recording.seconds_read == pytest.approx(20, abs=0.3)
    assert times[0] < 0.1
    assert times[-1] == pytest.approx(20, abs=0.3)
    assert 2 < recording.seconds_lost < 6


def test_an_mp3_that_only_its_bit_rate_measures_has_lost_nothing() -> None:
    data = recorded(np.concatenate([noise(5), tone(25)]), "mp3", "libmp3lame", 44_100)
    start = data.index(b"\xff\xfb", data.index(b"Info") if b"Info" in data else data.index(b"Xing"))
    recording, _ = heard(data[start:])
    assert recording.seconds_lost == 0


def test_a_length_that_is_guessed_from_a_quiet_beginning_promises_nothing() -> None:
    samples = np.concatenate([np.zeros(5 * 16_000, np.float32), noise(15)])
    recording, _ = heard(recorded(samples, "adts", "aac", 44_100))
    assert recording.duration is not None
    assert recording.duration > 22  # FFmpeg's guess
    assert recording.seconds_read == pytest.approx(20, abs=0.2)
    assert recording.seconds_lost == 0


def test_a_cut_transport_stream_promises_nothing() -> None:
    data = video([Sound([(0.0, tone(5)), (9.0, tone(6))], "mp2")], 17, "mpegts")
    recording, _ = heard(data[: len(data) * 6 // 10])
    assert recording.seconds_read > 5
    assert recording.seconds_lost == 0


@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize("damage", [b"", b"not a page" * 50], ids=["whole", "damaged"])
def test_all_links_of_a_chained_ogg_are_heard(pipe: bool, damage: bytes) -> None:
    first = recorded(tone(2), "ogg", "vorbis", 44_100)
    second = recorded(tone(3), "ogg", "vorbis", 22_050)
    third = recorded(tone(1), "ogg", "libopus", 48_000)
    data = first + second + damage + third
    with open_audio(Pipe(data) if pipe else io.BytesIO(data)) as recording:  # type: ignore[arg-type]
        samples = np.concatenate(list(recording.chunks()))
    assert len(samples) == pytest.approx(96_000, abs=1000)
    assert recording.seconds_lost == 0


def test_a_damaged_link_does_not_keep_the_others_from_being_heard() -> None:
    broken = bytearray(recorded(tone(3), "ogg", "vorbis", 22_050))
    broken[28:40] = b"x" * 12
    whole = recorded(tone(2), "ogg", "libopus", 48_000)
    with open_audio(io.BytesIO(whole + bytes(broken) + whole)) as recording:
        assert sum(map(len, recording.chunks())) == pytest.approx(64_000, abs=1000)


@pytest.mark.parametrize(
    ("file", "seconds", "lost"),
    [
        ("offset.mkv", 15.9, 0),
        ("gap.mkv", 15.016, 0),
        ("shortaudio.mkv", 4.464, 0),
        ("multi.mkv", 11.064, 0),
        ("truncated.wav", 1.87, 2.526),
        ("chained_rates.ogg", 11.0, 0),
    ],
)
def test_cases_have_their_length(shared_data: Path, file: str, seconds: float, lost: float) -> None:
    with open_audio(shared_data / "cases" / file) as recording:
        assert sum(map(len, recording.chunks())) == pytest.approx(seconds * 16_000, abs=500)
    assert recording.seconds_lost == pytest.approx(lost, abs=0.02)


def test_what_is_no_audio_is_refused_after_a_link_too() -> None:
    with pytest.raises(AudioError), open_audio(io.BytesIO(b"OggS" + b"\0" * 60)):
        pass
