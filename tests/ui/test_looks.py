"""How the page looks: three widths, both themes, with words. The pictures are left in build/."""

import io
from itertools import pairwise

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from local.processes import ROOT
from local.wire import Wire
from tests.ui.conftest import THEMES, new_context, words

FOLDER = ROOT / "build" / "screenshots"
"""What the page looks like, for people. docs/page.png is the same of Kennedy's words by `base`."""

SCREENS = [(390, 844), (820, 1180), (1440, 900)]
WHILE_SPEAKING = """
() => {
    const [minutes, seconds] = document.querySelector(".elapsed").textContent.split(":");
    const sinceTheSampleBegan = (Number(minutes) * 60 + Number(seconds) - 0.5) % 6.65;
    return sinceTheSampleBegan > 2.5 && sinceTheSampleBegan < 4;
}
"""


def colours(what: Locator) -> int:
    """Return how many colours something has on the screen."""
    shown = Image.open(io.BytesIO(what.screenshot())).convert("RGB")
    return len(np.unique(np.asarray(shown).reshape(-1, 3), axis=0))


WATCH_DRAWINGS = """
self.drawn = [];
const wait = self.requestAnimationFrame.bind(self);
self.requestAnimationFrame = (draw) => { drawn.push(performance.now()); return wait(draw); };
null;
"""
"""Remembers when the painter asked for the next screen frame, to draw in it."""


def test_it_fits_and_shows_what_is_said(browser: Browser, wire: Wire, sample_words: str) -> None:
    context = new_context(browser, locale="en-GB", reduced_motion="no-preference")
    page = context.new_page()
    page.goto(wire.url)
    page.get_by_role("button", name="Start listening").click()
    words(page, sample_words)
    expect(page.locator(".words[data-state=answered]").nth(1)).to_be_visible()
    expect(page.locator(".picture-frame canvas").first).to_be_visible()
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.mouse.move(0, 0)
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(WHILE_SPEAKING)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=FOLDER / f"{theme}-{width}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert colours(page.locator(".spectrogram")) > 500
    page.get_by_role("button", name="Stop").click()
    # New rows push the others down, even while one of them is looked at.
    expect(page.locator(".picture-row[data-state=waiting]")).to_have_count(0)
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        assert colours(page.locator(".picture-frame canvas").first) > 100
    page.locator(".picture-button").first.click()
    expect(page.locator(".large-view img")).to_be_visible()
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=FOLDER / f"{theme}-{width}-picture.png")
        box = page.get_by_role("dialog").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    context.close()


def test_who_wants_less_motion_gets_pages_instead_of_scrolling(
    browser: Browser, wire: Wire, sample_words: str
) -> None:
    context = new_context(browser)
    page = context.new_page()
    with page.expect_worker(lambda worker: "painter" in worker.url) as started:
        page.goto(wire.url)
    painter = started.value
    painter.evaluate(WATCH_DRAWINGS)
    page.get_by_role("button", name="Start listening").click()
    words(page, sample_words)
    assert page.evaluate("document.getAnimations().length") == 0
    drawn: list[float] = painter.evaluate("drawn")
    assert len(drawn) > 2
    # Ten times a second at most; as it scrolls, sixty times.
    assert min(later - earlier for earlier, later in pairwise(drawn)) > 80
    page.get_by_role("button", name="Stop").click()
    context.close()
