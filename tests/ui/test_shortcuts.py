"""Keys that do what buttons do, and when they do not."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.ui.conftest import SAMPLE, choose_file, words


@pytest.fixture
def heard(page: Page, sample_words: str) -> Page:
    """The page after the sample."""
    choose_file(page, SAMPLE)
    words(page, sample_words)
    return page


def dialog(page: Page) -> Locator:
    # One that is closed, but not gone yet, still takes keys.
    return page.locator("dialog")


def test_keys_do_what_their_buttons_do(
    heard: Page, context: BrowserContext, sample_words: str
) -> None:
    page = heard
    page.keyboard.press("c")
    expect(page.locator("main")).to_have_attribute("data-captions", "true")
    page.keyboard.press("c")
    expect(page.locator("main")).to_have_attribute("data-captions", "false")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("Shift+C")
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == sample_words
    page.keyboard.press("s")
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    page.keyboard.press("/")
    library = page.get_by_role("dialog", name="Library")
    expect(library.get_by_role("searchbox")).to_be_focused()
    expect(library.get_by_role("searchbox")).to_have_value("")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    page.evaluate(
        """() => document.querySelector("input[type=file]").addEventListener("click", (event) => {
            event.preventDefault();
            window.asked = navigator.userActivation.isActive;
        })"""
    )
    page.keyboard.press("o")
    page.wait_for_function("window.asked")
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()


def test_all_keys_are_explained(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Start listening, and stop")
    told = page.locator(".shortcuts dt").evaluate_all(
        "(all) => all.map((one) => [...one.children].map((key) => key.textContent).join('+'))"
    )
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    # A key that a control says it has, and that nobody is told of, would be a secret.
    controls = page.locator("[aria-keyshortcuts]").evaluate_all(
        "(all) => all.map((one) => one.ariaKeyShortcuts)"
    )
    assert {"L", "O", "C", "S", "/", "?"} <= set(controls) <= set(told)


@pytest.mark.parametrize(
    "focus",
    [
        pytest.param(lambda page: page.get_by_label("Names and words").focus(), id="text"),
        pytest.param(lambda page: page.get_by_label("Language spoken").focus(), id="list"),
        pytest.param(lambda page: page.get_by_role("button", name="Close").focus(), id="dialog"),
    ],
)
def test_no_key_does_anything_while_somebody_types_or_is_in_a_dialog(
    page: Page, focus: Callable[[Page], None]
) -> None:
    page.keyboard.press("s")
    focus(page)
    for key in ["c", "l", "o", "?"]:
        page.keyboard.press(key)
    expect(dialog(page)).to_have_count(1)
    expect(page.locator("main")).to_have_attribute("data-captions", "false")
    expect(page.get_by_role("button", name="Start listening", include_hidden=True)).to_be_visible()


@pytest.mark.parametrize("held", ["Control", "Alt", "Meta"])
def test_keys_of_browsers_and_screen_readers_stay_theirs(page: Page, held: str) -> None:
    page.evaluate(
        """() => {
            window.taken = [];
            addEventListener("keydown", (event) => {
                if (event.defaultPrevented) taken.push(event.key);
                event.preventDefault();
            });
        }"""
    )
    for key in ["c", "l", "s", "o", "/"]:
        page.keyboard.press(f"{held}+{key}")
    assert page.evaluate("taken") == []
    expect(dialog(page)).to_have_count(0)
    expect(page.locator("main")).to_have_attribute("data-captions", "false")


def test_keys_can_be_turned_off(page: Page) -> None:
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Start listening")).to_be_visible()
    for key in ["s", "?", "c"]:
        page.keyboard.press(key)
    expect(dialog(page)).to_have_count(0)
    expect(page.locator("main")).to_have_attribute("data-captions", "false")
