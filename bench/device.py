"""Models in the visitor's browser against the same ones in the service: words, speed, memory.

    python -m bench.device [--model tiny.en] [--count 60] [--precisions int8,float16] [--engines]

Chromium fetches a model from a real service and hears people's recordings by the page's own engine,
one after the other, from the pictures that it would have sent. The service's engines hear the same
spectrograms: CTranslate2 in int8, ONNX Runtime, openai-whisper's code in float32. Prints Markdown
tables; with `--engines`, of the service's alone.

`--webgpu` has the graphics processor hear as well, in float16. Where there is none, Chromium
imitates one with `--flags "--enable-unsafe-webgpu --use-webgpu-adapter=swiftshader"`: that says
whether words are the same, and nothing about speed.
"""

import argparse
import base64
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import httpx2
from playwright.sync_api import Browser, sync_playwright

from bench.hearing import Listener
from bench.process_tree import usage
from bench.recordings import Score, Utterance, spread
from bench.sending import FLOAT32, PNG, Way
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from hush_service.packaged import Runtime
from hush_service.weights.onnx_export import Precision, export_onnx
from local.processes import ROOT, service
from models.tables import table

NAMES: dict[Runtime, str] = {"wasm": "WebAssembly", "webgpu": "WebGPU"}
ENGINE = """
async ([script, model]) => {
    const engine = window.engine = new Worker(`/assets/${script}`, { type: "module" });
    const reports = {};
    window.ask = (order) => new Promise((resolve) => {
        reports[order.id ?? "fetch"] = resolve;
        engine.postMessage(order);
    });
    engine.onmessage = ({ data }) => {
        if (data.kind !== "progress") reports[data.id ?? "fetch"](data);
    };
    const fetched = await ask({ kind: "fetch", address: location.href, model });
    if (fetched.problem) throw new Error(fetched.problem);
    if (fetched.unfit) throw new Error("the graphics processor does not load it");
}
"""
HEAR = """
async ([id, model, picture, language]) => {
    const bytes = Uint8Array.from(atob(picture), (each) => each.charCodeAt(0));
    const asked = { picture: bytes, type: "image/png", language, task: "transcribe", prompt: "",
                    interim: false };
    const begun = performance.now();
    const report = await ask({ kind: "hear", id, model, asked });
    if (report.kind !== "heard") throw new Error(report.problem);
    return { text: report.transcript.text, seconds: (performance.now() - begun) / 1000 };
}
"""


@dataclass(frozen=True)
class Hearing:
    """What one way of hearing made of all recordings.

    Attributes
    ----------
    texts
        Of each recording.
    seconds
        That it took in all.
    fetched, loaded
        Seconds until the model was in the browser, and from there until it had heard a first
        recording, less what that takes once it is loaded.
    size
        Bytes that were fetched.
    memory
        Megabytes of the browser's processes at the end, less those before.
    """

    texts: Sequence[str]
    seconds: float
    fetched: float = 0.0
    loaded: float = 0.0
    size: int = 0
    memory: float = 0.0


def in_browser(
    browser: Browser, url: str, described: dict[str, Any], said: Sequence[str]
) -> Hearing:
    """Have a browser hear pictures.

    Parameters
    ----------
    browser
        In which nothing is kept yet.
    url
        Of the service.
    described
        The model, as the page describes it to its engine.
    said
        PNG files in base 64.
    """
    (script,) = (ROOT / "ui" / "dist" / "assets").glob("engine-*.js")
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.set_default_timeout(0)
    page.goto(url)
    before = usage(os.getpid()).megabytes
    begun = time.perf_counter()
    page.evaluate(ENGINE, [script.name, described])
    fetched = time.perf_counter() - begun
    first, again, *_ = (page.evaluate(HEAR, [id, described, said[0], "en"]) for id in (0, 1))
    heard = [
        page.evaluate(HEAR, [id, described, picture, "en"]) for id, picture in enumerate(said, 2)
    ]
    memory = usage(os.getpid()).megabytes - before
    context.close()
    return Hearing(
        [each["text"] for each in heard],
        sum(each["seconds"] for each in heard),
        fetched,
        first["seconds"] - again["seconds"],
        sum(file["bytes"] for file in described["files"].values()),
        memory,
    )


def on(offered: dict[str, Any], kind: Runtime) -> dict[str, Any]:
    """Return a model of the index with what it is to run on, as the page describes it."""
    files = {"runtime": offered["runtimes"][kind], **offered["files"]}
    return {**offered, "runs_on": kind, "files": files}


def by_engine(listener: Listener, said: Sequence[Utterance], way: Way = PNG) -> Hearing:
    """Have one of the service's engines hear, one recording after the other."""
    spectrograms = [way.send(each.samples, 80)[0] for each in said]
    listener.hear(spectrograms[:1], ["en"])
    begun = time.perf_counter()
    texts = [listener.hear([each], ["en"])[0].text for each in spectrograms]
    return Hearing(texts, time.perf_counter() - begun)


def main() -> None:
    """Hear, and print tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--precisions", default="int8,float16")
    parser.add_argument("--reference", action="store_true", help="openai-whisper's code as well")
    parser.add_argument("--engines", action="store_true", help="the service's alone, no browser")
    parser.add_argument("--webgpu", action="store_true", help="the graphics processor as well")
    parser.add_argument("--flags", default="", help="of Chromium, separated by spaces")
    chosen = parser.parse_args()
    precisions: list[Precision] = [
        each for each in get_args(Precision) if each in chosen.precisions.split(",")
    ]
    ways: list[tuple[Precision, Runtime]] = [(precision, "wasm") for precision in precisions]
    if chosen.webgpu:
        ways.append(("float16", "webgpu"))
    for precision in {precision for precision, _ in ways}:
        export_onnx(chosen.model, precision)
    said = spread(chosen.model, chosen.count)
    seconds = sum(each.seconds for each in said)
    pictures = [
        base64.b64encode(encode(quantize(log_mel_spectrogram(each.samples)))).decode()
        for each in said
    ]
    rows = {"service: CTranslate2, int8, beam 5": by_engine(Listener(chosen.model), said)}
    for precision in precisions:
        name = f"service: ONNX Runtime, {precision}, beam 5"
        rows[name] = by_engine(Listener(chosen.model, "onnx", precision=precision), said)
    if chosen.reference:
        reference = Listener(chosen.model, "reference", precision="float32")
        rows["service: openai-whisper, float32, beam 5"] = by_engine(reference, said, FLOAT32)
    if chosen.engines:
        _print(chosen.model, said, seconds, rows)
        return
    with service(HUSH_MODELS="demo") as (url, _), sync_playwright() as playwright:
        models = {
            each["precision"]: each
            for each in httpx2.get(f"{url}/models/index.json").json()["models"]
            if each["id"] == chosen.model
        }
        for precision, kind in ways:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", *chosen.flags.split()],
            )
            name = f"browser: {precision} by {NAMES[kind]}, beam 5"
            rows[name] = in_browser(browser, url, on(models[precision], kind), pictures)
            browser.close()
    _print(chosen.model, said, seconds, rows)


def _print(model: str, said: Sequence[Utterance], seconds: float, rows: dict[str, Hearing]) -> None:
    first, *_ = rows.values()
    normal = [
        [said[place].normal(text) for place, text in enumerate(heard.texts)]
        for heard in rows.values()
    ]
    scores = [Score.of(said, heard.texts) for heard in rows.values()]
    words = int(scores[0].words.sum())
    table(
        f"`{model}`: {len(said)} recordings, {words} words, {seconds:.0f} s",
        ("heard by", "WER in %", "against the first row", "recordings with other words",
         "seconds of speech a second", "against the first row"),
        [
            (
                name,
                f"{score.rate:.2f} ({score.interval()[0]:.2f} to {score.interval()[1]:.2f})",
                "{:+.2f} ({:+.2f} to {:+.2f})".format(*score.increase(scores[0])),
                sum(one != other for one, other in zip(normal[0], texts, strict=True)),
                seconds / heard.seconds,
                first.seconds / heard.seconds,
            )
            for (name, heard), score, texts in zip(rows.items(), scores, normal, strict=True)
        ],
    )  # fmt: skip
    fetched = [
        (name, heard.size / 1e6, heard.fetched, heard.loaded, round(heard.memory))
        for name, heard in rows.items()
        if heard.size
    ]
    if fetched:
        table(
            "In the browser",
            ("model", "fetched, MB", "s, from loopback", "s to load", "MB of memory"),
            fetched,
        )


if __name__ == "__main__":
    main()
