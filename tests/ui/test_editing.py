"""Words that somebody mends, beside those that were heard."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from hush.transcript import Phrase, Transcript, Word
from hush_service.packaged import recording
from local.wire import Request, Response, Wire, wire_to
from tests.ui.conftest import (
    PATIENCE,
    SAMPLE,
    ServiceWith,
    check_request,
    choose_file,
    until,
    words,
)

HEARD = "And so my fellow Americans ask not what your country can do for you."
UNSURE = {"fellow", "ask"}


def answer(text: str, *, timed: bool = True, unsure: set[str] = UNSURE) -> Response:
    """Return what the service would answer if it had heard a text, half a second a word."""
    spoken = tuple(
        Word(word, place / 2, place / 2 + 0.5, 0.3 if word in unsure else 0.97)
        for place, word in enumerate(text.split())
    )
    middle = len(spoken) // 2
    phrases = tuple(
        Phrase(part[0].start, part[-1].end, " ".join(word.word for word in part), avg_logprob=-1)
        for part in (spoken[:middle], spoken[middle:])
        if part
    )
    said = Transcript(text, 7.0, "english", phrases=phrases, words=spoken if timed else None)
    body = json.dumps(said.verbose_json()).encode()
    return Response(200, {"Content-Type": "application/json"}, body)


def saying(*texts: str, **options: Any) -> Callable[[Request], Response | None]:
    """Answer each picture with the next text, and the last ones with the last."""
    left = list(texts)

    def say(request: Request) -> Response | None:
        if request.method != "POST":
            return None
        return answer(left.pop(0) if len(left) > 1 else left[0], **options)

    return say


@pytest.fixture
def heard(page: Page, wire: Wire) -> Page:
    """The page with a transcript of one file."""
    wire.answer_instead = saying(HEARD)
    choose_file(page, SAMPLE)
    words(page, HEARD)
    return page


def line(page: Page) -> Locator:
    """Return the words that are being mended."""
    return page.get_by_role("textbox", name="Words at")


def mend(page: Page, text: str) -> None:
    """Mend the first words by keyboard alone."""
    page.get_by_role("button", name="Mend the words").first.focus()
    page.keyboard.press("Enter")
    expect(line(page)).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(line(page)).to_have_count(0)


def exported(page: Page, form: str, name: str = "sample") -> str:
    with page.expect_download() as download:
        page.get_by_label(f"Export {name}.flac").select_option(form)
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_words_are_mended_by_keyboard_and_stay(heard: Page) -> None:
    mend(heard, "And so, my dear Americans: ask not what your country can do for you!")
    words(heard, "my dear Americans")
    expect(heard.get_by_role("button", name="Mend the words")).to_be_focused()
    heard.reload()
    words(heard, "my dear Americans")


def test_escape_takes_back_and_leaving_keeps(heard: Page) -> None:
    heard.locator(".said [data-word]").nth(3).dblclick()
    heard.keyboard.type("dear")
    expect(line(heard)).to_have_text(HEARD.replace("fellow", "dear"))
    heard.keyboard.press("Escape")
    expect(line(heard)).to_have_count(0)
    words(heard, HEARD)
    heard.locator(".said [data-word]").nth(3).dblclick()
    heard.keyboard.type("good\n")
    words(heard, "so my good Americans")
    heard.locator(".said [data-word]").nth(3).dblclick()
    heard.keyboard.type("old")
    heard.locator("h1").click()
    expect(line(heard)).to_have_count(0)
    words(heard, "so my old Americans")


def test_mending_moves_nothing(heard: Page) -> None:
    row = heard.locator(".said")
    before = row.bounding_box()
    row.get_by_role("button", name="Mend the words").click()
    expect(line(heard)).to_be_focused()
    assert row.bounding_box() == before
    heard.keyboard.press("Escape")
    assert row.bounding_box() == before


def test_what_was_heard_is_seen_and_restored(heard: Page) -> None:
    mend(heard, "Something else.")
    mark = heard.get_by_role("button", name="mended", exact=True)
    expect(mark).to_have_attribute("aria-expanded", "false")
    mark.click()
    expect(heard.locator(".as-heard")).to_contain_text(f"As heard {HEARD}")
    heard.get_by_role("button", name="Restore").click()
    words(heard, HEARD)
    expect(mark).to_have_count(0)
    expect(heard.locator(".as-heard")).to_have_count(0)


def test_words_that_are_written_as_they_were_heard_are_not_mended(heard: Page) -> None:
    mend(heard, f"{HEARD} ")
    expect(heard.locator(".mended-button")).to_have_count(0)
    assert "heard" not in json.loads(exported(heard, "json"))["segments"][0]


def test_mended_words_go_into_copy_and_every_export(heard: Page, context: BrowserContext) -> None:
    mended = "And so, my dear Americans: ask not what your city can do for you!"
    mend(heard, mended)
    words(heard, mended)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    heard.get_by_role("button", name="Copy").click()
    expect(heard.get_by_text("Copied")).to_be_visible()
    assert heard.evaluate("navigator.clipboard.readText()") == mended
    assert exported(heard, "txt") == f"{mended}\n"
    assert mended in exported(heard, "md")
    # What stayed is where it was heard: the first phrase ends before what was the eighth word.
    cues = exported(heard, "srt").strip().split("\n\n")
    assert [cue.split("\n", 2)[2] for cue in cues] == [
        "And so, my dear Americans: ask not",
        "what your city can do for you!",
    ]
    assert mended == " ".join(
        text
        for cue in exported(heard, "vtt").strip().split("\n\n")[1:]
        for text in cue.split("\n")[1:]
    )
    (segment,) = json.loads(exported(heard, "json"))["segments"]
    assert (segment["text"], segment["heard"]["text"]) == (mended, HEARD)


def test_doubtful_words_are_marked_one_by_one(heard: Page) -> None:
    doubtful = heard.locator(".said .doubtful")
    assert doubtful.all_inner_texts() == ["fellow", "ask"]
    mend(heard, HEARD.replace("fellow", "dear"))
    words(heard, "my dear")
    assert doubtful.all_inner_texts() == ["ask"]


def test_answers_without_probabilities_are_marked_as_a_whole(page: Page, wire: Wire) -> None:
    wire.answer_instead = saying(HEARD, timed=False)
    choose_file(page, SAMPLE)
    words(page, HEARD)
    expect(page.locator(".said .doubtful")).to_have_text(HEARD)
    mend(page, "Something else.")
    words(page, "Something else.")
    expect(page.locator(".said .doubtful")).to_have_count(0)


def test_an_edit_shows_in_another_tab(heard: Page, context: BrowserContext, wire: Wire) -> None:
    other = context.new_page()
    other.goto(wire.url)
    words(other, HEARD)
    mend(heard, "Mended in one tab.")
    words(other, "Mended in one tab.")
    mend(other, "And in the other.")
    words(heard, "And in the other.")
    heard.close()
    other.reload()
    words(other, "And in the other.")


def test_what_is_mended_while_words_come_is_kept_from_what_is_heard_later(
    page: Page, wire: Wire
) -> None:
    """A joined picture of a paragraph is answered while somebody mends a part of it."""
    gate = threading.Event()

    def slow(request: Request) -> Response | None:
        if request.method != "POST":
            return None
        if "interim" in request.form():
            return Response(204)
        if is_joined(request):
            assert gate.wait(PATIENCE)
            return answer(" ".join([HEARD] * 2))
        return answer(HEARD)

    def is_joined(request: Request) -> bool:
        return len(request.form()["file"]) > 1.5 * first_size()

    def first_size() -> int:
        finals = [len(one.form()["file"]) for one in wire.pictures() if "interim" not in one.form()]
        return finals[0]

    wire.answer_instead = slow
    page.get_by_role("button", name="Start listening").click()
    answered = page.locator(".words[data-state=answered]")
    expect(answered.nth(1)).to_be_attached()
    page.get_by_role("button", name="Mend the words").first.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Written by hand,")
    page.get_by_role("button", name="Stop").focus()
    expect(line(page)).to_have_count(0)
    words(page, "Written by hand,")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
    until(page, lambda: any(map(is_joined, wire.pictures())))
    gate.set()
    joined = page.locator(".picture-figures", has_text="joined").first
    expect(joined).to_contain_text("English")
    words(page, "Written by hand,")
    expect(page.locator(".said").first).to_have_attribute("data-settled", "false")


def test_a_line_that_is_being_mended_outlasts_what_is_heard_meanwhile(
    page: Page, wire: Wire
) -> None:
    wire.answer_instead = saying(HEARD)
    page.get_by_role("button", name="Start listening").click()
    answered = page.locator(".words[data-state=answered]")
    expect(answered.first).to_be_attached()
    page.get_by_role("button", name="Mend the words").first.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Half a")
    expect(page.locator(".picture-figures", has_text="joined").first).to_contain_text("English")
    page.keyboard.type(" sentence.")
    expect(line(page).first).to_be_focused()
    page.keyboard.press("Enter")
    words(page, "Half a sentence.")
    page.get_by_role("button", name="Stop").click()


def test_a_recording_is_renamed_where_it_stands(
    heard: Page, context: BrowserContext, wire: Wire
) -> None:
    other = context.new_page()
    other.goto(wire.url)
    words(other, HEARD)
    heard.get_by_role("button", name="Rename sample.flac").focus()
    heard.keyboard.press("Enter")
    expect(heard.get_by_role("textbox", name="Name")).to_be_focused()
    heard.keyboard.type("The inaugural")
    heard.keyboard.press("Escape")
    expect(heard.get_by_role("heading", name="sample.flac")).to_be_visible()
    heard.keyboard.press("Enter")
    heard.keyboard.type("The inaugural\n")
    expect(heard.get_by_role("button", name="Rename The inaugural")).to_be_focused()
    expect(other.get_by_role("heading", name="The inaugural")).to_be_visible()
    with other.expect_download() as download:
        other.get_by_label("Export The inaugural").select_option("txt")
    assert download.value.suggested_filename == "The inaugural.txt"
    heard.get_by_role("button", name="Rename The inaugural").click()
    heard.keyboard.press("Delete")
    heard.keyboard.press("Enter")
    expect(other.get_by_role("heading", name="sample.flac")).to_be_visible()


RENAMED_BETWEEN = """
let named = false;
const get = IDBObjectStore.prototype.get;
IDBObjectStore.prototype.get = function (key) {
    const request = get.call(this, key);
    if (this.name !== "recordings" || named) return request;
    request.addEventListener("success", () => {
        if (!request.result || named) return;
        named = true;
        const { db } = request.transaction;
        const recordings = db.transaction("recordings", "readwrite").objectStore("recordings");
        get.call(recordings, key).onsuccess = ({ target: { result } }) =>
            recordings.put({ ...result, title: "The inaugural" });
    });
    return request;
};
"""
"""Renames a recording in the moment when it is read, to be kept as it is heard on."""


def test_a_name_that_is_given_while_a_recording_ends_stays(
    page_with: Callable[[str], Page], wire: Wire
) -> None:
    wire.answer_instead = saying(HEARD)
    page = page_with(RENAMED_BETWEEN)
    choose_file(page, SAMPLE)
    words(page, HEARD)
    expect(page.locator(".file")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="The inaugural")).to_be_visible()


def test_a_persons_words_are_mended_with_real_weights(
    context: BrowserContext, service_with: ServiceWith
) -> None:
    with wire_to(service_with("tiny.en")) as wire:
        page = context.new_page()
        page.goto(wire.url)
        choose_file(page, recording())
        words(page, "ask what you can do for your country")
        expect(page.locator(".said [data-word]").nth(10)).to_be_attached()
        page.locator(".said [data-word]", has_text="fellow").first.dblclick()
        page.keyboard.type("dear\n")
        words(page, "my dear Americans")
        with page.expect_download() as download:
            page.get_by_label("Export").select_option("srt")
        text = Path(download.value.path()).read_text(encoding="utf-8")
        assert "my dear Americans" in " ".join(text.split())
        for request in wire.requests:
            check_request(request)
