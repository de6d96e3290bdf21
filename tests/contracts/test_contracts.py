"""The contracts say what the shared vectors say; other languages are tested against those too."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hush.contracts import headers, routes
from hush.contracts.callers import address_identity, limits_text, parse_limits, viewer_of
from hush.contracts.errors import error_body

ROOT = Path(__file__).parents[2]
VECTORS: dict[str, Any] = json.loads(
    Path(__file__).with_name("vectors.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", VECTORS["headers"])
def test_headers(name: str) -> None:
    assert getattr(headers, name.upper()) == VECTORS["headers"][name]


def test_the_session() -> None:
    assert VECTORS["session_cookie"] == headers.SESSION_COOKIE
    assert VECTORS["longest_credential"] == headers.LONGEST_CREDENTIAL


@pytest.mark.parametrize("vector", VECTORS["errors"], ids=lambda vector: str(vector["status"]))
def test_errors(vector: dict[str, Any]) -> None:
    error = vector["error"]
    said = (error["message"], error["param"], error["code"], error.get("request_id"))
    body = error_body(vector["status"], *said)
    assert body == {"error": error}


@pytest.mark.parametrize("address", VECTORS["identities"])
def test_identities(address: str) -> None:
    identity = VECTORS["identities"][address]
    assert address_identity(address) == address_identity(viewer_of(identity)) == identity


@pytest.mark.parametrize("nonsense", ["", "hush.example", "192.0.2", "2001:db8::/64"])
def test_what_is_no_address_has_no_identity(nonsense: str) -> None:
    with pytest.raises(ValueError, match="address"):
        address_identity(nonsense)


@pytest.mark.parametrize(
    "limits", [None, {"requests": 0, "seconds": 0.0}, {"requests": 7, "seconds": 3600.5}]
)
def test_limits_are_read_as_they_were_written(limits: dict[str, float] | None) -> None:
    assert parse_limits(limits_text(limits)) == limits


@pytest.mark.parametrize(
    "nonsense", ["none", "requests=1", "requests=-1;seconds=1", "requests=1;seconds=nan"]
)
def test_what_nobody_wrote_is_no_limit(nonsense: str) -> None:
    assert parse_limits("") is None
    with pytest.raises(ValueError, match="no limits"):
        parse_limits(nonsense)


def test_no_route_covers_another() -> None:
    ways = [(route.method, route.path) for route in routes.ROUTES]
    assert len(set(ways)) == len(ways)
    for below in (path for _, path in ways if path.endswith("{proxy+}")):
        start = below.removesuffix("{proxy+}")
        assert [path for _, path in ways if path.startswith(start)] == [below]


@pytest.mark.parametrize("allowed", routes.FOR_ANONYMOUS)
def test_what_is_open_is_there_and_guarded_by_who_opens_it(allowed: str) -> None:
    method, _, path = allowed.partition("/")
    (found,) = (
        route
        for route in routes.ROUTES
        if route.method in (method, "ANY")
        and f"/{path}".startswith(route.path.removesuffix("{proxy+}"))
    )
    assert found.guarded


def test_contracts_need_nothing_but_pythons_own_library() -> None:
    loaded = subprocess.run(
        [
            *(sys.executable, "-S", "-E", "-c"),
            "import sys, hush.contracts.callers, hush.contracts.door, hush.contracts.errors,"
            " hush.contracts.headers, hush.contracts.ledger, hush.contracts.routes",
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert loaded.returncode == 0, loaded.stderr


def test_what_contracts_say_is_written_nowhere_else_in_python() -> None:
    said = {headers.SESSION_COOKIE, "/-/closed"}
    again = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for file in _python_files()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        # In prose, a name stands among others.
        if node.value in said or re.fullmatch(rf"{headers.PREFIX}\S*", node.value)
    ]
    assert again == []


def _python_files() -> list[Path]:
    """Return the project's own files but the contracts and tests."""
    rooms = ("bench", "deploy", "hush", "lambda", "local", "models", "service", "stacks")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 80
    return [file for file in files if (ROOT / "hush" / "contracts") not in file.parents]
