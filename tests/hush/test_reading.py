"""Folders of mel images that somebody made to do harm, and drawings that need no memory for it."""

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hush.canvas import COLUMNS, Canvas
from hush.client import AsyncClient
from hush.folder import FolderError, read_index, read_picture
from hush.image import MelImageError, encode, quantize
from hush.mel import log_mel_spectrogram
from hush.reading import MOST_IN_INDEX
from local.processes import hush
from tests.conftest import noise
from tests.hush.test_client import FakeService, client_of
from tests.hush.test_segments import TALK

PICTURE = encode(quantize(np.zeros((80, 300), np.float32)))


def folder_of(place: Path, **changes: object) -> Path:
    """Write a folder of one picture, some of whose index is other than it should be."""
    folder = place / "talk.mel"
    folder.mkdir()
    (folder / "0001.png").write_bytes(PICTURE)
    segments = [{"file": "0001.png", "start": 0.0, "end": 3.0}]
    index = {"version": 1, "source": "x", "mel_bins": 80, "duration": 3.0, "segments": segments}
    (folder / "index.json").write_text(json.dumps(index | changes))
    return folder


def one(start: float, end: float, file: str = "0001.png") -> list[dict[str, object]]:
    return [{"file": file, "start": start, "end": end}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"duration": float("nan")}, "is not an index"),
        ({"duration": float("inf")}, "is not an index"),
        ({"duration": 1e12}, "is of 1e.12 s, which no recording has"),
        ({"duration": -1}, "is of -1 s"),
        ({"duration": 10**400}, "is not an index"),
        ({"mel_bins": 10**9}, "has pictures of 1000000000 pixels"),
        ({"segments": one(float("nan"), 1)}, "is not an index"),
        ({"segments": one(-5, 1)}, "picture 1 at -5 to 1 s, which cannot be"),
        ({"segments": one(2, 1)}, "picture 1 at 2 to 1 s"),
        ({"segments": one(0, 1e9)}, "picture 1 at 0 to 1e.09 s"),
        ({"duration": 2e6, "segments": one(0, 1e6)}, "picture 1 at 0 to 1e.06 s"),
        ({"segments": one(0, 1, "../0001.png")}, "outside its folder"),
        ({"segments": [[]]}, "is not an index"),
        ({"segments": 7}, "is not an index"),
        ({"version": "9" * 10_000}, "is of version 9{20}, not 1"),
    ],
)
def test_numbers_that_cannot_be_are_refused_in_words(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(FolderError, match=message):
        read_index(folder_of(tmp_path, **changes))


def deep(index: Path) -> None:
    index.write_text("[" * 1_000_000)


def large(index: Path) -> None:
    index.write_bytes(b" " * (MOST_IN_INDEX + 1))


def pipe(index: Path) -> None:
    index.unlink()
    os.mkfifo(index)


def endless(index: Path) -> None:
    index.unlink()
    index.symlink_to("/dev/zero")


def folder(index: Path) -> None:
    index.unlink()
    index.mkdir()


def binary(index: Path) -> None:
    index.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize("harm", [deep, large, pipe, endless, folder, binary])
def test_an_index_that_never_ends_is_refused_at_once(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    made = folder_of(tmp_path)
    harm(made / "index.json")
    with pytest.raises(FolderError, match=r"index\.json"):
        read_index(made)


@pytest.mark.parametrize("harm", [pipe, endless, folder])
@pytest.mark.anyio
async def test_a_picture_that_never_ends_is_refused_at_once(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    made = folder_of(tmp_path)
    harm(made / "0001.png")
    with pytest.raises(MelImageError, match="not a file"):
        read_picture(made / "0001.png")
    client: AsyncClient
    async with client_of(FakeService()) as client:
        with pytest.raises(FolderError, match=r"0001\.png: is a .*, not a file"):
            await client.transcribe_folder(made)


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    made = folder_of(tmp_path, segments=one(0, 1, "a\0b.png"))
    with pytest.raises(MelImageError, match="a name that no file can have"):
        read_picture(made / read_index(made).segments[0].file)


def test_a_picture_from_nowhere_is_one_line(tmp_path: Path) -> None:
    endless_picture = tmp_path / "x.png"
    endless_picture.symlink_to("/dev/zero")
    for command in (["decode"], ["show"], ["transcribe", "--url", "http://127.0.0.1:9"]):
        ended = hush(*command, endless_picture, cwd=tmp_path)
        assert ended.returncode == 1
        assert ended.stderr.strip() == f"{endless_picture}: is a pipe or a device, not a file"


def test_a_drawing_of_a_month_needs_no_memory_for_it(tmp_path: Path) -> None:
    from hush.show import drawn

    month = 31 * 86_400.0
    made = folder_of(tmp_path, duration=month, segments=one(month - 10, month - 7))
    tracemalloc.start()
    drawing = drawn(made, 80)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert drawing.seconds == month
    assert drawing.spectrogram.shape[1] <= COLUMNS
    assert most < 50e6


def test_many_segments_are_drawn(tmp_path: Path) -> None:
    segments = [{"file": "0001.png", "start": 3.0 * n, "end": 3.0 * n + 3} for n in range(501)]
    made = folder_of(tmp_path, duration=1503.0, segments=segments)
    ended = hush("show", made, "-o", tmp_path / "x.png")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_canvas_keeps_what_is_loudest() -> None:
    canvas = Canvas(80)
    whole = log_mel_spectrogram(TALK)
    for start in range(0, whole.shape[1], 77):
        canvas.put(canvas.frames, whole[:, start : start + 77])
    np.testing.assert_array_equal(canvas.spectrogram(), whole)
    canvas = Canvas(80)
    values = np.arange(80 * COLUMNS * 3, dtype=np.float32).reshape(80, -1)
    for start in range(0, values.shape[1], 1001):
        canvas.put(start, values[:, start : start + 1001])
    assert canvas.frames == COLUMNS * 3
    expected = values.reshape(80, -1, 4).max(axis=2)
    np.testing.assert_array_equal(canvas.spectrogram(), expected)


def test_a_drawing_of_sound_is_its_spectrogram(tmp_path: Path) -> None:
    from hush.show import drawn
    from tests.hush.test_audio import recorded

    (tmp_path / "noise.wav").write_bytes(recorded(noise(5)))
    drawing = drawn(tmp_path / "noise.wav", 80)
    assert drawing.spectrogram.shape == (80, 500)
    assert drawing.seconds == 5
