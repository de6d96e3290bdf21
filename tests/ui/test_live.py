"""Words while a person speaks, with real weights."""

import json
import re
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from hush.image import decode
from hush.transcript import Transcript
from local.wire import Request, Response, Wire
from tests.ui.conftest import SAMPLE, BrowserWith, ServiceWith, choose_file, hears, until, words

FIRST_WORDS = "And so my fellow Americans ask not"
LAST_WORDS = "what you can do for your country"

WATCH_WORDS = """
window.seen = [];
window.jumps = [];
new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
        const moved = sources.map(({ node }) => node?.className ?? node?.nodeName);
        if (!hadRecentInput && value > 0.04) jumps.push([value, ...moved]);
    }
}).observe({ type: "layout-shift", buffered: true });
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    const said = document.querySelector(".said");
    if (!said) return;
    said.id ||= "first-line";
    const text = said.closest(".transcript-text");
    seen.push({
        line: said.id,
        top: said.offsetTop,
        height: said.offsetHeight,
        utterance: said.querySelector(".firm")?.closest(".words").dataset.utterance,
        firm: said.querySelector(".firm")?.textContent ?? "",
        grey: said.querySelector(".grey")?.textContent ?? "",
        state: said.dataset.state,
        told: document.querySelector(".transcript [aria-live]").textContent,
    });
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true }));
"""
"""Remembers what the first line of the transcript looked like, whenever anything changed."""


@pytest.fixture(scope="module")
def service_url(service_with: ServiceWith) -> str:
    """The service that the page comes from."""
    return service_with("tiny.en")


@pytest.fixture(scope="module")
def browser(browser_with: BrowserWith, person_file: Path) -> Browser:
    """A browser whose microphone hears a person."""
    return browser_with(*hears(person_file))


def interim(wire: Wire) -> list[dict[str, bytes]]:
    """Return the forms of all pictures of what was still being said."""
    forms = [request.form() for request in wire.pictures()]
    return [form for form in forms if form.get("interim") == b"true"]


def final(wire: Wire) -> list[dict[str, bytes]]:
    """Return the forms of all other pictures."""
    forms = [request.form() for request in wire.pictures()]
    return [form for form in forms if "interim" not in form]


@pytest.fixture
def listening(page: Page, wire: Wire) -> Page:
    """The page, when somebody begins to speak."""
    page.add_init_script(WATCH_WORDS)
    page.reload()
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    page.get_by_role("button", name="Start listening").click()
    return page


JOINED = 600
"""Frames that none of his phrases has, and all of them together have."""


def in_time(request: Request) -> Response | None:
    """Answer interim pictures at once, with as many words as they are long: a model may be late."""
    if request.method != "POST" or request.form().get("interim") != b"true":
        return None
    seconds = decode(request.form()["file"]).frames / 100
    text = " ".join(
        ["And", "so", "my", "fellow", "Americans", "ask", "not"][: 1 + int(2 * seconds)]
    )
    body = json.dumps(Transcript(text, seconds, "english").verbose_json()).encode()
    return Response(200, {"Content-Type": "application/json"}, body)


def test_words_come_while_somebody_speaks_and_settle_in_their_place(
    page: Page, wire: Wire, request: pytest.FixtureRequest
) -> None:
    wire.answer_instead = in_time
    # Where lines are short, words that change break them most.
    page.set_viewport_size({"width": 360, "height": 740})
    listening: Page = request.getfixturevalue("listening")
    expect(listening.locator(".grey, .firm").first).to_be_visible()
    words(listening, LAST_WORDS)
    expect(listening.locator(".said[data-state=answered]").first).to_be_visible()
    seen: list[dict[str, Any]] = listening.evaluate("seen")
    shown = [one for one in seen if one["firm"] or one["grey"]]
    assert any(one["state"] == "open" for one in shown)
    # The same line all the time, in the same place, that never falls together.
    assert {(one["line"], one["top"]) for one in seen} == {("first-line", shown[0]["top"])}
    first = seen.index(shown[0])
    assert min(one["height"] for one in seen[first:]) >= shown[0]["height"]
    assert listening.evaluate("jumps") == []
    # What is firm stays until the final words are there.
    firm = [one for one in seen if one["firm"]]
    assert all(
        later["firm"].startswith(earlier["firm"])
        for earlier, later in pairwise(firm)
        if earlier["utterance"] == later["utterance"]
    )
    # Nobody is read what may still change.
    final = listening.locator(".take").inner_text()
    assert all(one["told"] in final for one in seen)


def test_what_is_still_being_said_leaves_as_pictures_that_are_counted(
    listening: Page, wire: Wire
) -> None:
    words(listening, LAST_WORDS)
    listening.get_by_role("button", name="Stop").click()
    expect(listening.locator(".said[data-state=open]")).to_have_count(0)
    widths = [decode(form["file"]).frames for form in interim(wire)]
    assert widths
    assert min(widths) >= 100
    assert max(widths) <= 3000
    tally = listening.locator(".tally")
    expect(tally).to_contain_text("showed what was still being said")
    counted = int(tally.inner_text().split()[0])
    # All that left is counted; so is what each cut had the browser give up before it had left.
    sent = len(wire.pictures())
    assert sent <= counted <= sent + len(final(wire))


def test_interim_pictures_wait_for_nothing_and_nothing_waits_for_them(
    listening: Page, wire: Wire
) -> None:
    """Interim words are never answered here: the final ones come all the same."""
    held: list[Request] = []

    def answer(request: Request) -> Response | None:
        if request.method != "POST" or b'name="interim"' not in request.body:
            return None
        held.append(request)
        listening_ended.wait()
        return Response(204)

    listening_ended = threading.Event()
    wire.answer_instead = answer
    try:
        words(listening, LAST_WORDS)
        # One for each segment at most: the next waits for it, or for the segment's end.
        finals = len(wire.pictures()) - len(held)
        assert 0 < len(held) <= finals + 1
    finally:
        listening_ended.set()


@pytest.mark.parametrize("status", [204, 500])
def test_words_that_are_refused_meanwhile_are_no_trouble(
    listening: Page, wire: Wire, status: int
) -> None:
    refused: list[Request] = []

    def answer(request: Request) -> Response | None:
        if request.method != "POST" or b'name="interim"' not in request.body:
            return None
        refused.append(request)
        return Response(status)

    wire.answer_instead = answer
    words(listening, LAST_WORDS)
    assert refused
    expect(listening.locator(".light")).to_have_attribute("data-light", "up")
    assert not any(one["firm"] or one["grey"] for one in listening.evaluate("seen"))


def test_what_was_being_said_when_the_page_closed_is_kept(listening: Page, wire: Wire) -> None:
    wire.answer_instead = in_time
    open_line = listening.locator(".said[data-state=open]", has_text="fellow")
    expect(open_line.first).to_be_visible()
    listening.on("dialog", lambda dialog: dialog.accept())
    listening.reload()
    words(listening, "fellow")
    expect(listening.locator(".take")).to_contain_text("This recording ended early")
    expect(listening.locator(".said[data-state=open]")).to_have_count(0)


def test_fragments_are_settled_as_a_paragraph_by_one_longer_picture(
    listening: Page, wire: Wire
) -> None:
    words(listening, LAST_WORDS)
    fragments = listening.locator(".words").count()
    assert fragments > 1
    listening.get_by_role("button", name="Stop").click()
    paragraph = listening.locator(".said[data-settled=true]")
    expect(paragraph).to_have_count(1)
    expect(listening.locator(".said")).to_have_count(1)
    # One sentence, where pauses had made several.
    assert re.fullmatch(r"[^.!?]*what your country can do for you[^.!?]*[.!?].*", _text(paragraph))
    *pieces, joined = [decode(form["file"]).frames for form in final(wire)]
    assert joined == sum(pieces)
    assert joined <= 3000
    with listening.expect_download() as download:
        listening.get_by_role("combobox", name="Export Microphone").select_option("txt")
    assert download.value.path().read_text(encoding="utf-8").strip() == _text(paragraph)
    expect(listening.locator(".picture-row").first).to_contain_text(f"{fragments} joined")
    # It is told once: as it was said.
    told = listening.locator(".transcript [aria-live]").last.inner_text()
    assert told != _text(paragraph)


def _text(paragraph: Locator) -> str:
    return paragraph.locator(".words").inner_text().strip()


@pytest.mark.parametrize("status", [400, 500])
def test_nothing_is_lost_where_settling_fails(listening: Page, wire: Wire, status: int) -> None:
    failed: list[Request] = []

    def fail_joined(request: Request) -> Response | None:
        form = request.form() if request.method == "POST" else {}
        if "file" not in form or "interim" in form or decode(form["file"]).frames < JOINED:
            return None
        failed.append(request)
        return Response(status)

    wire.answer_instead = fail_joined
    words(listening, LAST_WORDS)
    listening.get_by_role("button", name="Stop").click()
    expect(listening.get_by_role("button", name="Start listening")).to_be_enabled()
    until(listening, lambda: failed != [])
    expect(listening.locator(".said[data-state=open], .said[data-state=waiting]")).to_have_count(0)
    said = listening.locator(".words").all_inner_texts()
    assert len(said) > 1
    text = " ".join(said).lower()
    assert all(words in text for words in ("fellow americans", "ask not", LAST_WORDS))
    wire.answer_instead = lambda _: None


@pytest.mark.parametrize("code", ["quota_exceeded", "busy"])
def test_nothing_waits_for_what_only_settles_words(listening: Page, wire: Wire, code: str) -> None:
    refusal = json.dumps({"error": {"message": "not now", "code": code}}).encode()
    refused: list[Request] = []

    def refuse_joined(request: Request) -> Response | None:
        form = request.form() if request.method == "POST" else {}
        if "file" not in form or "interim" in form or decode(form["file"]).frames < JOINED:
            return None
        refused.append(request)
        return Response(429, {"Content-Type": "application/json", "Retry-After": "3600"}, refusal)

    wire.answer_instead = refuse_joined
    words(listening, LAST_WORDS)
    listening.get_by_role("button", name="Stop").click()
    until(listening, lambda: refused != [])
    wire.answer_instead = lambda _: None
    choose_file(listening, SAMPLE)
    file = listening.locator(".take", has_text="sample.flac")
    expect(file.locator(".said[data-state=answered]")).to_be_visible()
    expect(listening.locator(".light")).to_have_attribute("data-light", "up")
