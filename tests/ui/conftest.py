"""The page as people use it: a real browser before a real service with the demo model."""

import gzip
import io
import json
import shutil
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from hush.image import decode
from hush_service.weights.onnx_export import export_onnx
from local.processes import service
from local.wire import Request, Response, Wire, wire_to
from tests.conftest import ROOT, Samples, link_weights
from tests.ui.pocket import write_pocket

SAMPLE = ROOT / "models" / "sample.flac"
SAID = "ask not what your country can do for you"
"""In the recording of a person."""
ALLOWED_FIELDS = {
    "file",
    "response_format",
    "timestamp_granularities[]",
    "model",
    "language",
    "keywords[]",
    "interim",
}

THEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
PATIENCE = 120
"""Seconds that only what hangs takes, however busy the machine is."""
expect.set_options(timeout=PATIENCE * 1_000)

SHELL = "chromium-headless-shell"
"""Chromium without its own windows, menus and tabs, each of which is a page to draw as well."""
BrowserWith = Callable[..., Browser]
ServiceWith = Callable[[str], str]


@pytest.fixture(scope="session")
def built_page() -> None:
    """Without the page there is nothing to test."""
    if not (ROOT / "ui" / "dist" / "index.html").exists():
        pytest.fail("the page is not built: `make page`")


@pytest.fixture(scope="session")
def service_url(built_page: None) -> Iterator[str]:
    with service() as (url, _):
        yield url


@pytest.fixture(scope="session")
def service_with(built_page: None, real_weights: Path) -> Iterator[ServiceWith]:
    """Start a service with Whisper's own weights, by their names; the same names get the same."""
    with ExitStack() as running:

        @cache
        def start(models: str) -> str:
            url, _ = running.enter_context(service(HUSH_MODELS=models))
            return url

        yield start


@pytest.fixture(scope="session")
def device_service(
    built_page: None, real_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A service that offers tiny.en, and hears with the toy model itself."""
    pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    folder = tmp_path_factory.mktemp("models")
    link_weights("tiny.en", folder)
    export_onnx("tiny.en", "int8", folder)
    with service(HUSH_DOWNLOAD_FOLDER=str(folder)) as (url, _):
        yield url


@pytest.fixture(scope="session")
def graphics_wire(built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """The way to a service with a model for processors and for graphics processors."""
    pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    folder = tmp_path_factory.mktemp("models")
    write_pocket(folder / "pocket.pt")
    for precision in ("int8", "float16"):
        export_onnx(str(folder / "pocket.pt"), precision, folder)
    with service(HUSH_DOWNLOAD_FOLDER=str(folder)) as (url, _), wire_to(url) as wire:
        yield wire


@pytest.fixture
def device_wire(device_service: str) -> Iterator[Wire]:
    """The way to a service that offers models to browsers."""
    with wire_to(device_service) as wire:
        yield wire


@pytest.fixture
def device_page(browser: Browser, device_wire: Wire) -> Iterator[Page]:
    """The page, opened at a service that offers models to browsers."""
    context = new_context(browser)
    page = context.new_page()
    page.goto(device_wire.url)
    yield page
    context.close()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def microphone_file(tmp_path_factory: pytest.TempPathFactory, sample: Samples) -> Path:
    """What Chromium plays into its fake microphone, over and over: the sample, and a pause."""
    pause = np.zeros(32_000, np.float32)
    spoken = np.concatenate([pause[:8_000], sample, pause])
    file = tmp_path_factory.mktemp("microphone") / "sample.wav"
    file.write_bytes(wav(spoken))
    return file


@pytest.fixture(scope="session")
def person_file(tmp_path_factory: pytest.TempPathFactory, jfk: Samples) -> Path:
    """What Chromium plays into its fake microphone: a person, and then nobody for a while."""
    file = tmp_path_factory.mktemp("microphone") / "person.wav"
    file.write_bytes(wav(np.concatenate([jfk, np.zeros(16_000 * 60, np.float32)])))
    return file


def hears(file: Path) -> tuple[str, ...]:
    """Return the flags that have Chromium's microphone hear a file, over and over."""
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
    )


@pytest.fixture(scope="session")
def browser_with(playwright: Playwright) -> Iterator[BrowserWith]:
    """Start Debian's Chromium with flags; the same flags get the same one.

    It has no windows, and so nothing to ask for permissions with, unless another program is named.
    """
    started: dict[tuple[str, ...], Browser] = {}

    def start(*flags: str, program: str = SHELL) -> Browser:
        executable = shutil.which(program)
        assert executable, f"Chromium is not here: `sh setup.sh packages {program}`"
        if (program, *flags) not in started:
            started[program, *flags] = playwright.chromium.launch(
                executable_path=executable, args=["--no-sandbox", *flags]
            )
        return started[program, *flags]

    yield start
    for browser in started.values():
        browser.close()


@pytest.fixture(scope="session")
def browser(browser_with: BrowserWith, microphone_file: Path) -> Browser:
    """A browser with a microphone that may be used."""
    return browser_with(*hears(microphone_file))


@pytest.fixture
def wire(service_url: str) -> Iterator[Wire]:
    """The way to the service. In the end, nothing but pictures and questions went over it."""
    with wire_to(service_url) as wire:
        yield wire
        for request in wire.requests:
            check_request(request)


def check_request(request: Request) -> None:
    """Check that a request carries a mel image, or nothing; but for what an account is asked."""
    if request.method == "GET":
        assert not request.body
        return
    if request.path.startswith("/auth/"):
        fields = json.loads(request.body or b"{}")
        assert fields.keys() <= {"name", "days"}
        return
    assert request.method == "POST"
    assert request.path in ("/v1/audio/transcriptions", "/v1/audio/translations")
    form = request.form()
    assert form.keys() <= ALLOWED_FIELDS
    image = decode(form["file"])
    assert (image.mel_bins, image.frames <= 3000) == (80, True)
    assert form["file"].startswith((b"\x89PNG", b"RIFF"))
    assert form["response_format"] == b"verbose_json"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = new_context(browser, viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Open what shares nothing with other pages of a browser, and gives up only what hangs.

    It keeps no page unless a test wants that: all that is asked for goes over the wire. It wants
    less motion: without a GPU, a spectrogram that scrolls takes the processor from what is tested.
    """
    defaults = {"service_workers": "block", "reduced_motion": "reduce"}
    context = browser.new_context(**{**defaults, **options})
    context.set_default_timeout(PATIENCE * 1_000)
    return context


@pytest.fixture
def page(context: BrowserContext, wire: Wire) -> Iterator[Page]:
    """The page, opened. In the end, it asked nobody else for anything, and said no error."""
    hosts: set[str] = set()
    problems: list[str] = []
    context.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(wire.url)
    yield page
    assert {host for host in hosts if host} == {wire.url.split("/")[2]}
    assert problems == []


def run_before(script: str, asset: str) -> Callable[[Request, Response], Response]:
    """Return a change of what comes over the wire: a script before a script of the page's own."""

    def change(request: Request, response: Response) -> Response:
        if not request.path.startswith(f"/assets/{asset}"):
            return response
        headers = {k: v for k, v in response.headers.items() if k.lower() != "content-encoding"}
        body = response.body
        own = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        return Response(response.status, headers, script.encode() + own)

    return change


@pytest.fixture
def page_with(browser: Browser, wire: Wire) -> Iterator[Callable[[str], Page]]:
    """Open pages whose outbox runs a script before its own."""
    context = new_context(browser)

    def open_page(script: str) -> Page:
        wire.change = run_before(script, "outbox")
        page = context.new_page()
        page.goto(wire.url)
        return page

    yield open_page
    context.close()


def until(page: Page, happened: Callable[[], bool]) -> None:
    """Wait for what is seen at the wire and not on the page."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        page.wait_for_timeout(50)


def words(page: Page, text: str) -> None:
    """Wait until words stand in the transcript."""
    expect(page.locator(".said", has_text=text).first).to_be_visible()


def choose_file(page: Page, *files: Path | tuple[str, bytes]) -> None:
    """Choose files as with the button; a pair is a name and what is in it."""
    payload = [
        {"name": file[0], "mimeType": "application/octet-stream", "buffer": file[1]}
        for file in files
        if isinstance(file, tuple)
    ]
    paths = [file for file in files if isinstance(file, Path)]
    page.set_input_files("input[type=file]", payload or paths)  # type: ignore[arg-type]


def wav(samples: Samples) -> bytes:
    """Return samples at 16 kHz as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16_000)
        recording.writeframes((samples * 32_767).astype("<i2").tobytes())
    return file.getvalue()
