"""Damage that leaves a file's structure whole is found in its weights."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hush_service.weights import catalogue, conversion
from hush_service.weights.catalogue import CatalogueModel, OpenAIFile
from hush_service.weights.ctranslate2_folder import read_variables, write_folder
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.integrity import check_weights, what_to_do
from hush_service.weights.models import resolve
from tests.conftest import ROOT
from tests.service.weights.conftest import FileHost

DEMO = ROOT / "models" / "demo.pt"
SIZE = 1000


def damage(file: Path, place: float = 0.5, seed: int = 0) -> None:
    """Write random bytes over a part of a file."""
    with file.open("r+b") as opened:
        opened.seek(int(file.stat().st_size * place))
        opened.write(np.random.default_rng(seed).bytes(SIZE))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A CTranslate2 folder that nobody knows a digest of."""
    (tmp_path / "own").mkdir()
    conversion.to_ctranslate2(DEMO, tmp_path / "own")
    return tmp_path / "own"


def test_whole_weights_pass(own: Path) -> None:
    check_weights(own, own)
    check_weights(DEMO, DEMO)


def test_real_weights_are_what_the_catalogue_says(real_weights: Path) -> None:
    for name in ("tiny.en", "base"):
        check_weights(resolve(name, "ctranslate2", real_weights), name)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_damage_in_a_folder_is_found_by_values_that_no_model_has(own: Path, place: float) -> None:
    damage(own / "model.bin", place)
    with pytest.raises(UnreadableModelError) as caught:
        check_weights(own, own)
    assert "model own is damaged" in str(caught.value)
    assert "has values that no model has; take another copy of" in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 20_000, -20_000])
@pytest.mark.parametrize("name", ["encoder/conv2/bias", "decoder/position_encodings/encodings"])
def test_one_value_that_no_model_has_is_found(own: Path, name: str, value: float) -> None:
    bits = np.array(value, np.float16).tobytes()
    whole = (own / "model.bin").read_bytes()
    values = read_variables(own).arrays[name].tobytes()
    begin = whole.index(values)
    (own / "model.bin").write_bytes(whole[:begin] + bits + whole[begin + len(bits) :])
    with pytest.raises(UnreadableModelError, match=f"{name} has values that no model has"):
        check_weights(own, own)


def test_weights_in_eight_bits_may_have_large_scales(own: Path, tmp_path: Path) -> None:
    variables = read_variables(own)
    name = "decoder/layer_0/ffn/linear_0/weight"
    quantised = np.zeros(variables.arrays[name].shape, np.int8)
    scale = np.full(len(quantised), 127 / 1e-3, np.float32)
    arrays = {**variables.arrays, name: quantised, f"{name}_scale": scale}
    (tmp_path / "quantised").mkdir()
    write_folder(
        tmp_path / "quantised", sorted(arrays.items()), dict(variables.aliases), 51_864, [(1, 0)]
    )
    check_weights(tmp_path / "quantised", tmp_path / "quantised")


def test_damage_in_a_checkpoint_is_found_by_its_checksum(tmp_path: Path) -> None:
    file = Path(shutil.copy(DEMO, tmp_path / "mine.pt"))
    with zipfile.ZipFile(file) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.compress_size)
    damage(file, (largest.header_offset + largest.compress_size / 2) / file.stat().st_size)
    with pytest.raises(UnreadableModelError, match=r"model mine\.pt is damaged.*its checksum says"):
        check_weights(file, file)


def test_a_download_is_held_against_the_catalogues_digest(
    file_host: FileHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_host.content = DEMO.read_bytes()
    source = OpenAIFile(file_host.address, file_host.sha256)
    monkeypatch.setitem(catalogue.CATALOGUE, "base", CatalogueModel("base", 27, sources=(source,)))
    fetched = resolve("base", "openai", tmp_path)
    converted = resolve("base", "ctranslate2", tmp_path)
    check_weights(fetched, "base")
    check_weights(converted, "base")
    # One bit, in a weight that stays a number.
    for path in (fetched, converted):
        file = path / "model.bin" if path.is_dir() else path
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        with pytest.raises(UnreadableModelError) as caught:
            check_weights(path, "base")
        assert "SHA-256" in str(caught.value)
        assert "`hush models remove base` and `hush models fetch base`" in str(caught.value)


def test_what_to_do_fits_where_the_damage_is(own: Path, tmp_path: Path) -> None:
    assert what_to_do("base") == what_to_do("base", own)
    assert what_to_do(own, own) == f"take another copy of {own}"
    assert "remove converted" in what_to_do(tmp_path / "mine.pt", own)
    assert what_to_do(DEMO) == "install hush again"
    assert "remove demo" in what_to_do(DEMO, own)
