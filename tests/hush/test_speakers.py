"""Calls with one person on each channel."""

import io
from collections.abc import Sequence
from itertools import pairwise

import httpx2
import numpy as np
import pytest

from hush.audio import AudioError
from hush.blocking import Client
from hush.output import Output
from hush.speakers import told_apart
from hush.subtitles import Layout
from hush.transcript import Phrase, Transcript, TranscriptFormat, Word
from tests.hush.sound.files import Pipe, channels
from tests.hush.test_client import FakeService, client_of
from tests.hush.test_segments import TALK

pytestmark = pytest.mark.anyio

TURN = TALK[: 8 * 16_000]
SILENCE = np.zeros_like(TURN)
CALL = channels(
    np.stack([np.concatenate([TURN, SILENCE, TURN]), np.concatenate([SILENCE, TURN, SILENCE])])
)


def part(text: str, start: float, end: float, words: bool = False) -> Transcript:
    timed = (Word(text.split(maxsplit=1)[0], start, end),) if words else None
    return Transcript(text, 10, "english", phrases=(Phrase(start, end, text),), words=timed)


def test_turns_are_in_their_order_and_named() -> None:
    parts = [(0, 0.0, part(" Hello.", 1, 2)), (0, 10.0, part(" Bye.", 2, 3))]
    parts += [(1, 5.0, part(" Hi, who is it?", 0, 1))]
    transcript = told_apart(parts, ["Ada"], 20)
    assert transcript.text == "Ada: Hello.\nSpeaker 2: Hi, who is it?\nAda: Bye."
    assert [phrase.speaker for phrase in transcript.phrases] == ["Ada", "Speaker 2", "Ada"]
    assert [phrase.start for phrase in transcript.phrases] == [1, 5, 12]
    assert [each.get("speaker") for each in transcript.verbose_json()["segments"]] == [
        "Ada",
        "Speaker 2",
        "Ada",
    ]


def test_whoever_goes_on_has_one_line() -> None:
    parts = [(0, 0.0, part(" Hello.", 1, 2)), (0, 10.0, part(" Again.", 2, 3))]
    assert told_apart(parts, [], 20).text == "Speaker 1: Hello. Again."


def test_words_keep_their_times_and_know_their_speaker() -> None:
    parts = [(1, 5.0, part(" Hi there", 0, 1, words=True))]
    transcript = told_apart(parts, [], 20)
    assert transcript.words == (Word("Hi", 5, 6, speaker="Speaker 2"),)
    assert transcript.verbose_json()["words"] == [
        {"word": "Hi", "start": 5, "end": 6, "speaker": "Speaker 2"}
    ]


def test_scripts_without_spaces_get_none_between_phrases() -> None:
    parts = [(0, 0.0, part("今日は", 0, 1)), (0, 1.0, part("良い天気です。", 0, 1))]
    assert told_apart(parts, [], 2).text == "Speaker 1: 今日は良い天気です。"


def test_subtitles_are_cut_by_the_words_of_each_speaker() -> None:
    def said(text: str, times: Sequence[float]) -> Transcript:
        spans = zip(text.split(), pairwise(times), strict=True)
        words = tuple(Word(word, *span) for word, span in spans)
        ends = [place for place, word in enumerate(words, 1) if word.word.endswith(".")]
        phrases = tuple(
            Phrase(words[first].start, words[end - 1].end, " ".join(text.split()[first:end]))
            for first, end in pairwise([0, *ends])
        )
        return Transcript(text, times[-1], "english", phrases=phrases, words=words)

    parts = [
        (0, 0.0, said("And so. Ask not.", [0, 0.5, 1, 3, 4])),
        (1, 0.0, said("Hello there.", [0.7, 1.2, 2])),
    ]
    transcript = told_apart(parts, [], 4)
    assert transcript.written(TranscriptFormat.VTT, Layout(word_times=True)) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:00.700\nSpeaker 1: And <00:00:00.500>so.\n\n"
        "00:00:00.700 --> 00:00:01.000\nSpeaker 2: Hello there.\n\n"
        "00:00:01.000 --> 00:00:04.000\nSpeaker 1: Ask <00:00:03.000>not.\n"
    )
    single = transcript.written(TranscriptFormat.SRT, Layout(words=1))
    assert [block.splitlines()[2] for block in single.split("\n\n")] == [
        *("Speaker 1: And", "so.", "Speaker 2: Hello", "there.", "Speaker 1: Ask", "not."),
    ]


def test_silence_says_nobodys_name() -> None:
    assert told_apart([(0, 0.0, Transcript("", 5))], [], 5).text == ""


async def test_each_channel_is_transcribed_by_itself() -> None:
    service = FakeService()
    async with client_of(service) as client:
        transcript = await client.transcribe_speakers(io.BytesIO(CALL))
    speakers = [phrase.speaker for phrase in transcript.phrases]
    assert set(speakers) == {"Speaker 1", "Speaker 2"}
    starts = [phrase.start for phrase in transcript.phrases]
    assert starts == sorted(starts)
    second = [phrase for phrase in transcript.phrases if phrase.speaker == "Speaker 2"]
    assert all(7 < phrase.start < 16.5 for phrase in second)
    assert transcript.duration == pytest.approx(24)


async def test_what_was_said_until_an_interruption_is_written_in_turns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output([TranscriptFormat.TEXT], Layout())
    async with client_of(FakeService()) as client:
        whole = await client.transcribe_speakers(io.BytesIO(CALL), on_progress=output.keep)
    assert capsys.readouterr().out == ""
    output.interrupt()
    assert capsys.readouterr().out == whole.text + "\n"


async def test_a_pipe_is_enough() -> None:
    async with client_of(FakeService()) as client:
        transcript = await client.transcribe_speakers(Pipe(CALL), names=["Ada", "Bob"])  # type: ignore[arg-type]
    assert {phrase.speaker for phrase in transcript.phrases} == {"Ada", "Bob"}


def test_the_client_without_await_does_the_same() -> None:
    transport = httpx2.MockTransport(FakeService())
    with Client("http://service", transport=transport) as client:
        transcript = client.transcribe_speakers(io.BytesIO(CALL), names=["Ada", "Bob"])
    assert transcript.text.startswith("Ada: ")


@pytest.mark.parametrize("seekable", [False, True])
async def test_words_until_a_source_breaks_are_not_lost(seekable: bool) -> None:
    class Breaking(io.BytesIO):
        left = len(CALL) * 3 // 4

        def seekable(self) -> bool:
            return seekable

        def read(self, size: int | None = -1) -> bytes:
            if self.left <= 0:
                raise OSError("the cable was pulled")
            data = super().read(4096)
            self.left -= len(data)
            return data

        def read1(self, size: int | None = -1) -> bytes:
            return self.read(size)

    async with client_of(FakeService()) as client:
        for work in (client.transcribe_speakers, client.transcribe_audio):
            with pytest.raises(AudioError, match="the cable was pulled") as raised:
                await work(Breaking(CALL))
            assert raised.value.partial is not None
            assert 12 < raised.value.partial.duration < 20
