"""Fetch models into a machine image, in the format of its engine: `fetch_models.py ENGINE MODEL…`.

They come from OpenAI, with their digests checked, and are converted here, so that no instance has
to. What they were converted from does not stay.
"""

import json
import sys
from pathlib import Path

from hush_service.weights.models import resolve

HOME = Path("/opt/hush")


def fetch(engine: str, models: list[str], weights: Path) -> dict[str, str]:
    """Return where each model is once it is there."""
    places = {}
    for name in models:
        place = resolve(name, "openai" if engine == "reference" else "ctranslate2", weights)
        if place.is_dir():
            place.with_name(f"{place.parent.name}.pt").unlink(missing_ok=True)
        places[name] = str(place)
        print(f"model {name} is in {place}", flush=True)
    return places


def main(engine: str, *models: str, home: Path = HOME) -> None:
    """Fetch all, and write down for `prove.py` what there is."""
    places = fetch(engine, list(models), home / "weights")
    (home / "prove").mkdir(exist_ok=True)
    content = json.dumps({"engine": engine, "models": places}, indent=2)
    (home / "prove" / "models.json").write_text(f"{content}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
