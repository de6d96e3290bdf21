import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import whisper

from hush_service.weights.checkpoint import (
    Checkpoint,
    check_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from hush_service.weights.errors import UnreadableModelError
from tests.conftest import ROOT

DEMO = ROOT / "models" / "demo.pt"  # its members are deflated, as torch's are not


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    content: dict[str, Any] = torch.load(DEMO, weights_only=True)
    return content


def test_tensors_are_those_that_torch_reads(demo: dict[str, Any]) -> None:
    checkpoint = read_checkpoint(DEMO)
    assert vars(checkpoint.dimensions) == demo["dims"]
    assert checkpoint.tensors.keys() == demo["model_state_dict"].keys()
    for name, tensor in demo["model_state_dict"].items():
        read = checkpoint.tensors[name]
        assert read.dtype == np.float16
        np.testing.assert_array_equal(read, tensor.numpy())
    assert checkpoint.alignment_heads is None


def test_what_is_written_is_what_torch_reads(demo: dict[str, Any], tmp_path: Path) -> None:
    checkpoint = read_checkpoint(DEMO)
    heads = ((0, 1), (1, 2))
    write_checkpoint(Checkpoint(checkpoint.dimensions, checkpoint.tensors, heads), tmp_path / "a")
    content = torch.load(tmp_path / "a", weights_only=True)
    assert content["dims"] == demo["dims"]
    assert content["model_state_dict"].keys() == demo["model_state_dict"].keys()
    for name, tensor in demo["model_state_dict"].items():
        assert torch.equal(content["model_state_dict"][name], tensor)
    assert read_checkpoint(tmp_path / "a").alignment_heads == heads
    assert whisper.load_model(str(tmp_path / "a"), "cpu").dims.n_vocab == demo["dims"]["n_vocab"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_are_read_to_the_bit(
    demo: dict[str, Any], tmp_path: Path, dtype: torch.dtype
) -> None:
    state = {name: tensor.to(dtype) for name, tensor in demo["model_state_dict"].items()}
    torch.save(demo | {"model_state_dict": state}, tmp_path / "a.pt")
    for name, array in read_checkpoint(tmp_path / "a.pt").tensors.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, state[name].float().numpy())


def test_transposed_and_shared_tensors_are_read(demo: dict[str, Any], tmp_path: Path) -> None:
    state = dict(demo["model_state_dict"])
    name = "encoder.blocks.0.attn.query.weight"
    both = torch.stack([state[name], state[name].T])
    state[name] = both[1].T
    torch.save(demo | {"model_state_dict": state}, tmp_path / "a.pt")
    read = read_checkpoint(tmp_path / "a.pt").tensors[name]
    np.testing.assert_array_equal(read, state[name].numpy())


class _Malicious:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


def test_a_pickle_that_calls_anything_is_refused_unrun(tmp_path: Path) -> None:
    file, made = tmp_path / "evil.pt", tmp_path / "made"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"dims": _Malicious(made)}))
    for read in (read_checkpoint, check_checkpoint):
        with pytest.raises(UnreadableModelError, match=r"wants to call posix\.mkdir"):
            read(file)
    assert not made.exists()


@pytest.mark.parametrize(
    "state",
    [
        b"}U\x04moreK\x01s",  # a dictionary of attributes
        b"N}U\x08__call__K\x01s\x86",  # the same, for what has slots
    ],
)
@pytest.mark.parametrize("name", [b"torch._utils\n_rebuild_tensor_v2", b"torch\nHalfStorage"])
def test_a_pickle_cannot_change_what_reads_it(tmp_path: Path, name: bytes, state: bytes) -> None:
    file = tmp_path / "evil.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02c" + name + b"\n" + state + b"b.")
    with pytest.raises(UnreadableModelError, match="damaged one"):
        read_checkpoint(file)
    read_checkpoint(DEMO)


def test_damage_in_the_middle_is_found(tmp_path: Path) -> None:
    write_checkpoint(read_checkpoint(DEMO), tmp_path / "a.pt")
    data = bytearray((tmp_path / "a.pt").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 1000] = np.random.default_rng(0).bytes(1000)
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises(UnreadableModelError, match=r"a\.pt is no .* fetch it again"):
        read_checkpoint(tmp_path / "a.pt")


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(DEMO.read_bytes()[:1_000_000])
    with pytest.raises(UnreadableModelError, match="fetch it again"):
        read_checkpoint(tmp_path / "a.pt")


def test_other_files_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModelError, match=r"README\.md is no model: neither"):
        check_checkpoint(ROOT / "README.md")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(UnreadableModelError, match="zip archive of something else"):
        check_checkpoint(tmp_path / "a.zip")
    old = tmp_path / "old.pt"
    torch.save({"dims": {}}, old, _use_new_zipfile_serialization=False)
    with pytest.raises(UnreadableModelError, match=r"torch 1\.6 or newer"):
        check_checkpoint(old)


def _without(state: dict[str, Any]) -> None:
    del state["decoder.ln.bias"]


def _with_more(state: dict[str, Any]) -> None:
    state["decoder.lora"] = torch.zeros(1)


def _other_shape(state: dict[str, Any]) -> None:
    state["decoder.ln.bias"] = torch.zeros(3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without, r"decoder\.ln\.bias is missing"),
        (_with_more, r"Whisper has not: decoder\.lora"),
        (_other_shape, r"decoder\.ln\.bias does not have the shape \(192,\)"),
    ],
)
def test_tensors_must_be_whispers(
    demo: dict[str, Any], tmp_path: Path, change: Any, said: str
) -> None:
    state = dict(demo["model_state_dict"])
    change(state)
    torch.save(demo | {"model_state_dict": state}, tmp_path / "a.pt")
    for read in (read_checkpoint, check_checkpoint):
        with pytest.raises(UnreadableModelError, match=said):
            read(tmp_path / "a.pt")


def test_dimensions_must_be_whispers(demo: dict[str, Any], tmp_path: Path) -> None:
    torch.save(demo | {"dims": demo["dims"] | {"n_mels": 0}}, tmp_path / "a.pt")
    with pytest.raises(UnreadableModelError, match="dimensions make no sense"):
        check_checkpoint(tmp_path / "a.pt")
    torch.save({"state_dict": {}}, tmp_path / "a.pt")
    with pytest.raises(UnreadableModelError, match="model_state_dict"):
        check_checkpoint(tmp_path / "a.pt")


def test_reading_wants_no_torch() -> None:
    script = (
        "import sys; from pathlib import Path; from hush_service.weights import models;"
        "from hush_service.weights.checkpoint import read_checkpoint;"
        f"read_checkpoint(Path({str(DEMO)!r}));"
        "print(sorted({'torch', 'ctranslate2', 'tiktoken', 'whisper'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
