"""Words on the page while people speak: how soon they come, how many change, what they cost.

    python -m bench.page words

The service is real, with `base` for final words and `tiny.en` for interim ones.
"""

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from bench.recordings import utterances
from hush.cutter import PHRASE
from hush.mel import SAMPLE_RATE, Samples
from local.processes import service
from local.wire import wire_to

MODELS = "base,tiny.en"
SOURCES = ("librispeech-test-other", "commonvoice-en", "ljspeech")
EACH = 5
"""Utterances of each source."""
PAUSE = 2.0
"""Seconds between two."""
MARGIN = 0.2
DECISION = 0.11
"""Seconds that a segment goes on beyond its speech, and that a decision about a frame takes."""
LONG = 10.0
"""Seconds of segments whose final words have a target."""

WATCH = """
window.seen = [];
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    for (const words of document.querySelectorAll("[data-utterance]")) {
        const text = words.innerText;
        if (words.before === text + words.dataset.state) continue;
        words.before = text + words.dataset.state;
        seen.push({
            utterance: words.dataset.utterance,
            time: performance.timeOrigin + performance.now(),
            words: words.querySelector(".pending") ? "" : text,
            firm: words.querySelector(".firm")?.textContent ?? "",
            final: words.dataset.state === "answered",
        });
    }
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true }));
"""
"""Remembers what words stood in the transcript, and since when."""
SEGMENTS = """
() => new Promise((resolve) => {
    indexedDB.open("hush").onsuccess = ({ target: { result } }) => {
        result.transaction("segments").objectStore("segments").getAll().onsuccess = (event) =>
            resolve(event.target.result.filter(({ spoken }) => spoken).map(
                ({ id, start, end, spoken, sent, bytes, interim }) =>
                ({ id, start, end, spoken, sent, bytes, interim })));
    };
})
"""

Segment = dict[str, Any]


def waited(segment: Segment) -> float:
    """Return the seconds from a segment's end to its cut: its pause, and a decision."""
    spoken: float = segment["end"] - segment["start"] - MARGIN
    pause = 0.4 + 0.4 * max(0.0, PHRASE - spoken) / PHRASE
    return pause + DECISION - MARGIN


@dataclass
class Delays:
    """What was seen of all segments; times in seconds.

    Attributes
    ----------
    grey, firm
        From the beginning of speech to the first word, and to the first that stays.
    final
        From the cut to the final words; of segments up to 10 s.
    shown, replaced
        Words that were shown before the final ones or with them, and that were taken back; what
        settles a paragraph afterwards is counted in neither, nor are its pictures' bytes.
    """

    grey: list[float] = field(default_factory=list)
    firm: list[float] = field(default_factory=list)
    final: list[float] = field(default_factory=list)
    shown: int = 0
    replaced: int = 0

    def take(self, segment: Segment, seen: list[dict[str, Any]]) -> None:
        """Count what was seen of one segment."""
        length = segment["end"] - segment["start"]
        began = segment["spoken"] / 1000 - length + MARGIN
        last = next((one for one in seen if one["final"]), None)
        if last is None:
            return
        for delays, kind in ((self.grey, "words"), (self.firm, "firm")):
            first = next((one for one in seen if one[kind].strip()), last)
            delays.append(first["time"] / 1000 - began)
        if length <= LONG:
            self.final.append(last["time"] / 1000 - segment["spoken"] / 1000 - waited(segment))
        before: list[str] = []
        for one in seen[: seen.index(last) + 1]:
            after = spoken_words(one["words"])
            for change, *place in difflib.SequenceMatcher(None, before, after, False).get_opcodes():
                if change != "equal":
                    self.replaced += place[1] - place[0]
                    self.shown += place[3] - place[2]
            before = after


def spoken_words(text: str) -> list[str]:
    """Return words as they are spoken: capitals and marks are no change of them."""
    return re.findall(r"[\w']+", text.lower())


def told(name: str, delays: Iterable[float], target: str = "") -> str:
    """Return a line about delays in seconds."""
    all_of_them = np.array(list(delays))
    middle, late = np.percentile(all_of_them, (50, 95))
    return f"  {name}: median {middle:.2f} s, 95 % within {late:.2f} s{target}"


def speech() -> Samples:
    """Return people's utterances with pauses between."""
    pause = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)
    chosen = []
    for source in SOURCES:
        spoken = [each for each in utterances() if each.source == source]
        chosen += spoken[:: len(spoken) // EACH][:EACH]
    return np.concatenate([pause, *(part for each in chosen for part in (each.samples, pause))])


def words(
    chromium: Callable[..., AbstractContextManager[Browser]],
    recorded: Callable[[Samples, str], tuple[str, ...]],
) -> None:
    """Print how soon words come, and how many change."""
    samples = speech()
    flags = recorded(
        np.concatenate([samples, np.zeros(SAMPLE_RATE * 600, np.float32)]), "words.wav"
    )
    seconds = len(samples) / SAMPLE_RATE
    with service(HUSH_MODELS=MODELS) as (url, _), wire_to(url) as wire, chromium(*flags) as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, service_workers="block")
        page.add_init_script(WATCH)
        page.goto(wire.url)
        page.locator(".light[data-light=up]").wait_for()
        page.get_by_role("button", name="Start listening").click()
        page.wait_for_timeout((seconds + 5) * 1000)
        page.get_by_role("button", name="Stop").click()
        page.locator("[data-state=open], [data-state=waiting]").first.wait_for(state="detached")
        report(page, seconds)


def report(page: Page, seconds: float) -> None:
    """Print what a page has seen."""
    seen = defaultdict(list)
    for one in page.evaluate("seen"):
        seen[one["utterance"]].append(one)
    segments = page.evaluate(SEGMENTS)
    delays = Delays()
    for segment in segments:
        delays.take(segment, seen[segment["id"]])
    print(f"words: {len(segments)} segments of {seconds:.0f} s of people's speech, {MODELS}:")
    print(told("first grey word after speech begins", delays.grey, " (target: 2 s)"))
    print(told("first word that stays", delays.firm))
    print(told(f"final words after the cut, to {LONG:.0f} s", delays.final, " (target: 1.5 s)"))
    print(
        f"  churn: {delays.replaced} of {delays.shown} words replaced,"
        f" {delays.replaced / delays.shown:.0%} (target: under 20 %)"
    )
    final = sum(segment["bytes"] for segment in segments)
    interim = sum(segment["interim"]["bytes"] for segment in segments)
    pictures = sum(segment["interim"]["pictures"] for segment in segments)
    print(
        f"  bytes: {interim / 1000:.0f} kB in {pictures} interim pictures,"
        f" {final / 1000:.0f} kB in {len(segments)} final ones"
    )
