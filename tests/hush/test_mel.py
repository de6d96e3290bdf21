import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import torch
import whisper.audio
from hypothesis import given, settings
from hypothesis import strategies as st

from hush import mel
from hush.image import quantize
from tests.conftest import Samples, noise

SOUNDS: dict[str, Callable[[], Samples]] = {
    "noise": lambda: noise(12),
    "quiet noise": lambda: noise(5, level=1e-5),
    "digital silence": lambda: np.zeros(48_000, np.float32),
    "silence, then a click": lambda: np.concatenate([np.zeros(30_000), [1.0], np.zeros(30_000)]),
    "clipped": lambda: np.clip(noise(3, level=2), -1, 1),
    "a pure tone": lambda: np.sin(np.arange(40_000) * 2 * np.pi * 997 / 16_000),
    "201 samples": lambda: noise(201 / 16_000),
    "not a whole number of hops": lambda: noise(1.23456),
}


def whisper_mel(samples: Samples, n_mels: int) -> Samples:
    computed: Samples = whisper.audio.log_mel_spectrogram(torch.from_numpy(samples), n_mels).numpy()
    return computed


@pytest.mark.parametrize("n_mels", mel.MEL_BINS)
@pytest.mark.parametrize("sound", SOUNDS)
def test_equals_whisper(sound: str, n_mels: int) -> None:
    samples = SOUNDS[sound]().astype(np.float32)
    ours = mel.log_mel_spectrogram(samples, n_mels)
    theirs = whisper_mel(samples, n_mels)
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_mels", mel.MEL_BINS)
def test_equals_whisper_on_real_speech(jfk: Samples, n_mels: int) -> None:
    np.testing.assert_allclose(
        mel.log_mel_spectrogram(jfk, n_mels), whisper_mel(jfk, n_mels), rtol=0, atol=1e-4
    )


def test_two_hours_equal_whisper_in_little_memory() -> None:
    minute = noise(60, seed=1) * np.repeat([1.0, 0.01, 0.0], 320_000).astype(np.float32)
    samples = np.tile(minute, 120)
    tracemalloc.start()
    ours = mel.log_mel_spectrogram(samples)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ours.shape == (80, 720_000)
    assert peak < ours.nbytes + 100e6
    # Whisper's own takes gigabytes for two hours; what repeats is compared once.
    theirs = whisper_mel(np.tile(minute, 3), 80)
    for start in (0, 6_000 * 57, 6_000 * 118):
        inner = slice(start + 6_000, start + 6_000 + 3_000)
        np.testing.assert_allclose(ours[:, inner], theirs[:, 6_000:9_000], rtol=0, atol=1e-4)
    np.testing.assert_allclose(ours[:, -6_000:], theirs[:, -6_000:], rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_mels", mel.MEL_BINS)
def test_filters_are_whispers(n_mels: int) -> None:
    theirs = whisper.audio.mel_filters("cpu", n_mels).numpy()
    np.testing.assert_allclose(mel.mel_filters(n_mels), theirs, rtol=0, atol=1e-7)


@settings(max_examples=40)
@given(
    length=st.integers(1, 60_000),
    cuts=st.lists(st.integers(0, 60_000), max_size=30),
    n_mels=st.sampled_from(mel.MEL_BINS),
)
def test_streaming_is_the_same_to_the_last_bit_however_it_is_sliced(
    length: int, cuts: list[int], n_mels: int
) -> None:
    samples = noise(length / 16_000)
    stream = mel.LogMelStream(n_mels)
    parts = [stream.push(part) for part in np.split(samples, sorted(cuts))]
    parts.append(stream.finish())
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), mel.log_mel(samples, n_mels))


def test_streaming_is_at_most_200_samples_late() -> None:
    stream = mel.LogMelStream()
    frames = stream.push(noise(1)).shape[1]
    assert frames == (16_000 - 200) // 160 + 1


@pytest.mark.parametrize("length", [1, 100, 159, 200])
def test_under_201_samples_are_padded_with_zeros(length: int) -> None:
    samples = noise(length / 16_000)
    padded = np.pad(samples, (0, 201 - length))
    ours = mel.log_mel_spectrogram(samples)
    assert ours.shape == (80, 1)
    np.testing.assert_allclose(ours, whisper_mel(padded, 80), rtol=0, atol=1e-4)


def test_no_samples_are_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        mel.log_mel_spectrogram(np.empty(0, np.float32))


@pytest.mark.parametrize("samples", [np.zeros((2, 100), np.float32), np.zeros(100, np.int16)])
def test_what_is_not_mono_floating_point_is_an_error(samples: Samples) -> None:
    with pytest.raises(ValueError, match="samples must be"):
        mel.log_mel_spectrogram(samples)


def test_other_heights_are_an_error() -> None:
    with pytest.raises(ValueError, match="80 or 128"):
        mel.log_mel(noise(1), 64)


def test_the_floor_applied_again_changes_nothing() -> None:
    normalized = mel.log_mel_spectrogram(noise(1))
    np.testing.assert_array_equal(mel.floor_normalized(normalized), normalized)


def test_the_floor_lies_two_below_the_maximum() -> None:
    floored = mel.floor_normalized(np.array([[-1.5, 0.0, 1.5]], np.float32))
    np.testing.assert_array_equal(floored, [[-0.5, 0.0, 1.5]])


def test_values_of_the_specification() -> None:
    """docs/format.md shows them."""
    samples = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    image = quantize(mel.log_mel_spectrogram(samples.astype(np.float32)))
    assert image.frames == 100
    assert (image.minimum, image.maximum) == pytest.approx((-0.5603484, 1.4396516), abs=1e-6)
    expected = np.zeros(80)
    expected[24:28] = 217, 242, 255, 235
    middle = image.pixels[:, 2:98].astype(int)
    assert np.abs(middle - expected[:, None]).max() <= 1
    first = [173, 173, 174, 174, 174, 175, 175, 176, 177, 178]
    assert np.abs(image.pixels[:10, 0].astype(int) - first).max() <= 1
