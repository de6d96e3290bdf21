import json
import shutil
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import numpy as np
import pytest

from hush_service.weights import conversion
from hush_service.weights.ctranslate2_folder import check_folder, read_variables
from hush_service.weights.errors import UnreadableModelError
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    conversion.to_ctranslate2(ROOT / "models" / "demo.pt", folder)
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    return Path(shutil.copytree(good, tmp_path / "folder"))


def test_ctranslate2_loads_what_is_written(good: Path) -> None:
    model = ctranslate2.models.Whisper(str(good), compute_type="float32")
    assert model.n_mels == 80
    assert not model.is_multilingual
    check_folder(good)


def test_real_folders_of_others_are_taken(real_weights: Path) -> None:
    for name in ("tiny.en", "base"):  # one calls Hebrew iw, as ISO 639 once did
        check_folder(real_weights / name / "ctranslate2")


def test_arrays_are_views_of_the_file(good: Path) -> None:
    array = read_variables(good).arrays["decoder/embeddings/weight"]
    assert array.dtype == np.float16
    assert not array.flags.owndata
    assert not array.flags.writeable


def _without_model(folder: Path) -> None:
    (folder / "model.bin").unlink()


def _cut_short(folder: Path) -> None:
    data = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(data[: len(data) // 2])


def _empty(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"")


def _of_noise(folder: Path) -> None:
    (folder / "model.bin").write_bytes(np.random.default_rng(0).bytes(10_000))


def _of_another_version(folder: Path) -> None:
    data = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(b"\x05" + data[1:])


def _of_another_kind(folder: Path) -> None:
    data = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(data.replace(b"WhisperSpec", b"TextGenSpec", 1))


def _without_vocabulary(folder: Path) -> None:
    (folder / "vocabulary.json").unlink()


def _with_shorter_vocabulary(folder: Path) -> None:
    tokens = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    (folder / "vocabulary.json").write_text(json.dumps(tokens[:-1]), encoding="utf-8")


def _with_other_vocabulary(folder: Path) -> None:
    tokens = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    tokens[1000:1002] = ["▁und", "▁der"]
    (folder / "vocabulary.json").write_text(json.dumps(tokens), encoding="utf-8")


def _with_damaged_vocabulary(folder: Path) -> None:
    (folder / "vocabulary.json").write_text('["!", ', encoding="utf-8")


def _without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_without_model, r"folder is no model: it has no model\.bin; give the folder"),
        (_cut_short, "damaged or cut short; fetch it again"),
        (_empty, r"model\.bin"),
        (_of_noise, "version"),
        (_of_another_version, "version 5 of CTranslate2's format, .* convert the model again"),
        (_of_another_kind, "it is a TextGenSpec of revision 3, not WhisperSpec"),
        (_without_vocabulary, r"has no vocabulary: put vocabulary\.json beside model\.bin"),
        (_with_shorter_vocabulary, "does not have the 51864 tokens"),
        (_with_damaged_vocabulary, "does not have the 51864 tokens"),
        (_with_other_vocabulary, "is not Whisper's: token 1000 is '▁und'"),
        (_without_config, r"config\.json is missing or damaged"),
    ],
)
def test_a_folder_that_would_not_work_is_refused_in_words(
    folder: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(folder)
    with pytest.raises(UnreadableModelError, match=said):
        check_folder(folder)


def test_vocabulary_txt_of_older_folders_is_taken(folder: Path) -> None:
    tokens = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    (folder / "vocabulary.json").unlink()
    (folder / "vocabulary.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    check_folder(folder)
