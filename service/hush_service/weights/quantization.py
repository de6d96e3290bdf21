"""A model's weights in 8 bits, as CTranslate2 itself makes them: half the bytes, ready to reckon.

What has to start within seconds can neither fetch twice as much nor turn it into this. Each row of
a matrix is scaled so that its largest value is 127; the rest of a model becomes float32.

`python -m hush_service.weights.quantization base FOLDER` makes the folder that the responder hears
with, and has it prove itself; its digest then tells on Lambda that it is the same.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from hush_service.weights.checkpoint import Array
from hush_service.weights.ctranslate2_folder import (
    EMBEDDINGS,
    read_config,
    read_variables,
    write_folder,
)
from hush_service.weights.integrity import keep_digest

LARGEST = 127
_SCALE = "_scale"


def to_int8(source: Path, target: Path) -> None:
    """Write a CTranslate2 folder of floats as one of 8-bit integers, its digest beside it.

    Parameters
    ----------
    source
        The folder.
    target
        An empty folder.

    Raises
    ------
    UnreadableModelError
        If the source is no Whisper model.
    OSError
        If a file cannot be read or written.
    """
    variables, config = read_variables(source), read_config(source)
    scales = {name + _SCALE: of + _SCALE for name, of in variables.aliases.items()}
    write_folder(
        target,
        sorted(_quantized(variables.arrays)),
        {**variables.aliases, **scales},
        len(variables.arrays[EMBEDDINGS]),
        [(layer, head) for layer, head in config["alignment_heads"]],
    )
    keep_digest(target, target)


def _quantized(arrays: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Yield matrices with the scales of their rows, and everything else in float32."""
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            yield name, array
        elif name.endswith("/weight") and array.ndim > 1:
            rows = array.astype(np.float32).reshape(len(array), -1)
            largest = np.abs(rows).max(axis=1)
            scale = np.float32(LARGEST) / np.where(largest == 0, np.float32(LARGEST), largest)
            yield name, np.rint(rows * scale[:, None]).astype(np.int8).reshape(array.shape)
            yield name + _SCALE, scale
        else:
            yield name, array.astype(np.float32)


def main(model: str, target: Path) -> None:
    """Write a model's folder, and have it hear a sentence."""
    from hush_service.engine.ctranslate2 import CTranslate2Engine
    from hush_service.engine.proof import prove
    from hush_service.weights.models import resolve

    target.mkdir(parents=True)
    to_int8(resolve(model, "ctranslate2"), target)
    prove(CTranslate2Engine(target, "cpu", replicas=1), model)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main(sys.argv[1], Path(sys.argv[2]))
