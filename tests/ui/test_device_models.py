"""Models of this device: what is kept and renewed, and what is told where that cannot be."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from hush_service.packaged import recording
from local.wire import Request, Response, Wire
from tests.ui.conftest import (
    SAID,
    choose_file,
    run_before,
    until,
    words,
)
from tests.ui.device import FETCH, KEPT, fetch_model, files, offer


@pytest.fixture
def wire(device_wire: Wire) -> Wire:
    return device_wire


@pytest.fixture
def page(device_page: Page) -> Page:
    return device_page


def test_nothing_is_sent_although_the_model_is_gone_until_it_is_fetched_again(
    page: Page, wire: Wire
) -> None:
    fetch_model(page)
    page.evaluate(
        "navigator.storage.getDirectory()"
        ".then((root) => root.removeEntry('models', { recursive: true }))"
    )
    page.reload()
    choose_file(page, recording())
    expect(page.get_by_text("the model is not on this device").first).to_be_attached()
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("The model on this device does not run any more")).to_be_visible()
    page.get_by_role("button", name="Fetch it again").click()
    expect(page.get_by_role("button", name="Fetch it again")).not_to_be_attached()
    page.keyboard.press("Escape")
    words(page, SAID)
    assert wire.pictures() == []


def test_a_model_of_an_earlier_page_is_fetched_again_and_its_files_go(
    page: Page, wire: Wire
) -> None:
    fetch_model(page)
    page.evaluate(
        """async () => {
            const settings = JSON.parse(localStorage.getItem("hush-settings"));
            settings.deviceModel.files.runtime.sha256 = "0".repeat(64);
            localStorage.setItem("hush-settings", JSON.stringify(settings));
            const root = await navigator.storage.getDirectory();
            const models = await root.getDirectoryHandle("models");
            const kept = await models.getFileHandle("0".repeat(64), { create: true });
            const stream = await kept.createWritable();
            await stream.write("a runtime");
            await stream.close();
        }"""
    )
    page.reload()
    choose_file(page, recording())
    expect(page.get_by_text("is for another version of this page").first).to_be_attached()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Fetch it again").click()
    expect(page.get_by_role("button", name="Fetch it again")).not_to_be_attached()
    page.keyboard.press("Escape")
    words(page, SAID)
    assert wire.pictures() == []
    until(page, lambda: page.evaluate(KEPT) == sorted(file["bytes"] for file in files(wire)))


def test_a_page_that_is_older_than_what_is_offered_fetches_nothing(page: Page, wire: Wire) -> None:
    def newer(request: Request, response: Response) -> Response:
        if request.path != "/models/index.json":
            return response
        models = [{**model, "graphs": 99} for model in json.loads(response.body)["models"]]
        return Response(200, response.headers, json.dumps({"models": models}).encode())

    wire.change = newer
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("A newer version of this page is there: load it anew")).to_be_visible()
    expect(page.get_by_role("button", name=FETCH)).not_to_be_attached()


def half(response: Response) -> Response:
    return Response(200, response.headers, response.body[: len(response.body) // 2])


def other(response: Response) -> Response:
    return Response(200, response.headers, bytes(len(response.body)))


@pytest.mark.parametrize(
    ("change", "sentence", "goes_on"),
    [
        (half, "the download broke off: try again, and it goes on where it stopped", True),
        (other, "what came is not what the service announced", False),
        (lambda _: Response(503), "the service has no tiny.en/int8/encoder", False),
    ],
    ids=["broken off", "other bytes", "none"],
)
def test_what_cannot_be_fetched_is_told_and_fetched_again(
    page: Page,
    wire: Wire,
    change: Callable[[Response], Response],
    sentence: str,
    goes_on: bool,
) -> None:
    def changed(request: Request, response: Response) -> Response:
        return change(response) if "/encoder" in request.path else response

    wire.change = changed
    offer(page)
    page.get_by_role("button", name=FETCH).click()
    expect(page.get_by_text(sentence)).to_be_visible()
    # Until it is here, the service hears.
    expect(page.get_by_label("The service", exact=True)).to_be_checked()
    wire.change = lambda request, response: response
    wire.requests.clear()
    page.get_by_role("button", name=FETCH).click()
    expect(page.get_by_role("button", name="Remove it")).to_be_visible()
    (encoder,) = [request for request in wire.requests if "/encoder" in request.path]
    assert ("range" in encoder.headers) == goes_on
    # What was here already is not fetched again.
    assert not any("/ort-wasm" in request.path for request in wire.requests)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            "navigator.storage.getDirectory = async () => {"
            " throw new DOMException('', 'SecurityError'); };",
            "this browser keeps no files for this page",
        ),
        (
            "FileSystemSyncAccessHandle.prototype.write = () => {"
            " throw new DOMException('', 'QuotaExceededError'); };",
            "this device is full: make room on it and try again, or use the service",
        ),
    ],
    ids=["refused", "full"],
)
def test_storage_that_is_refused_or_full_is_told(
    page: Page, wire: Wire, script: str, sentence: str
) -> None:
    wire.change = run_before(script, "engine")
    offer(page)
    page.get_by_role("button", name=FETCH).click()
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.get_by_label("The service", exact=True)).to_be_checked()
