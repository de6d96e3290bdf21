import hashlib
import json
from pathlib import Path

import ctranslate2
import ctranslate2.specs
import numpy as np
import pytest
import torch
import whisper

from hush_service.weights import conversion
from hush_service.weights.catalogue import CATALOGUE, Wheels
from hush_service.weights.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from hush_service.weights.ctranslate2_folder import read_config, read_variables, write_folder
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.vocabulary import vocabulary
from tests.conftest import ROOT

DEMO = ROOT / "models" / "demo.pt"
# What CTranslate2 came to write since those wheels were made.
NEWER_SCALARS = {"decoder/alibi_use_positive_positions", "decoder/scale_alibi"}


def there_and_back(folder: Path, work: Path) -> Path:
    conversion.to_openai(folder, work / "model.pt")
    (work / "folder").mkdir()
    conversion.to_ctranslate2(work / "model.pt", work / "folder")
    return work / "folder"


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_real_weights_come_back_from_openais_format_to_the_bit(
    real_weights: Path, tmp_path: Path, name: str
) -> None:
    original = real_weights / name / "ctranslate2"
    back = there_and_back(original, tmp_path)
    before, after = read_variables(original), read_variables(back)
    assert set(after.arrays) - set(before.arrays) <= NEWER_SCALARS
    for variable, array in before.arrays.items():
        assert after.arrays[variable].dtype == array.dtype
        assert after.arrays[variable].tobytes() == array.tobytes()
    assert after.aliases == before.aliases
    ours, theirs = read_config(back), read_config(original)
    assert ours["alignment_heads"] == theirs["alignment_heads"]
    assert ours["suppress_ids"] == theirs["suppress_ids"]
    assert ours["suppress_ids_begin"] == theirs["suppress_ids_begin"]
    assert ours["alignment_heads"] == [list(head) for head in CATALOGUE[name].alignment_heads or ()]


def test_base_is_converted_to_the_very_file_that_others_made_of_it(
    real_weights: Path, tmp_path: Path
) -> None:
    back = there_and_back(real_weights / "base" / "ctranslate2", tmp_path)
    independent = CATALOGUE["base"].sources[2]
    assert isinstance(independent, Wheels)
    digest = hashlib.sha256((back / "model.bin").read_bytes()).hexdigest()
    assert digest == independent.sha256
    assert read_config(back) == read_config(real_weights / "base" / "ctranslate2")


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_stock_whisper_reads_real_weights_and_has_the_same_tensors(
    real_weights: Path, tmp_path: Path, name: str
) -> None:
    conversion.to_openai(real_weights / name / "ctranslate2", tmp_path / "a.pt")
    content = torch.load(tmp_path / "a.pt", weights_only=True)
    read = read_checkpoint(tmp_path / "a.pt")
    for tensor, array in read.tensors.items():
        np.testing.assert_array_equal(content["model_state_dict"][tensor].numpy(), array)
    model = whisper.load_model(str(tmp_path / "a.pt"), "cpu")
    assert model.is_multilingual == CATALOGUE[name].multilingual
    assert model.dims.n_mels == CATALOGUE[name].mel_bins
    write_checkpoint(read, tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    conversion.to_ctranslate2(DEMO, folder)
    return folder


def test_openais_weights_come_back_to_the_bit(demo_folder: Path, tmp_path: Path) -> None:
    conversion.to_openai(demo_folder, tmp_path / "a.pt")
    before, after = read_checkpoint(DEMO), read_checkpoint(tmp_path / "a.pt")
    assert after.dimensions == before.dimensions
    assert after.tensors.keys() == before.tensors.keys()
    for name, array in before.tensors.items():
        assert after.tensors[name].tobytes() == array.tobytes()


def test_both_engines_hear_the_same(demo_folder: Path) -> None:
    mel = np.random.default_rng(0).normal(0, 0.5, (1, 80, 3000)).astype(np.float32)
    theirs = whisper.load_model(str(DEMO), "cpu").encoder(torch.from_numpy(mel))
    model = ctranslate2.models.Whisper(str(demo_folder), compute_type="float32")
    ours = np.array(model.encode(ctranslate2.StorageView.from_array(mel)))
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=2e-4)


def test_variables_are_those_of_ctranslate2s_own_specification(demo_folder: Path) -> None:
    dimensions = read_checkpoint(DEMO).dimensions
    spec = ctranslate2.specs.WhisperSpec(
        dimensions.n_audio_layer,
        dimensions.n_audio_head,
        dimensions.n_text_layer,
        dimensions.n_text_head,
    )
    written = read_variables(demo_folder)
    names = {*written.arrays, *written.aliases}
    # Biases and position encodings are optional there, since other models have none.
    needed = {name for name, value in spec.variables().items() if value != "__optional"}
    assert needed <= names
    assert all(name.endswith(("/bias", "/encodings")) for name in names - needed)


def test_heads_are_carried_both_ways(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(DEMO)
    heads = ((1, 0), (1, 2))
    write_checkpoint(Checkpoint(checkpoint.dimensions, checkpoint.tensors, heads), tmp_path / "a")
    (tmp_path / "folder").mkdir()
    conversion.to_ctranslate2(tmp_path / "a", tmp_path / "folder", ((0, 0),))
    assert read_config(tmp_path / "folder")["alignment_heads"] == [[1, 0], [1, 2]]
    conversion.to_openai(tmp_path / "folder", tmp_path / "b")
    assert read_checkpoint(tmp_path / "b").alignment_heads == heads


def test_without_known_heads_those_of_the_upper_layers_are_taken(demo_folder: Path) -> None:
    stock = whisper.load_model(str(DEMO), "cpu").alignment_heads.indices().T.tolist()
    assert read_config(demo_folder)["alignment_heads"] == stock


def test_eight_bit_weights_become_float32(demo_folder: Path, tmp_path: Path) -> None:
    variables = read_variables(demo_folder)
    name = "decoder/layer_0/ffn/linear_0/weight"
    weights = variables.arrays[name].astype(np.float32)
    scale = 127 / np.abs(weights).max(axis=1)
    quantised = np.rint(weights * scale[:, None]).astype(np.int8)
    arrays = {**variables.arrays, name: quantised, f"{name}_scale": scale}
    (tmp_path / "folder").mkdir()
    heads = [(1, 0)]
    write_folder(
        tmp_path / "folder", sorted(arrays.items()), dict(variables.aliases), 51_864, heads
    )
    conversion.to_openai(tmp_path / "folder", tmp_path / "a.pt")
    read = read_checkpoint(tmp_path / "a.pt").tensors["decoder.blocks.0.mlp.0.weight"]
    assert read.dtype == np.float32
    assert np.all(np.abs(read - weights) <= 0.51 / scale[:, None])


def test_a_model_with_a_bias_of_keys_is_not_whisper(demo_folder: Path, tmp_path: Path) -> None:
    variables = read_variables(demo_folder)
    name = "encoder/layer_0/self_attention/linear_0/bias"
    arrays = {**variables.arrays, name: np.ones_like(variables.arrays[name])}
    (tmp_path / "folder").mkdir()
    write_folder(
        tmp_path / "folder", sorted(arrays.items()), dict(variables.aliases), 51_864, [(1, 0)]
    )
    with pytest.raises(UnreadableModelError, match="bias of the key"):
        conversion.to_openai(tmp_path / "folder", tmp_path / "a.pt")


@pytest.mark.parametrize("size", [51_864, 51_865, 51_866])
def test_vocabularies_are_openais(size: int) -> None:
    multilingual = size > 51_864
    tokenizer = whisper.tokenizer.get_tokenizer(
        multilingual, num_languages=size - 51_765 - multilingual
    )
    words = vocabulary(size)
    assert len(words.tokens) == len(set(words.tokens)) == size == tokenizer.encoding.n_vocab
    assert words.languages == tuple(sorted(tokenizer.all_language_tokens))
    assert words.tokens[tokenizer.eot] == "<|endoftext|>"
    assert words.tokens[tokenizer.encode(" the")[0]] == "Ġthe"
    assert words.suppressed_at_start == (tokenizer.encode(" ")[0], tokenizer.eot)


def test_a_vocabulary_is_written_as_ctranslate2_wants_it(demo_folder: Path) -> None:
    tokens = json.loads((demo_folder / "vocabulary.json").read_text(encoding="utf-8"))
    assert tuple(tokens) == vocabulary(51_864).tokens
