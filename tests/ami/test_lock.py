"""What an instance installs: every file of it is known before, and is for its Python and system."""

import importlib.metadata
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest
from packaging.utils import canonicalize_name

from stacks.accelerators import ACCELERATORS, EngineName
from stacks.lock import needs
from stacks.machine_image import ROOT, SOURCES, image_files, instance_requirements, lock_file
from stacks.settings import Settings
from stacks.targets import INSTANCE

ENGINES: tuple[EngineName, ...] = get_args(EngineName)
LARGE = ("cuda-", "ctranslate2", "llvmlite", "nvidia-", "torch", "triton")
"""Hundreds of megabytes, which pip would fetch to look at them."""
LOOKED_FOR = ("ctranslate2", "nvidia-cublas-cu12", "torch", "triton")
"""Of those, the ones that say which others there have to be."""


def pinned(text: str) -> dict[str, str]:
    """Return versions by names."""
    lines = [line.split()[0] for line in text.splitlines() if line and not line.startswith("#")]
    pairs = (line.split("==") for line in lines)
    return {canonicalize_name(name): version for name, version in pairs}


def locked(engine: EngineName) -> dict[str, str]:
    return pinned(lock_file(engine).read_text(encoding="utf-8"))


CONSTRAINTS = pinned((ROOT / "constraints.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("engine", ENGINES)
def test_everything_that_an_instance_wants_is_locked(engine: EngineName) -> None:
    lock = locked(engine)
    for requirement in needs(instance_requirements(engine), INSTANCE):
        version = lock[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("engine", ENGINES)
def test_what_locked_libraries_want_is_locked_too(engine: EngineName) -> None:
    lock = locked(engine)
    looked_at = 0
    for name, version in lock.items():
        try:
            here = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if here.version.partition("+")[0] != version:
            continue
        looked_at += 1
        for requirement in needs(here.requires or [], INSTANCE):
            wanted = lock[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(wanted), (name, requirement)
    assert looked_at > 50


@pytest.mark.parametrize("engine", ENGINES)
def test_an_instance_has_the_versions_that_are_tested(engine: EngineName) -> None:
    different = {
        name: version
        for name, version in locked(engine).items()
        if name in CONSTRAINTS and CONSTRAINTS[name] != version
    }
    assert different == {}


def test_the_graphics_cards_torch_fits_what_is_pinned() -> None:
    # TORCH=cuda installs it with constraints.txt, and its Triton is no newer one.
    lock = locked("reference")
    assert (lock["torch"], lock["triton"]) == (CONSTRAINTS["torch"], CONSTRAINTS["triton"])
    setup = (ROOT / "setup.sh").read_text(encoding="utf-8")
    assert f"torch={lock['torch']}\n" in setup
    assert f"triton={lock['triton']} " in setup


@pytest.mark.parametrize("engine", ENGINES)
def test_the_build_gets_its_own_engines_lock_with_every_hash(engine: EngineName) -> None:
    (family, *_), *_ = (each.families for each in ACCELERATORS if engine in each.engines)
    types = (f"{family}.xlarge",)
    folder = image_files(Settings(engine=engine, volume_gigabytes=24, instance_types=types))
    assert not list(folder.glob("*.lock"))
    assert not (folder / "constraints.txt").exists()
    files = [folder / "requirements.txt", folder / "sources.txt"]
    texts = [file.read_text(encoding="utf-8") for file in files]
    assert {**pinned(texts[0]), **pinned(texts[1])} == locked(engine)
    for line in "".join(texts).splitlines():
        assert line.startswith("#") or "--hash=sha256:" in line
    sources = set(pinned(texts[1]))
    assert sources == ({*SOURCES} if engine == "reference" else set())
    # What they are built with.
    assert not sources or "setuptools" in pinned(texts[0])


def test_pip_finds_the_compiled_files_for_an_instance(tmp_path: Path) -> None:
    files = [lock_file(engine).read_text(encoding="utf-8").splitlines() for engine in ENGINES]
    lines = {line for file in files for line in file if compiled(line) or line.startswith(SOURCES)}
    assert any(line.startswith("numpy==") for line in lines)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("\n".join(sorted(lines)), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--dry-run", "--ignore-installed", "--no-deps", "--require-hashes"]
    target = [*INSTANCE.options, f"--target={tmp_path}", f"--requirement={requirements}"]
    ran = subprocess.run(
        [*pip, "install", *options, *target], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def compiled(line: str) -> bool:
    """Tell whether a library has files for each system, and no large ones."""
    name = line.partition("==")[0]
    if line.startswith(("#", *LARGE)):
        return False
    try:
        wheel = importlib.metadata.distribution(name).read_text("WHEEL") or ""
    except importlib.metadata.PackageNotFoundError:
        return True
    return "Root-Is-Purelib: false" in wheel


def test_the_large_files_are_there_for_an_instance() -> None:
    pairs = {pair for engine in ENGINES for pair in locked(engine).items()}
    large = sorted(pair for pair in pairs if pair[0] in LOOKED_FOR)
    assert len(large) == len(LOOKED_FOR)
    with ThreadPoolExecutor(2) as pool:
        available = pool.map(versions, (name for name, _ in large))
    for (name, version), there in zip(large, available, strict=True):
        assert version in there, name


def versions(name: str) -> list[str]:
    """Return the versions of a library that have a wheel for an instance."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "index", "versions"]
    command = [*pip, *INSTANCE.options, "--only-binary=:all:", name]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    listed = ran.stdout.partition("Available versions:")[2].partition("\n")[0]
    return [each.strip() for each in listed.split(",")]
