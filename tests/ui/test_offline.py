"""The page opens without a network, keeps what is said meanwhile, and takes new versions."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator

import httpx2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.processes import ROOT
from local.wire import Request, Response, Wire
from tests.ui.conftest import SAMPLE, choose_file, new_context, until, words
from tests.ui.icons import PUBLIC, SIZES, drawn

HEADERS = json.loads((ROOT / "ui" / "headers.json").read_text())
KEPT = """
async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    return Boolean(registration?.active && navigator.serviceWorker.controller);
}
"""
CACHES = """
async () => {
    const kept = {};
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        kept[name] = (await cache.keys()).map(({ url }) => new URL(url).pathname);
    }
    return kept;
}
"""
LOOK = "navigator.serviceWorker.getRegistration().then((all) => all.update()).catch(() => {})"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = new_context(browser, service_workers="allow")
    yield context
    context.close()


@pytest.fixture
def kept(page: Page) -> Page:
    """The page, kept by the browser."""
    until(page, lambda: page.evaluate(KEPT))
    return page


def files(sw: str) -> dict[str, str]:
    """Return the files that the page's service worker keeps, with their digests."""
    listed = re.match(r"const FILES=(\{.*?\}),VERSION=", sw)
    assert listed
    found: dict[str, str] = json.loads(listed[1])
    return found


def test_the_page_opens_without_a_network_and_keeps_what_is_said(
    kept: Page, context: BrowserContext, sample_words: str
) -> None:
    context.set_offline(True)
    kept.reload()
    expect(kept.locator(".light")).to_have_attribute("data-light", "down")
    # Its headers are kept with it: the microphone has shared memory.
    assert kept.evaluate("crossOriginIsolated")
    kept.get_by_role("button", name="Start listening").click()
    expect(kept.locator(".said[data-state=waiting]").first).to_be_visible()
    kept.get_by_role("button", name="Stop").click()
    expect(kept.get_by_role("button", name="Start listening")).to_be_enabled()
    choose_file(kept, SAMPLE)
    file = kept.locator(".take", has_text="sample.flac")
    expect(file.locator(".said[data-state=waiting]")).to_have_count(1)
    expect(kept.locator(".file")).to_have_count(0)
    kept.reload()
    expect(file.locator(".said[data-state=waiting]")).to_have_count(1)
    context.set_offline(False)
    expect(file.locator(".said")).to_contain_text(sample_words)
    expect(kept.locator(".said[data-state=waiting]")).to_have_count(0)


def test_parts_that_come_later_are_there_without_a_network(
    kept: Page, context: BrowserContext
) -> None:
    context.set_offline(True)
    kept.reload()
    kept.keyboard.press("?")
    expect(kept.get_by_role("dialog", name="Keys")).to_be_visible()
    kept.keyboard.press("Escape")
    kept.get_by_role("link", name="Privacy", exact=True).click()
    expect(kept.get_by_text("turned back into intelligible speech")).to_be_visible()
    kept.get_by_role("link", name="hush").click()
    expect(kept.get_by_role("button", name="Start listening")).to_be_visible()


def test_what_the_service_answers_is_never_kept(
    kept: Page, wire: Wire, service_url: str, sample_words: str
) -> None:
    choose_file(kept, SAMPLE)
    words(kept, sample_words)
    (paths,) = kept.evaluate(CACHES).values()
    assert set(paths) == {f"/{path}" for path in files(httpx2.get(f"{service_url}/sw.js").text)}
    assert kept.evaluate(
        "fetch('./', { headers: { Accept: 'application/json' } }).then((one) => one.json())"
    )["models"] == {"demo": "ready"}
    asked = len(wire.requests)
    kept.evaluate("fetch('v1/models')")
    assert len(wire.requests) == asked + 1


def test_all_that_is_kept_is_served_as_it_was_built(service_url: str) -> None:
    worker = httpx2.get(f"{service_url}/sw.js")
    assert worker.headers["cache-control"] == "no-cache"
    assert worker.headers["content-type"].startswith("text/javascript")
    listed = files(worker.text)
    assert {"index.html", "privacy.html", "manifest.webmanifest", "mark.svg"} < listed.keys()
    for path, digest in listed.items():
        answer = httpx2.get(f"{service_url}/{path}", headers={"Accept": "text/html"})
        assert answer.status_code == 200, path
        sum_of = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        assert digest == f"sha256-{sum_of}", path
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        hashed = path.startswith("assets/")
        assert ("immutable" in answer.headers["cache-control"]) == hashed, path


def other_version(wire: Wire, service_url: str, *, broken: bool = False) -> None:
    """Have the service give out another version; a broken one is put up in part."""
    script = httpx2.get(f"{service_url}/sw.js").text
    changed = re.sub(r'VERSION="\w+"', 'VERSION="newer"', script)
    if broken:
        changed = changed.replace(files(script)["privacy.html"], files(script)["mark.svg"])
    assert changed != script
    body = changed.encode()

    def answer(request: Request) -> Response | None:
        if request.path != "/sw.js":
            return None
        return Response(200, {**HEADERS, "Content-Type": "text/javascript"}, body)

    wire.answer_instead = answer


def test_a_new_version_is_taken_when_somebody_wants_it_and_nothing_is_heard(
    kept: Page, wire: Wire, service_url: str, sample_words: str
) -> None:
    kept.get_by_role("button", name="Start listening").click()
    words(kept, sample_words)
    other_version(wire, service_url)
    kept.evaluate(LOOK)
    until(
        kept,
        lambda: kept.evaluate(
            "navigator.serviceWorker.getRegistration().then(({ waiting }) => Boolean(waiting))"
        ),
    )
    offer = kept.get_by_text("A new version is here.")
    expect(offer).to_have_count(0)
    kept.get_by_role("button", name="Stop").click()
    expect(offer).to_be_visible()
    with kept.expect_navigation():
        kept.get_by_role("button", name="Reload").click()
    words(kept, sample_words)
    expect(offer).to_have_count(0)
    assert "hush-page-newer" in kept.evaluate(CACHES)
    # The one before is there for tabs that show it.
    assert len(kept.evaluate(CACHES)) == 2


def test_a_version_that_is_put_up_in_part_is_not_taken(
    kept: Page, context: BrowserContext, wire: Wire, service_url: str
) -> None:
    other_version(wire, service_url, broken=True)
    kept.evaluate(LOOK)
    until(
        kept,
        lambda: kept.evaluate(
            """navigator.serviceWorker.getRegistration().then(
                ({ installing, waiting }) => !installing && !waiting)"""
        ),
    )
    expect(kept.get_by_text("A new version is here.")).to_have_count(0)
    context.set_offline(True)
    kept.reload()
    expect(kept.get_by_role("button", name="Start listening")).to_be_visible()


def test_the_page_can_be_installed(page: Page, wire: Wire) -> None:
    address = page.locator("link[rel=manifest]").get_attribute("href")
    answer = httpx2.get(f"{wire.url}{address}")
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        data = httpx2.get(f"{wire.url}{icon['src']}")
        assert data.headers["content-type"] == icon["type"]
        if icon["type"] == "image/png":
            width, height = Image.open(io.BytesIO(data.content)).size
            assert f"{width}x{height}" == icon["sizes"]


def test_the_icons_are_those_of_the_mark(browser: Browser) -> None:
    """``python -m tests.ui.icons`` draws them anew."""
    for name, data in drawn(browser):
        now = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"), np.int16)
        kept = np.asarray(Image.open(PUBLIC / name).convert("RGBA"), np.int16)
        assert kept.shape == now.shape
        assert np.abs(now - kept).mean() < 0.5
    assert {f"{name}.png" for name in SIZES} == {file.name for file in PUBLIC.glob("icon*")}
