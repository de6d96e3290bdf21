"""What `import hush` offers, and how fast."""

import subprocess
import sys

import pytest

import hush


@pytest.mark.parametrize("name", hush.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(hush, name) is not None


def test_the_public_names_are_these() -> None:
    lazy = {name for names in hush._MODULES.values() for name in names}
    assert sorted(hush.__all__) == sorted(lazy | {"__version__"})
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        hush.Nonsense  # noqa: B018


def test_importing_it_imports_nothing_heavy() -> None:
    program = (
        "import sys, hush; from hush.contracts import errors, headers, callers, routes;"
        " sys.exit(str({'numpy', 'av', 'httpx2', 'PIL', 'typer'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.stderr.strip() == "set()"
