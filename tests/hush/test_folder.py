import json
from pathlib import Path

import pytest

from hush.folder import PictureFolder, read_index, write_index, write_pictures
from hush.image import Encoding, MelImageError, decode
from hush.segments import segments
from tests.hush.test_segments import TALK


def test_a_folder_holds_the_pictures_and_their_times(tmp_path: Path) -> None:
    cut = list(segments([TALK]))
    stored = write_pictures(tmp_path, cut, Encoding("webp"))
    write_index(tmp_path, PictureFolder("talk.wav", 80, 40.0, tuple(stored)))
    index = read_index(tmp_path)
    assert index == PictureFolder("talk.wav", 80, 40.0, tuple(stored))
    for segment, entry in zip(cut, index.segments, strict=True):
        image = decode((tmp_path / entry.file).read_bytes())
        assert image.frames == segment.cut.end - segment.cut.start
        assert (entry.start, entry.end) == (segment.start, segment.end)


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MelImageError, match="has no index"):
        read_index(tmp_path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("no json", "is not an index"),
        ("[]", "is not an index"),
        ('{"segments": [{}]}', "is not an index"),
        (
            json.dumps(
                {
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
    with pytest.raises(MelImageError, match=message):
        read_index(tmp_path)
