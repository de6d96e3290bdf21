"""From sound to words, in every way that the page knows."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hush.image import decode
from local.processes import ROOT
from local.wire import Request, Response, Wire
from tests.conftest import Samples
from tests.disguised import is_disguised
from tests.ui.conftest import SAMPLE, BrowserWith, choose_file, new_context, until, wav, words
from tests.ui.media import video

TWO_SECONDS_OR_MORE = re.compile(r"0:0[2-9]|0:[1-5]\d|[1-9]\d*:\d\d")
ISOLATING = ("cross-origin-opener-policy", "cross-origin-embedder-policy")


def without_isolation(_: Request, response: Response) -> Response:
    headers = {
        name: value for name, value in response.headers.items() if name.lower() not in ISOLATING
    }
    return Response(response.status, headers, response.body)


def test_a_file_becomes_words(page: Page, wire: Wire, sample_words: str) -> None:
    choose_file(page, SAMPLE)
    words(page, sample_words)
    expect(page.locator(".file")).to_have_count(0)
    (sent,) = wire.pictures()
    assert decode(sent.form()["file"]).frames > 300
    expect(page.locator(".picture-figures")).to_contain_text("English")


def test_speech_without_words_is_marked_where_it_was_said(
    page: Page, wire: Wire, sample_words: str
) -> None:
    """The service's answer is changed on its way: of these words, the last were not heard."""

    def without_the_last(request: Request, response: Response) -> Response:
        if request.method == "GET":
            return response
        body = json.loads(response.body)
        body["unheard"] = [{"start": body["segments"][-1]["end"] + 0.5, "end": 7.2}]
        return Response(
            response.status, {"content-type": "application/json"}, json.dumps(body).encode()
        )

    wire.change = without_the_last
    choose_file(page, SAMPLE)
    expect(page.locator(".said").first).to_contain_text(
        re.compile(rf"{re.escape(sample_words)} speech without words, 0:0\d–0:0[78]$")  # noqa: RUF001
    )
    expect(page.locator(".unheard")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("combobox", name="Export sample.flac").select_option("json")
    exported = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert len(exported["segments"][0]["unheard"]) == 1


def test_a_dropped_file_becomes_words(page: Page, sample_words: str) -> None:
    data = list(SAMPLE.read_bytes())
    transfer = page.evaluate_handle(
        """(data) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(data)], "dropped.flac"));
            return transfer;
        }""",
        data,
    )
    page.dispatch_event(".hero", "drop", {"dataTransfer": transfer})
    words(page, sample_words)


@pytest.mark.parametrize("isolated", [True, False], ids=["shared memory", "message ports"])
def test_the_microphone_becomes_words(
    page: Page, wire: Wire, sample_words: str, isolated: bool
) -> None:
    if not isolated:
        wire.change = without_isolation
        page.goto(f"{wire.url}index.html")
    assert page.evaluate("crossOriginIsolated") == isolated
    page.get_by_role("button", name="Start listening").click()
    expect(page.locator(".elapsed")).to_have_text(TWO_SECONDS_OR_MORE)
    words(page, sample_words)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
    figures = page.locator(".picture-figures", has_text="s to text").first
    expect(figures).to_be_visible()


def test_without_vector_instructions_it_still_works(
    browser_with: BrowserWith, wire: Wire, sample_words: str
) -> None:
    page = new_context(browser_with("--js-flags=--no-enable-sse4-1")).new_page()
    page.goto(wire.url)
    choose_file(page, SAMPLE)
    words(page, sample_words)
    page.context.close()
    loaded = [request.path for request in wire.requests if request.path.endswith(".wasm")]
    assert loaded
    assert not any("simd" in path for path in loaded)


def test_with_vector_instructions_they_are_used(page: Page, wire: Wire, sample_words: str) -> None:
    choose_file(page, SAMPLE)
    words(page, sample_words)
    loaded = [request.path for request in wire.requests if request.path.endswith(".wasm")]
    assert loaded
    assert all("simd" in path for path in loaded)


def without_streaming_decoders(request: Request, response: Response) -> Response:
    if not request.path.startswith("/assets/listener"):
        return response
    headers = {k: v for k, v in response.headers.items() if k.lower() != "content-encoding"}
    script = gzip.decompress(response.body)
    return Response(response.status, headers, b"delete self.AudioDecoder;" + script)


def test_a_browser_that_cannot_stream_decodes_whole(
    context: BrowserContext, wire: Wire, sample_words: str
) -> None:
    """Safari before 26 has no AudioDecoder; here it is taken away."""
    wire.change = without_streaming_decoders
    page = context.new_page()
    page.goto(wire.url)
    choose_file(page, SAMPLE)
    words(page, sample_words)


def test_several_files_come_one_after_the_other(page: Page, sample_words: str) -> None:
    copies = [(f"{number}.flac", SAMPLE.read_bytes()) for number in (1, 2, 3)]
    choose_file(page, *copies)
    expect(page.locator(".said", has_text=sample_words)).to_have_count(3)
    assert page.locator(".take h3").all_inner_texts() == ["1.flac", "2.flac", "3.flac"]


def test_small_pictures_are_understood_too(page: Page, wire: Wire, sample_words: str) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Small").check()
    page.keyboard.press("Escape")
    choose_file(page, SAMPLE)
    words(page, sample_words)
    (sent,) = wire.pictures()
    small = sent.form()["file"]
    assert small.startswith(b"RIFF")
    reference = ROOT / "docs" / "sample.png"
    assert len(small) < reference.stat().st_size


def disguise(page: Page, step: str) -> None:
    """Choose how voices are disguised."""
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("group", name="Disguise of the voice").get_by_label(step).check()
    page.keyboard.press("Escape")


def test_a_page_disguises_voices_alike_until_it_is_loaded_anew(page: Page, wire: Wire) -> None:
    def pictures(count: int) -> list[bytes]:
        expect(page.locator(".said[data-state=answered]")).to_have_count(count)
        return [sent.form()["file"] for sent in wire.pictures()]

    choose_file(page, ("1.flac", SAMPLE.read_bytes()))
    pictures(1)
    disguise(page, "Strong disguise")
    choose_file(page, ("2.flac", SAMPLE.read_bytes()), ("3.flac", SAMPLE.read_bytes()))
    pictures(3)
    page.reload()
    choose_file(page, ("4.flac", SAMPLE.read_bytes()))
    plain, one, other, anew = pictures(4)
    assert [is_disguised(each) for each in (plain, one, anew)] == [False, True, True]
    assert one == other != anew
    assert decode(plain).frames == decode(one).frames == decode(anew).frames


@pytest.mark.parametrize("paused", [False, True], ids=["on", "paused"])
def test_a_disguise_that_is_chosen_meanwhile_counts_for_what_is_said_then(
    page: Page, wire: Wire, paused: bool
) -> None:
    def disguised(interim: bool) -> list[bool]:
        forms = [request.form() for request in wire.pictures()]
        return [is_disguised(form["file"]) for form in forms if ("interim" in form) == interim]

    page.get_by_role("button", name="Start listening").click()
    until(page, lambda: len(disguised(interim=True)) >= 2)
    if paused:
        page.get_by_role("button", name="Pause").click()
        until(page, lambda: len(disguised(interim=False)) >= 1)
    before = len(disguised(interim=True))
    disguise(page, "Strong disguise")
    if paused:
        page.get_by_role("button", name="Go on").click()
    until(page, lambda: sum(disguised(interim=True)) >= 2)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
    expect(page.locator(".said[data-state=open], .said[data-state=waiting]")).to_have_count(0)
    # None of the pictures so far goes back to what was chosen before.
    flags = disguised(interim=True)
    assert flags == sorted(flags)
    assert not any(flags[:before])
    assert {*disguised(interim=False)} == {False, True}


SLOW_DISK = """
const answer = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (...receipt) {
    setTimeout(() => answer.apply(this, receipt), 1_000);
};
"""
"""A listener waits for a second after each picture."""


def test_a_file_that_is_heard_keeps_its_disguise_which_is_said(
    page_with: Callable[[str], Page], wire: Wire, tmp_path: Path, sample: Samples
) -> None:
    page = page_with(SLOW_DISK)
    file = tmp_path / "long.wav"
    file.write_bytes(wav(np.tile(np.concatenate([sample, np.zeros(32_000, np.float32)]), 60)))
    note = page.get_by_text("The file that is being heard goes on as it began.")
    page.get_by_role("button", name="Settings").click()
    choose_file(page, file)
    expect(page.locator(".file[data-state=listening]")).to_be_attached()
    expect(note).not_to_be_attached()
    page.get_by_label("Light disguise").check()
    expect(note).to_be_visible()
    page.get_by_label("Off").first.check()
    expect(note).not_to_be_attached()
    page.get_by_label("Strong disguise").check()
    until(page, lambda: len(wire.pictures()) >= 3)
    expect(note).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".file")).to_have_count(0)
    assert not any(is_disguised(sent.form()["file"]) for sent in wire.pictures())


def other_quality(request: Request, response: Response) -> Response:
    if request.path != "/v1/models":
        return response
    listed = json.loads(response.body)
    for model in listed["data"]:
        model["small_picture"] = {"format": "webp", "quality": 20}
    return Response(response.status, response.headers, json.dumps(listed).encode())


def test_small_pictures_are_of_the_quality_that_the_service_asks_for(
    page: Page, wire: Wire, sample_words: str
) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Small").check()
    page.keyboard.press("Escape")
    choose_file(page, SAMPLE)
    words(page, sample_words)
    wire.change = other_quality
    page.reload()
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    choose_file(page, ("again.flac", SAMPLE.read_bytes()))
    expect(page.locator(".said", has_text=sample_words)).to_have_count(2)
    large, small = (len(request.form()["file"]) for request in wire.pictures())
    assert large > 1.5 * small


@pytest.mark.parametrize("kind", ["mp4", "webm", "mkv"])
def test_the_sound_of_videos_is_heard(
    page: Page, tmp_path: Path, sample_words: str, kind: str
) -> None:
    choose_file(page, video(tmp_path / f"video.{kind}", sound=SAMPLE))
    words(page, sample_words)


def test_a_folder_that_is_chosen_stands_for_the_recordings_in_it(
    page: Page, tmp_path: Path, sample_words: str
) -> None:
    folder = tmp_path / "talks"
    (folder / "older").mkdir(parents=True)
    for name in ["2.flac", "1.flac", ".hidden.flac", "older/0.flac"]:
        (folder / name).write_bytes(SAMPLE.read_bytes())
    (folder / "notes.txt").write_text("what was said")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose folder").click()
    chooser.value.set_files(folder)
    expect(page.locator(".said", has_text=sample_words)).to_have_count(2)
    assert page.locator(".take h3").all_inner_texts() == ["1.flac", "2.flac"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing")
    page.set_input_files("input[webkitdirectory]", tmp_path / "empty")
    expect(page.get_by_role("alert")).to_contain_text("empty: holds no recordings.")
