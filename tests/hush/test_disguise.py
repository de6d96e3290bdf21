import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hush import mel
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.disguise import STRENGTHS, STRONG, Disguise, Privacy, Strength, evened
from hush.image import decode, encode
from hush.segments import segments
from hush.speakers import segments_by_channel
from tests.conftest import Samples

STEPS = [name for name, strength in STRENGTHS.items() if strength is not None]


def disguise(privacy: Privacy) -> Disguise:
    """Return a disguise as another session would have it."""
    strength = STRENGTHS[privacy]
    assert strength is not None
    return Disguise(strength)


@pytest.mark.parametrize("n_mels", mel.MEL_BINS)
@pytest.mark.parametrize("privacy", STEPS)
def test_a_disguise_changes_pictures_and_neither_voice_activity_nor_cuts(
    privacy: Privacy, n_mels: int, jfk: Samples
) -> None:
    plain = list(segments([jfk], n_mels))
    one, other = (list(segments([jfk], n_mels, disguise=disguise(privacy))) for _ in range(2))
    assert len(plain) >= 2
    for shown, first, second in zip(plain, one, other, strict=True):
        assert first.cut == second.cut == shown.cut
        np.testing.assert_array_equal(first.log_mel, shown.log_mel)
        pictures = {segment.image().pixels.tobytes() for segment in (shown, first, second)}
        assert len(pictures) == 3
        assert first.image().pixels.shape == shown.image().pixels.shape
        assert decode(encode(first.image())).frames == shown.cut.end - shown.cut.start


@pytest.mark.parametrize("privacy", STEPS)
def test_all_of_a_session_is_disguised_alike(privacy: Privacy, jfk: Samples) -> None:
    one, other = (
        [segment.image().pixels.tobytes() for segment in segments([jfk], disguise=worn)]
        for worn in (Disguise.drawn(privacy), Disguise.drawn(privacy))
    )
    assert one == other
    program = f"from hush import Disguise; print(Disguise.drawn({privacy!r}).factors(0, 1)[0])"
    command = [sys.executable, "-c", program]
    elsewhere = {float(subprocess.check_output(command)) for _ in range(2)}
    here = Disguise.drawn(privacy)
    assert here is not None
    assert len({*elsewhere, here.factors(0, 1)[0]}) == 3


def test_what_is_heard_at_once_is_disguised_alike() -> None:
    worn = disguise("strong")
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: worn.factors(0, 100_000), range(8)))
    for factors in found:
        np.testing.assert_array_equal(factors, found[0])


def test_off_is_no_disguise() -> None:
    assert Disguise.drawn("off") is None
    with pytest.raises(ValueError, match="'much' is not one of off, light, strong"):
        Disguise.drawn(cast(Privacy, "much"))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(STEPS),
    st.sampled_from(mel.MEL_BINS),
    st.integers(1, 400),
    st.integers(0, 100_000),
    st.integers(0, 2**32 - 1),
)
def test_whatever_is_disguised_is_finite_and_of_its_size(
    privacy: Privacy, n_mels: int, frames: int, first: int, seed: int
) -> None:
    spectrogram = np.random.default_rng(seed).uniform(-10, 3, (n_mels, frames)).astype(np.float32)
    shown = disguise(privacy).of(spectrogram, first)
    assert shown.dtype == np.float32
    assert shown.shape == spectrogram.shape
    assert np.isfinite(shown).all()


def test_silence_stays_silence() -> None:
    shown = disguise("strong").of(np.full((80, 50), -10, np.float32))
    np.testing.assert_allclose(shown, shown[:, :1].repeat(50, axis=1), atol=1e-4)


@pytest.mark.parametrize("n_mels", [80, 128])
@pytest.mark.parametrize("offset", [-1 / 32768, -1 / 128, 0.3])
def test_what_sounds_the_same_all_the_time_stays_so(offset: float, n_mels: int) -> None:
    for seconds in range(1, 10):
        samples = np.full(16_000 * seconds, offset, np.float32)
        shown = disguise("strong").of(mel.log_mel(samples, n_mels))
        assert np.isfinite(shown).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 999))
def test_what_is_sent_twice_is_moved_once(cut: int) -> None:
    spectrogram = np.random.default_rng(0).uniform(-10, 3, (80, 1000)).astype(np.float32)
    worn = Disguise(STRONG)
    later = worn.moved(spectrogram[:, cut:], cut)
    np.testing.assert_allclose(later, worn.moved(spectrogram)[:, cut:], atol=1e-4)


def test_a_tone_is_moved_by_what_was_drawn() -> None:
    time = np.arange(32_000) / 16_000
    tone = mel.log_mel(np.sin(2 * np.pi * 1500 * time).astype(np.float32))
    up = Disguise(Strength(0.2, 0.0), lambda: 0.0).moved(tone)
    down = Disguise(Strength(0.2, 0.0), lambda: 1.0).moved(tone)
    places = [int(shown[:, 100].argmax()) for shown in (down, tone, up)]
    expected = [
        int(mel.log_mel(np.sin(2 * np.pi * hertz * time).astype(np.float32))[:, 100].argmax())
        for hertz in (1500 * np.exp(-0.2), 1500, 1500 * np.exp(0.2))
    ]
    assert places == pytest.approx(expected, abs=1)
    assert places[0] < places[1] < places[2]


def test_what_a_microphone_does_to_the_spectrum_is_undone(jfk: Samples) -> None:
    spectrogram = mel.log_mel(jfk)
    tilted = spectrogram + np.linspace(-0.5, 0.5, 80, dtype=np.float32)[:, None]
    one, other = (evened(each) for each in (spectrogram, tilted + np.float32(0.3)))
    assert np.abs(tilted - spectrogram).mean() > 0.2
    assert np.abs(one - other).mean() < 0.05


@pytest.mark.parametrize("privacy", STEPS)
def test_all_channels_of_a_call_have_one_disguise(privacy: Privacy, jfk: Samples) -> None:
    planes = np.stack([jfk, jfk])
    plain = [
        segment.image().pixels.tobytes()
        for segment in segments([jfk], cutter=Cutter(shortest=RECORDING_SEGMENT))
    ]
    shown = list(segments_by_channel([planes], 80, None, disguise(privacy)))
    first, second = (
        [segment.image().pixels.tobytes() for number, segment in shown if number == channel]
        for channel in (0, 1)
    )
    assert first == second
    assert len(first) == len(plain)
    assert not {*first} & {*plain}
