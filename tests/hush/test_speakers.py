"""Calls with one person on each channel."""

import io

import httpx2
import numpy as np
import pytest

from hush.audio import AudioError
from hush.blocking import Client
from hush.speakers import told_apart
from hush.transcript import Phrase, Transcript, Word
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


def test_words_keep_their_times_and_the_first_has_the_name() -> None:
    parts = [(1, 5.0, part(" Hi there", 0, 1, words=True))]
    transcript = told_apart(parts, [], 20)
    assert transcript.words == (Word("Speaker 2: Hi", 5, 6),)


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
            assert 15 < raised.value.partial.duration < 20
