import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hush_service.weights import catalogue, conversion
from hush_service.weights.catalogue import CatalogueModel, OpenAIFile, Wheels
from hush_service.weights.checkpoint import read_checkpoint
from hush_service.weights.ctranslate2_folder import read_config, read_variables
from hush_service.weights.errors import (
    NoSpaceError,
    UnknownModelError,
    UnreachableError,
    UnreadableModelError,
)
from hush_service.weights.models import (
    alignment_heads,
    default_folder,
    kept_models,
    remove,
    resolve,
)
from tests.conftest import ROOT
from tests.service.weights.conftest import DEAD_ADDRESS, FileHost, Registry

DEMO = ROOT / "models" / "demo.pt"
HEADS = ((1, 0), (1, 2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def offer(monkeypatch: pytest.MonkeyPatch, *sources: OpenAIFile | Wheels) -> None:
    """Let `base` be had from these sources alone."""
    model = CatalogueModel("base", 27, sources=sources, alignment_heads=HEADS)
    monkeypatch.setitem(catalogue.CATALOGUE, "base", model)


@pytest.fixture
def demo_at_openai(file_host: FileHost, monkeypatch: pytest.MonkeyPatch) -> FileHost:
    file_host.content = DEMO.read_bytes()
    offer(monkeypatch, OpenAIFile(file_host.address, file_host.sha256))
    return file_host


def test_real_weights_are_here_in_both_formats(real_weights: Path) -> None:
    for name in ("tiny.en", "base"):
        folder = resolve(name, "ctranslate2", real_weights)
        file = resolve(name, "openai", real_weights)
        assert (folder.is_dir(), file.is_file()) == (True, True)
        embeddings = read_variables(folder).arrays["decoder/embeddings/weight"]
        same = read_checkpoint(file).tensors["decoder.token_embedding.weight"]
        np.testing.assert_array_equal(embeddings, same)
        assert read_checkpoint(file).alignment_heads == alignment_heads(name)
        assert alignment_heads(file) == alignment_heads(folder) == alignment_heads(name)


def test_openais_file_is_fetched_once_and_converted_once(
    demo_at_openai: FileHost, folder: Path
) -> None:
    converted = resolve("base", "ctranslate2", folder)
    assert converted == folder / "base" / "ctranslate2"
    assert read_config(converted)["alignment_heads"] == [list(head) for head in HEADS]
    fetched = resolve("base", "openai", folder)
    assert fetched == folder / "base" / "base.pt"
    assert fetched.read_bytes() == DEMO.read_bytes()
    modified = (converted / "model.bin").stat().st_mtime_ns
    assert resolve("base", "ctranslate2", folder) == converted
    assert (converted / "model.bin").stat().st_mtime_ns == modified
    assert len(demo_at_openai.requests) == 1


def test_wheels_are_converted_to_openais_format(
    registry: Registry, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made").mkdir()
    conversion.to_ctranslate2(DEMO, tmp_path / "made", HEADS)
    beside = {
        stem: (tmp_path / "made" / f"{stem}.json").read_bytes() for stem in ("config", "vocabulary")
    }
    model = (tmp_path / "made" / "model.bin").read_bytes()
    offer(monkeypatch, registry.add_pair("some-whisper", model, **beside))
    file = resolve("base", "openai", folder)
    assert read_checkpoint(file).alignment_heads == HEADS
    for name, array in read_checkpoint(DEMO).tensors.items():
        assert read_checkpoint(file).tensors[name].tobytes() == array.tobytes()


def test_several_at_once_fetch_one_time(demo_at_openai: FileHost, folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(resolve, "base", "ctranslate2", folder) for _ in range(4)]
        assert {found.result() for found in tries} == {folder / "base" / "ctranslate2"}
    assert len(demo_at_openai.requests) == 1


def test_processes_at_once_fetch_one_time(demo_at_openai: FileHost, folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from hush_service.weights import catalogue;"
        "from hush_service.weights.catalogue import CatalogueModel, OpenAIFile;"
        "from hush_service.weights.models import resolve;"
        "source = OpenAIFile(*sys.argv[1:3]);"
        "catalogue.CATALOGUE['base'] = CatalogueModel('base', 27, sources=(source,));"
        "print(resolve('base', 'openai', Path(sys.argv[3])))"
    )
    arguments = [demo_at_openai.address, demo_at_openai.sha256, str(folder)]
    started = [
        subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    said = {process.communicate()[0].decode().strip() for process in started}
    assert said == {str(folder / "base" / "base.pt")}
    assert len(demo_at_openai.requests) == 1


def test_a_model_that_is_here_needs_no_network_and_no_writing(
    demo_at_openai: FileHost, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = resolve("base", "ctranslate2", folder)
    offer(monkeypatch, OpenAIFile(DEAD_ADDRESS, demo_at_openai.sha256))
    before = sorted(folder.rglob("*"))
    for lock in folder.glob(".*.lock"):
        lock.unlink()
    assert resolve("base", "ctranslate2", folder) == path
    assert set(folder.rglob("*")) <= set(before)


@pytest.mark.usefixtures("no_registry")
def test_offline_the_error_names_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, OpenAIFile(DEAD_ADDRESS, "0" * 64))
    with pytest.raises(UnreachableError, match="connect once and run `hush models fetch base`"):
        resolve("base", "ctranslate2", folder)


def test_the_toy_comes_with_hush(folder: Path) -> None:
    assert resolve("demo", "openai", folder) == DEMO
    converted = resolve("demo", "ctranslate2", folder)
    assert converted.is_relative_to(folder / "converted")
    assert resolve(DEMO, "ctranslate2", folder) == converted


def test_paths_are_taken_as_they_are(folder: Path, tmp_path: Path) -> None:
    assert resolve(str(DEMO), "openai", folder) == DEMO
    (tmp_path / "mine").mkdir()
    conversion.to_ctranslate2(DEMO, tmp_path / "mine")
    assert resolve(tmp_path / "mine", "ctranslate2", folder) == tmp_path / "mine"
    file = resolve(tmp_path / "mine", "openai", folder)
    assert read_checkpoint(file).dimensions == read_checkpoint(DEMO).dimensions


def test_a_file_that_changed_is_converted_again(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.pt"
    file.write_bytes(DEMO.read_bytes())
    first = resolve(file, "ctranslate2", folder)
    made = (first / "model.bin").stat().st_mtime_ns
    assert (resolve(file, "ctranslate2", folder) / "model.bin").stat().st_mtime_ns == made
    os.utime(file, ns=(1, 1))
    again = resolve(file, "ctranslate2", folder)
    assert again == first
    assert (again / "model.bin").stat().st_mtime_ns > made
    file.write_bytes(b"no model any more")
    with pytest.raises(UnreadableModelError, match=r"mine\.pt is no model"):
        resolve(file, "ctranslate2", folder)


def test_openais_own_file_has_its_heads_wherever_it_lies(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "renamed.pt"
    file.write_bytes(DEMO.read_bytes())
    offer(monkeypatch, OpenAIFile("", hashlib.sha256(file.read_bytes()).hexdigest()))
    config = read_config(resolve(file, "ctranslate2", folder))
    assert config["alignment_heads"] == [list(head) for head in HEADS]


def test_the_nearest_names_are_said_of_an_unknown_model(folder: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"neither a model nor a path.*did you mean tiny"):
        resolve("tinny", "openai", folder)
    assert not folder.exists()


def test_what_is_no_model_is_refused(folder: Path) -> None:
    with pytest.raises(UnreadableModelError, match=r"README\.md is no model"):
        resolve(ROOT / "README.md", "openai", folder)
    with pytest.raises(UnreadableModelError, match=r"docs is no model: it has no model\.bin"):
        resolve(ROOT / "docs", "openai", folder)


def test_a_full_disk_is_noticed_before_a_conversion(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1000))
    with pytest.raises(NoSpaceError, match="make room, or keep models elsewhere"):
        resolve("demo", "ctranslate2", folder)
    monkeypatch.undo()
    assert resolve("demo", "ctranslate2", folder).is_dir()


def test_a_conversion_that_fails_leaves_nothing_half_done(
    demo_at_openai: FileHost, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(conversion, "write_folder", fail)
    with pytest.raises(NoSpaceError, match="is full; make room"):
        resolve("base", "ctranslate2", folder)
    assert [path.name for path in (folder / "base").iterdir()] == ["base.pt"]
    monkeypatch.undo()


def test_models_are_listed_and_removed(demo_at_openai: FileHost, folder: Path) -> None:
    resolve("base", "ctranslate2", folder)
    resolve("demo", "ctranslate2", folder)
    kept = {kept.model.name: kept for kept in kept_models(folder)}
    assert list(kept)[:2] == ["demo", "tiny.en"]
    assert kept["base"].formats == ("openai", "ctranslate2")
    assert kept["tiny"].formats == ()
    assert remove("base", folder) == kept["base"].size > 30e6
    assert remove("base", folder) == 0
    assert not (folder / "base").exists()
    assert remove("converted", folder) > 27e6
    assert not (folder / "converted").exists()
    assert remove("demo", folder) == 0
    assert DEMO.is_file()
    with pytest.raises(UnknownModelError, match="did you mean base"):
        remove("bass", folder)


def test_models_are_kept_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_folder() == Path("/caches/hush/models")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_folder() == Path("/home/me/.cache/hush/models")
