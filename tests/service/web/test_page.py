import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hush_service.settings import ServiceSettings
from hush_service.web.app import create_app
from local.processes import ROOT
from tests.service.conftest import engine, loaded

pytestmark = pytest.mark.anyio

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
HEADERS = json.loads((ROOT / "ui" / "headers.json").read_text())
SCRIPT = "console.log('hush');" * 20


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What Vite leaves behind."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>hush</title>")
    (tmp_path / "assets" / "main-1a2b.js").write_text(SCRIPT)
    (tmp_path / "assets" / "chain-1a2b.wasm").write_bytes(b"\0asm\1\0\0\0")
    (tmp_path / "assets" / "map.unknown").write_text("no business of a browser's")
    return tmp_path


@pytest.fixture
async def client(built: Path) -> AsyncIterator[httpx2.AsyncClient]:
    settings = ServiceSettings(api_key="secret")  # type: ignore[arg-type]
    app = create_app(settings, loaded(demo=engine()), built)
    transport = httpx2.ASGITransport(app=app)
    key = {"Authorization": "Bearer secret"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://service", headers=key
    ) as client:
        yield client


async def test_browsers_get_the_page_and_others_the_status(client: httpx2.AsyncClient) -> None:
    page = await client.get("/", headers={"Accept": BROWSER})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>hush</title>" in page.text
    for accept in ("*/*", "application/json"):
        status = await client.get("/", headers={"Accept": accept})
        assert status.json()["models"] == {"demo": "ready"}
    assert (await client.get("/mel", headers={"Accept": BROWSER})).json()["queue"] == 0
    assert (await client.post("/", content=b"no picture")).status_code == 400


@pytest.mark.parametrize("path", ["/", "/index.html", "/assets/main-1a2b.js"])
async def test_every_file_has_the_headers_that_stand_in_the_pages_room(
    client: httpx2.AsyncClient, path: str
) -> None:
    answer = await client.get(path, headers={"Accept": BROWSER})
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


async def test_what_has_its_hash_in_its_name_is_kept_and_the_rest_is_fresh(
    client: httpx2.AsyncClient,
) -> None:
    script = await client.get("/assets/main-1a2b.js")
    assert script.text == SCRIPT
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    wasm = await client.get("/assets/chain-1a2b.wasm")
    assert wasm.headers["content-type"] == "application/wasm"
    page = await client.get("/index.html")
    assert page.headers["cache-control"] == "no-cache"
    again = await client.get("/index.html", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_files_travel_compressed_to_who_understands_it(client: httpx2.AsyncClient) -> None:
    plain = await client.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


async def test_the_page_opens_without_the_key_and_the_rest_does_not(
    client: httpx2.AsyncClient,
) -> None:
    del client.headers["authorization"]
    assert (await client.get("/", headers={"Accept": BROWSER})).status_code == 200
    assert (await client.get("/assets/main-1a2b.js")).status_code == 200
    assert (await client.get("/")).status_code == 401


@pytest.mark.parametrize(
    "path", ["/assets/map.unknown", "/assets/../headers.json", "/assets/no.js"]
)
async def test_nothing_else_of_the_folder_is_served(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_without_a_page_there_is_none_and_nobody_complains(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As for work in one process, which has no use for it."""
    app = create_app(ServiceSettings(), loaded(demo=engine()))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.get("/", headers={"Accept": BROWSER})
    assert answer.json()["models"] == {"demo": "ready"}
    assert caplog.records == []
