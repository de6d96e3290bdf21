import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hush.subtitles import Layout, cues
from hush.transcript import Phrase, RunningTranscript, Transcript, TranscriptFormat, Word
from hush.typography import width

SRT, VTT = TranscriptFormat.SRT, TranscriptFormat.VTT
SPEECH = (
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do"
    " for your country. My fellow citizens of the world, ask not what America will do for you."
)

times = st.floats(0, 30)
texts = st.text(st.sampled_from("ab. ,<&>-好。ก้\n"), max_size=150)
phrases = st.lists(st.builds(Phrase, times, times, texts), max_size=6).map(tuple)


def said(text: str, start: float, pace: float = 0.3) -> tuple[Word, ...]:
    """Return the words of a text, each so many seconds long."""
    return tuple(
        Word(word, start + number * pace, start + (number + 1) * pace)
        for number, word in enumerate(text.split())
    )


def of(*phrases: Phrase, words: tuple[Word, ...] | None = None) -> Transcript:
    return Transcript("", 60.0, phrases=phrases, words=words)


def lines_of(written: str) -> list[list[str]]:
    blocks = written.removeprefix("WEBVTT\n\n").strip().split("\n\n")
    return [
        [line for line in block.split("\n") if "-->" not in line and not line.isdigit()]
        for block in blocks
    ]


def spans_of(written: str) -> list[tuple[float, float]]:
    found = re.findall(r"(\d+):(\d+):(\d+)[.,](\d+) --> (\d+):(\d+):(\d+)[.,](\d+)", written)
    clocks = [list(map(int, clock)) for clock in found]
    return [
        (
            clock[0] * 3600 + clock[1] * 60 + clock[2] + clock[3] / 1000,
            clock[4] * 3600 + clock[5] * 60 + clock[6] + clock[7] / 1000,
        )
        for clock in clocks
    ]


def test_webvtt_escapes_what_begins_tags_and_characters() -> None:
    written = of(Phrase(0, 1, "R&D <i> --> x &lt;")).written(VTT)
    assert "R&amp;D &lt;i&gt; --&gt; x &amp;lt;" in written
    assert written.count("-->") == 1


def test_an_arrow_of_any_length_begins_no_cue_in_subrip() -> None:
    assert of(Phrase(0, 1, "a ---> b")).written(SRT).count("-->") == 1


def test_long_phrases_become_cues_of_two_lines_of_42_signs() -> None:
    written = of(Phrase(0, 12, f" {SPEECH}")).written(SRT)
    shown = lines_of(written)
    assert " ".join(line for lines in shown for line in lines) == SPEECH
    assert all(len(lines) <= 2 and max(map(len, lines)) <= 42 for lines in shown)
    assert shown[-1][-1].endswith("for you.")
    assert ["country." in lines[-1] for lines in shown].count(True) == 1


def test_lines_end_where_clauses_end() -> None:
    text = "And so, my fellow Americans, ask not what your country can do for you."
    (lines,) = lines_of(of(Phrase(0, 5, text)).written(SRT))
    assert lines == ["And so, my fellow Americans,", "ask not what your country can do for you."]


def test_words_times_say_when_a_cue_begins() -> None:
    words = said(SPEECH, 1.0)
    spans = spans_of(of(Phrase(0, 15, SPEECH), words=words).written(SRT))
    starts = {round(word.start, 3) for word in words}
    assert spans[0][0] == 1.0
    assert all(round(start, 3) in starts for start, _ in spans)


def test_words_parted_by_a_long_pause_are_not_seen_all_the_while() -> None:
    words = (Word("Wait", 0.0, 0.5), Word("there.", 20.0, 20.6))
    spans = spans_of(of(Phrase(0, 21, "Wait there."), words=words).written(SRT))
    assert spans == [(0.0, 0.5), (20.0, 20.6)]


def test_no_cue_stays_for_more_than_seven_seconds() -> None:
    assert spans_of(of(Phrase(0, 29, "Hello there you.")).written(SRT)) == [(0.0, 7.0)]
    spans = spans_of(of(Phrase(0, 28, SPEECH)).written(SRT))
    assert max(end - start for start, end in spans) <= 7
    assert spans[-1][0] > 14


def test_words_of_other_services_come_without_their_marks() -> None:
    words = (Word("Wait", 0.0, 0.5), Word("there", 20.0, 20.6), Word("Good", 22, 22.5))
    two = of(Phrase(0, 21, "Wait, there!"), Phrase(21.5, 23, "Good."), words=words)
    assert spans_of(two.written(SRT)) == [(0.0, 0.5), (20.0, 20.6), (22.0, 22.5)]


def test_words_that_are_not_those_of_the_phrase_are_left_alone() -> None:
    strange = of(Phrase(1, 2, "Hello."), words=(Word("Servus", 5, 6),))
    assert spans_of(strange.written(SRT)) == [(1.0, 2.0)]


def test_the_layout_is_as_wished() -> None:
    narrow = Layout(line_width=20, lines=1)
    assert all(
        len(lines) == 1 and len(lines[0]) <= 20
        for lines in lines_of(of(Phrase(0, 12, SPEECH)).written(SRT, narrow))
    )
    single = of(Phrase(0, 3, "One two three"), words=said("One two three", 0.0))
    assert lines_of(single.written(VTT, Layout(words=1))) == [["One"], ["two"], ["three"]]
    assert spans_of(single.written(SRT, Layout(words=1)))[1] == (0.3, 0.6)


@pytest.mark.parametrize("nonsense", [{"line_width": 3}, {"lines": 0}, {"words": 0}])
def test_a_layout_has_room(nonsense: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Layout(**nonsense)


def test_chinese_is_cut_between_signs_and_never_before_a_mark() -> None:
    text = "今天天气很好、我们决定一起去公园散步、然后在湖边的小餐馆里吃午饭、下午再去博物馆。" * 2
    shown = lines_of(of(Phrase(0, 14, text)).written(SRT))
    assert "".join(line for lines in shown for line in lines) == text
    assert all(width(line) <= 42 for lines in shown for line in lines)
    assert all(line[0] not in "、。" for lines in shown for line in lines)


def test_thai_is_cut_between_words_where_their_times_are_known() -> None:
    words = tuple(Word("สวัสดี", each * 0.5, each * 0.5 + 0.5) for each in range(20))
    shown = lines_of(of(Phrase(0, 10, "สวัสดี" * 20), words=words).written(SRT))
    assert all(not line.replace("สวัสดี", "") for lines in shown for line in lines)


def test_webvtt_says_when_words_begin_if_it_is_asked_to() -> None:
    spoken = of(Phrase(0, 2, "R&D is hard"), words=said("R&D is hard", 0.5))
    assert "<" not in spoken.written(VTT)
    written = spoken.written(VTT, Layout(word_times=True))
    assert "R&amp;D <00:00:00.800>is <00:00:01.100>hard" in written
    assert "<" not in spoken.written(SRT, Layout(word_times=True))


def test_cues_are_in_order_apart_and_of_some_length() -> None:
    crowd = of(
        Phrase(3.0, 3.0, "third"),
        Phrase(0.0, 2.5, "first"),
        Phrase(2.0, 2.0, "second"),
        Phrase(3.0, 3.0, "fourth"),
    )
    spans = spans_of(crowd.written(SRT))
    assert [lines[0] for lines in lines_of(crowd.written(SRT))] == [
        *("first", "second", "third", "fourth")
    ]
    assert spans == [(0.0, 2.0), (2.0, 2.1), (2.8, 2.9), (2.9, 3.0)]


@given(phrases, st.booleans())
def test_any_times_give_a_file_that_players_take(phrases: tuple[Phrase, ...], web: bool) -> None:
    transcript = Transcript("", 30.0, phrases=phrases)
    spans = spans_of(transcript.written(VTT if web else SRT))
    assert all(end > start for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    for cue in cues(transcript, Layout()):
        assert len(cue.lines) <= 2
        for line in cue.lines:
            assert width("".join(text for text, _ in line).strip()) <= 42


@given(phrases)
def test_no_text_is_lost(phrases: tuple[Phrase, ...]) -> None:
    shown = cues(Transcript("", 30.0, phrases=phrases), Layout())
    written = "".join(text for cue in shown for line in cue.lines for text, _ in line)
    given = "".join(phrase.text for phrase in sorted(phrases, key=lambda phrase: phrase.start))
    assert re.sub(r"\s", "", written) == re.sub(r"\s", "", given)


@pytest.mark.parametrize("form", [TranscriptFormat.TEXT, SRT, VTT])
def test_what_comes_in_parts_is_the_same_file(form: TranscriptFormat) -> None:
    parts = [
        Transcript("One.", 3.0, phrases=(Phrase(0.5, 3.0, " One."),)),
        Transcript("", 2.0),
        Transcript(SPEECH, 12.0, phrases=(Phrase(6.0, 18.0, f" {SPEECH}"),)),
    ]
    running = RunningTranscript(form)
    written = "".join(running.add(part) for part in parts) + running.end()
    whole = Transcript(
        f"One. {SPEECH}", 20.0, phrases=tuple(each for part in parts for each in part.phrases)
    )
    assert written == whole.written(form)


def test_a_part_does_not_begin_before_the_one_before_has_ended() -> None:
    running = RunningTranscript(SRT)
    written = running.add(of(Phrase(0, 2.0, "one"))) + running.add(of(Phrase(1.5, 3.0, "two")))
    assert spans_of(written) == [(0.0, 2.0), (2.0, 3.0)]


def test_phrases_stay_within_what_was_heard() -> None:
    late = Transcript(
        "", 10.33, phrases=(Phrase(8.0, 11.15, " one"), Phrase(11.0, 11.0, " two"))
    ).in_order()
    assert [(phrase.start, phrase.end) for phrase in late.phrases] == [
        (8.0, 10.23),
        (10.23, 10.33),
    ]
