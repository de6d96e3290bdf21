"""Exports say what openai-whisper says, to the token."""

import hashlib
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import whisper

from hush.mel import Spectrogram, log_mel_spectrogram
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.windows import WindowRule
from hush_service.weights.catalogue import CATALOGUE
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.models import alone, resolve
from hush_service.weights.onnx_export import (
    Precision,
    export_onnx,
    exported,
    read_manifest,
    token_table,
)
from tests.conftest import Samples, link_weights
from tests.ui.pocket import write_pocket

ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")


@pytest.fixture(scope="module")
def reference(real_weights: Path) -> Any:
    return whisper.load_model(str(resolve("tiny.en", "openai", real_weights)), device="cpu").eval()


@pytest.fixture(scope="module")
def home(real_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    link_weights("tiny.en", folder)
    return folder


@pytest.fixture
def window(jfk: Samples) -> Spectrogram:
    return WindowRule().window(log_mel_spectrogram(jfk)).spectrogram


def session(folder: Path, part: str) -> Any:
    return ort.InferenceSession(folder / read_manifest(folder)["files"][part]["path"])


def nothing(decoder: Any, rows: int = 1) -> dict[str, Any]:
    sizes = {"old": 0, "rows": rows}
    return {
        each.name: np.zeros([sizes.get(size, size) for size in each.shape], np.float32)
        for each in decoder.get_inputs()
        if each.name.startswith("past.")
    }


def run(session: Any, given: dict[str, Any]) -> dict[str, Any]:
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def greedy(decoder: Any, cross: dict[str, Any], start: int, end: int) -> list[int]:
    said, past = [start], nothing(decoder)
    while len(said) < 60 and said[-1] != end:
        tokens = np.array([said[-1:]], np.int32)
        found = run(decoder, {"tokens": tokens, "rows": np.zeros(1, np.int32), **past, **cross})
        said.append(int(found["logits"][0].argmax()))
        past = {
            name.replace("present", "past"): value
            for name, value in found.items()
            if name.startswith("present")
        }
    return said


@pytest.mark.parametrize(
    ("precision", "tolerance", "most"),
    [("float32", 2e-4, 155e6), ("float16", 2e-4, 78e6), ("int8", 3.0, 42e6)],
)
def test_an_export_says_what_the_reference_says(
    reference: Any,
    home: Path,
    window: Spectrogram,
    precision: Precision,
    tolerance: float,
    most: float,
) -> None:
    folder = export_onnx("tiny.en", precision, home)
    assert sum(file.stat().st_size for file in folder.iterdir()) < most
    encoder, decoder = session(folder, "encoder"), session(folder, "decoder")
    cross = run(encoder, {"mel": window[None]})
    tokenizer = Tokenizer(False)
    (start,) = tokenizer.start("en", "transcribe")
    with torch.no_grad():
        places = reference.encoder.positional_embedding
        reference.encoder.positional_embedding = places[: window.shape[1] // 2]
        encoded = reference.encoder(torch.from_numpy(window)[None])
        reference.encoder.positional_embedding = places
        value = reference.decoder.blocks[3].cross_attn.value(encoded)
        expected = [start]
        while len(expected) < 60 and expected[-1] != tokenizer.end_of_text:
            logits = reference.decoder(torch.tensor([expected]), encoded)
            expected.append(int(logits[0, -1].argmax()))
    found = cross["cross.3.value"].transpose(0, 2, 1, 3).reshape(value.shape)
    assert np.abs(found - value.numpy()).max() < tolerance
    said = greedy(decoder, cross, start, tokenizer.end_of_text)
    if precision == "int8":  # a comma more
        plain = [re.sub(r"\W+", " ", tokenizer.decode(tokens)) for tokens in (said, expected)]
        assert plain[0] == plain[1]
    else:
        assert said == expected
    assert "ask not what your country can do" in tokenizer.decode(said)


def test_texts_go_on_from_whichever_row_they_like_and_in_one_call_or_several(home: Path) -> None:
    folder = export_onnx("tiny.en", "float32", home)
    decoder = session(folder, "decoder")
    generator = np.random.default_rng(0)
    cross = {
        each.name: generator.normal(
            size=[{"steps": 700, "windows": 1}.get(size, size) for size in each.shape]
        ).astype(np.float32)
        for each in decoder.get_inputs()
        if each.name.startswith("cross.")
    }
    texts = np.array([[50257, 10, 11], [50257, 20, 21]], np.int32)
    two = np.zeros(2, np.int32)
    at_once = run(decoder, {"tokens": texts, "rows": two, **nothing(decoder), **cross})
    first = run(decoder, {"tokens": texts[:, :2], "rows": two, **nothing(decoder), **cross})
    past = {name.replace("present", "past"): first[name] for name in first if "present" in name}
    swapped = np.array([1, 0], np.int32)
    then = run(decoder, {"tokens": texts[::-1, 2:], "rows": swapped, **past, **cross})
    assert np.abs(then["logits"][::-1] - at_once["logits"]).max() < 1e-3
    heads = len(CATALOGUE["tiny.en"].alignment_heads or ())
    assert at_once["attention"].shape == (1, heads, 2 * 3, 700)


def test_windows_are_heard_together_as_they_are_alone(home: Path, jfk: Samples) -> None:
    folder = export_onnx("tiny.en", "float32", home)
    encoder, decoder = session(folder, "encoder"), session(folder, "decoder")
    mel = log_mel_spectrogram(jfk)
    windows = np.stack([mel[:, :500], mel[:, 500:1000]])
    texts = np.array([[50257, 10], [50257, 20], [50257, 30], [50257, 40]], np.int32)
    rows = np.array([0, 0, 1, 1], np.int32)
    together = run(
        decoder,
        {"tokens": texts, "rows": rows, **nothing(decoder, 2), **run(encoder, {"mel": windows})},
    )
    for place in range(2):
        cross = run(encoder, {"mel": windows[place : place + 1]})
        of_it = slice(2 * place, 2 * place + 2)
        given = {"tokens": texts[of_it], "rows": np.zeros(2, np.int32), **nothing(decoder)}
        alone = run(decoder, {**given, **cross})
        assert np.abs(together["logits"][of_it] - alone["logits"]).max() < 1e-3


def test_a_models_files_are_named_by_what_is_in_them(home: Path) -> None:
    folder = export_onnx("tiny.en", "int8", home)
    manifest = read_manifest(folder)
    assert (manifest["id"], manifest["mel_bins"], manifest["precision"]) == ("tiny.en", 80, "int8")
    assert (manifest["languages"], manifest["tasks"]) == (["en"], ["transcribe"])
    assert {file.name for file in folder.iterdir()} == {
        "model.json",
        *(file["path"] for file in manifest["files"].values()),
    }
    for file in manifest["files"].values():
        content = (folder / file["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            file["bytes"],
            file["sha256"],
        )
        assert file["path"].split(".")[1] == file["sha256"][:12]
    # It is the same another time.
    assert read_manifest(export_onnx("tiny.en", "int8", home)) == manifest


def test_ones_own_model_takes_nobodys_place_and_is_exported_once(
    home: Path, tmp_path: Path
) -> None:
    theirs = export_onnx("tiny.en", "int8", home)
    manifest = read_manifest(theirs)
    own = tmp_path / "tiny.en.pt"
    write_pocket(own)
    made = exported(own, "float16", home)
    assert made.is_relative_to(home / "converted")
    assert not read_manifest(made)["offered"]
    assert read_manifest(theirs) == manifest
    modified = (made / "model.json").stat().st_mtime_ns
    assert exported(own, "float16", home) == made
    assert (made / "model.json").stat().st_mtime_ns == modified
    with own.open("ab") as file:
        file.write(b"\0")
    assert exported(own, "float16", home) == made
    assert (made / "model.json").stat().st_mtime_ns > modified
    # Whoever exports it on purpose has browsers have it.
    assert read_manifest(export_onnx(str(own), "float16", home))["offered"]
    assert read_manifest(exported(own, "float16", home))["offered"]


def test_what_another_process_exported_meanwhile_is_not_exported_again(tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    write_pocket(own)
    made = exported(own, "float16", tmp_path / "models")
    was = read_manifest(made)
    (made / "model.json").write_text(json.dumps(was | {"graphs": 0, "offered": True}))
    with ThreadPoolExecutor() as pool, alone(made.parents[1]):
        waiting = pool.submit(exported, own, "float16", tmp_path / "models")
        # It has found what is there to be old, and waits for whoever else is at it.
        with pytest.raises(TimeoutError):
            waiting.result(timeout=2)
        there = json.dumps(was | {"meanwhile": True})
        (made / "model.json").write_text(there)
    assert waiting.result() == made
    assert (made / "model.json").read_text() == there


def test_what_is_replaced_is_gone_for_a_moment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.pt"
    write_pocket(own)
    made = exported(own, "float16", tmp_path / "models")
    removed: list[Path] = []
    rmtree = shutil.rmtree

    def remove(folder: Path, ignore_errors: bool) -> None:
        rmtree(folder, ignore_errors)
        removed.append(folder)
        # Whoever looks after that finds one that is whole.
        assert (made / "model.json").is_file()

    monkeypatch.setattr(shutil, "rmtree", remove)
    assert export_onnx(str(own), "float16", tmp_path / "models") == made
    assert read_manifest(made)["offered"]
    assert removed
    assert [each.name for each in made.parent.iterdir()] == ["float16"]


def test_damaged_weights_are_not_exported(home: Path, tmp_path: Path) -> None:
    weights = tmp_path / "models" / "tiny.en" / "tiny.en.pt"
    weights.parent.mkdir(parents=True)
    content = bytearray(resolve("tiny.en", "openai", home).read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UnreadableModelError, match=r"tiny\.en is damaged"):
        export_onnx("tiny.en", "int8", tmp_path / "models")


@pytest.mark.parametrize("size", [51_864, 51_865, 51_866])
def test_the_table_of_tokens_is_the_models(size: int) -> None:
    tokenizer, table = Tokenizer.of_size(size), token_table(size)
    text = " Grüße, 東京 🎉"
    tokens = tokenizer.encode(text)
    assert "".join(table["texts"][token] for token in tokens).encode("latin-1").decode() == text
    assert len(table["texts"]) == table["end_of_text"]
    languages = [code for code, _ in table["languages"]]
    assert len(languages) == {51_866: 100}.get(size, 99)
    start = table["start_of_transcript"]
    if tokenizer.multilingual:
        place = languages.index("de")
        expected = tokenizer.start("de", "translate")
        assert expected == [start, start + 1 + place, table["translate"]]
    assert table["first_timestamp"] + 1501 == size
