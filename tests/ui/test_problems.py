"""Whatever goes wrong is said once and clearly, and the page goes on."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from local.wire import Wire
from tests.conftest import Samples
from tests.hush.sound.files import Sound, channels
from tests.hush.sound.files import video as video_of
from tests.ui.conftest import SAMPLE, BrowserWith, choose_file, new_context, wav, words
from tests.ui.media import video


def bad_file(kind: str, folder: Path, sample: Samples) -> Path | tuple[str, bytes]:
    match kind:
        case "text":
            return "notes.txt", b"These are no sounds, but words already. " * 50
        case "empty":
            return "empty.wav", b""
        case "header alone":
            return "short.wav", wav(sample)[:44]
        case "damaged":
            data = bytearray(video(folder / "a.mp4", sound=SAMPLE).read_bytes())
            data[40:-2000] = bytes(len(data) - 2040)
            return "damaged.mp4", bytes(data)
        case _:
            return video(folder / "silent.mp4", sound=None)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "This is not an audio or video file that this browser knows."),
        ("empty", "The file is empty."),
        ("header alone", "There is no sound in this file."),
        ("damaged", "damaged"),
        ("no sound", "There is no sound in this video."),
    ],
)
def test_bad_files_are_named_and_the_next_is_heard(
    page: Page, tmp_path: Path, sample: Samples, sample_words: str, kind: str, message: str
) -> None:
    choose_file(page, bad_file(kind, tmp_path, sample))
    expect(page.locator(".file-problem")).to_have_count(1)
    expect(page.locator(".file-problem")).to_contain_text(message)
    choose_file(page, SAMPLE)
    words(page, sample_words)
    page.locator(".file").get_by_role("button").click()
    expect(page.locator(".file")).to_have_count(0)


def test_what_came_before_the_damage_is_kept(page: Page, tmp_path: Path, sample_words: str) -> None:
    whole = SAMPLE.read_bytes()
    choose_file(page, ("cut off.flac", whole[: len(whole) - 6000] + b"\\xff" * 6000))
    expect(page.locator(".take")).to_contain_text(sample_words.split(maxsplit=1)[0])


def test_a_ten_hour_file_is_announced_and_can_be_cancelled(page: Page, tmp_path: Path) -> None:
    """Ten hours of silence at 8 kHz, which take no room on this disk."""
    file = tmp_path / "night.wav"
    seconds = 36_000
    header = bytearray(wav(_nothing())[:44])
    header[24:28] = (8_000).to_bytes(4, "little")
    header[28:32] = (16_000).to_bytes(4, "little")
    header[40:44] = (seconds * 16_000).to_bytes(4, "little")
    header[4:8] = (seconds * 16_000 + 36).to_bytes(4, "little")
    with file.open("wb") as stream:
        stream.write(header)
        stream.truncate(44 + seconds * 16_000)
    choose_file(page, file)
    expect(page.get_by_role("alert").get_by_text("10 hours")).to_be_visible()
    expect(page.locator(".file-figures")).to_contain_text("of 10:00:00")
    expect(page.locator(".file-figures")).to_contain_text("left")
    page.get_by_role("button", name="Cancel night.wav").click()
    expect(page.locator(".file")).to_have_count(0)
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()


def _nothing() -> Samples:
    return np.zeros(1, np.float32)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--use-fake-device-for-media-stream"], "The microphone was refused."),
        (["--use-fake-ui-for-media-stream"], "There is no microphone here."),
    ],
    ids=["refused", "none"],
)
def test_without_a_microphone_it_says_so_and_files_still_work(
    browser_with: BrowserWith, wire: Wire, sample_words: str, flags: list[str], message: str
) -> None:
    page = new_context(browser_with(*flags, program="chromium")).new_page()
    page.goto(wire.url)
    page.get_by_role("button", name="Start listening").click()
    expect(page.get_by_role("alert")).to_contain_text(message)
    choose_file(page, SAMPLE)
    words(page, sample_words)
    page.context.close()


def test_a_microphone_that_goes_away_says_so_and_its_words_stay(
    page: Page, sample_words: str
) -> None:
    page.evaluate(
        """() => {
            const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wanted) =>
                (window.stream = await open(wanted));
        }"""
    )
    page.get_by_role("button", name="Start listening").click()
    words(page, sample_words)
    page.evaluate("window.stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_role("alert")).to_contain_text("The microphone went away.")
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
    words(page, sample_words)


def test_silence_is_said_to_be_silence(page: Page, sample: Samples) -> None:
    choose_file(page, ("silence.wav", wav(sample * 0)))
    row = page.locator(".file")
    expect(row.get_by_role("alert")).to_have_text("No speech found in silence.wav.")
    expect(page.locator(".take")).to_have_count(0)
    row.get_by_role("button", name="Dismiss silence.wav").click()
    expect(row).to_have_count(0)


def test_a_playlist_is_refused_in_words(page: Page) -> None:
    choose_file(page, ("radio.m3u8", b"#EXTM3U\n#EXTINF:10,\nother.wav\n"))
    expect(page.locator(".file-problem")).to_contain_text("This is a playlist")


def test_channels_that_cancel_each_other_are_heard(
    page: Page, sample: Samples, sample_words: str
) -> None:
    planes = np.stack([sample, -sample])
    choose_file(page, ("antiphase.wav", channels(planes)))
    words(page, sample_words)


def test_what_a_cut_file_misses_is_said_and_the_rest_is_heard(
    page: Page, sample: Samples, sample_words: str
) -> None:
    pause = np.zeros(16_000 * 3, np.float32)
    whole = wav(np.concatenate([sample, pause, pause]))
    choose_file(page, ("cut.wav", whole[: len(whole) - 2 * 16_000 * 3]))
    words(page, sample_words)
    expect(page.locator(".file-problem")).to_contain_text("Damaged; 3.0 of")


def test_sound_keeps_the_videos_clock_and_its_tracks_are_named(
    page: Page, tmp_path: Path, sample: Samples, sample_words: str
) -> None:
    late = Sound([(5.0, sample)], "libopus", default=True, language="deu")
    silent = Sound([(0.0, np.zeros_like(sample))], "libopus", language="eng")
    file = tmp_path / "film.mkv"
    file.write_bytes(video_of([silent, late], 8))
    choose_file(page, file)
    words(page, sample_words)
    tracks = page.get_by_label(f"Audio track of {file.name}")
    expect(tracks.locator("option")).to_have_text(["Track 1 eng", "Track 2 deu"])
    expect(tracks).to_have_value("2")
    expect(page.get_by_role("button", name=re.compile(r"Picture at 0:0[45]"))).to_be_visible()
