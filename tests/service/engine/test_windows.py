"""What is made of a model's answers, whatever they are: here they are told, and no model is run."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hush.mel import Spectrogram, log_mel_spectrogram
from hush.subtitles import SHORTEST_CUE
from hush.transcript import Phrase, Stretch, Transcript, TranscriptFormat
from hush.voice_network import NetworkDetector
from hush_service.engine import DecodingRequest, unheard
from hush_service.engine.questions import Align, Decode, Decoded, DetectLanguage, Encode
from hush_service.engine.repetition import compression_ratio
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.windows import Rules, transcription, unheeded
from hush_service.engine.word_times import Alignment
from tests.conftest import Samples

TOKENIZER = Tokenizer.of_size(51_864)
ZERO = TOKENIZER.first_timestamp
Answer = Callable[[Decode], Decoded]
BLANK: Spectrogram = np.full((80, 400), -0.5, np.float32)
PATIENCE = 60.0


def at(seconds: float) -> int:
    return ZERO + round(seconds / 0.02)


def said(*parts: float | str) -> tuple[int, ...]:
    """Return the tokens of times and texts."""
    tokens: list[int] = []
    for part in parts:
        tokens += TOKENIZER.encode(part) if isinstance(part, str) else [at(part)]
    return tuple(tokens)


def heard(
    spectrogram: Spectrogram,
    answer: Answer,
    request: DecodingRequest | None = None,
    align: Callable[[Align], Alignment] | None = None,
    tell: Callable[[Sequence[Phrase]], None] = unheeded,
) -> Transcript:
    """Return what is made of answers."""
    asking = transcription(spectrogram, request or DecodingRequest(), TOKENIZER, Rules(), tell)
    reply: Any = None
    while True:
        try:
            question = asking.send(reply)
        except StopIteration as end:
            transcript: Transcript = end.value
            return transcript
        match question:
            case Encode():
                question.window.encoded, reply = True, None
            case Decode():
                assert question.window.encoded
                reply = answer(question)
            case Align():
                assert align is not None
                reply = align(question)
            case DetectLanguage():
                raise AssertionError("an English model has no other language")


class Told:
    """Gives answers in turn, the last for ever, and remembers the questions."""

    def __init__(self, *answers: Sequence[int]) -> None:
        self._answers = list(answers)
        self.asked: list[Decode] = []

    def __call__(self, question: Decode) -> Decoded:
        self.asked.append(question)
        tokens = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return Decoded(tuple(tokens), -0.2, 0.01)

    @property
    def temperatures(self) -> list[float]:
        return [question.temperature for question in self.asked]

    @property
    def reasons(self) -> list[str | None]:
        return [question.again for question in self.asked]


def assert_in_order(times: Sequence[tuple[float, float]], duration: float) -> None:
    assert all(0 <= start <= end <= duration for start, end in times)
    assert all(before[1] <= after[0] for before, after in pairwise(times))


def cues(text: str) -> list[tuple[float, float]]:
    """Return the times of subtitles."""
    lines = [line.split(" --> ") for line in text.splitlines() if " --> " in line]
    return [(clock(start), clock(end)) for start, end in lines]


def clock(text: str) -> float:
    hours, minutes, seconds = text.replace(",", ".").split(":")
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 3)


TEXT_TOKENS = st.sampled_from(TOKENIZER.encode(" Ask not what, what. \u3042 again"))
TIMES = st.integers(ZERO, ZERO + 1500)
SEQUENCES = st.lists(
    TEXT_TOKENS | TIMES | st.integers(0, 20).map(lambda step: ZERO + step), max_size=24
)


@given(st.data())
def test_whatever_a_model_answers_times_are_in_order_and_within_the_picture(
    data: st.DataObject,
) -> None:
    frames = data.draw(st.integers(1, 400), "frames")
    words = data.draw(st.booleans(), "words")

    def answer(question: Decode) -> Decoded:
        tokens = tuple(data.draw(SEQUENCES, "tokens"))
        return Decoded(tokens, data.draw(st.sampled_from([-0.2, -2.0])), 0.1)

    def align(question: Align) -> Alignment:
        steps = st.lists(st.integers(0, 1499), min_size=1, max_size=1)
        places = range(len(question.tokens) + 1)
        path = [(place, step) for place in places for step in data.draw(steps, "step")]
        return Alignment(path, [0.5] * len(path))

    transcript = heard(BLANK[:, :frames], answer, DecodingRequest(words=words), align)
    body = transcript.verbose_json()
    duration = body["duration"]
    for part in (body["segments"], body.get("words", []), body["unheard"]):
        assert_in_order([(each["start"], each["end"]) for each in part], duration)
    for kind in (TranscriptFormat.SRT, TranscriptFormat.VTT):
        written = cues(transcript.written(kind))
        # Each is seen for a moment, however short the picture is.
        assert_in_order(written, max(duration, round(SHORTEST_CUE * len(written), 3)))


LOOPS = {
    "a word": said(0.0, " And so" + " again" * 40),
    "a few words": said(0.0, " And so" + " my fellow Americans" * 12, 4.0),
    "phrase after phrase": said(
        *(0.0, " And so.", 1.0), *(part for _ in range(8) for part in (1.0, " Thank you.", 2.0))
    ),
    "in the middle": said(0.0, " And so" + " ask not what" * 6 + " your country can do.", 4.0),
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_an_answer_that_loops_is_asked_for_again(loop: tuple[int, ...]) -> None:
    told = Told(loop, loop, said(0.0, " And so, my fellow Americans.", 4.0))
    assert heard(BLANK, told).text == "And so, my fellow Americans."
    assert told.temperatures == [0.0, 0.2, 0.4]
    assert told.reasons == [None, "loop", "loop"]


@pytest.mark.parametrize(
    ("loop", "text"),
    [
        ("a word", "And so again"),
        ("a few words", "And so my fellow Americans"),
        ("phrase after phrase", "And so. Thank you."),
        ("in the middle", "And so ask not what your country can do."),
    ],
)
def test_what_loops_at_every_temperature_is_said_once(loop: str, text: str) -> None:
    told = Told(LOOPS[loop])
    transcript = heard(BLANK, told)
    assert transcript.text == text
    assert told.temperatures[:6] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_people_say_a_word_several_times() -> None:
    text = "No, no, no, no! It is very, very, very good. Ha ha ha ha ha ha."
    told = Told(said(0.0, f" {text}", 4.0))
    assert heard(BLANK, told).text == text
    assert told.temperatures == [0.0]


def test_a_loop_after_much_else_is_seen_too() -> None:
    """The text as a whole neither compresses well, nor is too long for its 15 s."""
    text = f"{MANY_WORDS} It was the spring of hope, we had everything before us," + " no" * 16
    assert compression_ratio(text) < 2.4
    told = Told(said(0.0, text, 14.0), said(0.0, MANY_WORDS, 14.0))
    spectrogram = np.full((80, 1500), -0.5, np.float32)
    assert heard(spectrogram, told).text == MANY_WORDS.strip()
    assert told.temperatures == [0.0, 0.2]


MANY_WORDS = (
    " It was the best of times, it was the worst of times, it was the age of wisdom, it was the"
    " age of foolishness, it was the epoch of belief, it was the season."
)


def test_more_than_anybody_can_say_is_asked_for_again_and_then_left_out() -> None:
    told = Told(said(0.0, MANY_WORDS, 4.0))
    assert heard(BLANK, told).text == MANY_WORDS.strip()
    assert told.temperatures == [0.0]
    told = Told(said(0.0, MANY_WORDS, 4.0))
    assert heard(BLANK[:, :300], told).text == ""
    assert told.temperatures == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_speech_that_never_has_words_is_reported(jfk: Samples) -> None:
    spectrogram = log_mel_spectrogram(jfk)
    told = Told(said(0.0, " And so, my fellow Americans,", 2.2), said(0.0))
    transcript = heard(spectrogram, told)
    assert transcript.text == "And so, my fellow Americans,"
    assert transcript.unheard == (Stretch(3.08, 10.72),)


def test_where_the_model_says_that_nobody_speaks_nothing_is_reported(jfk: Samples) -> None:
    transcript = heard(log_mel_spectrogram(jfk), lambda _: Decoded(said(0.0, " you"), -1.5, 0.9))
    assert (transcript.text, transcript.unheard) == ("", ())


@pytest.mark.parametrize("text", [" Thank you.", " you", " . . ."])
def test_what_a_model_itself_doubts_is_no_speech(jfk: Samples, text: str) -> None:
    transcript = heard(log_mel_spectrogram(jfk), lambda _: Decoded(said(0.0, text), -0.9, 0.8))
    assert (transcript.text, transcript.unheard) == ("", ())


def test_a_loop_is_no_speech_where_the_model_says_so(jfk: Samples) -> None:
    loop = Decoded(said(0.0, " I am sorry," * 20), -0.1, 0.6)
    transcript = heard(log_mel_spectrogram(jfk), lambda _: loop)
    assert (transcript.text, transcript.unheard) == ("", ())


def test_a_word_that_is_probable_enough_stays(jfk: Samples) -> None:
    spectrogram = log_mel_spectrogram(jfk)
    assert heard(spectrogram, lambda _: Decoded(said(0.0, " Fatigue."), -0.6, 0.9)).text
    assert heard(spectrogram, lambda _: Decoded(said(0.0, " Six."), -0.9, 0.3)).text


def test_what_is_improbable_at_every_temperature_is_no_text_but_reported(jfk: Samples) -> None:
    guess = Decoded(said(0.0, " Stop it."), -2.5, 0.1)
    transcript = heard(log_mel_spectrogram(jfk), lambda _: guess)
    assert transcript.text == ""
    assert [round(stretch.end) for stretch in transcript.unheard] == [11]


def test_where_no_answer_is_good_the_most_probable_is_taken() -> None:
    probabilities = [-1.4, -1.1, -1.2, -1.7, -2.4, -3.0]
    told = Told(*(said(0.0, f" Answer {chr(65 + place)}.", 2.0) for place in range(6)))
    answers = iter(probabilities)
    transcript = heard(BLANK, lambda question: replace(told(question), avg_logprob=next(answers)))
    assert transcript.text == "Answer B."
    assert [phrase.temperature for phrase in transcript.phrases] == [0.2]


def test_an_echo_of_the_prompt_is_asked_for_again_without_it() -> None:
    request = DecodingRequest(prompt="Glory to God in the highest.")
    told = Told(said(0.0, " Glory to God.", 2.0), said(0.0, " Good morning.", 2.0))
    assert heard(BLANK, told, request).text == "Good morning."
    assert [TOKENIZER.before in question.prompt for question in told.asked] == [True, False]


def test_dots_and_notes_are_no_words() -> None:
    told = Told(said(0.0, " ...", 1.0) + said(1.0, " ♪", 2.0) + said(2.0, " Not 1.", 3.0))
    assert heard(BLANK, told).text == "Not 1."


def test_what_is_left_is_heard_again_as_long_as_words_come(jfk: Samples) -> None:
    told = Told(said(0.0, " And so,", 1.5), said(0.0, " ask not", 4.0), said(0.0, " what", 5.4))
    transcript = heard(log_mel_spectrogram(jfk), told)
    assert transcript.text == "And so, ask not what"
    assert [phrase.end for phrase in transcript.phrases] == [1.5, 5.5, 10.72]
    assert len(told.asked) == 3


def test_the_parts_of_a_loop_that_were_speech_are_heard_again(jfk: Samples) -> None:
    spectrogram = log_mel_spectrogram(jfk)
    loops = [said(0.0, " And so" + " again" * 40)] * 6
    told = Told(*loops, said(0.0, " ask not what your country", 9.5))
    transcript = heard(spectrogram, told)
    assert transcript.text == "And so again ask not what your country"
    assert told.temperatures == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.0]
    assert told.reasons == [None, *["loop"] * 5, "unheard"]
    assert [(phrase.start, phrase.end) for phrase in transcript.phrases] == [(0, 1.5), (1.5, 10.72)]


def test_a_second_hearing_is_of_what_the_detector_takes_for_speech(jfk: Samples) -> None:
    """The same detector as on the device, on values that are floored and scaled."""
    spectrogram = log_mel_spectrogram(jfk)
    told = Told(said(0.0))
    heard(spectrogram, told)
    detector = NetworkDetector(80)
    speech = np.concatenate([detector.push(spectrogram * 4 - 4), detector.finish()])
    again = sum(question.window.spoken for question in told.asked[1:])
    assert again >= speech.sum()


def test_phrases_are_told_of_window_by_window() -> None:
    spectrogram: Spectrogram = np.full((80, 4000), -0.5, np.float32)
    told = Told(said(0.0, " One.", 30.0), said(0.0, " Two.", 10.0))
    parts: list[list[str]] = []
    transcript = heard(
        spectrogram, told, tell=lambda phrases: parts.append([each.text for each in phrases])
    )
    assert parts == [[" One."], [" Two."]]
    assert transcript.text == "One. Two."


def test_interim_words_are_decoded_once_and_greedily(jfk: Samples) -> None:
    told = Told(said(0.0, " And so" + " again" * 40))
    heard(log_mel_spectrogram(jfk), told, DecodingRequest(interim=True))
    assert [(question.temperature, question.beam) for question in told.asked] == [(0.0, 1)]


def test_nobody_waits_for_speech_that_is_not_asked_for_and_none_is_looked_for_once_who_asks_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more, looked = threading.Semaphore(0), list[int]()

    def decisions(spectrogram: Spectrogram) -> Iterator[unheard.Frames]:
        for first in range(0, spectrogram.shape[1], 1000):
            assert more.acquire(timeout=PATIENCE)
            looked.append(first)
            yield np.ones(1000, bool)

    monkeypatch.setattr(unheard, "decisions", decisions)
    long: Spectrogram = np.zeros((80, 60_000), np.float32)
    request = DecodingRequest(language="en")
    asking = transcription(long, request, TOKENIZER, Rules())
    assert isinstance(next(asking), Encode)
    assert isinstance(asking.send(None), Decode)
    more.release(3)
    # The rest of the window is heard by itself, as somebody speaks in it.
    again = asking.send(Decoded(said(0.0, " One.", 2.0, 2.0, " Two.", 30.0), -0.2, 0.0))
    assert isinstance(again, Encode)
    asking.close()
    more.release(100)
    pool = unheard._LONG
    pool.submit(lambda: None).result(PATIENCE)
    assert len(looked) <= 4


@pytest.mark.parametrize("language", [None, "en"])
def test_the_model_hears_while_speech_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, language: str | None
) -> None:
    # The engine's own thread goes on with the answers: others wait while it does anything else.
    begun, asked = threading.Event(), threading.Event()

    def decisions(spectrogram: Spectrogram) -> Iterator[unheard.Frames]:
        begun.set()
        assert asked.wait(PATIENCE)
        yield np.zeros(spectrogram.shape[1], bool)

    monkeypatch.setattr(unheard, "decisions", decisions)
    request = DecodingRequest(language=language)
    asking = transcription(BLANK, request, Tokenizer.of_size(51_865), Rules())
    assert isinstance(next(asking), Encode)
    assert begun.wait(PATIENCE)
    asked.set()
