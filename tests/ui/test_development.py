"""`npm run dev`: the page from its sources, before a real service."""

import os
import signal
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from local.processes import ROOT, environment, free_port
from tests.ui.conftest import SAMPLE, choose_file, words
from tests.ui.test_page import HEADERS

RELAXED = "style-src 'self' 'unsafe-inline'"
"""Vite puts styles into the page as elements."""


@pytest.fixture(scope="module")
def development_url(service_url: str) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    address = ["--host", "127.0.0.1", "--port", str(port), "--strictPort"]
    with subprocess.Popen(
        ["npm", "--prefix", "ui", "run", "dev", "--", *address],
        cwd=ROOT,
        env=environment(HUSH_URL=service_url, NO_COLOR="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if url in line:
                    break
            else:
                pytest.fail("".join(said))
            yield url
        finally:
            # Vite is a grandchild: npm starts a shell, which starts it.
            os.killpg(process.pid, signal.SIGTERM)


@pytest.fixture
def page(context: BrowserContext, development_url: str) -> Iterator[Page]:
    """The page, opened. In the end, nothing was refused it, and it said no error."""
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(message.text)

    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", note)
    with page.expect_websocket() as vite:
        page.goto(development_url)
    assert urlsplit(vite.value.url).netloc == urlsplit(development_url).netloc
    yield page
    assert problems == []


def test_it_has_the_headers_of_the_page_but_for_styles(development_url: str) -> None:
    answer = httpx2.get(development_url, headers={"Accept": "text/html"})
    sent = {name: answer.headers[name] for name in HEADERS}
    policy = "Content-Security-Policy"
    assert RELAXED in sent[policy]
    sent[policy] = sent[policy].replace(RELAXED, "style-src 'self'")
    assert sent == HEADERS


@pytest.mark.parametrize("picture", ["Exact (PNG)", "Small"])
def test_a_file_becomes_words(page: Page, sample_words: str, picture: str) -> None:
    assert page.evaluate("crossOriginIsolated")
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label(picture).check()
    page.keyboard.press("Escape")
    choose_file(page, SAMPLE)
    words(page, sample_words)


def test_the_microphone_becomes_words_through_shared_memory(page: Page, sample_words: str) -> None:
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    page.get_by_role("button", name="Start listening").click()
    words(page, sample_words)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
