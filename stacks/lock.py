"""What instances and Lambdas install, with hashes: `python -m stacks.lock` writes it down.

`constraints.txt` has what CI uses, on processors alone. An instance has another Python, Linux of
another age, and torch's build for CUDA, a Lambda a processor of another kind: their files are
resolved for these, with the versions of `constraints.txt` wherever both have the same library.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stacks.accelerators import EngineName
from stacks.functions import FOLDERS, LOCK, REQUIREMENTS
from stacks.machine_image import ROOT, SOURCES, instance_requirements, lock_file
from stacks.targets import INSTANCE, LAMBDA, Target


def lock(wanted: list[str], target: Target) -> str:
    """Resolve what is wanted on a target, and return it as pip takes it.

    Raises
    ------
    subprocess.CalledProcessError
        If pip finds nothing that fits; it has said why.
    KeyError
        If something is wanted on the target alone, which pip does not look for from here.
    """
    sources = [line for line in wanted if _name(line) in SOURCES]
    built = [item for line in sources for item in _report(target, ["--no-deps", line])]
    binary = [line for line in wanted if line not in sources]
    binary += [each for item in built for each in _conditional(item, target)]
    constraints = f"--constraint={ROOT / 'constraints.txt'}"
    resolved = _report(target, ["--only-binary=:all:", constraints, *binary])
    items: dict[str, Any] = {
        canonicalize_name(item["metadata"]["name"]): item for item in (*resolved, *built)
    }
    kept: dict[str, Any] = {}
    _keep(wanted, target, items, kept)
    return "".join(f"{_line(items[name])}\n" for name in sorted(kept))


def needs(
    requirements: list[str], target: Target, extras: frozenset[str] = frozenset()
) -> Iterator[Requirement]:
    """Return those of some requirements that count on a target."""
    for requirement in map(Requirement, requirements):
        environments = [{**target.environment, "extra": extra} for extra in extras or {""}]
        marker = requirement.marker
        if marker is None or any(marker.evaluate(each) for each in environments):
            yield requirement


def _keep(
    requirements: list[str], target: Target, items: dict[str, Any], kept: dict[str, Any]
) -> None:
    """Follow what is wanted, as pip takes conditions to be those of the Python that runs it."""
    waiting = list(needs(requirements, target))
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        known = kept.setdefault(name, set())
        extras = frozenset(requirement.extras)
        if (extras or frozenset({""})) <= known:
            continue
        known |= extras or {""}
        wanted = items[name]["metadata"].get("requires_dist", [])
        waiting += needs(wanted, target, extras | {""})


def _report(target: Target, arguments: list[str]) -> list[dict[str, Any]]:
    """Return what pip would install."""
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--dry-run", "--ignore-installed", "--report=-", "--target=unused", *target.options),
    ]
    ran = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    installed: list[dict[str, Any]] = json.loads(ran.stdout)["install"]
    return installed


def _conditional(item: dict[str, Any], target: Target) -> list[str]:
    """Return what a library wants on a target."""
    found = needs(item["metadata"].get("requires_dist", []), target)
    return [f"{each.name}{_extras(each)}{each.specifier}" for each in found]


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""


def _line(item: dict[str, Any]) -> str:
    metadata = item["metadata"]
    digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
    return f"{canonicalize_name(metadata['name'])}=={metadata['version']} --hash=sha256:{digest}"


def _name(line: str) -> str:
    return canonicalize_name(Requirement(line).name)


def main() -> None:
    """Write the locks of all engines and Lambdas."""
    for engine in get_args(EngineName):
        print(f"resolving what {engine} wants on an instance", flush=True)
        text = lock(instance_requirements(engine), INSTANCE)
        _write(lock_file(engine), "an instance with this engine", text)
    for file in sorted(FOLDERS.glob(f"*/{REQUIREMENTS}")):
        print(f"resolving what {file.parent.name} wants on Lambda", flush=True)
        _write(file.with_name(LOCK), "this Lambda", lock(lambda_requirements(file), LAMBDA))


def lambda_requirements(file: Path) -> list[str]:
    """Return what a Lambda wants, from its list."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _write(file: Path, who: str, text: str) -> None:
    file.write_text(f"# What {who} installs; `make lock` renews it.\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
