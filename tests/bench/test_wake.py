"""The account of a wake: it adds up, stands in the documentation, and meets its target."""

from dataclasses import replace
from pathlib import Path

from bench.cost import IMAGE_GIGABYTES
from bench.wake import GB, IMAGES, TARGET_SECONDS, report, seconds, snapshot
from stacks.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
LIBRARIES = 1_265_379_414
"""What `bench.wake` counted in the lock when the table was written."""
BEFORE, LAZY, LEAN = IMAGES


def test_the_account_of_the_documentation_is_the_computed_one() -> None:
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- bench.wake -->\n")[2].partition("\n<!-- end -->")[0]
    assert shown == report(LIBRARIES)


def test_what_is_deployed_meets_the_target_and_what_was_before_does_not() -> None:
    assert LEAN.rate == Settings().volume_initialization
    assert seconds(LEAN, LIBRARIES) < TARGET_SECONDS < seconds(LAZY, LIBRARIES)
    assert seconds(LAZY, LIBRARIES) < seconds(BEFORE, LIBRARIES)
    # A larger image takes longer to fill.
    assert seconds(replace(LEAN, base=BEFORE.base), LIBRARIES) > TARGET_SECONDS


def test_the_bill_and_the_volume_have_room_for_the_image() -> None:
    held = snapshot(LEAN, LIBRARIES) / GB
    assert IMAGE_GIGABYTES - 1 < held <= IMAGE_GIGABYTES < Settings().volume_gigabytes
