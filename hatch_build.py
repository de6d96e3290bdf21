"""Puts the built web page into the wheel, where it was built; and, where asked, the runtimes."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    """Adds ``ui/dist`` to the package; without it, the wheel's service has no page and says so."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what is to be added."""
        if version == "editable":
            return
        if (Path(self.root) / "ui" / "dist" / "index.html").is_file():
            build_data["force_include"]["ui/dist"] = "hush_service/page"
        else:
            self.app.display_warning(
                "the wheel is without the web page: `make page` builds it, with Node 20.19 or newer"
            )
        if os.environ.get("HUSH_WHEEL_RUNTIME") == "1":
            # 41 MB, of use to those alone who have models run in browsers.
            for name in ("ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"):
                built = f"ui/node_modules/onnxruntime-web/dist/{name}"
                build_data["force_include"][built] = f"hush_service/{name}"
