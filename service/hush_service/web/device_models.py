"""Models that browsers run themselves: what `hush models export` made, and the runtimes for them.

    /models/index.json          which there are, their files, and the digests of these
    /models/NAME/PRECISION/…    the files; each has its digest in its name, and never changes
    /models/RUNTIME             ONNX Runtime for browsers, the same; one for processors, and
                                one that has graphics processors too, by WebGPU

What `hush models export` writes while the service runs is offered at once.
"""

import asyncio
import gzip
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hush_service.packaged import RUNTIMES, Runtime, device_runtime
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.fetch import digest_of
from hush_service.weights.models import CONVERTED
from hush_service.weights.onnx_export import (
    GRAPHS,
    MANIFEST,
    PLACE,
    PROCESSOR_ALONE,
    named,
    read_manifest,
)

log = logging.getLogger(__name__)

_PATH = "/models/"
_INDEX = f"{_PATH}index.json"
_FOR_EVER = "public, max-age=31536000, immutable"
_SHOWN = ("id", "mel_bins", "languages", "tasks", "precision", "graphs", "files")
"""What browsers have to know of a model."""
_MEDIA_TYPES = {".json": "application/json", ".wasm": "application/wasm"}


class DeviceModelsMiddleware:
    """Answers who asks for a model to run it themselves, and lets everything else through.

    Parameters
    ----------
    folder
        Where models are kept.
    headers
        Sent with every file: those of the page, which fetches them.
    """

    def __init__(self, app: ASGIApp, folder: Path, headers: Mapping[str, str]) -> None:
        self._app = app
        self._folder = folder
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        path = scope.get("path", "")
        if (
            scope["type"] != "http"
            or scope["method"] not in ("GET", "HEAD")
            or not path.startswith(_PATH)
        ):
            await self._app(scope, receive, send)
            return
        response = await asyncio.to_thread(self._response, path, Headers(scope=scope))
        if response is None:
            await self._app(scope, receive, send)
        else:
            await response(scope, receive, send)

    def _response(self, path: str, asked: Headers) -> Response | None:
        offer = offered(self._folder)
        if path == _INDEX:
            headers = {**self._headers, "Cache-Control": "no-cache"}
            return JSONResponse({"models": offer.models}, headers=headers)
        file = offer.files.get(path.removeprefix(_PATH))
        if file is None:
            return None
        media_type = _MEDIA_TYPES.get(file.suffix, "application/octet-stream")
        headers = {**self._headers, "Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        whole = "range" not in asked and "gzip" in asked.get("accept-encoding", "")
        if whole and file.suffix in _MEDIA_TYPES:  # weights are as good as random
            headers["Content-Encoding"] = "gzip"
            return Response(_compressed(file), headers=headers, media_type=media_type)
        return FileResponse(file, headers=headers, media_type=media_type)


@dataclass(frozen=True)
class Offer:
    """What browsers can have.

    Attributes
    ----------
    models
        As `/models/index.json` describes them, the smallest first.
    files
        By their paths below `/models/`.
    """

    models: list[dict[str, Any]]
    files: dict[str, Path]


def offered(folder: Path) -> Offer:
    """Return what browsers can have of a folder of models; nothing without a runtime for it."""
    found = {kind: file for kind in RUNTIMES if (file := device_runtime(kind))}
    models, files = list[dict[str, Any]](), dict[str, Path]()
    for manifest in _manifests(folder):
        try:
            stated = read_manifest(manifest.parent)
        except FileNotFoundError:  # a new one takes its place just now
            continue
        except UnreadableModelError as error:
            log.warning("%s", error)
            continue
        # An engine's own is nobody else's, and what an earlier version wrote is read by none.
        if not stated.get("offered") or stated["graphs"] != GRAPHS:
            continue
        described = {key: stated[key] for key in _SHOWN}
        runtimes = {
            kind: file for kind, file in found.items() if _runs_on(described["precision"], kind)
        }
        if not runtimes:
            continue
        described["runtimes"] = {kind: _described(file) for kind, file in runtimes.items()}
        files |= {_described(file)["path"]: file for file in runtimes.values()}
        place = f"{manifest.parents[2].name}/{described['precision']}"
        described["files"] = {
            part: {**file, "path": f"{place}/{file['path']}"}
            for part, file in described["files"].items()
        }
        models.append(described)
        for file in described["files"].values():
            files[file["path"]] = manifest.parent / Path(file["path"]).name
    models.sort(key=lambda model: sum(file["bytes"] for file in model["files"].values()))
    return Offer(models, files)


def _runs_on(precision: str, kind: Runtime) -> bool:
    return kind == "wasm" or precision not in PROCESSOR_ALONE


def _manifests(folder: Path) -> Iterator[Path]:
    for models in (folder, folder / CONVERTED):
        for manifest in sorted(models.glob(f"*/{PLACE}/*/{MANIFEST}")):
            # What is hidden is not whole yet, or is being removed.
            if not manifest.parent.name.startswith("."):
                yield manifest


@cache
def _described(file: Path) -> dict[str, Any]:
    """Return what the index says of the runtime; its name gets its digest."""
    digest = digest_of(file)
    name = named(file.stem, digest, file.suffix.removeprefix("."))
    return {"path": name, "bytes": file.stat().st_size, "sha256": digest}


@cache
def _compressed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), 6, mtime=0)
