"""What each room may know: docs/architecture.md in a table. `python -m tests.test_rooms` counts."""

import ast
import functools
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

CONTRACTS = "hush.contracts"
MAY_IMPORT: dict[str, set[str]] = {
    "hush": {CONTRACTS},
    CONTRACTS: set(),
    "service": {"hush", CONTRACTS},
    "lambda": {CONTRACTS},
    "stacks": {CONTRACTS},
    "ami": {"service"},
    "deploy": {"hush", "stacks"},
    "models": {"hush", "service"},
    "local": {"hush", CONTRACTS, "service", "stacks"},
    "bench": {"hush", CONTRACTS, "service", "lambda", "stacks", "models", "local"},
}
"""Rooms, and what they build upon. Anything else would be a way up."""
EXCEPTIONS = {
    ("hush/cli.py", "service"),  # `hush serve`
    ("hush/in_process.py", "service"),
    ("hush/models_command.py", "service"),
    ("lambda/responder/responder.py", "service"),  # which it is, within a Lambda
}
"""What starts the service or does its work in its own process, and imports it only then."""

_ROOMS = {room: room for room in (*MAY_IMPORT, "tests")}
_ROOMS |= {"hush_service": "service", "identity": "lambda"}
"""Rooms by the first names of their modules."""


class Import(NamedTuple):
    """One import of a module of another room."""

    file: str
    room: str
    imported: str


@functools.cache
def imports_between_rooms(root: Path) -> list[Import]:
    """Return every import by which a file of one room but the tests' knows another room."""
    found = []
    for folder in (
        "ami",
        "bench",
        "deploy",
        "hush",
        "lambda",
        "local",
        "models",
        "service",
        "stacks",
    ):
        for file in sorted((root / folder).rglob("*.py")):
            name = file.relative_to(root).as_posix()
            room = CONTRACTS if name.startswith("hush/contracts/") else folder
            for module in _modules(ast.parse(file.read_text(encoding="utf-8"))):
                imported = _room(module)
                if imported not in (None, room):
                    found.append(Import(name, room, str(imported)))
    return found


def climbs(each: Import) -> bool:
    """Tell whether a room knows what it should not."""
    if (each.file, each.imported) in EXCEPTIONS:
        return False
    return each.imported not in MAY_IMPORT[each.room]


def _modules(tree: ast.AST) -> Iterator[str]:
    """Return the modules that a file imports: for `from a import b` that may be `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module == "hush":
                yield from {f"hush.{alias.name}" for alias in node.names}
            else:
                yield node.module


def _room(module: str) -> str | None:
    if module == CONTRACTS or module.startswith(f"{CONTRACTS}."):
        return CONTRACTS
    return _ROOMS.get(module.partition(".")[0])


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_knows_only_what_it_builds_upon(room: str) -> None:
    found = imports_between_rooms(ROOT)
    assert [each for each in found if each.room == room and climbs(each)] == []


def test_every_exception_is_needed() -> None:
    assert {(each.file, each.imported) for each in imports_between_rooms(ROOT)} >= EXCEPTIONS


def main() -> None:
    """Count the imports between rooms of a folder: this project's, or a copy's of its past."""
    found = imports_between_rooms(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    EXCEPTIONS.clear()
    pairs = Counter((each.room, each.imported, climbs(each)) for each in found)
    for (room, imported, climbing), count in sorted(pairs.items()):
        print(f"{count:4}  {room} -> {imported}{'  climbs' if climbing else ''}")
    print(f"{len(found):4}  in all, of which {sum(map(climbs, found))} climb")


if __name__ == "__main__":
    main()
