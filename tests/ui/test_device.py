"""Real weights in the visitor's browser: what is fetched and heard, and that nothing is sent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from hush.image import Encoding, encode, quantize
from hush.mel import log_mel_spectrogram
from hush_service.packaged import recording
from local.wire import Response, Wire
from tests.conftest import ROOT, Samples
from tests.ui.conftest import (
    SAID,
    SAMPLE,
    BrowserWith,
    choose_file,
    hears,
    new_context,
    run_before,
    until,
    words,
)
from tests.ui.device import FETCH, KEPT, choose, fetch_model, files, offer

FETCH_IT = """
async ([file, folder]) => {
    const root = await navigator.storage.getDirectory();
    const models = await root.getDirectoryHandle("models", { create: true });
    const kept = await models.getFileHandle(file.sha256, { create: true });
    const response = await fetch(folder + file.path);
    await response.body.pipeTo(await kept.createWritable());
}
"""
ASK = """
async ([script, model, asked]) => {
    const engine = new Worker(`/assets/${script}`, { type: "module" });
    const picture = Uint8Array.from(asked.picture);
    return new Promise((resolve) => {
        engine.onmessage = ({ data }) => resolve(data);
        engine.postMessage({ kind: "hear", id: 1, model, asked: { ...asked, picture } });
    });
}
"""


@pytest.fixture
def wire(device_wire: Wire) -> Wire:
    return device_wire


@pytest.fixture
def page(device_page: Page) -> Page:
    return device_page


def on(wire: Wire, precision: str, kind: str) -> dict[str, Any]:
    """Return the model as the page describes it to its engine, with what it is to run on."""
    models = httpx2.get(f"{wire.url}models/index.json").json()["models"]
    (model,) = (each for each in models if each["precision"] == precision)
    runtime = model.pop("runtimes")[kind]
    return {**model, "runs_on": kind, "files": {"runtime": runtime, **model["files"]}}


def hear(
    page: Page,
    model: dict[str, Any],
    picture: bytes,
    media_type: str = "image/png",
    **wishes: str,
) -> dict[str, Any]:
    """Have the page's engine hear a picture."""
    (engine,) = (ROOT / "ui" / "dist" / "assets").glob("engine-*.js")
    wanted = {"language": "en", "task": "transcribe", "prompt": "", "interim": False} | wishes
    asked = {"picture": list(picture), "type": media_type, **wanted}
    report: dict[str, Any] = page.evaluate(ASK, [engine.name, model, asked])
    return report


def asked(wire: Wire) -> list[str]:
    """Return what was asked for that is no part of the page."""
    return [
        f"{request.method} {request.path}"
        for request in wire.requests
        if not request.path.startswith("/assets/") and request.path not in ("/", "/mark.svg")
    ]


def test_a_model_is_fetched_once_hears_a_person_and_nothing_is_sent(page: Page, wire: Wire) -> None:
    offer(page)
    until(page, lambda: page.locator(".light").get_attribute("data-light") == "up")
    assert not any(request.path.startswith("/models/tiny") for request in wire.requests)
    wire.requests.clear()
    page.keyboard.press("Escape")
    fetch_model(page)
    paths = [f"GET /models/{file['path']}" for file in files(wire)]
    assert [each for each in asked(wire) if each not in ("GET /mel", "GET /auth/me")] == [
        "GET /models/index.json",
        *paths,
        "GET /models/index.json",  # this test's own
    ]
    assert sum(file["bytes"] for file in files(wire)) < 60e6
    assert page.evaluate(KEPT) == sorted(file["bytes"] for file in files(wire))
    page.reload()
    expect(page.get_by_text("Ready on this device: tiny.en; nothing is sent")).to_be_attached()
    wire.requests.clear()
    choose_file(page, recording())
    words(page, SAID)
    # Words have times, as the service's have: each can be played from.
    timed = page.evaluate(
        """() => new Promise((resolve) => {
            indexedDB.open("hush").onsuccess = ({ target: { result } }) => {
                result.transaction("segments").objectStore("segments").getAll().onsuccess =
                    ({ target }) => resolve(target.result.flatMap(({ answer }) => answer.words));
            };
        })"""
    )
    starts = [word["start"] for word in timed]
    assert len(timed) == 22
    assert starts == sorted(starts)
    assert 7 < starts[-1] < timed[-1]["end"] < 11
    assert asked(wire) == []


def test_the_microphone_is_heard_on_this_device_while_somebody_speaks(
    browser_with: BrowserWith, wire: Wire, person_file: Path
) -> None:
    context = new_context(browser_with(*hears(person_file)))
    page = context.new_page()
    page.goto(wire.url)
    fetch_model(page)
    wire.requests.clear()
    page.get_by_role("button", name="Start listening").click()
    words(page, "country")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".said[data-state=waiting]")).to_have_count(0)
    assert asked(wire) == []
    context.close()


def test_the_model_hears_while_the_service_is_away(
    page: Page, wire: Wire, sample_words: str
) -> None:
    fetch_model(page)
    page.get_by_role("button", name="Settings").click()
    choose(page, "This device while the service is away")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Ready: demo")).to_be_attached()
    wire.answer_instead = lambda request: (
        Response(503) if request.path in ("/mel", "/v1/audio/transcriptions") else None
    )
    page.reload()
    expect(page.get_by_text("until the service is up")).to_be_attached()
    choose_file(page, recording())
    words(page, SAID)
    assert wire.pictures() == []
    expect(page.locator(".tally-text")).to_contain_text("1 picture was heard on this device")
    expect(page.locator(".picture-figures")).to_contain_text("stayed here")
    wire.answer_instead = lambda request: None
    expect(page.get_by_text("Ready: demo")).to_be_attached()
    choose_file(page, SAMPLE)
    words(page, sample_words)
    assert len(wire.pictures()) == 1
    tally = page.locator(".tally")
    expect(tally.locator("dt").first).to_have_text("1 picture")
    expect(tally).to_contain_text("1 picture was heard on this device, and never left it")
    page.locator(".picture-button").nth(1).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Stayed here")
    expect(dialog).to_contain_text("and did not send")
    expect(dialog).not_to_contain_text("Sending to text")


def test_what_the_model_cannot_hear_waits_for_the_service(page: Page, wire: Wire) -> None:
    fetch_model(page)
    page.evaluate(
        """() => {
            const settings = JSON.parse(localStorage.getItem("hush-settings"));
            const changed = { ...settings, hears: "asleep", language: "de" };
            localStorage.setItem("hush-settings", JSON.stringify(changed));
        }"""
    )
    wire.answer_instead = lambda request: Response(503) if request.path == "/mel" else None
    page.reload()
    expect(page.get_by_text("until the service is up")).to_be_attached()
    choose_file(page, recording())
    sentence = "Waits for the service: tiny.en on this device knows English alone."
    expect(page.get_by_text(sentence)).to_be_visible()
    assert wire.pictures() == []
    body = json.dumps({"text": "so ist es"}).encode()
    wire.answer_instead = lambda request: (
        Response(200, {"content-type": "application/json"}, body)
        if request.method == "POST"
        else None
    )
    words(page, "so ist es")
    expect(page.get_by_text(sentence)).not_to_be_attached()
    assert len(wire.pictures()) == 1


def test_a_tab_that_is_seen_finds_out_who_hears_for_a_hidden_one_that_sends(
    page: Page, wire: Wire, sample_words: str
) -> None:
    fetch_model(page)
    page.get_by_role("button", name="Settings").click()
    choose(page, "This device while the service is away")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Ready: demo")).to_be_attached()
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    wire.answer_instead = lambda request: (
        Response(503) if request.path in ("/mel", "/v1/audio/transcriptions") else None
    )
    other = page.context.new_page()
    other.goto(wire.url)
    expect(other.get_by_text("until the service is up")).to_be_attached()
    choose_file(other, recording())
    words(other, SAID)
    assert wire.pictures() == []
    wire.answer_instead = lambda request: None
    expect(other.get_by_text("Ready: demo")).to_be_attached()
    choose_file(other, SAMPLE)
    words(other, sample_words)
    assert len(wire.pictures()) == 1


def test_while_a_fleet_wakes_up_the_page_offers_to_hear_meanwhile(page: Page, wire: Wire) -> None:
    asleep = {"message": "asleep: the next request with a key wakes it", "code": "asleep"}
    body = json.dumps({"error": asleep}).encode()
    wire.answer_instead = lambda request: (
        Response(503, {"content-type": "application/json"}, body)
        if request.path == "/mel"
        else None
    )
    page.reload()
    offer = page.get_by_role("region", name="Hear on this device")
    expect(offer).to_be_visible()
    assert not any(request.path.startswith("/models/tiny") for request in wire.requests)
    offer.get_by_role("button", name="Hear English on this device meanwhile: 54 MB, once").click()
    expect(page.get_by_text("tiny.en until the service is up")).to_be_attached()
    expect(offer).not_to_be_attached()
    wire.answer_instead = lambda request: None
    expect(page.get_by_text("Ready: demo")).to_be_attached()


def test_an_offer_that_was_turned_down_is_not_made_again(page: Page, wire: Wire) -> None:
    body = json.dumps({"error": {"message": "waking", "code": "starting"}}).encode()
    wire.answer_instead = lambda request: (
        Response(503, {"content-type": "application/json"}, body)
        if request.path == "/mel"
        else None
    )
    page.reload()
    page.get_by_role("button", name="Do not offer this again").click()
    page.reload()
    expect(page.get_by_text("The service is starting: waking")).to_be_visible()
    expect(page.get_by_role("region", name="Hear on this device")).not_to_be_attached()


def test_a_model_is_removed_and_the_service_hears_once_it_is_chosen(
    page: Page, wire: Wire, sample_words: str
) -> None:
    fetch_model(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("button", name=FETCH)).to_be_visible()
    until(page, lambda: page.evaluate(KEPT) == [])
    expect(page.get_by_label("This device", exact=True)).to_be_checked()
    page.keyboard.press("Escape")
    choose_file(page, SAMPLE)
    expect(page.locator(".said[data-state=waiting]")).to_have_count(1)
    expect(page.locator(".light")).to_contain_text("This device has no model")
    page.reload()
    expect(page.locator(".said[data-state=waiting]")).to_have_count(1)
    expect(page.locator(".tally-text")).to_contain_text("Nothing: this device hears by itself")
    assert wire.pictures() == []
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("which then gets the picture that waits")).to_be_visible()
    choose(page, "The service")
    page.keyboard.press("Escape")
    words(page, sample_words)
    assert len(wire.pictures()) == 1


def test_a_tab_that_sends_for_all_sends_nothing_once_another_chose_this_device(
    page: Page, wire: Wire
) -> None:
    expect(page.get_by_text("Ready: demo")).to_be_attached()
    other = page.context.new_page()
    other.goto(wire.url)
    fetch_model(other)
    choose_file(other, recording())
    words(other, SAID)
    assert wire.pictures() == []
    # What is chosen in the first tab then takes nothing back.
    page.get_by_role("button", name="Settings").click()
    choose(page, "Light disguise")
    page.keyboard.press("Escape")
    other.reload()
    expect(other.get_by_text("Ready on this device: tiny.en; nothing is sent")).to_be_attached()


def test_what_this_device_cannot_hear_is_told(page: Page, wire: Wire, jfk: Samples) -> None:
    """Each with one sentence."""
    model = on(wire, "int8", "wasm")

    def ask(picture: bytes, media_type: str = "image/png", **wishes: str) -> dict[str, Any]:
        return hear(page, model, picture, media_type, **wishes)

    spoken = log_mel_spectrogram(jfk[: 16_000 * 2])
    tall = encode(quantize(log_mel_spectrogram(jfk[: 16_000 * 2], 128)))
    told = ask(tall)
    assert not told["passing"]
    assert told["problem"] == "tiny.en on this device hears pictures 80 pixels high, not 128"
    png = encode(quantize(spoken))
    assert ask(png[:200])["problem"] == "its picture is damaged"
    webp = encode(quantize(spoken), Encoding("webp", 75))
    for picture, kind in ((png, "image/png"), (webp, "image/webp")):
        told = ask(picture, kind)
        assert told["passing"]
        assert "is not on this device: fetch it in the settings" in told["problem"]
    for file in model["files"].values():
        page.evaluate(FETCH_IT, [file, f"{wire.url}models/"])
    for wishes in ({"language": "de"}, {"language": "german"}, {"task": "translate"}):
        assert "knows English alone" in ask(png, **wishes)["problem"]
    assert ask(png, language="english")["kind"] == "heard"


GRAPHICS = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
"""Flags with which Chromium imitates a graphics processor."""
TAKEN_FOR_REAL = """
Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });
"""


@pytest.fixture
def graphics_page(browser_with: BrowserWith, graphics_wire: Wire) -> Iterator[Page]:
    """The page on a device with a graphics processor, as far as it can tell."""
    context = new_context(browser_with(*GRAPHICS))
    page = context.new_page()
    page.add_init_script(TAKEN_FOR_REAL)
    page.goto(graphics_wire.url)
    graphics_wire.requests.clear()
    yield page
    context.close()
    graphics_wire.change = lambda request, response: response


def times(transcript: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return the words and their times, without how probable they are."""
    return [(word["word"], word["start"], word["end"]) for word in transcript["words"]]


def test_a_graphics_processor_says_to_the_token_what_the_processor_says(
    graphics_page: Page, graphics_wire: Wire, jfk: Samples
) -> None:
    page, wire = graphics_page, graphics_wire
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("on the graphics processor")).to_be_visible()
    page.get_by_role("button", name="Fetch pocket (float16)").click()
    expect(page.get_by_role("button", name="Remove it")).to_be_visible()
    # Nothing but what was chosen.
    fetched = [path for path in asked(wire) if path.startswith("GET /models/")]
    there = on(wire, "float16", "webgpu")
    paths = [f"GET /models/{file['path']}" for file in there["files"].values()]
    assert fetched == ["GET /models/index.json", *paths]
    picture = encode(quantize(log_mel_spectrogram(jfk[: 16_000 * 3])))
    by_graphics = hear(page, there, picture)["transcript"]
    here = on(wire, "float16", "wasm")
    page.evaluate(FETCH_IT, [here["files"]["runtime"], f"{wire.url}models/"])
    by_processor = hear(page, here, picture)["transcript"]
    tokens = [segment["tokens"] for segment in by_graphics["segments"]]
    assert sum(map(len, tokens)) > 3
    assert tokens == [segment["tokens"] for segment in by_processor["segments"]]
    assert times(by_graphics) == times(by_processor)


def test_what_graphics_processors_do_not_load_the_processor_runs(
    graphics_page: Page, graphics_wire: Wire
) -> None:
    page, wire = graphics_page, graphics_wire
    wire.change = run_before("navigator.gpu.requestAdapter = async () => null;", "engine")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Fetch pocket (float16)").click()
    expect(page.get_by_text("The graphics processor could not run the model")).to_be_visible()
    expect(page.get_by_text("on the processor")).to_be_visible()
    files = on(wire, "int8", "wasm")["files"].values()
    assert page.evaluate(KEPT) == sorted(file["bytes"] for file in files)


def test_an_imitated_graphics_processor_is_not_taken(
    browser_with: BrowserWith, graphics_wire: Wire
) -> None:
    context = new_context(browser_with(*GRAPHICS))
    page = context.new_page()
    page.goto(graphics_wire.url)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("button", name="Fetch pocket (int8)")).to_be_visible()
    expect(page.get_by_text("on the processor")).to_be_visible()
    context.close()
