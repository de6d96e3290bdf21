"""Weights that are made once, on whichever machine synthesises: the responder's, and browsers'."""

import atexit
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stacks.functions import SERVICE

MODEL = "model.bin"
INDEX, FILES = "index.json", "files"
"""Of models for browsers: which there are, and the folder with what these consist of."""
_MAKER = SERVICE[1] / "weights" / "quantization.py"
DEVICE_MAKERS = (
    *(SERVICE[1] / "weights" / f"onnx_{part}.py" for part in ("export", "graphs")),
    *(SERVICE[1] / "web" / f"{part}_models.py" for part in ("device", "static")),
    # It says which ONNX Runtime is fetched, which goes with them and with the page's code.
    SERVICE[1].parents[1] / "ui" / "package-lock.json",
)
"""Files for which models for browsers are made anew, once they are others."""


def responder_weights(model: str) -> Path:
    """Return the folder of a model in 8 bits; its digest is in a file beside it.

    Parameters
    ----------
    model
        A name of hush's catalogue.

    Raises
    ------
    subprocess.CalledProcessError
        If it cannot be made; what made it has said why.
    """
    home = _cache("responder", _MAKER)
    folder, digest = home / model, home / digest_name(model)
    if not (folder.exists() and digest.exists()):
        part = home / f"{os.getpid()}" / model
        maker = "hush_service.weights.quantization"
        subprocess.run([sys.executable, "-m", maker, model, str(part)], check=True)
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
        part.with_name(digest.name).replace(digest)
        part.parent.rmdir()
    return folder


def device_models(names: Sequence[str]) -> Path:
    """Return the folder of some models for browsers, with `INDEX` and `FILES` in it.

    Raises
    ------
    subprocess.CalledProcessError
        If they cannot be made; what made them has said why.
    """
    home = _cache("device", *DEVICE_MAKERS)
    folder = home / " ".join(sorted(names))
    if not folder.exists():
        part = home / f"{os.getpid()}"
        maker = "hush_service.web.static_models"
        subprocess.run([sys.executable, "-m", maker, str(part), *names], check=True)
        part.replace(folder)
    return folder


def no_device_models(names: Sequence[str]) -> Path:
    """Return a folder that looks as one of such models does, for templates that nobody deploys."""
    folder = Path(tempfile.mkdtemp(prefix="hush-device-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / FILES / "models").mkdir(parents=True)
    for name in names:
        (folder / FILES / "models" / f"{name}.onnx").write_text("none\n", encoding="utf-8")
    (folder / INDEX).write_text(json.dumps({"models": list(names)}), encoding="utf-8")
    return folder


def _cache(purpose: str, *makers: Path) -> Path:
    """Return the folder of what such files make, as long as they are as they are."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made_by = hashlib.sha256(b"".join(each.read_bytes() for each in makers)).hexdigest()[:12]
    return cache / "hush" / purpose / made_by


def no_weights(model: str) -> Path:
    """Return a folder that looks as one of weights does, for templates that nobody deploys."""
    folder = Path(tempfile.mkdtemp(prefix="hush-weights-")) / model
    # By then, the synthesis has copied it.
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    folder.mkdir()
    for file in (folder / MODEL, folder.with_name(digest_name(model))):
        file.write_text("none\n", encoding="utf-8")
    return folder


def digest_name(model: str) -> str:
    """Return how the file is called that holds the digest of a model's weights."""
    return f"{model}.sha256"


def small_files(folder: Path) -> list[Path]:
    """Return the files of a model but its weights, and the file with their digest."""
    beside = folder.with_name(digest_name(folder.name))
    return [*sorted(file for file in folder.iterdir() if file.name != MODEL), beside]
