import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hush.models_command import app
from hush_service.weights import catalogue
from hush_service.weights.catalogue import CatalogueModel, OpenAIFile
from hush_service.weights.onnx_export import read_manifest
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUSH_DOWNLOAD_FOLDER", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / "models"


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output


def test_all_models_are_listed_with_what_is_here(folder: Path) -> None:
    (folder / "base" / "ctranslate2").mkdir(parents=True)
    (folder / "base" / "ctranslate2" / "model.bin").write_bytes(bytes(145_000_000))
    code, said = run()
    assert code == 0
    lines = {line.split()[0]: line.rstrip() for line in said.splitlines()}
    assert "comes with hush; a toy" in lines["demo"]
    assert lines["base"].endswith("99 languages   80 pixels high    145 MB  145 MB")
    assert lines["tiny.en"].endswith("English        80 pixels high     75 MB")
    assert "128 pixels high" in lines["large-v3-turbo"]


def test_a_download_that_stopped_is_listed(folder: Path) -> None:
    (folder / ".base.parts").mkdir(parents=True)
    (folder / ".base.parts" / "base.pt").write_bytes(bytes(5_000_000))
    assert "5 MB of a download that stopped" in run()[1]
    assert "5 MB are free again" in run("remove", "base")[1]
    assert "of a download that stopped" not in run()[1]


def test_models_are_removed(folder: Path) -> None:
    (folder / "base" / "ctranslate2").mkdir(parents=True)
    (folder / "base" / "ctranslate2" / "model.bin").write_bytes(bytes(2_000_000))
    assert run("remove", "base", "tiny") == (
        0,
        "model base: removed, 2 MB are free again\nmodel tiny: was not here\n",
    )


def test_an_unknown_name_has_the_nearest_said_and_nothing_fetched(folder: Path) -> None:
    code, said = run("fetch", "base", "smal")
    assert code == 1
    assert said == "there is no model 'smal'; did you mean small or small.en?\n"
    assert not folder.exists()


def test_a_fetch_without_a_network_fails_in_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = OpenAIFile("http://127.0.0.1:9/base.pt", hashlib.sha256().hexdigest())
    monkeypatch.setitem(catalogue.CATALOGUE, "base", CatalogueModel("base", 1, sources=(source,)))
    code, said = run("fetch", "base")
    assert code == 1
    assert said.startswith("model base is not here and there is no network to fetch it: connect")
    assert said.count("\n") == 1


def test_a_model_is_exported_for_onnx(folder: Path) -> None:
    pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    code, said = run("export", str(ROOT / "models" / "demo.pt"), "--onnx", "--precision", "float16")
    (home,) = folder.glob("converted/demo-*/onnx/float16")
    assert (code, said) == (0, f"model {ROOT}/models/demo.pt is in {home}, 28 MB\n")
    described = read_manifest(home)
    assert all((home / file["path"]).is_file() for file in described["files"].values())


def test_an_export_says_what_it_wants(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = run("export", "tiny.en")
    assert code == 2
    assert "say --onnx" in said
    monkeypatch.setattr("hush_service.weights.onnx_export.find_spec", lambda name: None)
    code, said = run("export", "tiny.en", "--onnx")
    assert code == 1
    assert "install hush with its extra 'onnx'" in said
