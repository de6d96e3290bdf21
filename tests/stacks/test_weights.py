"""What is made once of models, and when it is made anew."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from stacks import weights
from stacks.functions import SERVICE
from stacks.weights import DEVICE_MAKERS, INDEX, device_models

LOCK = SERVICE[1].parents[1] / "ui" / "package-lock.json"


class Maker:
    """Stands for `hush_service.web.static_models`, which takes minutes, and counts."""

    def __init__(self) -> None:
        self.made: list[list[str]] = []

    def run(self, command: Sequence[str], check: bool) -> None:
        _, _, module, folder, *names = command
        assert (module, check) == ("hush_service.web.static_models", True)
        Path(folder).mkdir(parents=True)
        (Path(folder) / INDEX).write_text(" ".join(names), encoding="utf-8")
        self.made.append(names)


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    maker = Maker()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(subprocess, "run", maker.run)
    return maker


def test_models_for_browsers_are_made_once_whatever_their_order(maker: Maker) -> None:
    folder = device_models(["tiny.en", "base"])
    assert device_models(["base", "tiny.en"]) == folder
    assert maker.made == [["tiny.en", "base"]]
    assert (folder / INDEX).read_text(encoding="utf-8") == "tiny.en base"
    device_models(["base"])
    assert maker.made[1:] == [["base"]]


@pytest.mark.parametrize("changed", DEVICE_MAKERS, ids=lambda file: file.name)
def test_models_for_browsers_are_made_anew_once_what_makes_them_is_another(
    changed: Path, maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device_models(["base"])
    other = tmp_path / changed.name
    other.write_bytes(changed.read_bytes() + b"\n")
    makers = tuple(other if each == changed else each for each in DEVICE_MAKERS)
    monkeypatch.setattr(weights, "DEVICE_MAKERS", makers)
    device_models(["base"])
    assert maker.made == [["base"], ["base"]]


def test_another_runtime_for_browsers_is_another_maker() -> None:
    assert LOCK in DEVICE_MAKERS
    assert '"node_modules/onnxruntime-web"' in LOCK.read_text(encoding="utf-8")
