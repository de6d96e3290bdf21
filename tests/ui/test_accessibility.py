"""Nothing that axe knows of keeps anybody from using the page, in each of its states."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from local.processes import ROOT
from local.wire import Wire
from tests.ui.conftest import SAMPLE, THEMES, choose_file, new_context, words

AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
FOUND = """
async () => {
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]);
}
"""


def nothing(page: Page) -> None:
    """Leave the page as it opens."""


def transcript(page: Page) -> None:
    choose_file(page, SAMPLE)
    words(page, "")
    expect(page.locator(".words[data-state=answered]")).to_have_count(1)
    expect(page.locator(".picture-frame canvas")).to_be_visible()


def in_captions(page: Page) -> None:
    transcript(page)
    page.get_by_role("button", name="Captions").click()


def settings(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()


def keys(page: Page) -> None:
    page.get_by_role("button", name="Keys").click()


def transcribing_again(page: Page) -> None:
    transcript(page)
    page.get_by_role("button", name="Transcribe again", exact=True).click()


def picture(page: Page) -> None:
    transcript(page)
    page.locator(".time").first.click()
    expect(page.locator(".large-view img")).to_be_visible()


def listening(page: Page) -> None:
    page.get_by_role("button", name="Start listening").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def mending(page: Page) -> None:
    transcript(page)
    page.get_by_role("button", name="Mend the words").click()
    page.keyboard.type("Some other words. ")


def mended(page: Page) -> None:
    mending(page)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="mended", exact=True).click()


def library(page: Page) -> None:
    mended(page)
    page.get_by_role("button", name="Library").click()
    expect(page.locator(".transcript-row")).to_have_count(1)


def replaced(page: Page) -> None:
    library(page)
    page.get_by_role("searchbox").fill("other")
    page.get_by_label("Replace with").fill("more")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.get_by_role("searchbox").fill("more")
    expect(page.locator(".place")).to_have_count(1)


STATES = [
    nothing,
    transcript,
    in_captions,
    settings,
    keys,
    transcribing_again,
    picture,
    listening,
    mending,
    mended,
    library,
    replaced,
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_everybody_can_use_the_page(
    browser: Browser, wire: Wire, state: Callable[[Page], None]
) -> None:
    context = new_context(browser)
    page = context.new_page()
    page.goto(wire.url)
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    state(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        assert page.evaluate(FOUND) == [], theme
    context.close()
