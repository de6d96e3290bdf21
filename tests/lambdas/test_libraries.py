"""What Lambdas install: every file of it is known before, and is for their Python and processor."""

import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from stacks.functions import FOLDERS, LOCK, REQUIREMENTS, RUNTIME, pip_install
from stacks.lock import lambda_requirements, needs
from stacks.targets import LAMBDA
from tests.ami.test_lock import CONSTRAINTS, pinned

WITH_LIBRARIES = sorted(file.parent for file in FOLDERS.glob(f"*/{REQUIREMENTS}"))

of_each = pytest.mark.parametrize("folder", WITH_LIBRARIES, ids=lambda folder: folder.name)


def locked(folder: Path) -> dict[str, str]:
    return pinned((folder / LOCK).read_text(encoding="utf-8"))


def test_locks_are_for_the_python_that_runs_the_lambdas() -> None:
    assert RUNTIME.name == f"python{LAMBDA.python}"
    assert [folder.name for folder in WITH_LIBRARIES] == [
        "admin",
        "auth",
        "authorizer",
        "responder",
    ]


@of_each
def test_everything_that_a_lambda_wants_is_locked_with_its_hash(folder: Path) -> None:
    lock = locked(folder)
    for requirement in needs(lambda_requirements(folder / REQUIREMENTS), LAMBDA):
        version = lock[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement
    for line in (folder / LOCK).read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.search(r" --hash=sha256:[0-9a-f]{64}$", line)


@of_each
def test_what_locked_libraries_want_is_locked_too(folder: Path) -> None:
    lock = locked(folder)
    for name in lock:
        for requirement in needs(importlib.metadata.requires(name) or [], LAMBDA):
            wanted = lock[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(wanted), (name, requirement)


@of_each
def test_a_lambda_has_the_versions_that_are_tested(folder: Path) -> None:
    assert {name: CONSTRAINTS[name] for name in locked(folder)} == locked(folder)


@of_each
def test_pip_finds_every_file_for_lambda(folder: Path, tmp_path: Path) -> None:
    command = [*pip_install(folder / LOCK, str(tmp_path)), "--dry-run"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_another_file_than_the_locked_one_is_refused(tmp_path: Path) -> None:
    text = (FOLDERS / "authorizer" / LOCK).read_text(encoding="utf-8")
    lock = tmp_path / LOCK
    lock.write_text(re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", text), encoding="utf-8")
    command = [*pip_install(lock, str(tmp_path)), "--dry-run"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "DO NOT MATCH THE HASHES" in ran.stderr
