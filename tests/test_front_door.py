"""What people who join read first: it says what is there."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.lanes import MARKERS, PLACES, marker

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "models" / "README.md"])
WIDTH = 100


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return the headings of a page as GitHub makes links of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file) if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_prose_is_wrapped(page: Path) -> None:
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        unbreakable = fenced or line.lstrip().startswith(("|", "!["))
        one_word = " " not in line.strip(" -*")
        assert unbreakable or one_word or len(line) <= WIDTH, line


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_are_named_are_there(page: str) -> None:
    built = {".venv", "node_modules", "ui/node_modules", "ui/dist", "dist/hush-….whl"}
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for path in re.findall(r"`([\w.-]+/[\w./…-]*|\w+\.(?:py|txt|toml|sh))`", text):
        if path not in built and path != "cloud.toml":
            assert (ROOT / path).exists(), path


def test_contributing_explains_every_marker() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(MARKERS)


def test_every_place_of_a_marker_is_there() -> None:
    files = [file.relative_to(ROOT / "tests") for file in (ROOT / "tests").rglob("test_*.py")]
    for pattern, given in PLACES:
        assert any(fnmatch(file.as_posix(), pattern) for file in files), pattern
        assert given in MARKERS
    assert marker(Path("hush/test_cutter.py")) is None


def test_continuous_integration_runs_what_people_run() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: .ci/run\n" in workflow
    assert (ROOT / ".ci" / "run").read_text().endswith("exec make test\n")
    for action in re.findall(r"uses: (\S+)", workflow):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
