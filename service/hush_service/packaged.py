"""Files that the service comes with: in a wheel beside this one, in a checkout in their rooms."""

import json
from pathlib import Path
from typing import Literal

Runtime = Literal["wasm", "webgpu"]
"""What a browser runs models on: the processor, or the graphics processor."""

RUNTIMES: dict[Runtime, str] = {
    "wasm": "ort-wasm-simd-threaded.wasm",
    "webgpu": "ort-wasm-simd-threaded.asyncify.wasm",
}
"""The files of ONNX Runtime for each."""

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parents[1]


def demo_folder() -> Path:
    """Return where the demo model and its sample are."""
    packaged = _PACKAGE / "demo"
    return packaged if packaged.exists() else _CHECKOUT / "models"


def recording() -> Path:
    """Return a recording of a person; what is said in it is in a text file beside it."""
    return _PACKAGE / "speech" / "kennedy.flac"


def proof_pictures(mel_bins: int) -> list[Path]:
    """Return pictures of so many mel bins that models are proven with: a person, then the toy's."""
    folder = _PACKAGE / "proof"
    return [folder / f"person-{mel_bins}.png", *([folder / "toy-80.png"] if mel_bins == 80 else [])]


def page_folder() -> Path | None:
    """Return where the built web page is; None if it was not built."""
    for folder in (_PACKAGE / "page", _CHECKOUT / "ui" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None


def device_runtime(kind: Runtime) -> Path | None:
    """Return ONNX Runtime for browsers; None if it was not fetched, or is not in the wheel."""
    name = RUNTIMES[kind]
    built = _CHECKOUT / "ui" / "node_modules" / "onnxruntime-web" / "dist"
    return next((file for folder in (_PACKAGE, built) if (file := folder / name).is_file()), None)


def page_headers() -> dict[str, str]:
    """Return the headers that the page needs, which stand once, in ``ui/headers.json``."""
    packaged = _PACKAGE / "headers.json"
    file = packaged if packaged.exists() else _CHECKOUT / "ui" / "headers.json"
    headers: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return headers
