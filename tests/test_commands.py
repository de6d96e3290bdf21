"""Tests find the commands that the project sets up, and no others."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.commands import SYSTEM, from_packages, search_path


def test_commands_of_the_environment_come_from_there() -> None:
    for name in ("cfn-lint", "shellcheck"):
        found = shutil.which(name)
        assert found is not None
        assert Path(found).parent == Path(sys.executable).parent


def test_what_else_is_installed_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, links = tmp_path / "installed", tmp_path / "links"
    installed.mkdir()
    links.mkdir()
    for name in ("ffmpeg", "flite"):
        (installed / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(installed))
    monkeypatch.setenv("PATH", search_path(links))
    assert shutil.which("ffmpeg") is None
    assert shutil.which("flite") == str(links / "flite")


def test_make_test_installs_every_command_that_tests_need() -> None:
    assert {
        "chromium",
        "chromium-headless-shell",
        "espeak-ng",
        "redis-server",
        "systemd-analyze",
        "WebKitWebDriver",
    } <= set(from_packages())
    for name in SYSTEM:
        assert shutil.which(name), name
