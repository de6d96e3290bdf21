"""What was heard is heard again: on this device alone, and kept by choice only."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from hush_service.packaged import recording
from local.wire import Wire
from tests.conftest import Samples
from tests.ui.conftest import BrowserWith, ServiceWith, choose_file, hears, until, wav, words
from tests.ui.media import video

LAST_WORDS = "what you can do for your country"

SOUNDS = """async () => {
    const root = await navigator.storage.getDirectory();
    const found = {};
    try {
        const sounds = await root.getDirectoryHandle("sounds");
        for await (const [name, handle] of sounds.entries()) {
            found[name] = (await handle.getFile()).size;
        }
    } catch {}
    return found;
}"""
"""Tells the sounds that the browser keeps for the page, with their bytes."""

DECODED = """async () => {
    const root = await navigator.storage.getDirectory();
    const sounds = await root.getDirectoryHandle("sounds");
    for await (const handle of sounds.values()) {
        const bytes = await (await handle.getFile()).arrayBuffer();
        const sound = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(bytes);
        return [...sound.getChannelData(0)];
    }
}"""
"""Decodes the one sound that is kept, at 16 kHz."""


@pytest.fixture(scope="module")
def service_url(service_with: ServiceWith) -> str:
    """The service that the page comes from."""
    return service_with("tiny.en")


@pytest.fixture(scope="module")
def browser(browser_with: BrowserWith, person_file: Path) -> Browser:
    """A browser whose microphone hears a person."""
    return browser_with(*hears(person_file))


def sounds(page: Page) -> dict[str, int]:
    found: dict[str, int] = page.evaluate(SOUNDS)
    return found


def time_of(page: Page) -> float:
    """Return where the player is, in seconds."""
    return float(page.evaluate("document.querySelector('.player video')?.currentTime ?? -1"))


def is_playing(page: Page) -> bool:
    return bool(page.evaluate("document.querySelector('.player video')?.paused === false"))


def word(page: Page, text: str) -> Locator:
    return page.locator("[data-word]").filter(has_text=text)


def keep_sound(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    setting = page.get_by_role("group", name="Keep the sound on this device")
    setting.get_by_role("radio", name="Yes").check()
    page.get_by_role("button", name="Close", exact=True).click()


@pytest.fixture
def spoken(page: Page) -> Page:
    """The page, when a person spoke whose sound was to be kept."""
    keep_sound(page)
    page.get_by_role("button", name="Start listening").click()
    words(page, LAST_WORDS)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
    expect(page.get_by_role("button", name="Play Microphone")).to_be_enabled()
    return page


def test_a_file_is_heard_from_the_word_that_is_clicked_on(page: Page) -> None:
    choose_file(page, recording())
    words(page, LAST_WORDS)
    last = word(page, "country").last
    start = float(last.get_attribute("data-word") or "nan")
    last.click()
    expect(page.get_by_role("region", name="Playback of")).to_be_visible()
    until(page, lambda: time_of(page) >= start)
    assert time_of(page) < start + 3
    expect(last).to_have_attribute("aria-current", "true")
    expect(page.locator("[aria-current=true][data-word]")).to_have_count(1)
    # It is not copied.
    assert sounds(page) == {}


def test_the_word_that_is_heard_is_lit_in_turn_and_kept_in_sight(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 560})
    choose_file(page, recording())
    words(page, LAST_WORDS)
    page.evaluate("""() => {
        window.lit = [];
        new MutationObserver(() => {
            const word = document.querySelector("[data-word][aria-current]");
            if (!word) return;
            const text = word.closest(".transcript-text").getBoundingClientRect();
            const box = word.getBoundingClientRect();
            const inSight = box.top >= text.top - 1 && box.bottom <= text.bottom + 1;
            lit.push([word.textContent, inSight]);
        }).observe(document.querySelector(".transcript-text"), {
            subtree: true, attributes: true, attributeFilter: ["aria-current"],
        });
    }""")
    page.get_by_role("button", name="Play kennedy.flac").click()
    page.get_by_label("Speed").select_option("2")
    until(page, lambda: not is_playing(page) and time_of(page) > 10)
    lit: list[tuple[str, bool]] = page.evaluate("lit")
    shown = page.locator("[data-word]").all_text_contents()
    seen = [text for text, _ in lit]
    # Nearly all, in order; a frame may be late for a short word.
    assert len(seen) > 0.6 * len(shown)
    place = -1
    for text in seen:
        if place >= 0 and shown[place] == text:
            continue
        place = shown.index(text, place + 1)
    assert all(in_sight for _, in_sight in lit)


def test_the_player_works_by_keyboard(page: Page) -> None:
    choose_file(page, recording())
    words(page, LAST_WORDS)
    page.get_by_role("button", name="Play kennedy.flac").focus()
    page.keyboard.press("Enter")
    until(page, lambda: is_playing(page))
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Space")
    until(page, lambda: not is_playing(page))
    before = time_of(page)
    page.keyboard.press("ArrowRight")
    assert time_of(page) == pytest.approx(before + 5, abs=0.1)
    page.keyboard.press("ArrowLeft")
    assert time_of(page) == pytest.approx(before, abs=0.1)
    page.get_by_role("slider", name="Place").focus()
    page.keyboard.press("End")
    until(page, lambda: time_of(page) > 10.5)
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", "0:11 of 0:11")
    page.keyboard.press("Escape")
    expect(page.locator(".player")).to_have_count(0)
    expect(page.locator(".transcript-text")).to_be_focused()
    expect(page.locator("[data-word][aria-current]")).to_have_count(0)


def test_sound_is_kept_only_by_choice(page: Page) -> None:
    page.get_by_role("button", name="Start listening").click()
    words(page, LAST_WORDS)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start listening")).to_be_enabled()
    assert sounds(page) == {}
    expect(page.get_by_role("button", name="Play")).to_have_count(0)


def test_what_the_microphone_heard_is_heard_again_after_a_reload(
    spoken: Page, wire: Wire, jfk: Samples
) -> None:
    [size] = sounds(spoken).values()
    sound = np.array(spoken.evaluate(DECODED), np.float32)
    # It is what was said: where it fits best, it is much like it.
    loudness = envelope(sound)
    # The microphone may have been open before or after the first of it.
    wanted = envelope(jfk[16_000 * 2 : 16_000 * 9])
    places = range(len(loudness) - len(wanted))
    parts = [loudness[place : place + len(wanted)] for place in places]
    # Nothing but silence is like nothing.
    fits = [float(np.corrcoef(part, wanted)[0, 1]) if part.std() else 0.0 for part in parts]
    assert max(fits) > 0.7
    begun = fits.index(max(fits)) / 50 - 2
    # Some 24 kbit a second.
    assert size < len(sound) / 16_000 * 5_000
    spoken.reload()
    spoken.get_by_role("button", name="Play Microphone").click()
    until(spoken, lambda: time_of(spoken) > 0)
    last = word(spoken, "country").last
    start = float(last.get_attribute("data-word") or "nan")
    last.click()
    until(spoken, lambda: time_of(spoken) >= start)
    # Words are where they are heard: he says it 10.1 s after he begins.
    assert start - begun == pytest.approx(10.1, abs=0.5)
    # The size stands in the settings too.
    spoken.get_by_role("button", name="Settings").click()
    note = spoken.get_by_role("group", name="Keep the sound on this device")
    expect(note).to_contain_text(f"{size / 1000:.0f} kB are kept")
    assert wire.pictures()


def envelope(samples: Samples) -> Any:
    """Return how loud each 20 ms are."""
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    return np.sqrt((frames**2).mean(axis=1))


def test_sound_is_erased_with_its_recording_also_from_another_tab(
    spoken: Page, context: BrowserContext, wire: Wire
) -> None:
    spoken.get_by_role("button", name="Play Microphone").click()
    until(spoken, lambda: is_playing(spoken))
    other = context.new_page()
    other.goto(wire.url)
    other.get_by_role("button", name="Remove Microphone").click()
    expect(spoken.locator(".take")).to_have_count(0)
    other.get_by_role("button", name="Dismiss").click()
    expect(spoken.locator(".player")).to_have_count(0)
    until(spoken, lambda: sounds(spoken) == {})


def test_sounds_without_a_recording_are_swept(page: Page) -> None:
    def left() -> bool:
        page.evaluate("""async () => {
            const root = await navigator.storage.getDirectory();
            const sounds = await root.getDirectoryHandle("sounds", { create: true });
            const handle = await sounds.getFileHandle("nobody.ogg", { create: true });
            const file = await handle.createWritable();
            await file.write("sound");
            await file.close();
        }""")
        return sounds(page) == {"nobody.ogg": 5}

    # The page that stands may only be about to look.
    until(page, left)
    page.reload()
    until(page, lambda: sounds(page) == {})


def test_a_crash_loses_the_last_second_only(
    page: Page, context: BrowserContext, wire: Wire
) -> None:
    keep_sound(page)
    page.get_by_role("button", name="Start listening").click()
    words(page, LAST_WORDS)
    heard = page.locator(".elapsed").inner_text()
    minutes, seconds = heard.split(":")
    # Nobody is asked, and nothing is ended.
    page.close(run_before_unload=False)
    again = context.new_page()
    again.goto(wire.url)
    expect(again.get_by_role("button", name="Play Microphone")).to_be_enabled()
    samples = again.evaluate(DECODED)
    assert len(samples) / 16_000 > int(minutes) * 60 + int(seconds) - 2


def test_a_file_is_kept_too_by_choice(page: Page) -> None:
    keep_sound(page)
    choose_file(page, recording())
    words(page, LAST_WORDS)
    expect(
        page.get_by_role("button", name=re.compile(r"Play kennedy.flac \(\d+ kB\)"))
    ).to_be_enabled()
    sound = page.evaluate(DECODED)
    assert len(sound) / 16_000 == pytest.approx(11, abs=0.2)
    page.reload()
    word(page, "country").last.click()
    until(page, lambda: time_of(page) > 5)


def test_a_file_is_asked_for_after_a_reload(page: Page, tmp_path: Path, sample: Samples) -> None:
    choose_file(page, recording())
    words(page, LAST_WORDS)
    page.reload()
    page.get_by_role("button", name="Play kennedy.flac").click()
    player = page.locator(".player")
    expect(player).to_contain_text(f"Choose {recording().name} again to hear it.")
    other = tmp_path / "other.wav"
    other.write_bytes(wav(sample))
    chooser = page.get_by_label(f"The file {recording().name}")
    chooser.set_input_files(other)
    expect(player).to_contain_text("other.wav is another file")
    chooser.set_input_files(recording())
    until(page, lambda: time_of(page) > 0)


def test_a_video_shows_its_picture_with_the_words_over_it(page: Page, tmp_path: Path) -> None:
    choose_file(page, video(tmp_path / "film.webm", recording(), seconds=11))
    words(page, LAST_WORDS)
    page.get_by_role("button", name="Play film.webm").click()
    expect(page.locator(".player video")).to_be_visible()
    cues = """() => {
        const [track] = document.querySelector(".player video").textTracks;
        return [track.mode, ...[...(track.cues ?? [])].map((cue) => cue.text)];
    }"""
    until(page, lambda: len(page.evaluate(cues)) > 1)
    mode, *texts = page.evaluate(cues)
    assert mode == "showing"
    assert "your country" in " ".join(texts).replace("\n", " ")


def test_a_browser_that_cannot_keep_sound_says_so(page: Page) -> None:
    page.add_init_script("delete window.AudioEncoder")
    page.reload()
    page.get_by_role("button", name="Settings").click()
    setting = page.get_by_role("group", name="Keep the sound on this device")
    expect(setting).to_contain_text("This browser cannot")
    expect(setting.get_by_role("radio", name="Yes")).to_be_disabled()
