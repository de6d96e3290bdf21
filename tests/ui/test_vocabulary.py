"""Names and words to expect: with every picture, and for pictures that are transcribed again."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from local.wire import Request, Response, Wire
from tests.ui.conftest import ServiceWith, choose_file, until, words

NAMES = "Sweynheim, Pannartz"
"""Two printers of 1465; without being told, tiny.en hears "Swainheim and panorps"."""
KEYWORD = re.compile(rb'name="keywords\[\]"\r\n\r\n(.*?)\r\n')


@pytest.fixture(scope="module")
def service_url(service_with: ServiceWith) -> str:
    """The service that the page comes from."""
    return service_with("tiny.en")


@pytest.fixture
def printers(shared_data: Path) -> Path:
    """Somebody who reads of them."""
    return shared_data / "speech" / "ljspeech" / "LJ001-0031.flac"


@pytest.fixture
def misspelt(page: Page, printers: Path) -> Page:
    """The page, where they were heard without being expected."""
    choose_file(page, printers)
    words(page, "began printing in the monastery")
    expect(page.locator(".take")).not_to_contain_text(re.compile("Sweynheim|Pannartz"))
    return page


def expect_names(page: Page, names: str) -> None:
    """Type what is to be expected from now on."""
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Names and words to expect").fill(names)
    page.keyboard.press("Escape")


def transcribe_again(page: Page, names: str) -> None:
    """Have all of the only recording transcribed again."""
    page.get_by_role("button", name="Transcribe again", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Names and words to expect").fill(names)
    dialog.get_by_role("button", name="Transcribe 1 picture again").click()
    expect(dialog).to_have_count(0)


def keywords(request: Request) -> list[str]:
    """Return the names that went with a picture."""
    return [name.decode() for name in KEYWORD.findall(request.body)]


def test_names_that_are_expected_are_spelt_as_they_were_typed(
    misspelt: Page, wire: Wire, printers: Path
) -> None:
    expect_names(misspelt, NAMES)
    misspelt.reload()
    expect(misspelt.locator(".light")).to_have_attribute("data-light", "up")
    choose_file(misspelt, printers)
    words(misspelt, "Sweynheim and Pannartz began printing")
    without, with_names = wire.pictures()
    assert keywords(without) == []
    assert keywords(with_names) == ["Sweynheim", "Pannartz"]


def test_a_recording_is_heard_again_with_other_names(misspelt: Page, wire: Wire) -> None:
    transcribe_again(misspelt, NAMES)
    words(misspelt, "Sweynheim and Pannartz began printing")
    first, second = wire.pictures()
    assert first.form()["file"] == second.form()["file"]
    expect(misspelt.locator(".tally")).to_contain_text("2 pictures")
    expect(misspelt.locator(".tally")).to_contain_text(re.compile("1 of them, .* once more"))
    # What it was heard with is kept with it.
    misspelt.reload()
    misspelt.get_by_role("button", name="Transcribe again", exact=True).click()
    field = misspelt.get_by_role("dialog").get_by_label("Names and words to expect")
    expect(field).to_have_value(NAMES)


def test_words_stand_until_others_are_there_and_where_there_are_none(
    misspelt: Page, wire: Wire
) -> None:
    heard = misspelt.locator(".words").inner_text()
    answers = [Response(503), Response(400, {}, b'{"error": {"message": "not again"}}')]
    gate: list[None] = []

    def fail(request: Request) -> Response | None:
        if request.method != "POST":
            return None
        return answers[min(len(gate), 1)]

    wire.answer_instead = fail
    transcribe_again(misspelt, NAMES)
    expect(misspelt.locator(".words[data-state=waiting]")).to_have_text(heard)
    until(misspelt, lambda: len(wire.pictures()) > 1)
    # It waits, whatever becomes of the page.
    misspelt.reload()
    expect(misspelt.locator(".words[data-state=waiting]")).to_have_text(heard)
    gate.append(None)
    expect(misspelt.locator(".words[data-state=answered]")).to_contain_text(heard)
    expect(misspelt.locator(".words")).to_contain_text("Not transcribed again: not again.")
    wire.answer_instead = lambda _: None
    transcribe_again(misspelt, NAMES)
    words(misspelt, "Sweynheim and Pannartz began printing")
    expect(misspelt.locator(".words")).not_to_contain_text("Not transcribed again")


MEND = """
(text) => new Promise((resolve) => {
    indexedDB.open("hush").onsuccess = ({ target: { result } }) => {
        const kept = result.transaction("segments", "readwrite").objectStore("segments");
        kept.getAll().onsuccess = ({ target: { result: [utterance] } }) => {
            if (text === null) resolve(utterance);
            else kept.put({ ...utterance, mended: text }).onsuccess = resolve;
        };
    };
})
"""
"""Mends the only utterance that is kept; with null, returns it."""


def test_what_somebody_mended_is_untouched(misspelt: Page) -> None:
    misspelt.evaluate(MEND, "What somebody knew better.")
    transcribe_again(misspelt, NAMES)
    until(misspelt, lambda: "Sweynheim" in misspelt.evaluate(MEND, None)["answer"]["text"])
    assert misspelt.evaluate(MEND, None)["mended"] == "What somebody knew better."


def test_of_more_names_than_a_model_takes_the_first_are_sent(
    page: Page, wire: Wire, printers: Path
) -> None:
    names = ["Sweynheim", "Pannartz", *(f"Somebody Else {number}" for number in range(100))]
    expect_names(page, ", ".join(names))
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog")).to_contain_text(
        re.compile(r"Only the first \d\d of these 102 are sent")
    )
    page.keyboard.press("Escape")
    choose_file(page, printers)
    words(page, "Sweynheim and Pannartz")
    (sent,) = wire.pictures()
    assert 20 < len(keywords(sent)) < 60
    assert keywords(sent) == names[: len(keywords(sent))]


def test_interim_words_know_the_names_too(page: Page, wire: Wire) -> None:
    expect_names(page, NAMES)
    page.get_by_role("button", name="Start listening").click()
    until(page, lambda: any(b'name="interim"' in request.body for request in wire.pictures()))
    page.get_by_role("button", name="Stop").click()
    assert all(keywords(request) == ["Sweynheim", "Pannartz"] for request in wire.pictures())
    assert json.loads(page.evaluate("localStorage['hush-settings']"))["keywords"] == NAMES
