"""What was said is never lost: not by the network, not by the service, not by the browser."""

import sys
import threading
import time

from playwright.sync_api import BrowserContext, Page, expect

from local.processes import free_port, running, wait_until_ready
from local.wire import Request, Response, Wire
from tests.ui.conftest import (
    PATIENCE,
    SAMPLE,
    BrowserWith,
    choose_file,
    new_context,
    until,
    words,
)


def test_a_service_that_goes_away_and_comes_back_loses_nothing(
    built_page: None, browser_with: BrowserWith, sample_words: str
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "hush_service"]
    page = new_context(browser_with()).new_page()
    with running(command, HUSH_PORT=str(port)) as service:
        wait_until_ready(url, service)
        page.goto(url)
        expect(page.locator(".light")).to_have_attribute("data-light", "up")
        # Its parts that come with the first file are there before the service goes.
        choose_file(page, SAMPLE)
        words(page, sample_words)
    choose_file(page, ("said while it was away.flac", SAMPLE.read_bytes()))
    expect(page.locator(".said[data-state=waiting]")).to_have_count(1)
    expect(page.locator(".light")).to_have_attribute("data-light", "down")
    with running(command, HUSH_PORT=str(port)) as service:
        wait_until_ready(url, service)
        expect(page.locator(".said", has_text=sample_words)).to_have_count(2)
        expect(page.locator(".light")).to_have_attribute("data-light", "up")
    page.context.close()


def test_what_is_said_without_a_network_is_kept(
    page: Page, context: BrowserContext, wire: Wire, sample_words: str
) -> None:
    """All that the microphone needs is fetched when the page stands, before anybody speaks."""
    needed = ("capture", ".wasm", "v1/models")
    until(page, lambda: all(any(part in one.path for one in wire.requests) for part in needed))
    page.wait_for_load_state("networkidle")
    context.set_offline(True)
    page.get_by_role("button", name="Start listening").click()
    expect(page.locator(".said[data-state=waiting]").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    context.set_offline(False)
    words(page, sample_words)


def test_what_waits_survives_a_reload(page: Page, wire: Wire, sample_words: str) -> None:
    wire.answer_instead = lambda request: Response(502) if request.method == "POST" else None
    choose_file(page, SAMPLE)
    expect(page.locator(".said[data-state=waiting]")).to_have_count(1)
    expect(page.locator(".file")).to_have_count(0)
    page.reload()
    expect(page.locator(".said[data-state=waiting]")).to_have_count(1)
    wire.answer_instead = lambda _: None
    words(page, sample_words)
    page.reload()
    words(page, sample_words)
    expect(page.locator(".picture-frame canvas")).to_be_visible()


def test_a_busy_service_is_asked_again_when_it_says(
    page: Page, wire: Wire, sample_words: str
) -> None:
    asked: list[float] = []

    def busy_once(request: Request) -> Response | None:
        if request.method != "POST":
            return None
        asked.append(time.monotonic())
        return Response(429, {"Retry-After": "3"}) if len(asked) == 1 else None

    wire.answer_instead = busy_once
    choose_file(page, SAMPLE)
    words(page, sample_words)
    # By itself, the page would have asked after a second at most.
    assert asked[1] - asked[0] > 2.9
    first, second = wire.pictures()
    assert first.form()["file"] == second.form()["file"]


def test_at_most_three_pictures_are_under_way(page: Page, wire: Wire, sample_words: str) -> None:
    gate = threading.Event()

    def hold(request: Request) -> None:
        if request.method == "POST":
            assert gate.wait(PATIENCE)

    wire.answer_instead = hold
    choose_file(page, *[(f"{number}.flac", SAMPLE.read_bytes()) for number in range(6)])
    expect(page.locator(".said[data-state=waiting]")).to_have_count(6)
    until(page, lambda: len(wire.pictures()) == 3)
    expect(page.locator(".file")).to_have_count(0)
    assert len(wire.pictures()) == 3
    gate.set()
    expect(page.locator(".said", has_text=sample_words)).to_have_count(6)
    assert len(wire.pictures()) == 6


def test_what_is_refused_says_why_and_can_be_sent_again(
    page: Page, wire: Wire, sample_words: str
) -> None:
    refusal = b'{"error": {"message": "this picture is not to my taste"}}'
    wire.answer_instead = lambda request: (
        Response(400, {"Content-Type": "application/json"}, refusal)
        if request.method == "POST"
        else None
    )
    choose_file(page, SAMPLE)
    expect(page.locator(".refused")).to_contain_text("this picture is not to my taste")
    wire.answer_instead = lambda _: None
    page.get_by_role("button", name="Send again").click()
    words(page, sample_words)


def test_a_service_that_wants_a_key_gets_it(page: Page, wire: Wire, sample_words: str) -> None:
    def locked(request: Request) -> Response | None:
        asks = request.path == "/mel" or request.path.startswith("/v1/")
        if asks and request.headers.get("authorization") != "Bearer sesame":
            return Response(401)
        return None

    wire.answer_instead = locked
    page.reload()
    expect(page.locator(".light")).to_have_attribute("data-light", "locked")
    choose_file(page, SAMPLE)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Key").fill("sesame")
    page.keyboard.press("Escape")
    words(page, sample_words)


def test_two_tabs_send_each_picture_once_and_both_show_it(
    page: Page, context: BrowserContext, wire: Wire, sample_words: str
) -> None:
    other = context.new_page()
    other.goto(wire.url)
    choose_file(other, SAMPLE)
    words(other, sample_words)
    words(page, sample_words)
    assert len(wire.pictures()) == 1
    page.close()
    choose_file(other, ("again.flac", SAMPLE.read_bytes()))
    expect(other.locator(".said", has_text=sample_words)).to_have_count(2)


KEPT = """
() => new Promise((resolve) => {
    indexedDB.open("hush").onsuccess = ({ target: { result } }) => {
        const names = [...result.objectStoreNames];
        const counts = names.map((name) => new Promise((done) => {
            result.transaction(name).objectStore(name).count().onsuccess = (event) =>
                done(event.target.result);
        }));
        Promise.all(counts).then((counts) => { result.close(); resolve(counts); });
    };
})
"""

REMOVED_BEFORE = """
() => new Promise((resolve) => {
    indexedDB.open("hush").onsuccess = ({ target: { result } }) => {
        const change = result.transaction("recordings", "readwrite");
        change.objectStore("recordings").openCursor().onsuccess = ({ target: { result: place } }) =>
            place?.update({ ...place.value, removed: place.value.removed - 20_000 });
        change.oncomplete = () => { result.close(); resolve(); };
    };
})
"""
"""Has the one recording be removed for longer than removals are taken back."""


def test_removing_a_recording_removes_its_pictures(
    page: Page, context: BrowserContext, wire: Wire, sample_words: str
) -> None:
    other = context.new_page()
    other.goto(wire.url)
    choose_file(page, SAMPLE)
    words(page, sample_words)
    words(other, sample_words)
    page.get_by_role("button", name="Remove sample.flac").click()
    for tab in (page, other):
        expect(tab.locator(".take")).to_have_count(0)
        expect(tab.locator(".picture-row")).to_have_count(0)
    assert page.evaluate(KEPT) == [1, 1, 1]
    page.get_by_role("button", name="Dismiss").click()
    until(page, lambda: page.evaluate(KEPT) == [0, 0, 0])
    page.reload()
    expect(page.get_by_text("What is said will stand here")).to_be_visible()


UNDO_AT_ONCE = """
() => new MutationObserver((_, observer) => {
    if (!document.querySelector(".undo")) return;
    observer.disconnect();
    window.undone = document.dispatchEvent(
        new KeyboardEvent("keydown", { key: "z", ctrlKey: true, bubbles: true, cancelable: true })
    );
}).observe(document.body, { subtree: true, childList: true })
"""
"""Presses Ctrl+Z as soon as undo is offered, before anybody could see it."""


def test_a_removal_is_taken_back(
    page: Page, context: BrowserContext, wire: Wire, sample_words: str
) -> None:
    other = context.new_page()
    other.goto(wire.url)
    choose_file(page, SAMPLE)
    words(other, sample_words)
    for by_key in (False, True):
        if by_key:
            page.evaluate(UNDO_AT_ONCE)
        page.get_by_role("button", name="Remove sample.flac").click()
        if not by_key:
            expect(other.locator(".take")).to_have_count(0)
            page.get_by_role("button", name="Undo").click()
        words(other, sample_words)
        words(page, sample_words)
        expect(page.locator(".picture-frame canvas")).to_be_visible()
    # The page took the key.
    assert page.evaluate("undone") is False


def test_a_removal_that_nobody_takes_back_outlasts_the_page(
    page: Page, wire: Wire, sample_words: str
) -> None:
    choose_file(page, SAMPLE)
    words(page, sample_words)
    page.get_by_role("button", name="Remove sample.flac").click()
    expect(page.locator(".take")).to_have_count(0)
    assert page.evaluate(KEPT) == [1, 1, 1]
    page.evaluate(REMOVED_BEFORE)
    page.reload()
    expect(page.get_by_text("What is said will stand here")).to_be_visible()
    until(page, lambda: page.evaluate(KEPT) == [0, 0, 0])


def test_what_is_being_recorded_is_removed_only_afterwards(page: Page, sample_words: str) -> None:
    page.get_by_role("button", name="Start listening").click()
    words(page, sample_words)
    remove = page.get_by_role("button", name="Remove Microphone")
    expect(remove).to_be_disabled()
    page.get_by_role("button", name="Stop").click()
    expect(remove).to_be_enabled()
