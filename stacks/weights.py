"""The responder's weights: a model in 8 bits, made once on whichever machine synthesises."""

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stacks.functions import SERVICE

MODEL = "model.bin"
_MAKER = SERVICE[1] / "weights" / "quantization.py"


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
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made_by = hashlib.sha256(_MAKER.read_bytes()).hexdigest()[:12]
    home = cache / "hush" / "responder" / made_by
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
