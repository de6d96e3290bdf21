"""What people do with the page once there are words."""

import json
import re
from pathlib import Path

import httpx2
import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hush.image import decode
from local.processes import ROOT
from local.wire import Request, Response, Wire
from tests.ui.conftest import SAMPLE, choose_file, until, words

LATER = ("listener", "capture", ".wasm")
"""What is fetched when the page stands, for whoever speaks without a network."""
HEADERS = json.loads((ROOT / "ui" / "headers.json").read_text())


@pytest.fixture
def heard(page: Page, sample_words: str) -> Page:
    """The page after the sample."""
    choose_file(page, SAMPLE)
    words(page, sample_words)
    return page


def download(page: Page, name: str) -> Path:
    with page.expect_download() as started:
        page.get_by_role("button", name=name).click()
    return Path(started.value.path())


def test_every_file_of_the_page_has_its_headers(service_url: str) -> None:
    accept = {"Accept": "text/html"}
    html = httpx2.get(service_url, headers=accept)
    paths = ["/", "/privacy.html", *re.findall(r'(?:src|href)="\.(/[^"]+)"', html.text)]
    assert any(path.endswith(".js") for path in paths)
    for path in paths:
        answer = httpx2.get(service_url + path, headers=accept)
        assert answer.status_code == 200, path
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_what_comes_before_the_page_stands_is_small(context: BrowserContext, wire: Wire) -> None:
    came: dict[str, int] = {}

    def note(request: Request, response: Response) -> Response:
        came[request.path] = len(response.body)
        return response

    wire.change = note
    page = context.new_page()
    page.goto(wire.url)
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    until(page, lambda: any("listener" in path for path in came))
    first = {
        path: size
        for path, size in came.items()
        if (path == "/" or path.startswith("/assets/")) and not any(name in path for name in LATER)
    }
    assert {path.split("-")[0] for path in first} >= {"/assets/index", "/assets/painter"}
    assert sum(first.values()) < 60_000, first


def test_nothing_can_be_asked_of_another_host(page: Page) -> None:
    blocked = page.evaluate(
        "fetch('https://example.com/').then(() => 'sent', (error) => error.constructor.name)"
    )
    assert blocked == "TypeError"
    reported = page.evaluate(
        """() => new Promise((resolve) => {
            addEventListener("securitypolicyviolation", (event) =>
                resolve(event.effectiveDirective));
            fetch("https://example.com/").catch(() => {});
        })"""
    )
    assert reported == "connect-src"


@pytest.mark.parametrize("form", ["txt", "srt", "vtt", "json"])
def test_a_transcript_is_exported(heard: Page, sample_words: str, form: str) -> None:
    with heard.expect_download() as started:
        heard.get_by_label("Export sample.flac").select_option(form)
    assert started.value.suggested_filename == f"sample.{form}"
    text = Path(started.value.path()).read_text(encoding="utf-8")
    assert sample_words in " ".join(text.split())
    if form in ("srt", "vtt"):
        assert re.search(r"00:00:00[.,]\d{3} --> 00:00:0\d[.,]\d{3}\n", text)
    if form == "json":
        assert json.loads(text)["segments"][0]["language"] == "english"


def test_the_picture_that_is_shown_is_the_one_that_was_sent(heard: Page, wire: Wire) -> None:
    heard.locator(".picture-button").click()
    sent = wire.pictures()[0].form()["file"]
    png = download(heard, "Download PNG").read_bytes()
    assert png == sent
    tga = decode(download(heard, "Download TGA").read_bytes())
    assert np.array_equal(tga.pixels, decode(sent).pixels)
    assert (tga.minimum, tga.maximum) == (decode(sent).minimum, decode(sent).maximum)
    expect(heard.locator(".facts")).to_contain_text("English")
    expect(heard.locator(".large-view img")).to_be_visible()
    before = heard.locator(".large-view img").bounding_box()
    heard.get_by_label("Zoom").fill("1")
    after = heard.locator(".large-view img").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > before["width"] * 2


def test_keys_alone_open_turn_and_close_pictures(page: Page, sample_words: str) -> None:
    choose_file(page, *[(f"{number}.flac", SAMPLE.read_bytes()) for number in (1, 2)])
    expect(page.locator(".said", has_text=sample_words)).to_have_count(2)
    page.locator(".time").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Previous picture")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Next picture")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".time").first).to_be_focused()


def test_words_are_copied(heard: Page, context: BrowserContext, sample_words: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    heard.get_by_role("button", name="Copy").click()
    expect(heard.get_by_text("Copied")).to_be_visible()
    assert heard.evaluate("navigator.clipboard.readText()") == sample_words


def test_new_words_are_told_to_screen_readers(heard: Page, sample_words: str) -> None:
    expect(heard.locator(".transcript [aria-live=polite]").last).to_have_text(sample_words)


def test_settings_count_and_are_remembered(page: Page, wire: Wire, sample_words: str) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Language spoken").select_option("English")
    page.get_by_label("Model").select_option("demo")
    page.get_by_label("Signs in a line of subtitles").fill("20")
    page.get_by_role("group", name="Lines of subtitles").get_by_label("1").check()
    page.get_by_label("Dark").check()
    page.keyboard.press("Escape")
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    choose_file(page, SAMPLE)
    words(page, sample_words)
    form = wire.pictures()[0].form()
    assert (form["model"], form["language"]) == (b"demo", b"en")
    with page.expect_download() as started:
        page.get_by_label("Export sample.flac").select_option("srt")
    blocks = Path(started.value.path()).read_text(encoding="utf-8").strip().split("\n\n")
    assert len(blocks) > 2
    assert all(len(block.splitlines()) == 3 for block in blocks)
    assert max(len(block.splitlines()[-1]) for block in blocks) <= 20


def test_the_light_says_what_the_service_waits_for(page: Page, wire: Wire) -> None:
    light = page.locator(".light")
    expect(light).to_have_attribute("data-light", "up")

    def status(state: str) -> Response:
        body = json.dumps({"models": {"large-v3": state}, "queue": 0, "done": 0}).encode()
        return Response(200, {"Content-Type": "application/json"}, body)

    def loading(request: Request) -> Response | None:
        return status("loading") if request.path == "/mel" else None

    wire.answer_instead = loading
    page.reload()
    expect(light).to_have_attribute("data-light", "starting")
    expect(light).to_contain_text("loading its model large-v3")
    wire.answer_instead = lambda request: Response(503) if request.path == "/mel" else None
    expect(light).to_contain_text("starting")
    wire.answer_instead = lambda _: None
    expect(light).to_have_attribute("data-light", "up")


def test_the_privacy_page_says_what_a_picture_tells(page: Page) -> None:
    page.get_by_role("link", name="Privacy", exact=True).click()
    expect(page.get_by_text("turned back into intelligible speech")).to_be_visible()
