"""No channel is lost."""

import io
from pathlib import Path

import numpy as np
import pytest

from hush.audio import AudioError, open_audio, read_audio
from tests.conftest import Samples, noise
from tests.hush.sound.files import channels
from tests.hush.test_audio import tone


def level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples[8000:-8000] ** 2)))


VOICE = tone(4)
SILENCE = np.zeros_like(VOICE)


def test_opposite_phases_do_not_cancel() -> None:
    samples = read_audio(io.BytesIO(channels(np.stack([VOICE, -VOICE]), codec="pcm_s16le")))
    assert level(samples) == pytest.approx(level(VOICE), rel=0.01)


@pytest.mark.parametrize("count", [2, 3, 4, 6, 8, 16])
def test_one_voice_among_silent_channels_is_heard(count: int) -> None:
    for place in range(count):
        planes = np.stack([SILENCE] * place + [VOICE] + [SILENCE] * (count - place - 1))
        samples = read_audio(io.BytesIO(channels(planes)))
        assert level(samples) >= level(VOICE) / 2.001


def test_voices_that_take_turns_on_many_channels_are_all_heard() -> None:
    planes = np.zeros((16, len(VOICE) * 16), np.float32)
    for number in range(16):
        planes[number, number * len(VOICE) : (number + 1) * len(VOICE)] = VOICE
    samples = read_audio(io.BytesIO(channels(planes)))
    levels = [level(part) for part in np.split(samples, 16)]
    assert min(levels) >= level(VOICE) / 2


def test_hum_and_an_offset_of_one_channel_do_not_drown_the_other() -> None:
    hum = (np.sin(np.arange(len(VOICE)) * 2 * np.pi * 50 / 16_000) * 0.7).astype(np.float32)
    samples = read_audio(io.BytesIO(channels(np.stack([VOICE / 4, hum + 0.2]))))
    rest = (samples - (hum + 0.2) / 2).astype(np.float32)
    assert level(rest) == pytest.approx(level(VOICE) / 8, rel=0.1)


def test_surround_sound_is_mixed_as_the_standard_says() -> None:
    planes = np.stack([VOICE, VOICE, VOICE, noise(4), SILENCE, SILENCE])
    samples = read_audio(io.BytesIO(channels(planes, "wav", layout="5.1")))
    assert (
        level(samples - VOICE * np.float32((1 + 2 * 0.7071) / (1 + 2 * 0.7071 + 2 * 0.5))) < 0.001
    )


def test_a_change_of_channels_makes_no_click() -> None:
    half = len(VOICE) // 2
    right = np.concatenate([-VOICE[:half], VOICE[half:]])
    samples = read_audio(io.BytesIO(channels(np.stack([VOICE, right]))))
    assert np.abs(np.diff(samples)).max() < 0.2


@pytest.mark.parametrize("channel", [1, 2, 3])
def test_a_channel_that_is_asked_for_is_heard_alone(channel: int) -> None:
    planes = np.stack([VOICE * 0.2, VOICE * 0.4, VOICE * 0.6])
    with open_audio(io.BytesIO(channels(planes)), channel=channel) as recording:
        samples = np.concatenate(list(recording.chunks()))
    assert level(samples) == pytest.approx(level(VOICE) * 0.2 * channel, rel=0.01)


@pytest.mark.parametrize("channel", [0, 3, -1])
def test_a_channel_that_is_not_there_is_refused(channel: int) -> None:
    data = channels(np.stack([VOICE, VOICE]))
    with (
        pytest.raises(AudioError, match=f"note: has no channel {channel}; it has 2"),
        open_audio(io.BytesIO(data), "note", channel=channel) as recording,
    ):
        list(recording.chunks())


@pytest.mark.parametrize("file", ["antiphase.flac", "three_mics.wav"])
def test_cases_are_as_loud_as_their_loudest_channel(shared_data: Path, file: str) -> None:
    with open_audio(shared_data / "cases" / file) as recording:
        samples = np.concatenate(list(recording.chunks()))
    assert level(samples) > 0.1
