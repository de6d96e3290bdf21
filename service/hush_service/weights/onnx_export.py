"""Models for ONNX Runtime: two graphs and a table of tokens, in a folder that a browser can have.

    FOLDER/NAME/onnx/PRECISION/encoder.DIGEST.onnx, decoder.DIGEST.onnx   see `onnx_graphs`
                               tokens.DIGEST.json                         text of each token
                               model.json                                 what the model can do

`hush_service.web.device_models` offers what is there to browsers.
"""

import json
import logging
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from hush_service.weights import catalogue
from hush_service.weights.checkpoint import read_checkpoint
from hush_service.weights.errors import UnreadableModelError, WeightsError
from hush_service.weights.fetch import digest_of, parts_of
from hush_service.weights.integrity import check_weights
from hush_service.weights.models import (
    alignment_heads,
    alone,
    default_folder,
    home_of_own,
    resolve,
)
from hush_service.weights.space import full_disk_in_words

log = logging.getLogger(__name__)

Precision = Literal["int8", "float16", "float32"]
PROCESSOR_ALONE: frozenset[Precision] = frozenset({"int8"})
"""Whose products of whole numbers WebGPU does not have."""

PLACE = "onnx"
"""The folder of a model's exports, beside its other formats."""
MANIFEST = "model.json"
GRAPHS = 2
"""Counts up when graphs change so that who runs them has to know."""
_SHOWN = 12
"""Characters of a digest in a name."""


class MissingExporterError(WeightsError):
    """The libraries that export are not installed."""


def export_onnx(
    name: str, precision: Precision, folder: Path | None = None, offered: bool = True
) -> Path:
    """Write a model for ONNX Runtime.

    Parameters
    ----------
    name
        Of the catalogue, or the path of a checkpoint in OpenAI's format.
    precision
        Of its weights.
    folder
        Where models are kept; `default_folder` if None.
    offered
        Whether browsers may have it; what an engine exports for itself is nobody else's.

    Returns
    -------
    Path
        A folder with `model.json` and the files that it names.

    Raises
    ------
    MissingExporterError
        If onnx is not installed.
    WeightsError, OSError
        If there is no such model, or it cannot be written.
    """
    folder = folder or default_folder()
    checkpoint = _checkpoint(name, folder)
    home = _home(name, precision, folder)
    with alone(home.parents[1]):
        _write(name, checkpoint, precision, home, offered)
    return home


def exported(name: str | Path, precision: Precision, folder: Path | None = None) -> Path:
    """Return where a model is for ONNX Runtime; export it where that is needed.

    Parameters
    ----------
    name
        Of the catalogue, or the path of a checkpoint in OpenAI's format, or of an export.
    precision, folder
        As in `export_onnx`.

    Raises
    ------
    UnreadableModelError
        If a file of an export is damaged.
    WeightsError, OSError
        As `export_onnx`.
    """
    known = catalogue.find(name) if isinstance(name, str) else None
    folder, home = folder or default_folder(), Path(name)
    if known is not None or (not (home / MANIFEST).is_file() and home.exists()):
        home = _home(name, precision, folder)
    if _stated(home).get("graphs") != GRAPHS:
        checkpoint = _checkpoint(name, folder)
        with alone(home.parents[1]):
            was = _stated(home)
            # Another process may have exported it meanwhile.
            if was.get("graphs") != GRAPHS:
                _write(name, checkpoint, precision, home, was.get("offered", False))
    for file in read_manifest(home)["files"].values():
        if digest_of(home / file["path"]) != file["sha256"]:
            raise UnreadableModelError(
                f"{home / file['path']} is damaged: remove {home}, and it is exported again"
            )
    return home


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what an export's `model.json` says: what the model can do, and its files.

    Raises
    ------
    UnreadableModelError
        If it is damaged.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except ValueError:
        raise UnreadableModelError(
            f"{folder / MANIFEST} is damaged: remove {folder}, and it is exported again"
        ) from None
    return manifest


def named(part: str, digest: str, ending: str) -> str:
    """Return how a file is called that never changes: it has its digest in its name."""
    return f"{part}.{digest[:_SHOWN]}.{ending}"


def token_table(tokens: int) -> dict[str, Any]:
    """Return what has to be known of the tokens of models with so many.

    Its keys are those of `hush_service.engine.tokenizer`; `texts` has each token's bytes as
    characters U+0000 to U+00FF.
    """
    from hush_service.engine.languages import LANGUAGES
    from hush_service.engine.tokenizer import Tokenizer

    tokenizer = Tokenizer.of_size(tokens)
    encoding = tokenizer.encoding
    (start, *_) = tokenizer.start("en", "transcribe")
    return {
        "texts": [
            encoding.decode_single_token_bytes(token).decode("latin-1")
            for token in range(tokenizer.end_of_text)
        ],
        "languages": [[code, LANGUAGES[code]] for code in tokenizer.codes],
        "multilingual": tokenizer.multilingual,
        "end_of_text": tokenizer.end_of_text,
        "start_of_transcript": start,
        "transcribe": encoding.encode_single_token("<|transcribe|>"),
        "translate": encoding.encode_single_token("<|translate|>"),
        "before": tokenizer.before,
        "no_speech": tokenizer.no_speech,
        "no_timestamps": tokenizer.no_timestamps,
        "first_timestamp": tokenizer.first_timestamp,
        "suppressed": tokenizer.suppressed,
        "suppressed_at_start": [*tokenizer.encode(" "), tokenizer.end_of_text],
    }


def _stated(home: Path) -> dict[str, Any]:
    """Return what an export's `model.json` says; nothing where there is none."""
    try:
        return read_manifest(home)
    except FileNotFoundError:
        return {}


def _home(name: str | Path, precision: Precision, folder: Path) -> Path:
    """Return the folder of a model's export."""
    known = catalogue.find(name) if isinstance(name, str) else None
    model = folder / known.name if known else home_of_own(Path(name), folder)
    return model / PLACE / precision


def _checkpoint(name: str | Path, folder: Path) -> Path:
    """Return the file that a model is exported from."""
    if find_spec("onnx") is None:
        raise MissingExporterError("an export wants onnx: install hush with its extra 'onnx'")
    known = catalogue.find(name) if isinstance(name, str) else None
    file = resolve(known.name if known else name, "openai", folder)
    check_weights(file, name)
    return file


def _write(name: str | Path, file: Path, precision: Precision, home: Path, offered: bool) -> None:
    """Export a model; nobody else may be at it, see `alone`."""
    from hush_service.weights.onnx_graphs import decoder_graph, encoder_graph

    known = catalogue.find(name) if isinstance(name, str) else None
    title = known.name if known else file.stem
    checkpoint = read_checkpoint(file)
    size = checkpoint.dimensions
    heads = (
        checkpoint.alignment_heads
        or alignment_heads(file)
        or _upper_half(size.n_text_layer, size.n_text_head)
    )
    parts, left = parts_of(home), home.with_name(f".{home.name}.left")
    with full_disk_in_words(home):
        for folder in (parts, left):
            shutil.rmtree(folder, ignore_errors=True)
        parts.mkdir(parents=True)
        try:
            log.info("exporting %s in %s", title, precision)
            encoder = encoder_graph(checkpoint, precision).SerializeToString()
            decoder = decoder_graph(checkpoint, heads, precision).SerializeToString()
            files = {
                "encoder": _keep(parts, "encoder", "onnx", encoder),
                "decoder": _keep(parts, "decoder", "onnx", decoder),
            }
            table = json.dumps(token_table(size.n_vocab), separators=(",", ":"))
            files["tokens"] = _keep(parts, "tokens", "json", table.encode())
            manifest = _described(title, size.n_vocab, size.n_mels) | {
                "precision": precision,
                "graphs": GRAPHS,
                "offered": offered,
                "vocabulary": size.n_vocab,
                "parameters": sum(tensor.size for tensor in checkpoint.tensors.values()),
                "files": files,
            }
            (parts / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
            # Removing takes its time, in which nobody would find the one or the other.
            if home.exists():
                home.replace(left)
            parts.replace(home)
        finally:
            for folder in (parts, left):
                shutil.rmtree(folder, ignore_errors=True)


def _described(name: str, tokens: int, mel_bins: int) -> dict[str, Any]:
    """Return what `GET /v1/models` says of a model."""
    from hush_service.engine.tokenizer import Tokenizer

    tokenizer = Tokenizer.of_size(tokens)
    many = tokenizer.multilingual
    return {
        "id": name,
        "mel_bins": mel_bins,
        "languages": list(tokenizer.codes) if many else ["en"],
        "tasks": ["transcribe", "translate"] if many else ["transcribe"],
    }


def _keep(folder: Path, part: str, ending: str, content: bytes) -> dict[str, Any]:
    file = folder / f"{part}.{ending}"
    file.write_bytes(content)
    digest = digest_of(file)
    name = named(part, digest, ending)
    file.rename(folder / name)
    return {"path": name, "bytes": len(content), "sha256": digest}


def _upper_half(layers: int, heads: int) -> list[tuple[int, int]]:
    return [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]
