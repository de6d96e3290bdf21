import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import httpx2
import pytest

from hush_service import packaged
from hush_service.settings import ServiceSettings
from hush_service.web import device_models
from hush_service.web.app import create_app
from hush_service.weights.onnx_export import GRAPHS, read_manifest
from local.processes import ROOT
from tests.service.conftest import engine, loaded

pytestmark = pytest.mark.anyio

HEADERS = json.loads((ROOT / "ui" / "headers.json").read_text())


def exported(folder: Path, name: str, precision: str, size: int, **stated: object) -> None:
    """Put up what an export is made of, in a few bytes; its manifest states more, or otherwise."""
    home = folder / name / "onnx" / precision
    home.mkdir(parents=True)
    files = {}
    for part, content in (("encoder", b"e" * size), ("decoder", b"d" * size), ("tokens", b"[]")):
        digest = hashlib.sha256(content).hexdigest()
        path = f"{part}.{digest[:12]}.{'json' if part == 'tokens' else 'onnx'}"
        (home / path).write_bytes(content)
        files[part] = {"path": path, "bytes": len(content), "sha256": digest}
    described = {"id": name, "mel_bins": 80, "languages": ["en"], "tasks": ["transcribe"]}
    manifest = described | {"precision": precision, "files": files}
    manifest |= {"graphs": GRAPHS, "offered": True} | stated
    (home / "model.json").write_text(json.dumps(manifest))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    exported(tmp_path / "models", "base", "int8", 700)
    exported(tmp_path / "models", "tiny.en", "int8", 300)
    (tmp_path / "models" / "tiny.en" / "tiny.en.pt").write_bytes(b"no business of a browser's")
    return tmp_path / "models"


@pytest.fixture
async def client(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx2.AsyncClient]:
    for kind in ("wasm", "webgpu"):
        (tmp_path / f"{kind}.wasm").write_bytes(b"\0asm" * 100 + kind.encode())
    monkeypatch.setattr(device_models, "device_runtime", lambda kind: tmp_path / f"{kind}.wasm")
    (tmp_path / "index.html").write_text("<!doctype html><title>hush</title>")
    settings = ServiceSettings(api_key="secret", download_folder=folder)  # type: ignore[arg-type]
    app = create_app(settings, loaded(demo=engine()), tmp_path)
    transport = httpx2.ASGITransport(app=app)
    # Without the key: who may have the page may have what it runs.
    async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


def files_of(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all that a model needs, runtimes by what they run on."""
    return {**model["runtimes"], **model["files"]}


async def models(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/models/index.json")
    assert answer.headers["cache-control"] == "no-cache"
    found: list[dict[str, Any]] = answer.json()["models"]
    return found


async def test_exported_models_are_offered_the_smallest_first(
    client: httpx2.AsyncClient, folder: Path
) -> None:
    assert [each["id"] for each in await models(client)] == ["tiny.en", "base"]
    # What is exported meanwhile is offered as well.
    exported(folder, "tiny", "float16", 200)
    assert [each["id"] for each in await models(client)] == ["tiny", "tiny.en", "base"]


async def test_every_file_is_what_was_announced_and_never_changes(
    client: httpx2.AsyncClient,
) -> None:
    for model in await models(client):
        assert model["files"].keys() == {"encoder", "decoder", "tokens"}
        for file in files_of(model).values():
            answer = await client.get(f"/models/{file['path']}")
            assert answer.status_code == 200
            assert len(answer.content) == file["bytes"]
            assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
            assert file["sha256"][:12] in file["path"]
            assert "immutable" in answer.headers["cache-control"]
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    kinds = {
        name: (await client.head(f"/models/{file['path']}")).headers["content-type"]
        for name, file in files_of(model).items()
    }
    assert kinds == {
        "wasm": "application/wasm",
        "encoder": "application/octet-stream",
        "decoder": "application/octet-stream",
        "tokens": "application/json",
    }


async def test_the_rest_of_a_file_can_be_had(client: httpx2.AsyncClient) -> None:
    model, *_ = await models(client)
    for part in ("encoder", "wasm"):
        file = files_of(model)[part]
        whole = (await client.get(f"/models/{file['path']}")).content
        answer = await client.get(f"/models/{file['path']}", headers={"Range": "bytes=120-"})
        assert answer.status_code == 206
        assert answer.content == whole[120:]
        assert answer.headers["content-range"] == f"bytes 120-{len(whole) - 1}/{len(whole)}"


async def test_what_shrinks_is_sent_small(client: httpx2.AsyncClient) -> None:
    model, *_ = await models(client)
    for part, encoding in (("wasm", "gzip"), ("encoder", None)):
        path = f"/models/{files_of(model)[part]['path']}"
        answer = await client.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.headers.get("content-encoding") == encoding


async def test_what_is_not_for_browsers_is_not_offered(
    client: httpx2.AsyncClient, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exported(folder, "secret", "int8", 100, offered=False)
    exported(folder, "older", "int8", 100, graphs=GRAPHS - 1)
    exported(folder, "damaged", "int8", 100)
    (folder / "damaged" / "onnx" / "int8" / "model.json").write_text("{")
    assert [each["id"] for each in await models(client)] == ["tiny.en", "base"]
    assert "damaged: remove" in caplog.text
    (encoder,) = (folder / "secret" / "onnx" / "int8").glob("encoder*")
    answer = await client.get(f"/models/secret/int8/{encoder.name}")
    assert answer.status_code in (401, 404)


async def test_ones_own_model_stands_beside_one_of_its_name(
    client: httpx2.AsyncClient, folder: Path
) -> None:
    exported(folder / "converted", "base-0123456789ab", "int8", 100, id="base")
    own, *_, other = await models(client)
    assert own["id"] == other["id"] == "base"
    assert own["files"]["encoder"]["bytes"] == 100
    assert own["files"]["encoder"]["path"] != other["files"]["encoder"]["path"]
    answer = await client.get(f"/models/{own['files']['encoder']['path']}")
    assert answer.content == b"e" * 100


@pytest.mark.parametrize(
    "path", ["tiny.en/tiny.en.pt", "../page/index.html", "tiny.en/int8/model.json", "other.onnx"]
)
async def test_nothing_else_of_the_folder_can_be_had(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(f"/models/{path}")).status_code in (401, 404)


async def test_graphics_processors_run_what_has_no_whole_numbers(
    client: httpx2.AsyncClient, folder: Path
) -> None:
    exported(folder, "tiny.en", "float16", 900)
    runtimes = {each["precision"]: list(each["runtimes"]) for each in await models(client)}
    assert runtimes == {"int8": ["wasm"], "float16": ["wasm", "webgpu"]}


async def test_only_what_there_is_a_runtime_for_is_offered(
    client: httpx2.AsyncClient, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(folder, "tiny.en", "float16", 900)
    present = {"webgpu": tmp_path / "webgpu.wasm"}
    monkeypatch.setattr(device_models, "device_runtime", present.get)
    (model,) = await models(client)
    assert (model["precision"], list(model["runtimes"])) == ("float16", ["webgpu"])
    present.clear()
    assert await models(client) == []


async def test_what_is_being_replaced_is_left_out_and_nothing_fails(
    client: httpx2.AsyncClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hidden in (".int8.parts", ".int8.left"):
        copytree(folder / "base" / "onnx" / "int8", folder / "base" / "onnx" / hidden)
    assert [each["id"] for each in await models(client)] == ["tiny.en", "base"]

    def removed(home: Path) -> dict[str, Any]:
        if home.parents[1].name == "base":
            rmtree(home, ignore_errors=True)
        return read_manifest(home)

    monkeypatch.setattr(device_models, "read_manifest", removed)
    assert [each["id"] for each in await models(client)] == ["tiny.en"]


@pytest.mark.parametrize("kind", packaged.RUNTIMES)
def test_the_runtimes_are_those_of_the_page(kind: packaged.Runtime) -> None:
    runtime = packaged.device_runtime(kind)
    assert runtime is not None, "ui/node_modules is not here: `make page`"
    assert runtime.read_bytes()[:4] == b"\0asm"


def test_the_page_runs_the_graphs_that_are_exported() -> None:
    page = (ROOT / "ui" / "shared" / "device-models.ts").read_text(encoding="utf-8")
    assert f"const GRAPHS = {GRAPHS};" in page
