"""Languages: which one was heard, how to mend that, and English beside it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from hush.image import decode
from hush.transcript import Transcript
from local.wire import Request, Response, Wire
from tests.conftest import GERMAN, Samples
from tests.ui.conftest import ServiceWith, choose_file, until, wav, words

GERMAN_WORDS = "die Wahrheit zu sagen"
ENGLISH_WORDS = re.compile("truth", re.IGNORECASE)
TRANSLATIONS = "/v1/audio/translations"


@pytest.fixture(scope="module")
def service_url(service_with: ServiceWith) -> str:
    """The service that the page comes from."""
    return service_with("base")


@pytest.fixture
def german(page: Page) -> Page:
    """The page with something said in German."""
    choose_file(page, GERMAN)
    words(page, GERMAN_WORDS)
    return page


def translations(wire: Wire) -> list[Request]:
    return [request for request in wire.pictures() if request.path == TRANSLATIONS]


def test_the_language_that_was_heard_is_in_sight_and_marks_the_words(german: Page) -> None:
    expect(german.locator(".take-head .language")).to_have_text("German")
    expect(german.locator(".words")).to_have_attribute("lang", "de")
    # Where nothing changes, nothing is said again.
    expect(german.locator(".said .language")).to_have_count(0)


def by_length(request: Request) -> Response | None:
    """Answer as if longer pictures were German, and shorter ones English."""
    if request.method != "POST":
        return None
    seconds = decode(request.form()["file"]).frames / 100
    language = "german" if seconds > 18.4 else "english"
    body = Transcript(f"In {language}.", seconds, language).verbose_json()
    return Response(200, {"Content-Type": "application/json"}, json.dumps(body).encode())


def test_a_language_is_named_where_it_changes(page: Page, wire: Wire, sample: Samples) -> None:
    """Pauses in what is cut out as a whole decide which language it is said to be in."""

    def said(pause: float) -> Samples:
        silence = np.zeros(round(16_000 * pause), np.float32)
        end = np.zeros(32_000, np.float32)
        return np.concatenate([*[sample, silence] * 3, sample, end])

    wire.answer_instead = by_length
    short, long = said(0.3), said(0.9)
    choose_file(page, ("mixed.wav", wav(np.concatenate([short, short, long, long, short]))))
    expect(page.locator(".words[data-state=answered]")).to_have_count(5)
    assert page.locator(".words").evaluate_all("(all) => all.map(({ lang }) => lang)") == [
        "en",
        "en",
        "de",
        "de",
        "en",
    ]
    expect(page.locator(".take-head .language")).to_have_text("English")
    expect(page.locator(".said .language")).to_have_text(["German", "English"])
    # The part that it stands before is what it has transcribed again.
    page.locator(".said .language").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Transcribe 1 picture again").click()
    until(page, lambda: len(wire.pictures()) == 6)


def test_a_wrong_language_is_mended(page: Page, wire: Wire) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Language spoken").select_option("Spanish")
    page.keyboard.press("Escape")
    choose_file(page, GERMAN)
    tag = page.locator(".take-head .language")
    expect(tag).to_have_text("Spanish")
    expect(page.locator(".take")).not_to_contain_text(GERMAN_WORDS)
    tag.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Language spoken")).to_have_value("es")
    dialog.get_by_label("Language spoken").select_option("German")
    dialog.get_by_role("button", name=re.compile("^Transcribe .* again$")).click()
    words(page, GERMAN_WORDS)
    expect(tag).to_have_text("German")
    first, second = (request.form() for request in wire.pictures())
    assert (first["language"], second["language"]) == (b"es", b"de")
    assert first["file"] == second["file"]


@pytest.mark.parametrize("width", [360, 1280])
def test_english_stands_beside_what_was_said_and_under_it_on_narrow_screens(
    german: Page, wire: Wire, width: int
) -> None:
    german.set_viewport_size({"width": width, "height": 800})
    german.get_by_role("button", name="In English").click()
    english = german.locator(".english")
    expect(english).to_contain_text(ENGLISH_WORDS)
    expect(english).to_have_attribute("lang", "en")
    expect(german.locator(".words")).to_contain_text(GERMAN_WORDS)
    there, here = german.locator(".words").bounding_box(), english.bounding_box()
    assert there
    assert here
    if width < 640:
        assert here["y"] >= there["y"] + there["height"] - 1
    else:
        assert here["x"] >= there["x"] + there["width"] - 1
    assert german.evaluate("document.documentElement.scrollWidth") <= width
    first, second = wire.pictures()
    assert second.path == TRANSLATIONS
    assert first.form()["file"] == second.form()["file"]
    expect(german.locator(".tally")).to_contain_text("2 pictures")
    expect(german.locator(".tally")).to_contain_text(re.compile("1 of them, .* in English"))


def test_a_translation_is_kept_and_exported_and_goes_away_again(german: Page, wire: Wire) -> None:
    german.get_by_role("button", name="In English").click()
    expect(german.locator(".english")).to_contain_text(ENGLISH_WORDS)
    german.reload()
    expect(german.locator(".english")).to_contain_text(ENGLISH_WORDS)
    with german.expect_download() as download:
        german.get_by_label("Export german.flac").select_option("txt en")
    assert download.value.suggested_filename == "german.en.txt"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert ENGLISH_WORDS.search(text)
    assert GERMAN_WORDS not in text
    with german.expect_download() as download:
        german.get_by_label("Export german.flac").select_option("json")
    exported = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert GERMAN_WORDS in exported["text"]
    assert ENGLISH_WORDS.search(exported["segments"][0]["english"])
    german.get_by_role("button", name="In English").click()
    expect(german.locator(".english")).to_have_count(0)
    assert len(translations(wire)) == 1


def test_what_is_heard_again_is_translated_again(german: Page, wire: Wire) -> None:
    german.get_by_role("button", name="In English").click()
    expect(german.locator(".english")).to_contain_text(ENGLISH_WORDS)
    german.get_by_role("button", name="Transcribe again", exact=True).click()
    german.get_by_role("dialog").get_by_role(
        "button", name=re.compile("^Transcribe .* again$")
    ).click()
    until(german, lambda: len(translations(wire)) == 2)
    expect(german.locator(".english")).to_contain_text(ENGLISH_WORDS)


def test_a_translation_waits_for_the_service(german: Page, wire: Wire) -> None:
    wire.answer_instead = lambda request: (
        Response(503, {"Retry-After": "1"}) if request.path == TRANSLATIONS else None
    )
    german.get_by_role("button", name="In English").click()
    until(german, lambda: len(translations(wire)) > 0)
    expect(german.locator(".english .pending")).to_be_visible()
    wire.answer_instead = lambda _: None
    expect(german.locator(".english")).to_contain_text(ENGLISH_WORDS)


def test_where_no_model_translates_the_page_says_so(german: Page, wire: Wire) -> None:
    def english_only(request: Request, response: Response) -> Response:
        if request.path != "/v1/models":
            return response
        listed = json.loads(response.body)
        for model in listed["data"]:
            model["tasks"] = ["transcribe"]
        return Response(response.status, response.headers, json.dumps(listed).encode())

    wire.change = english_only
    german.reload()
    expect(german.locator(".light")).to_have_attribute("data-light", "up")
    expect(german.get_by_role("button", name="In English")).to_be_disabled()
    expect(german.locator(".take-head")).to_contain_text("base cannot translate")
