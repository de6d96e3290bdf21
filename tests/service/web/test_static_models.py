import json
from pathlib import Path

import pytest

from hush_service.web import device_models, static_models
from tests.service.web.test_device_models import exported


def test_a_web_server_can_serve_what_the_service_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "ort-wasm-simd-threaded.wasm"
    runtime.write_bytes(b"\0asm")
    for module in (device_models, static_models):
        monkeypatch.setattr(module, "device_runtime", {"wasm": runtime}.get)
    kept, target = tmp_path / "kept", tmp_path / "target"
    exported(kept, "tiny.en", "int8", 300)
    exported(kept, "base", "int8", 700)
    static_models.write_models(kept, target)
    index = json.loads((target / "index.json").read_text(encoding="utf-8"))
    assert index == {"models": device_models.offered(kept).models}
    assert [model["id"] for model in index["models"]] == ["tiny.en", "base"]
    named = {
        file["path"]: file
        for model in index["models"]
        for file in (*model["files"].values(), *model["runtimes"].values())
    }
    folder = target / "files" / "models"
    written = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert written == set(named)
    for path, file in named.items():
        assert (folder / path).stat().st_size == file["bytes"]
        # Whatever is served for ever is never called as something else.
        assert file["sha256"][:12] in path


def test_without_the_runtime_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_models, "device_runtime", lambda _: None)
    with pytest.raises(FileNotFoundError, match="make page"):
        static_models.write_models(tmp_path, tmp_path / "target")
