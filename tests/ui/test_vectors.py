import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from hush.disguise import Privacy
from hush.image import SMALL, decode
from hush.mel import MEL_BINS
from tests.ui import hearing_vectors, subtitle_vectors, vectors

VECTORS: dict[str, Any] = json.loads((vectors.FOLDER / "vectors.json").read_text())
DESCRIBED: list[dict[str, Any]] = VECTORS["streams"]


@pytest.mark.parametrize("n_mels", MEL_BINS)
@pytest.mark.parametrize("number", range(len(vectors.STREAMS)), ids=lambda n: DESCRIBED[n]["name"])
def test_vectors_are_what_the_chain_makes_now(number: int, n_mels: int) -> None:
    stream, described = vectors.STREAMS[number], DESCRIBED[number]
    expected = json.loads(json.dumps(vectors.expected(stream, n_mels)))
    assert described["expected"][str(n_mels)] == expected
    assert described["pieces"] == [list(piece) for piece in stream.pieces]
    if stream.pictures:
        for index, segment in enumerate(stream.segments(n_mels)):
            kept = decode(vectors.picture(number, n_mels, index).read_bytes())
            made = segment.image()
            assert np.abs(kept.pixels.astype(int) - made.pixels).max() <= 1
            assert (kept.minimum, kept.maximum) == pytest.approx(
                (made.minimum, made.maximum), abs=1e-5
            )


def test_small_pictures_are_the_librarys() -> None:
    assert VECTORS["small"] == asdict(SMALL)


def test_steps_of_privacy_are_the_librarys() -> None:
    assert VECTORS["strengths"] == {name: asdict(each) for name, each in vectors.STEPS.items()}


@pytest.mark.parametrize("n_mels", MEL_BINS)
@pytest.mark.parametrize("privacy", vectors.STEPS)
def test_disguised_vectors_are_what_the_chain_makes_now(privacy: Privacy, n_mels: int) -> None:
    file, segment = vectors.disguised(privacy, n_mels)
    kept, made = decode(file.read_bytes()), segment.image()
    assert np.abs(kept.pixels.astype(int) - made.pixels).max() <= 1
    assert (kept.minimum, kept.maximum) == pytest.approx((made.minimum, made.maximum), abs=1e-4)


def test_hearing_vectors_are_what_the_service_makes_now() -> None:
    kept = json.loads(hearing_vectors.FILE.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(hearing_vectors.vectors()))


def test_no_vector_is_left_out() -> None:
    assert len(DESCRIBED) == len(vectors.STREAMS)
    pictures = [
        vectors.picture(number, n_mels, index)
        for number, stream in enumerate(DESCRIBED)
        if stream["pictures"]
        for n_mels in MEL_BINS
        for index in range(len(stream["expected"][str(n_mels)]["cuts"]))
    ]
    assert sorted(pictures) == sorted(vectors.FOLDER.glob("*.png"))


def test_subtitles_are_the_librarys() -> None:
    kept = json.loads(subtitle_vectors.FILE.read_text(encoding="utf-8"))
    assert kept == subtitle_vectors.expected()
