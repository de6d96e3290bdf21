from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hush import mel
from hush.cutter import Cutter
from hush.detector import EdgeDetector, EverythingIsSpeech
from hush.image import decode, encode, quantize
from hush.segments import SegmentStream, segments
from hush.voice_network import NetworkDetector
from tests.conftest import Samples, noise


def talk() -> Samples:
    """Voices of a kind between pauses, 40 s."""
    generator = np.random.default_rng(3)
    pitch = generator.uniform(90, 220, 40).repeat(16_000)
    phase = np.cumsum(2 * np.pi * pitch / 16_000)
    voice = sum(np.sin(k * phase) / k for k in range(1, 25))
    loudness = generator.choice([0.0, 0.2], 80).repeat(8_000)
    samples: Samples = (voice * loudness + noise(40, level=1e-4)).astype(np.float32)
    return samples


TALK = talk()
WHOLE = list(segments([TALK]))


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, len(TALK)), max_size=60))
def test_segments_are_the_same_however_the_stream_is_sliced(cuts: list[int]) -> None:
    sliced = list(segments(np.split(TALK, sorted(cuts))))
    assert [one.cut for one in sliced] == [one.cut for one in WHOLE]
    for one, other in zip(sliced, WHOLE, strict=True):
        np.testing.assert_array_equal(one.log_mel, other.log_mel)


def test_segments_are_slices_of_the_whole_spectrogram() -> None:
    spectrogram = mel.log_mel(TALK)
    assert len(WHOLE) > 3
    for segment in WHOLE:
        slice_ = spectrogram[:, segment.cut.start : segment.cut.end]
        np.testing.assert_array_equal(segment.log_mel, slice_)


def test_floor_scale_and_range_belong_to_the_segment() -> None:
    segment = WHOLE[1]
    image = segment.image()
    expected = quantize(mel.normalize(segment.log_mel))
    np.testing.assert_array_equal(image.pixels, expected.pixels)
    assert image.maximum - image.minimum <= 2
    assert decode(encode(image)).minimum == image.minimum


def test_segments_come_while_the_stream_goes_on() -> None:
    stream = SegmentStream()
    early = [one for part in np.split(TALK[:480_000], 30) for one in stream.push(part)]
    assert len(early) >= len(WHOLE) // 2


def test_memory_does_not_grow_with_the_stream() -> None:
    stream = SegmentStream()
    for _ in range(20):
        stream.push(TALK)
    assert stream._log_mel.shape[1] < 3200


def test_quiet_speech_is_raised_to_where_whisper_hears_it(jfk: Samples) -> None:
    usual, quiet = (list(segments([jfk * np.float32(level)])) for level in (1, 1e-4))
    assert len(quiet) >= len(usual) - 1
    for segment in quiet:
        assert segment.log_mel.max() < -2
        assert segment.image().maximum == pytest.approx(1, abs=0.01)
    loud = [segment.log_mel.max() for segment in usual]
    assert [one.image().maximum for one in usual] == pytest.approx([(x + 4) / 4 for x in loud])


def test_silence_has_no_segments() -> None:
    assert list(segments([np.zeros(160_000, np.float32)])) == []


def test_recordings_sent_whole_are_cut_only_where_they_are_too_long() -> None:
    cut = list(segments([TALK], detector=EverythingIsSpeech(), cutter=Cutter()))
    assert cut[0].start == 0
    assert cut[-1].end == 40
    assert all(one.end == two.start for one, two in pairwise(cut))


def test_real_speech_has_pictures_of_128_bins_too(jfk: Samples) -> None:
    cut = list(segments([jfk], n_mels=128))
    assert all(one.image().mel_bins == 128 for one in cut)
    assert 2 <= len(cut) <= 5


def test_what_served_one_stream_serves_no_other() -> None:
    stream = SegmentStream()
    stream.push(TALK)
    stream.finish()
    with pytest.raises(ValueError, match="this stream is finished"):
        stream.push(TALK)
    with pytest.raises(ValueError, match="this stream is finished"):
        stream.finish()
    for detector in (NetworkDetector(), EdgeDetector()):
        list(segments([TALK], detector=detector))
        with pytest.raises(ValueError, match="detector has finished"):
            list(segments([TALK], detector=detector))
    cutter = Cutter()
    list(segments([TALK], cutter=cutter))
    with pytest.raises(ValueError, match="cutter has finished"):
        list(segments([TALK], cutter=cutter))
