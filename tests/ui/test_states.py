"""The page says how things are: of files, of the microphone, of the service."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from hush.transcript import Transcript
from local.processes import service
from local.wire import Request, Response, Wire, wire_to
from tests.conftest import Samples
from tests.ui.conftest import (
    SAMPLE,
    BrowserWith,
    check_request,
    choose_file,
    hears,
    new_context,
    until,
    wav,
    words,
)

NAME = "hush.test"
"""A machine of the local network, which no browser trusts as it trusts localhost."""
DRAG = """
(name) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([window.dropped], name));
    return transfer;
}
"""


@pytest.fixture(scope="module")
def plain_http_url(built_page: None) -> Iterator[str]:
    with service(HUSH_ALLOWED_HOSTS=NAME) as (url, _), wire_to(url) as wire:
        yield wire.url.replace("localhost", NAME)
        for request in wire.requests:
            check_request(request)


def test_files_are_heard_over_plain_http(
    browser_with: BrowserWith, plain_http_url: str, sample_words: str
) -> None:
    context = new_context(browser_with(f"--host-resolver-rules=MAP {NAME} 127.0.0.1"))
    page = context.new_page()
    page.goto(plain_http_url)
    assert not page.evaluate("isSecureContext")
    choose_file(page, SAMPLE)
    words(page, sample_words)
    expect(page.locator(".take .problem")).to_have_count(0)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    page.get_by_role("button", name="Start listening").click()
    expect(page.get_by_role("alert")).to_contain_text("over https, or from localhost")
    context.close()


@pytest.fixture
def long_file(sample: Samples, tmp_path: Path) -> Path:
    """A recording that takes a browser several seconds."""
    return lecture(tmp_path, sample, 150)


@pytest.fixture
def endless_file(sample: Samples, tmp_path: Path) -> Path:
    """A recording that no browser is done with before it is cancelled."""
    return lecture(tmp_path, sample, 600)


def lecture(folder: Path, sample: Samples, times: int) -> Path:
    """Write a recording that says something again and again, and return it."""
    pause = np.zeros(16_000, np.float32)
    file = folder / "lecture.wav"
    file.write_bytes(wav(np.concatenate([sample, pause] * times)))
    return file


def at_once(request: Request) -> Response | None:
    """Answer any picture without a model."""
    if request.method != "POST":
        return None
    body = json.dumps(Transcript("words", 15.0, "english").verbose_json()).encode()
    return Response(200, {"Content-Type": "application/json"}, body)


@pytest.mark.parametrize("ending", ["reload", "cancel"])
def test_a_file_that_was_not_heard_to_its_end_says_so_and_goes_on(
    page: Page, wire: Wire, long_file: Path, ending: str
) -> None:
    wire.answer_instead = at_once
    page.on("dialog", lambda dialog: dialog.accept())
    choose_file(page, long_file, *([SAMPLE] if ending == "reload" else []))
    expect(page.locator(".said").nth(1)).to_be_visible()
    if ending == "reload":
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("lecture.wav, sample.flac")
    else:
        page.get_by_role("button", name="Cancel lecture.wav").click()
    take = page.locator(".take", has_text="lecture.wav")
    expect(take.locator(".problem")).to_contain_text(
        re.compile(r"at \d+:\d\d of 1\d:\d\d; choose the file again to go on")
    )
    choose_file(page, long_file)
    expect(page.locator(".file")).to_have_count(0)
    expect(take).to_have_count(1)
    expect(take.locator(".problem")).to_have_count(0)
    # Cut as if nothing had happened: no stretch of speech was left out, and none comes twice.
    remove = page.get_by_role("button", name="Remove lecture.wav")
    expect(remove).to_be_enabled()
    with page.expect_download() as download:
        page.get_by_label("Export lecture.wav").select_option("json")
    exported = json.loads(download.value.path().read_text(encoding="utf-8"))
    remove.click()
    expect(take).to_have_count(0)
    choose_file(page, long_file)
    expect(take).to_have_count(1)
    expect(page.locator(".file")).to_have_count(0)
    expect(remove).to_be_enabled()
    with page.expect_download() as download:
        page.get_by_label("Export lecture.wav").select_option("json")
    in_one_go = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert places(exported) == places(in_one_go)


def test_a_file_that_goes_on_with_other_settings_is_heard_anew(
    page: Page, wire: Wire, endless_file: Path
) -> None:
    wire.answer_instead = at_once
    choose_file(page, endless_file)
    expect(page.locator(".said").nth(1)).to_be_visible()
    page.get_by_role("button", name="Cancel lecture.wav").click()
    takes = page.locator(".take", has_text="lecture.wav")
    expect(takes.locator(".problem")).to_have_count(1)
    page.evaluate("localStorage.setItem('hush-settings', JSON.stringify({task: 'translate'}))")
    page.reload()
    choose_file(page, endless_file)
    expect(takes).to_have_count(2)
    page.get_by_role("button", name="Cancel lecture.wav").click()
    assert wire.pictures()[-1].path == "/v1/audio/translations"


def test_a_file_that_is_cancelled_soon_after_it_went_on_keeps_its_place(
    page: Page, wire: Wire, endless_file: Path
) -> None:
    wire.answer_instead = at_once
    choose_file(page, endless_file)
    expect(page.locator(".said").nth(3)).to_be_visible()
    page.get_by_role("button", name="Cancel lecture.wav").click()
    problem = page.locator(".take .problem")
    expect(problem).to_be_visible()
    reached = problem.inner_text()
    # It goes on, and is given up before it is where it was.
    choose_file(page, endless_file)
    page.get_by_role("button", name="Cancel lecture.wav").click()
    expect(page.locator(".file")).to_have_count(0)
    expect(problem).to_have_count(1)
    assert minutes(problem.inner_text()) >= minutes(reached)


def minutes(problem: str) -> tuple[int, ...]:
    """Return how far a file was heard, of what the page says about it."""
    found = re.search(r"at (\d+):(\d\d) of", problem)
    assert found
    return tuple(map(int, found.groups()))


def places(exported: dict[str, Any]) -> list[tuple[float, float]]:
    """Return where the segments of an exported transcript are."""
    return [(segment["start"], segment["end"]) for segment in exported["segments"]]


def test_the_light_says_so_where_no_picture_is_answered(
    page: Page, wire: Wire, sample_words: str
) -> None:
    wire.answer_instead = lambda request: Response(500) if request.method == "POST" else None
    light = page.locator(".light")
    expect(light).to_have_attribute("data-light", "up")
    choose_file(page, SAMPLE)
    expect(light).to_have_attribute("data-light", "failing")
    expect(light).to_contain_text("the service answered 500; what you say is kept here")
    wire.answer_instead = lambda _: None
    words(page, sample_words)
    expect(light).to_have_attribute("data-light", "up")


@pytest.fixture
def silent_browser(browser_with: BrowserWith, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """A browser whose microphone is muted where nobody sees it."""
    file = tmp_path_factory.mktemp("microphone") / "silence.wav"
    file.write_bytes(wav(np.zeros(16_000 * 60, np.float32)))
    return browser_with(*hears(file))


def test_a_microphone_that_hears_nothing_is_said_to(silent_browser: Browser, wire: Wire) -> None:
    page = new_context(silent_browser).new_page()
    page.goto(wire.url)
    page.get_by_role("button", name="Start listening").click()
    expect(page.locator(".trouble")).to_have_text("I hear nothing")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".trouble")).to_have_count(0)
    page.context.close()


WATCHED = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await open(wanted));
window.AudioContext = class extends AudioContext {
    constructor(options) {
        super(options);
        window.sound = this;
    }
};
"""


def test_a_microphone_that_the_system_mutes_or_pauses_is_said_to_be_and_goes_on(
    page: Page, sample_words: str
) -> None:
    page.add_init_script(WATCHED)
    page.reload()
    page.get_by_role("button", name="Start listening").click()
    expect(page.locator(".elapsed")).to_have_text(re.compile(r"0:0\d"))
    trouble = page.locator(".trouble")
    page.evaluate("stream.getAudioTracks()[0].dispatchEvent(new Event('mute'))")
    expect(trouble).to_have_text("The system muted the microphone")
    page.evaluate("stream.getAudioTracks()[0].dispatchEvent(new Event('unmute'))")
    expect(trouble).to_have_text("")
    page.evaluate("sound.suspend()")
    until(page, lambda: bool(page.evaluate("sound.state === 'running'")))
    expect(trouble).to_have_text("")
    # What goes on is muted all the same.
    page.evaluate("stream.getAudioTracks()[0].dispatchEvent(new Event('mute'))")
    page.evaluate("sound.suspend()")
    until(page, lambda: bool(page.evaluate("sound.state === 'running'")))
    expect(trouble).to_have_text("The system muted the microphone")
    page.evaluate("stream.getAudioTracks()[0].dispatchEvent(new Event('unmute'))")
    words(page, sample_words)


def encoded(sample: Samples, form: str, codec: str, rate: int = 44_100) -> bytes:
    """Return samples as a file of another format."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(sample[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def test_what_a_cut_mp3_misses_is_said(page: Page, sample: Samples, sample_words: str) -> None:
    whole = encoded(np.concatenate([sample, np.zeros(48_000, np.float32)]), "mp3", "libmp3lame")
    choose_file(page, ("whole.mp3", whole))
    words(page, sample_words)
    expect(page.locator(".file")).to_have_count(0)
    choose_file(page, ("cut.mp3", whole[: len(whole) * 3 // 4]))
    expect(page.locator(".file-problem")).to_contain_text(
        re.compile(r"Damaged; \d\.\d of \d\.\d s")
    )


@pytest.mark.parametrize(
    ("name", "form", "codec", "rate"),
    [
        ("a.aiff", "aiff", "pcm_s16be", 44_100),
        ("a.caf", "caf", "pcm_s16be", 44_100),
        ("a.wma", "asf", "wmav2", 16_000),
        ("a.ac3", "ac3", "ac3", 48_000),
    ],
)
def test_what_no_browser_hears_is_for_the_command_line(
    page: Page, sample: Samples, name: str, form: str, codec: str, rate: int
) -> None:
    # WMA is written in whole frames alone.
    choose_file(page, (name, encoded(sample[: len(sample) // 4096 * 4096], form, codec, rate)))
    expect(page.locator(".file-problem")).to_contain_text(
        "`hush transcribe` on the command line knows more"
    )


def test_words_are_copied_without_a_clipboard(page: Page, sample_words: str) -> None:
    choose_file(page, SAMPLE)
    words(page, sample_words)
    page.evaluate(
        """() => {
            Object.defineProperty(navigator, "clipboard", { value: undefined });
            addEventListener("copy", ({ target }) => { window.taken = target.value; });
        }"""
    )
    copy = page.get_by_role("button", name="Copy")
    copy.click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("taken") == sample_words
    expect(copy).to_be_visible()
    page.evaluate("document.execCommand = () => false")
    copy.click()
    expect(page.get_by_text("Not copied", exact=True)).to_be_visible()


@pytest.mark.parametrize("place", [".foot", ".transcript", "h1"])
def test_what_is_dropped_beside_the_stage_is_heard(
    page: Page, sample_words: str, place: str
) -> None:
    page.evaluate("(data) => { window.dropped = new Uint8Array(data); }", list(SAMPLE.read_bytes()))
    transfer = page.evaluate_handle(DRAG, "dropped.flac")
    page.dispatch_event(place, "dragover", {"dataTransfer": transfer})
    expect(page.get_by_text("Drop to transcribe")).to_be_visible()
    page.dispatch_event(place, "drop", {"dataTransfer": transfer})
    words(page, sample_words)
    expect(page.get_by_text("Drop to transcribe")).to_have_count(0)


def drag(page: Page, to: str) -> str:
    """Drag a word of the settings, selected by a double click as people do, and return it."""
    page.route("**/models/index.json", lambda route: route.fulfill(json={"models": []}))
    page.get_by_role("button", name="Settings").click()
    # Until then, what is dragged may become another text.
    expect(page.get_by_text("This service offers none for devices")).to_be_visible()
    page.mouse.move(0, 0)
    page.evaluate("window.dropped = []; addEventListener('drop', () => dropped.push(1))")
    text = page.get_by_role("dialog").locator(".field-note").first
    box = text.bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + 12, box["y"] + box["height"] / 2)
    word: str = page.evaluate("String(getSelection())").strip()
    assert word
    target = page.locator(to).bounding_box()
    assert target
    page.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2)
    page.mouse.down()
    middle = target["x"] + target["width"] / 2, target["y"] + target["height"] / 2
    for _ in range(2):
        page.mouse.move(*middle, steps=5)
    expect(page.get_by_text("Drop to transcribe")).to_have_count(0)
    page.mouse.up()
    return word


def test_text_that_is_dragged_goes_into_fields(page: Page) -> None:
    word = drag(page, ".settings-dialog textarea")
    # Some systems take the space after a word along.
    expect(page.locator(".settings-dialog textarea")).to_have_value(re.compile(rf"^{word} ?$"))


def test_text_that_is_dragged_elsewhere_changes_nothing(page: Page) -> None:
    address = page.url
    drag(page, ".settings-dialog h2")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator(".file")).to_have_count(0)
    assert page.url == address
