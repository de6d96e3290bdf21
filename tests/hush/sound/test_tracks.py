"""The right track of several."""

import io
from pathlib import Path

import numpy as np
import pytest

from hush.audio import AudioError, Recording, open_audio
from tests.conftest import Samples
from tests.hush.sound.files import Sound, video
from tests.hush.test_audio import tone

SILENT = Sound([(0.0, np.zeros(48_000, np.float32))], language="eng")
SPOKEN = Sound([(0.0, tone(3))], language="deu")


def heard(data: bytes, track: int | None = None) -> tuple[Recording, Samples]:
    with open_audio(io.BytesIO(data), "film", track=track) as recording:
        return recording, np.concatenate(list(recording.chunks()))


@pytest.mark.parametrize("container", ["matroska", "mp4"])
def test_the_default_track_is_heard(container: str) -> None:
    chosen = Sound(SPOKEN.pieces, default=True, language="deu")
    recording, samples = heard(video([SILENT, chosen], 3, container))
    assert np.abs(samples).max() > 0.3
    assert recording.track.number == 2
    assert [str(track) for track in recording.tracks] == [
        "1 (eng, aac mono)",
        "2 (deu, aac mono, default)",
    ]


def test_another_track_is_heard_where_it_is_asked_for() -> None:
    data = video([SILENT, SPOKEN], 3)
    assert np.abs(heard(data, 1)[1]).max() < 0.01
    recording, samples = heard(data, 2)
    assert np.abs(samples).max() > 0.3
    assert recording.track.language == "deu"


@pytest.mark.parametrize("track", [0, 3])
def test_a_track_that_is_not_there_is_refused(track: int) -> None:
    with pytest.raises(AudioError, match=f"film: has no audio track {track}; it has 2"):
        heard(video([SILENT, SPOKEN], 3), track)


def test_the_case_is_heard(shared_data: Path) -> None:
    with open_audio(shared_data / "cases" / "multi.mkv") as recording:
        assert np.abs(np.concatenate(list(recording.chunks()))).max() > 0.3
    assert recording.track.number == 2
