"""Recordings that went wrong elsewhere, to the words, by OpenAI's weights in this process."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hush.audio import open_audio
from hush.client import AsyncClient
from hush.in_process import client_in_process
from hush.transcript import Transcript

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def client(real_weights: Path) -> AsyncIterator[AsyncClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUSH_DOWNLOAD_FOLDER", str(real_weights))
        async with client_in_process("tiny.en") as client:
            yield client


async def heard(client: AsyncClient, file: Path, pipe: bool) -> tuple[Transcript, float]:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with open_audio(Pipe(file.read_bytes()) if pipe else file) as recording:
        transcript = await client.transcribe_audio(recording)
    return transcript, recording.seconds_lost


@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize(
    ("name", "words", "lost"),
    [
        ("antiphase.flac", "and so my fellow americans ask not", 0),
        ("quiet_float.wav", "fellow americans", 0),
        ("three_mics.wav", "fellow america", 0),
        ("multi.mkv", "ask not what your country can do for you", 0),
        ("moov_at_end.m4a", "ask not what your country can do for you", 0),
        ("offset.mkv", "ask not what your country can do for you", 0),
        ("gap.mkv", "what your country can do for you", 0),
        ("shortaudio.mkv", "and so my fellow americans", 0),
        ("truncated.wav", "and so", 2.5),
        ("chained_rates.ogg", "your country", 0),
    ],
)
async def test_the_words_are_heard(
    client: AsyncClient, shared_data: Path, name: str, words: str, lost: float, pipe: bool
) -> None:
    transcript, missing = await heard(client, shared_data / "cases" / name, pipe)
    assert words in re.sub(r"[^a-z ]", "", transcript.text.lower())
    assert missing == pytest.approx(lost, abs=0.1)


async def test_subtitles_are_in_their_place(client: AsyncClient, shared_data: Path) -> None:
    late, _ = await heard(client, shared_data / "cases" / "offset.mkv", False)
    assert 4.7 < late.phrases[0].start < 6
    gap, _ = await heard(client, shared_data / "cases" / "gap.mkv", False)
    assert gap.phrases[-1].end == pytest.approx(15, abs=1)
    assert not any(5.2 < phrase.start < 8.6 for phrase in gap.phrases)
