"""What is being said is in sight, on any screen."""

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from hush.transcript import Phrase, Transcript
from local.wire import Request, Response, Wire
from tests.conftest import Samples
from tests.ui.conftest import SAMPLE, choose_file, new_context, until, wav
from tests.ui.test_looks import FOLDER

SCREENS = [(1366, 657), (360, 640)]
MANY = " ".join(["And so, my fellow Americans, ask not what your country can do for you."] * 14)


def talkative(request: Request) -> Response | None:
    """Answer any picture with more than a small screen shows at once."""
    if request.method != "POST":
        return None
    said = Transcript(MANY, 4.0, "english", phrases=(Phrase(0, 4, MANY),))
    body = json.dumps(said.verbose_json()).encode()
    return Response(200, {"Content-Type": "application/json"}, body)


@pytest.fixture(params=SCREENS, ids=lambda screen: f"{screen[0]}x{screen[1]}")
def screen(
    browser: Browser, wire: Wire, request: pytest.FixtureRequest
) -> Iterator[tuple[Page, int]]:
    """The page on a small screen, before a service with many words; and the screen's height."""
    width, height = request.param
    context = new_context(browser, viewport={"width": width, "height": height})
    wire.answer_instead = talkative
    page = context.new_page()
    page.goto(wire.url)
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    yield page, height
    context.close()


def is_in_sight(end: Locator, height: int) -> bool:
    """Tell whether the last line of an element is on the screen and not scrolled away."""
    return bool(
        end.evaluate(
            """(element, height) => {
                const range = document.createRange();
                range.selectNodeContents(element);
                const { bottom } = [...range.getClientRects()].at(-1);
                const frame = element.closest(".transcript-text").getBoundingClientRect();
                return bottom <= frame.bottom + 1 && bottom > frame.top && bottom <= height;
            }""",
            height,
        )
    )


def test_the_newest_line_is_in_sight_until_its_reader_scrolls_up(
    screen: tuple[Page, int],
) -> None:
    page, height = screen
    page.get_by_role("button", name="Start listening").click()
    said = page.locator(".words[data-state=answered]")
    expect(said.first).to_be_visible()
    assert is_in_sight(said.last, height)
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"newest-{page.viewport_size['width']}.png")  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    text = page.locator(".transcript-text")
    text.hover()
    page.mouse.wheel(0, -300)
    newest = page.get_by_role("button", name="Newest")
    expect(newest).to_be_visible()
    place = text.evaluate("(text) => text.scrollTop")
    count = said.count()
    expect(said.nth(count)).to_be_attached()
    assert text.evaluate("(text) => text.scrollTop") == place
    newest.click()
    expect(newest).to_have_count(0)
    expect(text).to_be_focused()
    assert is_in_sight(said.last, height)


def test_captions_are_large_and_the_spectrogram_small(screen: tuple[Page, int]) -> None:
    page, height = screen
    usual = page.locator(".spectrogram").bounding_box()
    captions = page.get_by_role("button", name="Captions")
    captions.focus()
    page.keyboard.press("Enter")
    expect(captions).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Start listening").click()
    said = page.locator(".words[data-state=answered]")
    expect(said.first).to_be_visible()
    assert is_in_sight(said.last, height)
    size = said.first.evaluate("(words) => parseFloat(getComputedStyle(words).fontSize)")
    assert size >= 26
    small = page.locator(".spectrogram").bounding_box()
    assert usual is not None
    assert small is not None
    assert small["height"] < usual["height"]
    page.screenshot(path=FOLDER / f"captions-{page.viewport_size['width']}.png")  # type: ignore[index]
    expect(page.locator(".pictures")).to_be_hidden()
    captions.click()
    expect(page.locator(".pictures")).to_be_visible()


def test_a_file_is_read_from_its_beginning(screen: tuple[Page, int]) -> None:
    page, _ = screen
    choose_file(page, SAMPLE)
    expect(page.locator(".words[data-state=answered]")).to_have_count(1)
    text = page.locator(".transcript-text")
    assert text.evaluate("(text) => text.scrollHeight > text.clientHeight")
    assert text.evaluate("(text) => text.scrollTop") == 0
    choose_file(page, ("second.flac", SAMPLE.read_bytes()))
    expect(page.locator(".words[data-state=answered]")).to_have_count(2)
    second = page.locator(".take", has_text="second.flac")
    expect(second.get_by_role("heading")).to_be_in_viewport()


def test_how_long_words_will_take_is_said(page: Page, wire: Wire, sample: Samples) -> None:
    """The first of many pictures are answered: the pace of words is known then."""
    answered: list[Request] = []

    def slow(request: Request) -> Response | None:
        if request.method == "POST":
            answered.append(request)
            if len(answered) > 2:
                return Response(503, {"Retry-After": "60"})
        return talkative(request)

    wire.answer_instead = slow
    pause = np.zeros(16_000, np.float32)
    choose_file(page, ("long.wav", wav(np.concatenate([sample, pause] * 20))))
    expect(page.locator(".take-figures")).to_contain_text(re.compile(r"waiting, words in \d"))


def test_who_reads_a_file_is_left_there_when_the_next_has_words(screen: tuple[Page, int]) -> None:
    page, _ = screen
    choose_file(page, SAMPLE)
    expect(page.locator(".words[data-state=answered]")).to_have_count(1)
    text = page.locator(".transcript-text")
    until(page, lambda: text.evaluate("(text) => text.scrollHeight - text.clientHeight") > 60)
    text.hover()
    page.mouse.wheel(0, 60)
    until(page, lambda: text.evaluate("(text) => text.scrollTop") == 60)
    choose_file(page, ("second.flac", SAMPLE.read_bytes()))
    expect(page.locator(".words[data-state=answered]")).to_have_count(2)
    assert text.evaluate("(text) => text.scrollTop") == 60
