"""Speech without words: which stretches are heard again, and which are told of."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hush.transcript import Phrase, Stretch, Transcript
from hush.voice_network import NetworkDetector
from hush_service.engine.clamping import in_order
from hush_service.engine.unheard import Frames, reported, speech_in, stretches


def speech(seconds: float, *spoken: tuple[float, float]) -> Frames:
    frames = np.zeros(round(seconds * 100), bool)
    for start, end in spoken:
        frames[round(start * 100) : round(end * 100)] = True
    return frames


def unheard_in(frames: Frames, *phrases: tuple[float, float]) -> tuple[Stretch, ...]:
    found = tuple(Phrase(start, end, " words") for start, end in phrases)
    return reported(Transcript("words", len(frames) / 100, phrases=found), frames).unheard


def test_what_is_spoken_after_the_last_phrase_is_told_with_a_margin() -> None:
    assert unheard_in(speech(20, (0, 5), (6, 14)), (0, 5)) == (Stretch(5.8, 14.2),)


def test_what_is_spoken_before_and_between_phrases_is_told() -> None:
    frames = speech(30, (0, 29))
    assert unheard_in(frames, (4, 10), (15, 28)) == (Stretch(0, 4), Stretch(10, 15))


def test_a_pause_of_more_than_two_seconds_parts_stretches() -> None:
    assert unheard_in(speech(20, (0, 3), (4.5, 6), (9, 12))) == (
        Stretch(0, 6.2),
        Stretch(8.8, 12.2),
    )


@pytest.mark.parametrize(("seconds", "told"), [(0.9, False), (1.9, False), (2.0, True)])
def test_less_than_two_seconds_of_speech_are_not_told(seconds: float, told: bool) -> None:
    frames = speech(10, (1, 1 + seconds))
    assert bool(unheard_in(frames)) is told
    assert bool(stretches(frames, (), 0, 1000)) is (seconds >= 1)


def test_silence_has_no_words_and_nothing_is_told() -> None:
    assert unheard_in(speech(30)) == ()


def test_what_was_told_before_is_told_anew() -> None:
    before = Transcript("", 10, unheard=(Stretch(0, 1),))
    assert reported(before, speech(10)) == replace(before, unheard=())


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100))), st.floats(0, 50))
def test_any_times_become_ordered(times: list[tuple[float, float]], duration: float) -> None:
    ordered = [time for pair in in_order(times, duration) for time in pair]
    assert len(ordered) == 2 * len(times)
    assert ordered == sorted(ordered)
    assert all(0 <= time <= duration for time in ordered)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], []),
        ([(-1, 2), (1.5, 4)], [(0, 1.5), (1.5, 4)]),
        ([(3, 2), (1, 5), (9, 12)], [(3, 3), (3, 5), (9, 10)]),
        ([(11, 12)], [(10, 10)]),
    ],
)
def test_times_are_in_order_and_within_the_picture(
    times: list[tuple[float, float]], expected: list[tuple[float, float]]
) -> None:
    assert in_order(times, 10.0) == expected


def test_to_find_speech_takes_little_memory_however_long_a_picture_is() -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, (80, 20_001)).astype(np.float32)
    tracemalloc.start()
    found = speech_in(noise)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5 * noise.nbytes
    whole = NetworkDetector(80)
    assert found.tolist() == [*whole.push(noise * 4 - 4), *whole.finish()]
