from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import vad
from hush import mel
from hush.voice_network import THRESHOLD, NetworkDetector, VoiceNetwork
from tests.conftest import Samples, noise
from tests.hush.test_detector import silence_noise_and_hum


def probabilities(samples: Samples, n_mels: int = 80) -> np.ndarray:
    network = VoiceNetwork(n_mels)
    return np.concatenate([network.push(mel.log_mel(samples, n_mels)), network.finish()])


def decided(samples: Samples, n_mels: int = 80) -> np.ndarray:
    detector = NetworkDetector(n_mels)
    return np.concatenate([detector.push(mel.log_mel(samples, n_mels)), detector.finish()])


@pytest.mark.parametrize("n_mels", mel.MEL_BINS)
def test_reaches_its_figures_on_labelled_speech(shared_data: Path, n_mels: int) -> None:
    figures = vad.evaluate(shared_data / "ten-vad", vad.network(n_mels))
    assert figures.f1 > 0.92
    assert figures.false_positive_rate < 0.20


@pytest.mark.parametrize("n_mels", mel.MEL_BINS)
def test_hears_nothing_in_silence_noise_and_hum(n_mels: int) -> None:
    for samples in silence_noise_and_hum():
        assert decided(samples, n_mels).mean() < 0.02


def test_finds_a_sentence_between_pauses(jfk: Samples) -> None:
    quiet = noise(2, level=1e-4)
    decisions = decided(np.concatenate([quiet, jfk, quiet]))
    frames = len(jfk) // 160
    assert decisions[:200].mean() < 0.1
    assert 0.5 < decisions[200 : 200 + frames].mean() < 0.95
    assert not decisions[200 + frames + 30 :].any()


@pytest.mark.parametrize("decibels", [-80, -60, -40, 0])
def test_level_is_all_the_same(decibels: int, jfk: Samples) -> None:
    """As recorders of 32-bit floating point leave it, far under what 16 bits hold."""
    usual = decided(jfk)
    levelled = jfk / np.abs(jfk).max() * np.float32(10 ** (decibels / 20))
    assert (decided(levelled) == usual).mean() > 0.9


def test_is_not_deaf_after_a_loud_sound(jfk: Samples) -> None:
    bang = np.clip(noise(0.3, level=0.9), -1, 1)
    quiet = (jfk * np.float32(0.05)).astype(np.float32)
    pause = noise(3, level=1e-5)
    after = decided(np.concatenate([pause, bang, pause, quiet]))[-(len(jfk) // 160) :]
    assert (after == decided(quiet)).mean() > 0.9


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 900), max_size=25), seed=st.integers(0, 5))
def test_hears_alike_however_the_stream_is_sliced(cuts: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    tones = np.sin(np.cumsum(generator.uniform(0.02, 0.2, 9).repeat(16_000)))
    loudness = generator.choice([0.0, 0.3], 36).repeat(4_000)
    samples = (tones * loudness + generator.standard_normal(144_000) * 1e-3).astype(np.float32)
    log_mel = mel.log_mel(samples)
    network = VoiceNetwork()
    parts = [network.push(part) for part in np.split(log_mel, sorted(cuts), axis=1)]
    np.testing.assert_allclose(
        np.concatenate([*parts, network.finish()]), probabilities(samples), atol=1e-5
    )


def test_decides_at_most_11_frames_late() -> None:
    for frames in range(30):
        decisions = NetworkDetector().push(np.zeros((80, frames), np.float32))
        assert len(decisions) >= max(0, frames - 11) // 2 * 2


@pytest.mark.parametrize("frames", range(12))
def test_streams_of_a_few_frames_get_their_decisions(frames: int) -> None:
    detector = NetworkDetector()
    parts = [detector.push(np.full((80, frames), -10, np.float32)), detector.finish()]
    assert np.concatenate(parts).shape == (frames,)
    assert np.concatenate(parts).dtype == bool


def test_both_heights_hear_alike(jfk: Samples) -> None:
    apart = np.abs(probabilities(jfk, 80) - probabilities(jfk, 128))
    assert np.percentile(apart, 95) < 0.3


def test_other_heights_are_refused() -> None:
    with pytest.raises(ValueError, match="80 or 128 mel bins, not 100"):
        VoiceNetwork(100)


def test_the_threshold_is_that_of_the_weights() -> None:
    assert 0.3 < THRESHOLD < 0.7
