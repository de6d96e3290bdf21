"""Fetch models into a machine image, for its engine: `fetch_models.py ENGINE SCRATCH MODEL…`.

They come from OpenAI, with their digests checked, and are converted here, so that no instance has
to. That happens in a folder in memory, one after another: what they were converted from is never on
the volume.
"""

import json
import shutil
import sys
from pathlib import Path

from hush_service.weights.models import resolve
from hush_service.weights.onnx_export import export_onnx

HOME = Path("/opt/hush")


def fetch(engine: str, models: list[str], weights: Path, scratch: Path) -> dict[str, str]:
    """Return where each model is once it is there."""
    places = {}
    for name in models:
        if engine == "onnx":
            made = export_onnx(name, "float16", scratch)
        else:
            made = resolve(name, "openai" if engine == "reference" else "ctranslate2", scratch)
        title, *_ = made.relative_to(scratch).parts
        home, folder = scratch / title, weights / title
        if made.is_dir():
            for file in home.glob(f"{title}.pt*"):  # with its digest
                file.unlink()
        shutil.move(home, folder)
        places[name] = str(folder / made.relative_to(home))
        print(f"model {name} is in {places[name]}", flush=True)
    return places


def main(engine: str, scratch: str, *models: str, home: Path = HOME) -> None:
    """Fetch all, and write down for `prove.py` what there is."""
    weights, prove = home / "weights", home / "prove"
    for folder in (weights, prove):
        folder.mkdir(exist_ok=True)
    places = fetch(engine, list(models), weights, Path(scratch) / "models")
    content = json.dumps({"engine": engine, "models": places}, indent=2)
    (prove / "models.json").write_text(f"{content}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
