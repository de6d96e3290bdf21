import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hush.transcript import Phrase, Stretch, Transcript, TranscriptFormat, Word, join

HELLO = Transcript(
    "Hello there. How are you?",
    3.5,
    "english",
    phrases=(Phrase(0.5, 1.5, " Hello there."), Phrase(1.75, 3.004, " How are you?")),
    words=(Word("Hello", 0.5, 0.9), Word("there.", 0.9, 1.5)),
    unheard=(Stretch(3.1, 3.5),),
)

seconds = st.floats(0, 100_000)
texts = st.text(max_size=40)
transcripts = st.builds(
    Transcript,
    text=texts,
    duration=seconds,
    language=st.sampled_from([None, "english", "welsh"]),
    phrases=st.lists(st.builds(Phrase, seconds, seconds, texts), max_size=4).map(tuple),
    words=st.none() | st.lists(st.builds(Word, texts, seconds, seconds), max_size=4).map(tuple),
    unheard=st.lists(st.builds(Stretch, seconds, seconds), max_size=4).map(tuple),
)


def test_text_is_plain() -> None:
    assert HELLO.written(TranscriptFormat.TEXT) == "Hello there. How are you?\n"


def test_srt() -> None:
    assert HELLO.written(TranscriptFormat.SRT) == (
        "1\n00:00:00,500 --> 00:00:01,500\nHello there.\n\n"
        "2\n00:00:01,750 --> 00:00:03,004\nHow are you?\n"
    )


def test_vtt() -> None:
    assert HELLO.written(TranscriptFormat.VTT) == (
        "WEBVTT\n\n"
        "00:00:00.500 --> 00:00:01.500\nHello there.\n\n"
        "00:00:01.750 --> 00:00:03.004\nHow are you?\n"
    )


def test_json_is_openais_verbose_form() -> None:
    body = json.loads(HELLO.written(TranscriptFormat.JSON))
    assert body["text"] == HELLO.text
    assert body["language"] == "english"
    assert body["segments"][1]["start"] == 1.75
    assert body["words"][0] == {"word": "Hello", "start": 0.5, "end": 0.9}
    assert body["unheard"] == [{"start": 3.1, "end": 3.5}]


def test_hours_are_written_in_full() -> None:
    late = HELLO.shifted(3600 * 11 + 59 * 60 + 58.9996)
    assert "11:59:59,500 --> 12:00:00,500" in late.written(TranscriptFormat.SRT)


def test_text_cannot_begin_a_subtitle_of_its_own() -> None:
    phrase = Phrase(0, 1, "one\n\n2\n00:00:05,000 --> 00:00:06,000\nforged")
    written = Transcript("", 1, phrases=(phrase,)).written(TranscriptFormat.SRT)
    assert written.count("-->") == 1
    assert "\n\n" not in written


def test_phrases_without_words_are_no_subtitles() -> None:
    silent = Transcript("", 1, phrases=(Phrase(0, 1, "  "),))
    assert silent.written(TranscriptFormat.SRT) == ""
    assert silent.written(TranscriptFormat.VTT) == "WEBVTT\n"


@given(transcripts)
def test_verbose_json_round_trip(transcript: Transcript) -> None:
    body = json.loads(json.dumps(transcript.verbose_json()))
    again = Transcript.from_verbose_json(body)
    assert again.verbose_json() == transcript.verbose_json()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "hi"},
        {"text": "", "duration": 1, "segments": [{}]},
        {"text": "", "duration": "x"},
        {"text": "", "duration": 1, "unheard": [{"start": 1}]},
    ],
)
def test_other_json_is_an_error(body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="verbose_json"):
        Transcript.from_verbose_json(body)


def test_joined_transcripts_keep_order_and_times() -> None:
    whole = join([(10.0, HELLO), (20.0, Transcript("", 2.0, "welsh")), (30.0, HELLO)], 40.0)
    assert whole.text == "Hello there. How are you? Hello there. How are you?"
    assert [phrase.start for phrase in whole.phrases] == [10.5, 11.75, 30.5, 31.75]
    assert [phrase.seek for phrase in whole.phrases] == [1000, 1000, 3000, 3000]
    assert whole.words is not None
    assert [word.start for word in whole.words] == [10.5, 10.9, 30.5, 30.9]
    assert (whole.duration, whole.language) == (40.0, "english")
    assert whole.unheard == (Stretch(13.1, 13.5), Stretch(33.1, 33.5))


def test_other_services_do_not_say_what_has_no_words() -> None:
    assert Transcript.from_verbose_json({"text": "Hello.", "duration": 1}).unheard == ()


def test_nothing_joined_is_an_empty_transcript() -> None:
    assert join([], 5.0) == Transcript("", 5.0)
