"""Weights in 8 bits are those that CTranslate2 itself makes, and a model still hears with them."""

from pathlib import Path

import numpy as np
import pytest
from ctranslate2.specs.common_spec import LinearSpec

from hush_service.engine.ctranslate2 import CTranslate2Engine
from hush_service.engine.loading import load_unheard
from hush_service.engine.proof import prove
from hush_service.settings import ServiceSettings
from hush_service.weights.ctranslate2_folder import read_variables
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.quantization import LARGEST, to_int8


@pytest.fixture(scope="module")
def floats(real_weights: Path) -> Path:
    return real_weights / "tiny.en" / "ctranslate2"


@pytest.fixture(scope="module")
def small(floats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "tiny.en"
    folder.mkdir()
    to_int8(floats, folder)
    return folder


def test_each_row_is_a_multiple_of_its_scale(floats: Path, small: Path) -> None:
    before, after = read_variables(floats).arrays, read_variables(small).arrays
    halves = [name for name in before if f"{name}_scale" in after]
    assert len(halves) > 30
    for name in halves:
        rows = before[name].astype(np.float32).reshape(len(before[name]), -1)
        scale = after[f"{name}_scale"][:, None]
        found = after[name].reshape(rows.shape) / scale
        assert np.abs(found - rows).max() <= 0.5001 / scale.min()
        assert np.abs(after[name]).max() == LARGEST


def test_ctranslate2_makes_the_same_of_a_matrix(floats: Path, small: Path) -> None:
    name = "decoder/layer_0/ffn/linear_0/"
    before, after = read_variables(floats).arrays, read_variables(small).arrays
    layer = LinearSpec()
    layer.weight, layer.bias = before[name + "weight"], before[name + "bias"]
    layer.validate()
    layer.optimize("int8")
    assert np.array_equal(layer.weight.numpy(), after[name + "weight"])
    assert np.array_equal(layer.weight_scale.numpy(), after[name + "weight_scale"])


def test_the_model_still_hears_and_a_digest_tells_that_it_is_the_same(small: Path) -> None:
    settings = ServiceSettings(replicas=1)
    engine = load_unheard(settings, small)
    prove(engine, "tiny.en")
    # Nothing is left to turn into what it reckons with.
    assert isinstance(engine, CTranslate2Engine)
    assert engine.precision == "int8_float32"
    assert (small / "model.bin").stat().st_size < 41_000_000


def test_what_is_not_the_same_any_more_is_not_loaded(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny.en"
    folder.mkdir()
    for file in small.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    digest = small.with_name("tiny.en.sha256")
    (tmp_path / digest.name).write_bytes(digest.read_bytes())
    with (folder / "model.bin").open("r+b") as weights:
        weights.seek(20_000_000)
        weights.write(bytes(8))
    with pytest.raises(UnreadableModelError, match="digest"):
        load_unheard(ServiceSettings(replicas=1), folder)
