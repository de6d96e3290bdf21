"""Models by name or path, in the format that an engine wants: fetched, converted and kept.

    FOLDER/NAME/NAME.pt        in OpenAI's format
    FOLDER/NAME/ctranslate2/   in CTranslate2's
    FOLDER/converted/…         what models given by path were converted to

Whichever format a source has is fetched; the other is converted from it when it is wanted. All
appear in one step, whole; a lock lets one process at a time make them.
"""

import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from hush_service.packaged import demo_folder
from hush_service.weights import catalogue, conversion
from hush_service.weights.catalogue import CATALOGUE, DEMO, CatalogueModel, Head, OpenAIFile
from hush_service.weights.checkpoint import check_checkpoint
from hush_service.weights.ctranslate2_folder import MODEL, check_folder
from hush_service.weights.errors import UnknownModelError
from hush_service.weights.fetch import Progress, digest_of, fetch, parts_of
from hush_service.weights.integrity import keep_digest
from hush_service.weights.space import full_disk_in_words, size_of, want_space

log = logging.getLogger(__name__)

Format = Literal["openai", "ctranslate2"]

CONVERTED = "converted"
"""The folder of what was made of models given by path."""


@dataclass(frozen=True)
class KeptModel:
    """A model of the catalogue, and what is here of it.

    Parameters
    ----------
    model
        The model.
    formats
        Those that are here.
    size
        Bytes on the disk, parts of an unfinished download among them.
    """

    model: CatalogueModel
    formats: tuple[Format, ...]
    size: int


def resolve(
    model: str | Path,
    wanted: Format,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Return where a model is, in the wanted format; fetch and convert it where that is needed.

    Parameters
    ----------
    model
        A name or alias of the catalogue, or the path of a checkpoint in OpenAI's format or of a
        CTranslate2 folder.
    wanted
        "openai" for a checkpoint that `whisper.load_model` reads, "ctranslate2" for a folder that
        `ctranslate2.models.Whisper` loads.
    folder
        Where models are kept; `default_folder` if None.
    progress
        Is told how far a download is; None shows a bar on a terminal.

    Returns
    -------
    Path
        A file or a folder. Its weights are not looked at: `check_weights` and an engine do that.

    Raises
    ------
    WeightsError
        A subclass says what is wrong; its message what to do.
    OSError
        If files cannot be read or written for another reason than a full disk.
    """
    folder = folder or default_folder()
    known = None if isinstance(model, Path) else catalogue.find(model)
    if known is not None and known.name != DEMO:
        return _of_catalogue(known, wanted, folder, progress)
    if known is not None:
        return _of_path(demo_folder() / "demo.pt", wanted, folder)
    path = Path(model).expanduser()
    if not path.exists():
        raise UnknownModelError(
            f"{str(model)!r} is neither a model nor a path of one; {catalogue.nearest(str(model))}"
        )
    return _of_path(path, wanted, folder)


def kept_models(folder: Path | None = None) -> list[KeptModel]:
    """Return every model of the catalogue, the smallest first, with what is here of it."""
    folder = folder or default_folder()
    return [_kept_model(model, folder) for model in CATALOGUE.values()]


def remove(name: str, folder: Path | None = None) -> int:
    """Remove what is here of a model.

    Parameters
    ----------
    name
        A name or alias of the catalogue; "converted" for what was made of models given by path,
        "demo" for what was made of the toy model, which itself stays.
    folder
        As in `resolve`.

    Returns
    -------
    int
        The bytes that are free now; 0 if nothing was here.

    Raises
    ------
    UnknownModelError
        If there is no such model.
    """
    folder = folder or default_folder()
    if name == CONVERTED:
        home = folder / CONVERTED
    elif (model := catalogue.named(name)).name == DEMO:
        home = _home_of_converted(demo_folder() / "demo.pt", folder)
    else:
        home = folder / model.name
    size = size_of(home) + size_of(parts_of(home))
    if size:
        with alone(home):
            shutil.rmtree(home, ignore_errors=True)
            shutil.rmtree(parts_of(home), ignore_errors=True)
    return size


def alignment_heads(model: str | Path) -> tuple[Head, ...] | None:
    """Return the heads of a catalogue's model that follow the words in time.

    Parameters
    ----------
    model
        A name, or what `resolve` returned for it.
    """
    names = [model] if isinstance(model, str) else [model.stem, model.parent.name]
    found = next(filter(None, map(catalogue.find, names)), None)
    return found.alignment_heads if found else None


def default_folder() -> Path:
    """Return where models are kept if nothing else is said."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "hush" / "models"


def _of_catalogue(
    model: CatalogueModel, wanted: Format, folder: Path, progress: Progress | None
) -> Path:
    home = folder / model.name
    target = _place(home, model.name, wanted)
    if target.exists():
        return target
    with alone(home):
        source = _place(home, model.name, _other(wanted))
        if not target.exists() and not source.exists():
            with _shown(model.name, progress) as advance:
                log.info("fetching model %s, %.0f MB", model.name, model.megabytes)
                source = fetch(model, home, advance)
        if not target.exists():
            _convert(source, target, wanted, model.alignment_heads)
    return target


def _of_path(path: Path, wanted: Format, folder: Path) -> Path:
    path = path.resolve()
    if path.is_dir():
        check_folder(path)
        found: Format = "ctranslate2"
    else:
        check_checkpoint(path)
        found = "openai"
    if found == wanted:
        return path
    home = home_of_own(path, folder)
    target = _place(home, path.stem, wanted)
    if target.exists():
        return target
    with alone(home):
        if not target.exists():
            _convert(path, target, wanted, _known_heads(path) if path.is_file() else None)
    return target


def home_of_own(path: Path, folder: Path) -> Path:
    """Return the folder for what is made of a model given by path, without what was made of others.

    Parameters
    ----------
    path
        Of a checkpoint in OpenAI's format, or of a CTranslate2 folder.
    folder
        Where models are kept.
    """
    path = path.resolve()
    weights = path / MODEL if path.is_dir() else path
    home = _home_of_converted(path, folder)
    status = weights.stat()
    stated = {"path": str(path), "size": status.st_size, "modified": status.st_mtime_ns}
    if not _is_made_of(home, stated):
        with alone(home):
            if not _is_made_of(home, stated):
                shutil.rmtree(home, ignore_errors=True)
                home.mkdir()
                (home / "source.json").write_text(json.dumps(stated), encoding="utf-8")
    return home


def _convert(source: Path, target: Path, wanted: Format, heads: tuple[Head, ...] | None) -> None:
    parts = parts_of(target.parent)
    part = parts / target.name
    log.info("converting %s to the format of %s", source, wanted)
    with full_disk_in_words(target.parent):
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(parents=True)
        try:
            want_space(parts, size_of(source))
            if wanted == "openai":
                conversion.to_openai(source, part)
            else:
                part.mkdir()
                conversion.to_ctranslate2(source, part, heads)
            target.parent.mkdir(parents=True, exist_ok=True)
            keep_digest(part, target)
            part.replace(target)
        finally:
            shutil.rmtree(parts, ignore_errors=True)


def _known_heads(file: Path) -> tuple[Head, ...] | None:
    """Return the heads of a file that is one of OpenAI's, whatever it is called here."""
    digest = digest_of(file)
    for model in CATALOGUE.values():
        for source in model.sources:
            if isinstance(source, OpenAIFile) and source.sha256 == digest:
                return model.alignment_heads
    return None


def _place(home: Path, name: str, wanted: Format) -> Path:
    return home / (f"{name}.pt" if wanted == "openai" else "ctranslate2")


def _other(wanted: Format) -> Format:
    return "ctranslate2" if wanted == "openai" else "openai"


def _home_of_converted(path: Path, folder: Path) -> Path:
    path = path.resolve()
    key = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    return folder / CONVERTED / f"{path.stem}-{key}"


def _is_made_of(home: Path, stated: dict[str, object]) -> bool:
    try:
        return bool(json.loads((home / "source.json").read_text(encoding="utf-8")) == stated)
    except (FileNotFoundError, ValueError):
        return False


def _kept_model(model: CatalogueModel, folder: Path) -> KeptModel:
    if model.name == DEMO:
        return KeptModel(model, ("openai",), (demo_folder() / "demo.pt").stat().st_size)
    home = folder / model.name
    formats: tuple[Format, ...] = ("openai", "ctranslate2")
    here = tuple(form for form in formats if _place(home, model.name, form).exists())
    return KeptModel(model, here, size_of(home) + size_of(parts_of(home)))


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Let no other process work on a model meanwhile."""
    home.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.with_name(f".{home.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("another process is at work on model %s; waiting for it", home.name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _shown(name: str, progress: Progress | None) -> Iterator[Progress]:
    """Give the progress to whoever asked for it, else to a bar on the terminal, if there is one."""
    if progress is not None:
        yield progress
    elif sys.stderr.isatty():
        from hush import terminal

        with terminal.progress(f"fetching model {name}") as advance:
            yield advance
    else:
        yield lambda done, total: None
