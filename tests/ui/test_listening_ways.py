"""Other ways to listen: tabs, pauses, push to talk, and one of several tracks."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from local.wire import Wire
from tests.conftest import Samples
from tests.hush.sound.files import Sound
from tests.hush.sound.files import video as video_of
from tests.ui.conftest import (
    BrowserWith,
    ServiceWith,
    choose_file,
    hears,
    new_context,
    until,
    wav,
    words,
)

LAST_WORDS = "what you can do for your country"

WATCH_LOCKS = """
window.locks = [];
navigator.wakeLock.request = async () => {
    const lock = { released: false, release: async () => { lock.released = true; } };
    locks.push(lock);
    return lock;
};
"""
"""Stands in for the screen, which headless browsers have none of."""


@pytest.fixture(scope="module")
def service_url(service_with: ServiceWith) -> str:
    """The service that the page comes from."""
    return service_with("tiny.en")


@pytest.fixture(scope="module")
def browser(browser_with: BrowserWith, person_file: Path) -> Browser:
    """A browser whose microphone hears a person."""
    return browser_with(*hears(person_file))


def begin(page: Page) -> None:
    page.get_by_role("button", name="Start listening").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def seconds(page: Page) -> int:
    minutes, seconds = page.locator(".elapsed").inner_text().split(":")
    return int(minutes) * 60 + int(seconds)


def stands(page: Page) -> bool:
    """Say whether the clock of what was heard shows the same for longer than a second."""
    before = seconds(page)
    page.wait_for_timeout(1_500)
    return seconds(page) == before


def hold_space_to_talk(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("group", name="Push to talk").get_by_role("radio", name="Hold space").check()
    page.get_by_role("button", name="Close", exact=True).click()
    page.evaluate("document.activeElement.blur()")


def test_a_pause_sends_what_was_said_and_hears_nothing(page: Page, wire: Wire) -> None:
    begin(page)
    # In the middle of what he says.
    until(page, lambda: seconds(page) >= 5)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status").filter(has_text="Paused")).to_be_visible()
    words(page, "Americans")
    expect(page.locator(".said[data-state=open], .said[data-state=waiting]")).to_have_count(0)
    # He goes on, which nobody hears: neither now nor, all at once, when it goes on.
    until(page, lambda: stands(page))
    paused = seconds(page)
    sent = len(wire.pictures())
    page.wait_for_timeout(2_000)
    assert seconds(page) == paused
    assert len(wire.pictures()) <= sent + 1
    before = time.monotonic()
    page.get_by_role("button", name="Go on").click()
    until(page, lambda: seconds(page) >= paused + 4)
    heard = seconds(page) - paused
    # A clock of whole seconds may be one ahead; the pause in it would be three more.
    assert heard - 1 <= time.monotonic() - before + 0.5
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
    expect(page.locator(".take")).to_have_count(1)


def test_space_is_held_to_talk_and_released_to_pause(page: Page) -> None:
    hold_space_to_talk(page)
    page.set_viewport_size({"width": 360, "height": 400})
    page.keyboard.down("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    until(page, lambda: seconds(page) >= 5)
    page.keyboard.up("Space")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    words(page, "Americans")
    assert page.evaluate("scrollY") == 0
    page.keyboard.down("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.up("Space")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    expect(page.locator(".take")).to_have_count(1)


def test_space_does_what_it_always_does_on_buttons_and_where_nobody_chose_otherwise(
    page: Page,
) -> None:
    page.set_viewport_size({"width": 360, "height": 300})
    page.keyboard.press("Space")
    until(page, lambda: page.evaluate("scrollY") > 0)
    hold_space_to_talk(page)
    page.get_by_role("button", name="Captions").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Captions")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()


def test_the_screen_stays_on_while_somebody_is_listened_to(page: Page) -> None:
    page.add_init_script(WATCH_LOCKS)
    page.reload()
    begin(page)
    held = "locks.map((lock) => lock.released)"
    until(page, lambda: page.evaluate(held) == [False])
    # The system took it away while the page was out of sight.
    page.evaluate("locks[0].released = true")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, lambda: page.evaluate(held) == [True, False])
    page.get_by_role("button", name="Pause").click()
    until(page, lambda: page.evaluate(held) == [True, True])
    page.get_by_role("button", name="Go on").click()
    until(page, lambda: page.evaluate(held) == [True, True, False])
    page.get_by_role("button", name="Stop").click()
    until(page, lambda: page.evaluate(held) == [True, True, True])


def test_another_track_of_a_file_is_heard(
    page: Page, tmp_path: Path, jfk: Samples, sample: Samples
) -> None:
    silent = Sound([(0.0, np.zeros_like(jfk))], "libopus", default=True, language="deu")
    speech = Sound([(0.0, jfk)], "libopus", language="eng")
    film = tmp_path / "film.mkv"
    film.write_bytes(video_of([silent, speech], 11))
    choose_file(page, film)
    expect(page.locator(".file-problem")).to_contain_text("No speech found")
    tracks = page.get_by_label("Audio track of film.mkv")
    expect(tracks).to_have_value("1")
    tracks.select_option("2")
    words(page, LAST_WORDS)
    expect(page.locator(".file")).to_contain_text("heard")
    expect(tracks).to_have_value("2")
    page.get_by_role("button", name="Dismiss film.mkv").click()
    expect(page.locator(".file")).to_have_count(0)


@pytest.fixture
def talk(
    playwright: Playwright,
) -> Iterator[BrowserContext]:
    """A context where a tab plays a talk, and may be shared with its sound."""
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=[
            "--no-sandbox",
            "--auto-select-tab-capture-source-by-title=A talk",
            "--autoplay-policy=no-user-gesture-required",
        ],
        # What makes no sound has none to share.
        ignore_default_args=["--mute-audio"],
    )
    yield new_context(browser, viewport={"width": 1280, "height": 900})
    browser.close()


def test_the_sound_of_a_tab_becomes_words(talk: BrowserContext, wire: Wire, jfk: Samples) -> None:
    other = talk.new_page()
    other.route("**/talk.wav", lambda route: route.fulfill(body=wav(jfk), content_type="audio/wav"))
    other.route(
        "**/talk",
        lambda route: route.fulfill(
            body="<title>A talk</title><audio src=talk.wav autoplay loop></audio>",
            content_type="text/html",
        ),
    )
    other.goto(f"{wire.url}/talk")
    page = talk.new_page()
    page.goto(wire.url)
    page.get_by_role("button", name="Tab or system sound").click()
    words(page, LAST_WORDS)
    expect(page.get_by_role("article", name="Tab or system")).to_be_visible()
    # Who stops sharing, or closes the tab, ends it.
    other.close()
    expect(page.get_by_role("alert")).to_contain_text("Its sound is no longer shared.")
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ("async () => new MediaStream()", "came without sound"),
        (
            "async () => { throw new DOMException('no', 'NotAllowedError'); }",
            "Nothing was chosen to listen to",
        ),
    ],
)
def test_no_sound_of_a_tab_is_said(page: Page, instead: str, said: str) -> None:
    page.evaluate(
        f"Object.defineProperty(MediaDevices.prototype, 'getDisplayMedia', {{ value: {instead} }})"
    )
    page.get_by_role("button", name="Tab or system sound").click()
    expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
