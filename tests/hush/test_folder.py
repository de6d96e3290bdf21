import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hush.folder import FolderError, FolderIndex, read_index, replaced, write_index, write_pictures
from hush.image import Encoding, decode
from hush.segments import Segment, segments
from tests.hush.test_segments import TALK


def test_a_folder_holds_the_pictures_and_their_times(tmp_path: Path) -> None:
    cut = list(segments([TALK]))
    stored = write_pictures(tmp_path, cut, Encoding("webp"))
    write_index(tmp_path, FolderIndex("talk.wav", 80, 40.0, stored))
    index = read_index(tmp_path)
    assert index == FolderIndex("talk.wav", 80, 40.0, stored)
    for segment, entry in zip(cut, index.segments, strict=True):
        image = decode((tmp_path / entry.file).read_bytes())
        assert image.frames == segment.cut.end - segment.cut.start
        assert (entry.start, entry.end) == (segment.start, segment.end)


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="has no index"):
        read_index(tmp_path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("no json", "is not an index"),
        ("[]", "is not an index"),
        ('{"version": 1, "segments": [{}]}', "is not an index"),
        ('{"version": 9, "segments": []}', "is of version 9"),
        (
            json.dumps(
                {
                    "version": 1,
                    "source": "x",
                    "mel_bins": 80,
                    "duration": 1,
                    "segments": [{"file": "../secret.png", "start": 0, "end": 1}],
                }
            ),
            "outside its folder",
        ),
    ],
)
def test_an_index_that_makes_no_sense_is_refused(tmp_path: Path, index: str, message: str) -> None:
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(FolderError, match=message):
        read_index(tmp_path)


def test_a_folder_takes_the_place_of_the_one_before_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "talk.mel"
    cut = list(segments([TALK]))
    for some in (cut, cut[:1]):
        with replaced(folder) as new:
            stored = write_pictures(new, some)
            write_index(new, FolderIndex("talk.wav", 80, 40.0, stored))
    assert sorted(file.name for file in folder.iterdir()) == ["0001.png", "index.json"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failure_half_way_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "talk.mel"
    with replaced(folder) as new:
        write_index(new, FolderIndex("talk.wav", 80, 40.0, ()))

    def interrupted() -> Iterator[Segment]:
        yield from segments([TALK])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), replaced(folder) as new:
        write_pictures(new, interrupted())
    assert [file.name for file in folder.iterdir()] == ["index.json"]
    assert list(tmp_path.iterdir()) == [folder]


def test_what_is_no_folder_of_mel_images_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(FolderError, match="no folder of mel images"), replaced(tmp_path / "mine"):
        pass
