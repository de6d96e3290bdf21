"""The web page in Chromium: a two-hour file, delays of microphone and words, loading, Lighthouse.

    python -m bench.page [file | microphone | words | transfer | lighthouse]

The service is real but for the two that time the page, `file` and `microphone`: there, pictures are
answered at once, so that no model's speed is in the figures.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from bench import page_words
from bench.page_words import waited
from bench.process_tree import command, family, resident
from hush.audio import read_audio
from hush.mel import Samples
from hush.transcript import Transcript
from local.processes import ROOT, service
from local.wire import Request, Response, wire_to

CHROMIUM = shutil.which("chromium")
LIGHTHOUSE = "lighthouse@12.8.2"
HOURS = 2
TRACED = 20
"""Seconds in which the page's thread is watched; longer traces slow the browser down."""
UTTERANCES = 8

WATCH = """
window.longest = 0;
new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longest = Math.max(longest, duration);
}).observe({ type: "longtask", buffered: true });
"""
SEGMENTS = """
() => new Promise((resolve) => {
    indexedDB.open("hush").onsuccess = ({ target: { result } }) => {
        result.transaction("segments").objectStore("segments").getAll().onsuccess = (event) =>
            resolve(event.target.result.map(({ start, end, spoken, sent }) =>
                ({ start, end, spoken, sent })));
    };
})
"""
FRAMES = """
() => new Promise((resolve) => {
    let count = 0;
    const begun = performance.now();
    const frame = () => {
        count += 1;
        const seconds = (performance.now() - begun) / 1000;
        if (seconds < 5) requestAnimationFrame(frame);
        else resolve(count / seconds);
    };
    requestAnimationFrame(frame);
})
"""


def main(wanted: list[str]) -> None:
    benches: dict[str, Callable[[str], None]] = {
        "transfer": transfer,
        "microphone": microphone,
        "words": words,
        "file": long_file,
        "lighthouse": lighthouse,
    }
    with service() as (url, _):
        for name in wanted or benches:
            benches[name](url)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *flags]
        )
        yield browser
        browser.close()


def answer_at_once(request: Request) -> Response | None:
    if request.method != "POST":
        return None
    body = json.dumps(Transcript("words", 1.0, "english").verbose_json()).encode()
    return Response(200, {"Content-Type": "application/json"}, body)


def transfer(url: str) -> None:
    """Print the bytes that travel before anything is done, and those that come later."""
    came: list[tuple[str, int]] = []

    def note(request: Request, response: Response) -> Response:
        if request.method == "GET" and "json" not in response.headers.get("content-type", ""):
            came.append((request.path, len(response.body)))
        return response

    def report(stage: str) -> None:
        print(f"  {stage}: {sum(size for _, size in came) / 1000:.1f} kB")
        for path, size in came:
            print(f"    {size / 1000:7.1f} kB  {path}")
        came.clear()

    print("transfer, gzip:")
    with wire_to(url) as wire, chromium() as browser:
        wire.change = note
        wire.answer_instead = answer_at_once
        page = browser.new_page(service_workers="block")
        page.goto(wire.url, wait_until="networkidle")
        report("first load (target: under 60 kB)")
        page.locator(".light[data-light=up]").wait_for()
        page.wait_for_timeout(5_000)
        report("then, to be ready to listen without a network")
        page.set_input_files("input[type=file]", ROOT / "models" / "sample.flac")
        page.locator(".take", has_text="sample.flac").wait_for()
        report("with the first file")


def recorded(samples: Samples, name: str) -> tuple[str, ...]:
    """Return the flags that have Chromium's microphone hear samples, over and over."""
    file = ROOT / "build" / name
    file.parent.mkdir(exist_ok=True)
    with wave.open(str(file), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16_000)
        recording.writeframes((samples * 32_767).astype("<i2").tobytes())
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
    )


def words(_: str) -> None:
    """Print how soon words come while people speak."""
    page_words.words(chromium, recorded)


def microphone(url: str) -> None:
    """Print how long after the end of speech its picture is sent, and how smooth the view is."""
    speech = read_audio(ROOT / "models" / "sample.flac")
    spoken = np.concatenate([speech, np.zeros(16_000, np.float32)])
    flags = recorded(spoken, "microphone.wav")
    with wire_to(url) as wire, chromium(*flags) as browser:
        wire.answer_instead = answer_at_once
        page = browser.new_page(viewport={"width": 1440, "height": 900}, service_workers="block")
        page.add_init_script(WATCH)
        page.goto(wire.url)
        page.get_by_role("button", name="Start listening").click()
        page.locator(".elapsed", has_text="0:01").wait_for()
        (painter,) = (worker for worker in page.workers if "painter" in worker.url)
        frames = painter.evaluate(FRAMES)
        page.locator(".picture-row").nth(UTTERANCES - 1).wait_for(timeout=120_000)
        delays = [
            (segment["sent"] - segment["spoken"]) / 1000 - waited(segment)
            for segment in page.evaluate(SEGMENTS)
            # Joined pictures were not spoken.
            if segment["sent"] and segment["spoken"]
        ]
        longest = page.evaluate("longest")
    print(f"microphone, {len(delays)} utterances:")
    print(
        "  end of speech to request sent, beyond its pause and the decision (target: under 150 ms):"
        f" median {np.median(delays) * 1000:.0f} ms, longest {max(delays) * 1000:.0f} ms"
    )
    print(f"  view: {frames:.0f} frames a second")
    print(f"  longest main-thread task over 50 ms: {longest or 'none'}")


def long_file(url: str) -> None:
    """Print how a recording of two hours fares."""
    file = two_hours()
    print(f"file: {HOURS} h of speech, AAC, {file.stat().st_size / 1e6:.0f} MB")
    with wire_to(url) as wire, chromium() as browser:
        wire.answer_instead = answer_at_once
        page = opened(browser, wire.url)
        at_rest = peak = renderer_memory()
        began = time.monotonic()
        page.set_input_files("input[type=file]", file)
        page.locator(".file").wait_for()
        while page.locator(".file").count():
            peak = max(peak, renderer_memory())
            page.wait_for_timeout(250)
        heard = time.monotonic() - began
        while "waiting" in page.locator(".take-figures").inner_text():
            page.wait_for_timeout(100)
            peak = max(peak, renderer_memory())
        sent = time.monotonic() - began
        pictures = wire.pictures()
    size = sum(len(request.body) for request in pictures)
    print(f"  choice to last picture: {heard:.1f} s, {HOURS * 3600 / heard:.0f} times real time")
    print(f"  choice to last answer: {sent:.1f} s, {len(pictures)} pictures, {size / 1e6:.0f} MB")
    print(
        f"  memory of the renderer (target: under 250 MB): {at_rest[0]:.0f} MB at rest,"
        f" {peak[0]:.0f} MB at its peak; of these, Chromium's own program {at_rest[1]:.0f} and"
        f" {peak[1]:.0f} MB"
    )
    # What is traced takes memory, and is slower: it is another visit.
    with wire_to(url) as wire, chromium() as browser:
        wire.answer_instead = answer_at_once
        page = opened(browser, wire.url)
        browser.start_tracing(page=page, categories=["toplevel"])
        page.set_input_files("input[type=file]", file)
        page.wait_for_timeout(TRACED * 1000)
        wall, busy = longest_tasks(browser.stop_tracing())
    print(
        f"  longest main-thread task in {TRACED} s (target: under 50 ms): {busy:.0f} ms of work,"
        f" {wall:.0f} ms with what else ran on this machine meanwhile"
    )


def opened(browser: Browser, url: str) -> Page:
    """Open the page on a screen of 1440 x 900 pixels, and wait until it is ready."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, service_workers="block")
    page.goto(url)
    page.locator(".light[data-light=up]").wait_for()
    return page


def longest_tasks(trace: bytes) -> tuple[float, float]:
    """Return the longest tasks of the page's thread, in milliseconds: by the clock, and of work."""
    events = json.loads(trace)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event
        for event in events
        if event["name"].endswith("RunTask")
        and event["ph"] == "X"
        and (event["pid"], event["tid"]) in main
    ]
    wall = max(task["dur"] for task in tasks) / 1000
    return wall, max(task.get("tdur", 0) for task in tasks) / 1000


def two_hours() -> Path:
    """Return two hours of the sample, with pauses of different lengths, as a podcast would be."""
    file = ROOT / "build" / "two-hours.m4a"
    if file.exists():
        return file
    file.parent.mkdir(exist_ok=True)
    print("  making the recording (once)")
    speech = read_audio(ROOT / "models" / "sample.flac")
    random = np.random.default_rng(0)
    partial = file.with_suffix(".part.m4a")
    with av.open(str(partial), "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=44_100, layout="stereo", bit_rate=96_000)
        assert isinstance(stream, av.AudioStream)
        seconds = 0.0
        while seconds < HOURS * 3600:
            pause = random.uniform(0.2, 2)
            noise = random.normal(0, 0.001, len(speech) + round(pause * 16_000))
            noise[: len(speech)] += speech * random.uniform(0.3, 1)
            samples = noise.clip(-1, 1).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
            frame.sample_rate = 16_000
            for packet in stream.encode(frame):
                container.mux(packet)
            seconds += samples.size / 16_000
        container.mux(stream.encode())
    return partial.rename(file)


def renderer_memory() -> tuple[float, float]:
    """Return resident megabytes of the largest renderer, all and those of files on disk."""
    renderers = (each for each in family(os.getpid()) if "--type=renderer" in command(each))
    return max(map(resident, renderers), default=(0.0, 0.0))


def lighthouse(url: str) -> None:
    """Print the scores of Google's Lighthouse."""
    command = ["npx", "--yes", LIGHTHOUSE, url, "--output=json", "--quiet"]
    flags = "--chrome-flags=--headless=new --no-sandbox"
    for form in ("mobile", "desktop"):
        preset = ["--preset=desktop"] if form == "desktop" else []
        for _ in range(3):  # on a busy machine it may miss the page's beginning
            ended = subprocess.run(
                [*command, flags, *preset],
                env={**os.environ, "CHROME_PATH": str(CHROMIUM)},
                capture_output=True,
                text=True,
                check=False,
            )
            if ended.returncode == 0:
                break
        else:
            sys.exit(f"Lighthouse failed: {ended.stderr[-2000:]}")
        report = json.loads(ended.stdout)
        (ROOT / "build" / f"lighthouse-{form}.json").write_text(ended.stdout)
        scores = {
            category["title"]: round(category["score"] * 100)
            for category in report["categories"].values()
        }
        print(f"lighthouse, {form}: {scores}")


if __name__ == "__main__":
    main(sys.argv[1:])
