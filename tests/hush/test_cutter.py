from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hush import mel
from hush.cutter import Cutter
from hush.detector import Decisions, Whole, rounded
from hush.voice_network import NetworkDetector
from tests.conftest import Samples


def cuts_of(pattern: str, **settings: float) -> list[tuple[int, int]]:
    """Cut a stream written as runs of `s`peech and `.` silence, each character 100 ms."""
    decisions = np.array([character == "s" for character in pattern]).repeat(10)
    return cuts_of_decisions(decisions, None, **settings)


def cuts_of_decisions(
    decisions: Decisions, loudness: Whole | None, **settings: float
) -> list[tuple[int, int]]:
    steps = np.zeros((1, len(decisions)), np.int32) if loudness is None else loudness[None]
    cutter = Cutter(**{"margin": 0.1, "patience": 0.0, **settings})
    cuts = cutter.push(decisions, steps) + cutter.finish()
    return [(cut.start, cut.end) for cut in cuts]


def test_cuts_in_pauses_and_keeps_a_margin() -> None:
    assert cuts_of("...sssss.......sssss....") == [(20, 90), (140, 210)]


def test_what_is_too_short_for_speech_neither_opens_a_segment_nor_keeps_one_open() -> None:
    click = np.zeros(300, bool)
    click[100:105] = True
    assert cuts_of_decisions(click, None) == []
    click[100:106] = True
    assert cuts_of_decisions(click, None) == [(90, 116)]
    click[130:135] = True
    assert cuts_of_decisions(click, None, pause=0.4) == [(90, 116)]


def test_a_segment_just_begun_is_given_longer_pauses() -> None:
    phrases = "ss......" + "ss......" + "s" * 80 + "....." + "ss" + "." * 9
    assert cuts_of(phrases, pause=0.4)[:2] == [(0, 30), (70, 110)]
    cuts = cuts_of(phrases, pause=0.4, patience=0.4)
    assert cuts == [(0, 970), (1000, 1040)]


def test_short_pauses_are_no_cuts() -> None:
    assert cuts_of("..sss..sss..sss......") == [(10, 140 + 20)]


def test_the_end_of_the_stream_ends_a_segment() -> None:
    assert cuts_of("..sss") == [(10, 50)]
    assert cuts_of("..sss.") == [(10, 60)]
    assert cuts_of("......") == []
    assert cuts_of("") == []


def test_margins_never_overlap() -> None:
    cuts = cuts_of("sss....sss", margin=0.4, pause=0.4)
    assert cuts == [(0, 70), (70, 100)]


def test_segments_shorter_than_wished_go_on_over_a_pause() -> None:
    pattern = "sssss" + "......" + "sssss" + "......" + "sssss" + "......"
    assert len(cuts_of(pattern)) == 3
    assert cuts_of(pattern, shortest=1.2) == [(0, 170), (210, 280)]


def test_long_silence_ends_even_a_short_segment() -> None:
    pattern = "sss" + "." * 25 + "sss"
    assert cuts_of(pattern, shortest=15) == [(0, 40), (270, 310)]


def test_a_long_segment_is_cut_in_its_longest_late_pause() -> None:
    pattern = "s" * 100 + "..." + "s" * 80 + "." + "s" * 30 + "..." + "s" * 150
    cuts = cuts_of(pattern)
    middle = 100 + 3 + 80 + 1 + 30
    assert cuts[0] == (0, (middle + 1) * 10)
    assert cuts[1][0] == (middle + 2) * 10


def test_an_early_pause_is_better_than_none() -> None:
    pattern = "s" * 20 + "..." + "s" * 300
    assert cuts_of(pattern)[0] == (0, 210)


def test_without_any_pause_the_quietest_place_is_cut() -> None:
    loudness = np.full(4000, 100, np.int32)
    loudness[2000:2020] = 50
    loudness[800:820] = 10  # quieter, but early
    cuts = cuts_of_decisions(np.ones(4000, bool), loudness)
    assert cuts == [(0, 2010), (2010, 4000)]


@settings(max_examples=60)
@given(
    runs=st.lists(st.integers(1, 900), max_size=30),
    slices=st.lists(st.integers(0, 12_000), max_size=10),
    shortest=st.sampled_from([0.0, 5.0, 15.0]),
    seed=st.integers(0, 3),
)
def test_segments_are_in_order_bounded_and_hold_all_speech(
    runs: list[int], slices: list[int], shortest: float, seed: int
) -> None:
    decisions = np.concatenate(
        [np.zeros(0, bool), *(np.full(run, i % 2 == 0) for i, run in enumerate(runs))]
    )
    loudness = np.random.default_rng(seed).integers(0, 1000, len(decisions)).astype(np.int32)
    cutter = Cutter(shortest=shortest, margin=0.1, patience=0.0)
    places = sorted(min(place, len(decisions)) for place in slices)
    cuts = [
        cut
        for part, loud in zip(np.split(decisions, places), np.split(loudness, places), strict=True)
        for cut in cutter.push(part, loud[None])
    ] + cutter.finish()
    covered = np.zeros(len(decisions), bool)
    for before, after in pairwise(cuts):
        assert before.end <= after.start
    for cut in cuts:
        assert 0 < cut.end - cut.start <= 3000
        covered[cut.start : cut.end] = True
    long_enough = np.repeat([run >= 6 for run in runs], runs)
    assert covered[decisions & long_enough.astype(bool)].all()
    whole = cuts_of_decisions(decisions, loudness, shortest=shortest)
    assert [(cut.start, cut.end) for cut in cuts] == whole


def test_cuts_lie_in_the_pauses_of_real_speech(jfk: Samples) -> None:
    """And so, my fellow Americans | ask not | what your country … | ask what you can do …"""
    cutter = Cutter(patience=0.0)
    detector, log_mel = NetworkDetector(), mel.log_mel(jfk)
    decisions = np.concatenate([detector.push(log_mel), detector.finish()])
    cuts = cutter.push(decisions, rounded(log_mel)) + cutter.finish()
    starts = [cut.start / 100 for cut in cuts]
    assert len(cuts) == 4
    for start, (earliest, latest) in zip(
        starts[1:], [(2.4, 3.3), (4.5, 5.4), (7.6, 8.1)], strict=True
    ):
        assert earliest <= start <= latest


@pytest.mark.parametrize("wrong", [{"longest": 0.3}, {"pause": -1.0}, {"margin": -0.1}])
def test_times_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="times of a cutter"):
        Cutter(**wrong)
