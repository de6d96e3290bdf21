"""The package, installed as a user installs it."""

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from hush_service.packaged import RUNTIMES
from local.processes import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("hush-*.whl")
    return wheel


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout, with nothing of this environment."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HUSH_", "PYTHON", "VIRTUAL_ENV"))
    }
    ended = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_it_holds_what_a_user_needs_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {
        "hush_service/demo/demo.pt",
        "hush_service/demo/sample.flac",
        "hush_service/demo/sample.txt",
        "hush_service/speech/kennedy.flac",
        "hush_service/speech/kennedy.txt",
    } <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"hush", "hush_service"}
    assert wheel.stat().st_size < 10e6


def test_a_client_installs_without_torch_and_works(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    pip = tmp_path / "env" / "bin" / "pip"
    constraints = ROOT / "constraints.txt"
    run(pip, "install", "-qq", "-c", constraints, wheel, cwd=tmp_path)
    installed = run(pip, "list", "--format", "freeze", cwd=tmp_path).lower()
    for heavy in ("torch", "openai-whisper", "fastapi", "matplotlib", "aws"):
        assert heavy not in installed
    hush = tmp_path / "env" / "bin" / "hush"
    shutil.copy(ROOT / "models" / "sample.flac", tmp_path)
    run(hush, "encode", "sample.flac", cwd=tmp_path)
    run(hush, "decode", "sample.mel/0001.png", cwd=tmp_path)
    assert (tmp_path / "0001.npy").exists()
    ended = subprocess.run(
        [hush, "transcribe", "sample.flac"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "with its extra 'service'" in ended.stderr


def test_the_service_in_it_has_the_demo_model(
    wheel: Path, tmp_path: Path, sample_words: str
) -> None:
    """Its code, unpacked alone, beside the libraries of this environment."""
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "-qq",
        "--no-deps",
        "--target",
        tmp_path,
        wheel,
        cwd=tmp_path,
    )
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "hush.cli",
            "transcribe",
            "--model",
            "demo",
            tmp_path / "hush_service/demo/sample.flac",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == sample_words + "\n"


def test_the_page_is_in_it(wheel: Path) -> None:
    files = zipfile.ZipFile(wheel)
    names = set(files.namelist())
    assert {
        "hush_service/headers.json",
        "hush_service/page/index.html",
        "hush_service/page/privacy.html",
    } <= names
    main = re.search(
        r'src="\./(assets/[^"]+\.js)"', files.read("hush_service/page/index.html").decode()
    )
    assert main is not None
    assert f"hush_service/page/{main[1]}" in names


def test_it_has_the_runtimes_for_browsers_where_they_are_asked_for(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT],
        env={**os.environ, "HUSH_WHEEL_RUNTIME": "1"},
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("hush-*.whl")
    asked_for = {f"hush_service/{name}" for name in RUNTIMES.values()}
    assert asked_for <= set(zipfile.ZipFile(wheel).namelist())


def test_without_the_page_it_is_built_all_the_same_and_says_so(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    ignored = shutil.ignore_patterns(".*", "dist", "node_modules", "build", "tests", "__pycache__")
    shutil.copytree(ROOT, checkout, ignore=ignored)
    ended = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, checkout],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "the wheel is without the web page" in ended.stdout + ended.stderr
    (wheel,) = tmp_path.glob("hush-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "hush_service/headers.json" in names
    assert "hush_service/page/index.html" not in names
