"""Models for browsers as files, for a web server that knows nothing of them.

`python -m hush_service.web.static_models FOLDER tiny.en` exports a model, for processors and for
graphics processors, and writes

    FOLDER/index.json         what `/models/index.json` is to answer
    FOLDER/files/models/…     what is to be below `/models/`; none of it ever changes
"""

import json
import logging
import shutil
import sys
from pathlib import Path

from hush_service.packaged import device_runtime
from hush_service.web.device_models import offered
from hush_service.weights.onnx_export import Precision, export_onnx

PRECISIONS: tuple[Precision, ...] = ("int8", "float16")
"""What suits processors, and what graphics processors want."""


def write_models(kept: Path, target: Path) -> None:
    """Write all that browsers can have of a folder of models.

    Raises
    ------
    FileNotFoundError
        If the runtime for browsers is not here, without which they can have nothing.
    """
    if device_runtime("wasm") is None:
        raise FileNotFoundError("ONNX Runtime for browsers is not here: `make page` fetches it")
    offer = offered(kept)
    for path, file in offer.files.items():
        place = target / "files" / "models" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    index = json.dumps({"models": offer.models})
    (target / "index.json").write_text(index, encoding="utf-8")


def main(target: Path, *names: str) -> None:
    """Export some models, and write what browsers can have of them."""
    exports = target / "exports"
    for name in names:
        for precision in PRECISIONS:
            export_onnx(name, precision, exports)
    write_models(exports, target)
    shutil.rmtree(exports)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main(Path(sys.argv[1]), *sys.argv[2:])
