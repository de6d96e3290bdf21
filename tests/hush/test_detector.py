from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import vad
from hush import detector, mel
from tests.conftest import Samples, noise


def silence_noise_and_hum() -> list[Samples]:
    times = np.arange(160_000) / 16_000
    hum = sum(np.sin(2 * np.pi * 50 * k * times) / k for k in range(1, 20)) * 0.05
    sounds = (
        np.zeros(160_000),
        noise(10, level=0.3),
        noise(10, level=1e-3),
        np.round(noise(10, level=0.6)) / 32_768,
        hum + noise(10, level=3e-3),
    )
    return [each.astype(np.float32) for each in sounds]


def decided(samples: Samples, n_mels: int = 80) -> detector.Decisions:
    edges = detector.EdgeDetector(n_mels)
    return np.concatenate([edges.push(mel.log_mel(samples, n_mels)), edges.finish()])


@pytest.mark.parametrize("n_mels", mel.MEL_BINS)
def test_reaches_its_figures_on_labelled_speech(shared_data: Path, n_mels: int) -> None:
    figures = vad.evaluate(shared_data / "ten-vad", vad.edges(n_mels))
    assert figures.f1 > 0.90
    assert figures.false_positive_rate < 0.37


@pytest.mark.parametrize("n_mels", mel.MEL_BINS)
def test_hears_nothing_in_silence_noise_and_hum(n_mels: int) -> None:
    for samples in silence_noise_and_hum():
        assert not decided(samples, n_mels).any()


def test_finds_a_sentence_between_pauses(sample: Samples) -> None:
    quiet = noise(2, level=1e-4)
    decisions = decided(np.concatenate([quiet, sample, quiet]))
    frames = len(sample) // 160
    assert not decisions[:170].any()
    assert decisions[200 : 200 + frames].mean() > 0.7
    assert not decisions[200 + frames + 30 :].any()


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 900), max_size=25), seed=st.integers(0, 5))
def test_decides_alike_however_the_stream_is_sliced(cuts: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    tones = np.sin(np.cumsum(generator.uniform(0.02, 0.2, 9).repeat(16_000)))
    loudness = generator.choice([0.0, 0.3], 36).repeat(4_000)
    samples = (tones * loudness + generator.standard_normal(144_000) * 1e-3).astype(np.float32)
    log_mel = mel.log_mel(samples)
    edges = detector.EdgeDetector()
    parts = [edges.push(part) for part in np.split(log_mel, sorted(cuts), axis=1)]
    np.testing.assert_array_equal(np.concatenate([*parts, edges.finish()]), decided(samples))


def test_decides_at_most_20_frames_late() -> None:
    assert len(detector.EdgeDetector().push(np.zeros((80, 100), np.float32))) == 80


@pytest.mark.parametrize("frames", range(6))
def test_streams_of_a_few_frames_get_their_decisions(frames: int) -> None:
    edges = detector.EdgeDetector()
    parts = [edges.push(np.zeros((80, frames), np.float32)), edges.finish()]
    assert np.concatenate(parts).tolist() == [False] * frames
    assert np.concatenate(parts).dtype == bool


def test_rounds_halves_upwards() -> None:
    halves = np.array([[0.5, -0.5, 1.5, -1.5]])
    assert detector.rounded((halves / 64).astype(np.float32)).tolist() == [[1, 0, 2, -1]]
    assert detector.rounded(np.array([[-10.0]], np.float32)).tolist() == [[-512]]
