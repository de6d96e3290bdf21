"""The library: transcripts in a list, what is found in them, and the room that they take."""

import io
import json
import re
import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from local.wire import Wire
from tests.ui.conftest import SAMPLE, THEMES, choose_file, new_context, until, words
from tests.ui.test_editing import saying
from tests.ui.test_looks import FOLDER

TEXTS = (
    "And so my fellow Americans ask not what your country can do for you.",
    "The rainbow is a division of white light into many beautiful colours.",
    "Nobody asks what a country sounds like.",
)
NAMES = ("one", "two", "three")
PICTURES = """
() => new Promise((resolve) => {
    indexedDB.open("hush").onsuccess = ({ target: { result } }) => {
        result.transaction("pictures").objectStore("pictures").getAllKeys().onsuccess = (event) => {
            result.close();
            resolve(event.target.result.length);
        };
    };
})
"""


@pytest.fixture
def kept(page: Page, wire: Wire) -> Page:
    """The page with three transcripts."""
    wire.answer_instead = saying(*TEXTS)
    for name, text in zip(NAMES, TEXTS, strict=True):
        choose_file(page, (f"{name}.flac", SAMPLE.read_bytes()))
        words(page, text)
    expect(page.locator(".file")).to_have_count(0)
    return page


@pytest.fixture
def library(kept: Page) -> Locator:
    """The library, opened over three transcripts."""
    return opened(kept)


def opened(page: Page) -> Locator:
    page.get_by_role("button", name="Library").click()
    dialog = page.get_by_role("dialog", name="Library")
    expect(dialog).to_be_visible()
    return dialog


def test_transcripts_are_listed_newest_first_with_date_and_length(library: Locator) -> None:
    rows = library.locator(".transcript-row")
    expect(rows).to_have_count(3)
    assert rows.locator("h3").all_inner_texts() == ["three.flac", "two.flac", "one.flac"]
    figures = rows.first.locator(".take-figures")
    expect(figures).to_have_text(re.compile(r"\d+ \w+ \d{4} at \d\d:\d\d, 4\.\d s"))
    expect(rows.last.locator(".first-words")).to_have_text(TEXTS[0])


def test_words_are_found_in_all_transcripts_and_led_to(library: Locator) -> None:
    page = library.page
    expect(library.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("COUNTRY")
    expect(library.get_by_role("status").first).to_have_text("Found in 2 places of 2 transcripts.")
    assert library.locator("mark").all_inner_texts() == ["country", "country"]
    assert library.locator(".finding-title").all_inner_texts() == ["three.flac", "one.flac"]
    # By keyboard alone: past the choices and the replacement, to the last place.
    library.locator(".place").last.focus()
    page.keyboard.press("Enter")
    expect(library).to_have_count(0)
    found = page.locator(".words", has_text=TEXTS[0])
    expect(found).to_be_focused()
    expect(found).to_be_in_viewport()
    marked = page.evaluate("[...CSS.highlights.get('found')].map(String)")
    assert marked == ["country"]


def test_names_are_found_too(library: Locator) -> None:
    library.get_by_role("searchbox").fill("two.fl")
    expect(library.get_by_role("status").first).to_have_text("Found in the name of one transcript.")
    library.get_by_role("button", name="two.flac").click()
    take = library.page.locator(".take", has_text="two.flac")
    expect(take).to_be_focused()
    library.page.get_by_role("button", name="Library").click()
    library.get_by_role("searchbox").fill("nowhere to be found")
    expect(library.get_by_role("status").first).to_have_text("Found nowhere.")


def test_words_are_replaced_everywhere_and_taken_back(
    library: Locator, context: BrowserContext, wire: Wire
) -> None:
    page = library.page
    other = context.new_page()
    other.goto(wire.url)
    words(other, TEXTS[0])
    library.get_by_role("searchbox").fill("a")
    library.get_by_label("Whole words").check()
    expect(library.get_by_role("status").first).to_have_text("Found in 2 places of 2 transcripts.")
    library.get_by_label("Replace with").fill("$& one")
    library.get_by_role("button", name="Replace all 2").click()
    words(other, TEXTS[1].replace(" a ", " $& one "))
    words(other, TEXTS[2].replace(" a ", " $& one "))
    words(page, TEXTS[0])
    expect(library.get_by_text("Replaced 2 places.")).to_be_visible()
    library.get_by_role("button", name="Undo").click()
    for text in TEXTS:
        words(other, text)
    expect(other.locator(".mended-button")).to_have_count(0)


def test_words_are_replaced_in_one_recording(kept: Page) -> None:
    kept.get_by_role("button", name="Find and replace in one.flac").click()
    library = kept.get_by_role("dialog", name="Library")
    library.get_by_role("searchbox").fill("country")
    library.get_by_label("Replace with").fill("city")
    library.get_by_label("Replace with").press("Enter")
    kept.keyboard.press("Escape")
    words(kept, TEXTS[0].replace("country", "city"))
    words(kept, TEXTS[2])
    kept.get_by_role("button", name="Undo").click()
    words(kept, TEXTS[0])


def test_what_was_written_after_a_replacement_outlasts_its_undo(kept: Page) -> None:
    library = opened(kept)
    library.get_by_role("searchbox").fill("country")
    library.get_by_label("Replace with").fill("city")
    library.get_by_role("button", name="Replace all 2").click()
    kept.keyboard.press("Escape")
    expect(library).to_have_count(0)
    kept.locator(".take", has_text="one.flac").locator("[data-word]").first.dblclick()
    kept.keyboard.type("But\n")
    words(kept, "But so my fellow")
    kept.get_by_role("button", name="Undo").click()
    words(kept, TEXTS[2])
    words(kept, "But so my fellow Americans ask not what your city")


def test_recordings_are_renamed_in_the_library(
    library: Locator, context: BrowserContext, wire: Wire
) -> None:
    other = context.new_page()
    other.goto(wire.url)
    library.get_by_role("button", name="Rename two.flac").click()
    library.page.keyboard.type("Rainbows")
    library.page.keyboard.press("Enter")
    expect(library.get_by_role("button", name="Rename Rainbows")).to_be_focused()
    expect(other.get_by_role("heading", name="Rainbows")).to_be_visible()
    library.page.reload()
    expect(other.get_by_role("heading", name="Rainbows")).to_be_visible()
    # Escape takes a name back, and leaves the library open.
    library = opened(library.page)
    library.get_by_role("button", name="Rename Rainbows").click()
    library.page.keyboard.type("Nothing")
    library.page.keyboard.press("Escape")
    expect(library.get_by_role("button", name="Rename Rainbows")).to_be_focused()


def test_several_are_exported_in_an_archive(library: Locator) -> None:
    page = library.page
    library.get_by_label("Choose one.flac").check()
    library.get_by_label("Choose three.flac").check()
    with page.expect_download() as download:
        library.get_by_label("Export 2 transcripts").select_option("md")
    assert download.value.suggested_filename == "transcripts.zip"
    held = zipfile.ZipFile(download.value.path())
    assert sorted(held.namelist()) == ["one.md", "three.md"]
    assert TEXTS[0] in held.read("one.md").decode()


def test_all_are_exported_in_every_form(library: Locator) -> None:
    page = library.page
    with page.expect_download() as download:
        library.get_by_label("Export all transcripts").select_option("every")
    held = zipfile.ZipFile(download.value.path())
    forms = ("txt", "srt", "vtt", "json", "md", "docx")
    assert sorted(held.namelist()) == sorted(f"{name}.{form}" for name in NAMES for form in forms)
    document = zipfile.ZipFile(io.BytesIO(held.read("two.docx")))
    assert TEXTS[1] in document.read("word/document.xml").decode()
    assert json.loads(held.read("two.json"))["text"] == TEXTS[1]


def test_one_is_exported_as_a_word_document(library: Locator) -> None:
    page = library.page
    with page.expect_download() as download:
        library.get_by_label("Export two.flac").select_option("docx")
    assert download.value.suggested_filename == "two.docx"
    document = zipfile.ZipFile(download.value.path())
    assert TEXTS[1] in document.read("word/document.xml").decode()


def test_several_and_all_are_removed_and_taken_back(
    library: Locator, context: BrowserContext, wire: Wire
) -> None:
    other = context.new_page()
    other.goto(wire.url)
    takes = other.locator(".take")
    expect(takes).to_have_count(3)
    rows = library.locator(".transcript-row")
    library.get_by_label("Choose one.flac").check()
    library.get_by_label("Choose two.flac").check()
    library.get_by_role("button", name="Remove 2", exact=True).click()
    expect(rows).to_have_count(1)
    expect(takes).to_have_count(1)
    library.get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(3)
    expect(takes).to_have_count(3)
    library.get_by_label("2 chosen").check()
    library.get_by_role("button", name="Remove 3", exact=True).click()
    expect(library.get_by_text("Removed 3 transcripts.")).to_be_visible()
    expect(takes).to_have_count(0)
    library.get_by_role("button", name="Dismiss").click()
    until(other, lambda: other.evaluate(PICTURES) == 0)


def test_the_room_that_everything_takes_is_shown(library: Locator) -> None:
    expect(library.locator(".room")).to_have_text(
        re.compile(
            r"3 pictures are kept: \d+ kB\. All in all, this page takes [\d.]+ .?B"
            r" of the [\d.]+ .?B that this browser allows\."
        )
    )


def test_the_browser_is_asked_to_keep_what_is_there(page: Page, wire: Wire) -> None:
    page.add_init_script(
        """
        window.asked = 0;
        StorageManager.prototype.persist = async () => { asked += 1; return true; };
        """
    )
    page.reload()
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    assert page.evaluate("asked") == 0
    wire.answer_instead = saying(TEXTS[0])
    choose_file(page, SAMPLE)
    words(page, TEXTS[0])
    assert page.evaluate("asked") == 1


def keep_pictures(page: Page, megabytes: float) -> None:
    """Choose how much of pictures is kept, from when the page is opened again on."""
    page.evaluate(
        """(megabytes) => {
            const settings = JSON.parse(localStorage.getItem("hush-settings"));
            settings.keptPictures = megabytes;
            localStorage.setItem("hush-settings", JSON.stringify(settings));
        }""",
        megabytes,
    )


def test_the_oldest_pictures_give_way_and_words_stay(kept: Page, context: BrowserContext) -> None:
    assert kept.evaluate(PICTURES) == 3
    size = kept.locator(".picture-figures").first.inner_text()
    kilobytes = int(re.search(r"(\d+) kB", size)[1])  # type: ignore[index]
    keep_pictures(kept, 2.5 * kilobytes / 1000)
    kept.reload()
    until(kept, lambda: kept.evaluate(PICTURES) == 2)
    for text in TEXTS:
        words(kept, text)
    oldest = kept.locator(".picture-row").last
    expect(oldest).to_contain_text("gave way to newer ones")
    oldest.get_by_role("button").click()
    expect(kept.get_by_text("The picture gave way to newer ones.")).to_be_visible()
    kept.keyboard.press("Escape")
    # What comes later makes older ones give way, in whichever tab it is heard.
    other = context.new_page()
    other.goto(kept.url)
    choose_file(other, ("four.flac", SAMPLE.read_bytes()))
    expect(kept.locator(".picture-row")).to_have_count(4)
    expect(kept.locator(".picture-row", has_text="gave way")).to_have_count(2)
    assert kept.evaluate(PICTURES) == 2


FAILING = """
const erase = IDBObjectStore.prototype.delete;
IDBObjectStore.prototype.delete = function () {
    IDBObjectStore.prototype.delete = erase;
    throw new Error("not now");
};
"""
"""Erases nothing the first time."""


def test_pictures_give_way_although_that_failed_before(
    page_with: Callable[[str], Page], wire: Wire
) -> None:
    wire.answer_instead = saying(TEXTS[0])
    page = page_with(FAILING)
    for number in (1, 2):
        choose_file(page, (f"{number}.flac", SAMPLE.read_bytes()))
        expect(page.locator(".said[data-state=answered]")).to_have_count(number)
    keep_pictures(page, 0.001)
    page.reload()
    choose_file(page, ("3.flac", SAMPLE.read_bytes()))
    expect(page.locator(".picture-row")).to_have_count(3)
    until(page, lambda: page.evaluate(PICTURES) < 2)


def test_how_many_pictures_are_kept_can_be_chosen(kept: Page) -> None:
    kept.get_by_role("button", name="Settings").click()
    kept.get_by_label("Pictures kept on this device").select_option("20 MB")
    kept.reload()
    kept.get_by_role("button", name="Settings").click()
    expect(kept.get_by_label("Pictures kept on this device")).to_have_value("20")


FULL = """
const put = IDBObjectStore.prototype.put;
let [room, left] = [%d, %d];
IDBObjectStore.prototype.put = function (...given) {
    if (this.name === "pictures" && --room < 0 && left > 0) {
        left -= 1;
        throw new DOMException("no room", "QuotaExceededError");
    }
    return put.apply(this, given);
};
"""
"""Has room for so many pictures, and then, so many times, for none."""


def test_on_a_full_device_older_pictures_make_room(
    page_with: Callable[[str], Page], wire: Wire
) -> None:
    wire.answer_instead = saying(*TEXTS)
    page = page_with(FULL % (2, 1))
    for name, text in zip(NAMES, TEXTS, strict=True):
        choose_file(page, (f"{name}.flac", SAMPLE.read_bytes()))
        words(page, text)
    assert page.locator(".picture-row").count() == 3
    expect(page.locator(".picture-row", has_text="gave way").last).to_be_attached()
    assert page.evaluate(PICTURES) == 1
    expect(page.locator(".problem")).to_have_count(0)


def test_a_device_that_stays_full_says_so_in_a_sentence(
    page_with: Callable[[str], Page],
) -> None:
    page = page_with(FULL % (0, 1_000))
    choose_file(page, SAMPLE)
    expect(page.locator(".file-problem")).to_contain_text(
        re.compile(
            "this device is full: remove recordings, or make room on it, and try again", re.I
        )
    )


def test_a_long_queue_leaves_the_transcript_where_it_is(page: Page, wire: Wire) -> None:
    wire.answer_instead = saying(TEXTS[0])
    page.on("dialog", lambda dialog: dialog.accept())
    sample = SAMPLE.read_bytes()
    choose_file(page, *[(f"{number}.flac", sample) for number in range(6)])
    expect(page.locator(".files-head")).to_contain_text("waiting")
    tall = page.locator(".files").bounding_box()
    assert tall is not None
    page.evaluate(
        """(data) => {
            const transfer = new DataTransfer();
            for (let number = 0; number < 300; number += 1) {
                transfer.items.add(new File([new Uint8Array(data)], `more ${number}.flac`));
            }
            const [chooser] = document.querySelectorAll("input[type=file]");
            chooser.files = transfer.files;
            chooser.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        list(sample),
    )
    expect(page.locator(".file").nth(290)).to_be_attached()
    many = page.locator(".files").bounding_box()
    assert many is not None
    assert many["height"] <= 220
    expect(page.locator(".transcript-text")).to_be_in_viewport()
    expect(page.locator(".file[data-state=listening]")).to_be_in_viewport()
    words(page, TEXTS[0])
    page.get_by_role("button", name="Clear the list").click()
    expect(page.locator(".file")).to_have_count(0)


def test_it_fits_every_screen_in_both_themes(browser: Browser, wire: Wire) -> None:
    wire.answer_instead = saying(*TEXTS)
    context = new_context(browser)
    page = context.new_page()
    page.goto(wire.url)
    for name, text in zip(NAMES, TEXTS, strict=True):
        choose_file(page, (f"{name}.flac", SAMPLE.read_bytes()))
        words(page, text)
    FOLDER.mkdir(parents=True, exist_ok=True)

    def look(what: str, dialog: Locator | None = None) -> None:
        for width, height in ((360, 740), (768, 1024), (1440, 900)):
            page.set_viewport_size({"width": width, "height": height})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                page.screenshot(path=FOLDER / f"{what}-{theme}-{width}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert dialog is None or dialog.evaluate("(it) => it.scrollWidth <= it.clientWidth")

    page.get_by_role("button", name="Mend the words").first.click()
    page.keyboard.press("Home")
    page.keyboard.type("Written: ")
    look("mending")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="mended", exact=True).click()
    look("mended")
    library = opened(page)
    look("library", library)
    library.get_by_role("searchbox").fill("country")
    library.get_by_label("Replace with").fill("city")
    library.get_by_role("button", name="Replace all 2").click()
    look("replaced", library)
    library.get_by_role("searchbox").fill("city")
    look("found", library)
    context.close()
