"""The web page: its built files, and the middleware that serves them."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}
_COMPRESSED_BY_THEMSELVES = (".png", ".webp")
_HASHED = "/assets/"
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class PageFile:
    """One file of the page, held in memory.

    Attributes
    ----------
    body, compressed
        Its bytes, as they are and gzipped; the latter is None where that saves nothing.
    headers
        What is sent with it, apart from what its encoding adds.
    """

    body: bytes
    compressed: bytes | None
    headers: Mapping[str, str]


def load_page(folder: Path, headers: Mapping[str, str]) -> dict[str, PageFile]:
    """Read all files of a built page.

    Parameters
    ----------
    folder
        What Vite built.
    headers
        Sent with every file.

    Returns
    -------
    dict
        The files by their paths in addresses, such as ``/assets/main-1a2b3c.js``; ``/`` is
        ``index.html``.
    """
    files = {}
    for file in folder.rglob("*"):
        if file.suffix not in _MEDIA_TYPES or not file.is_file():
            continue
        path = f"/{file.relative_to(folder).as_posix()}"
        body = file.read_bytes()
        squeezable = file.suffix not in _COMPRESSED_BY_THEMSELVES
        files[path] = PageFile(
            body,
            gzip.compress(body, 9, mtime=0) if squeezable else None,
            {
                **headers,
                "Cache-Control": _FOR_EVER if path.startswith(_HASHED) else "no-cache",
                "Content-Type": _MEDIA_TYPES[file.suffix],
                "ETag": f'W/"{hashlib.sha256(body).hexdigest()[:20]}"',
                "Vary": "Accept, Accept-Encoding" if path == "/index.html" else "Accept-Encoding",
            },
        )
    files["/"] = files["/index.html"]
    return files


class PageMiddleware:
    """Answers browsers with the page, and lets everything else through.

    ``/`` is the page only for who asks for HTML; other clients get there what the service answers.

    Parameters
    ----------
    files
        The page, from `load_page`.
    """

    def __init__(self, app: ASGIApp, files: Mapping[str, PageFile]) -> None:
        self._app = app
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        file = self._files.get(scope["path"]) if scope["type"] == "http" else None
        if file is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["path"] == "/" and "text/html" not in headers.get("accept", ""):
            await self._app(scope, receive, send)
            return
        await _response(file, headers)(scope, receive, send)


def _response(file: PageFile, asked: Headers) -> Response:
    if asked.get("if-none-match") == file.headers["ETag"]:
        return Response(status_code=304, headers=dict(file.headers))
    if file.compressed is not None and "gzip" in asked.get("accept-encoding", ""):
        return Response(file.compressed, headers={**file.headers, "Content-Encoding": "gzip"})
    return Response(file.body, headers=dict(file.headers))
