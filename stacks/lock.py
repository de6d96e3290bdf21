"""What instances of the fleet install, with hashes: `python -m stacks.lock` writes it into `ami/`.

`constraints.txt` has what CI uses, on processors alone. An instance has another Python, Linux of
another age, and torch's build for CUDA: its files are resolved for these, with the versions of
`constraints.txt` wherever both have the same library.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stacks.machine_image import ROOT, SOURCES, instance_requirements, lock_file
from stacks.settings import EngineName

PYTHON = "3.12"
"""Amazon Linux 2023's, that `ami/install.sh` takes."""
OLDEST, NEWEST = 17, 34
"""Of the C library: wheels for one as old as the first run with Amazon Linux 2023's, the second."""
TARGET = (
    *(f"--platform=manylinux_2_{age}_x86_64" for age in range(NEWEST, OLDEST - 1, -1)),
    "--platform=manylinux2014_x86_64",
    "--implementation=cp",
    f"--python-version={PYTHON}",
)
"""Options by which pip takes files for an instance."""
ENVIRONMENT: dict[str, str] = {
    **{name: str(value) for name, value in default_environment().items()},
    "python_version": PYTHON,
    "python_full_version": f"{PYTHON}.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
"""What the conditions of requirements find on an instance."""


def lock(engine: EngineName) -> str:
    """Resolve what an instance with an engine installs, and return it as pip takes it.

    Raises
    ------
    subprocess.CalledProcessError
        If pip finds nothing that fits; it has said why.
    KeyError
        If something is wanted on an instance alone, which pip does not look for from here.
    """
    wanted = instance_requirements(engine)
    sources = [line for line in wanted if _name(line) in SOURCES]
    built = [item for line in sources for item in _report(["--no-deps", line])]
    binary = [line for line in wanted if line not in sources]
    binary += [each for item in built for each in _conditional(item)]
    constraints = f"--constraint={ROOT / 'constraints.txt'}"
    resolved = _report(["--only-binary=:all:", constraints, *binary])
    items: dict[str, Any] = {
        canonicalize_name(item["metadata"]["name"]): item for item in (*resolved, *built)
    }
    kept: dict[str, Any] = {}
    _keep(wanted, items, kept)
    return "".join(f"{_line(items[name])}\n" for name in sorted(kept))


def needs(requirements: list[str], extras: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """Return those of some requirements that count on an instance."""
    for requirement in map(Requirement, requirements):
        environments = [{**ENVIRONMENT, "extra": extra} for extra in extras or {""}]
        marker = requirement.marker
        if marker is None or any(marker.evaluate(each) for each in environments):
            yield requirement


def _keep(requirements: list[str], items: dict[str, Any], kept: dict[str, Any]) -> None:
    """Follow what is wanted, as pip takes conditions to be those of the Python that runs it."""
    waiting = list(needs(requirements))
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        known = kept.setdefault(name, set())
        extras = frozenset(requirement.extras)
        if (extras or frozenset({""})) <= known:
            continue
        known |= extras or {""}
        waiting += needs(items[name]["metadata"].get("requires_dist", []), extras | {""})


def _report(arguments: list[str]) -> list[dict[str, Any]]:
    """Return what pip would install."""
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--dry-run", "--ignore-installed", "--report=-", "--target=unused", *TARGET),
    ]
    ran = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    installed: list[dict[str, Any]] = json.loads(ran.stdout)["install"]
    return installed


def _conditional(item: dict[str, Any]) -> list[str]:
    """Return what a library wants on an instance."""
    found = needs(item["metadata"].get("requires_dist", []))
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
    """Write the locks of all engines."""
    for engine in get_args(EngineName):
        print(f"resolving what {engine} wants on an instance", flush=True)
        text = lock(engine)
        Path(lock_file(engine)).write_text(
            f"# What an instance with this engine installs; `make lock` renews it.\n{text}",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
