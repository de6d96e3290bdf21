"""Write a model as an OpenAI checkpoint, small: half precision, fewer mantissa bits, deflated."""

import io
import zipfile
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from whisper.model import ModelDimensions

MANTISSA_BITS = 7  # of half precision's 10: what is rounded away costs nothing once deflated


def rounded(weights: Tensor, bits: int = MANTISSA_BITS) -> Tensor:
    """Round weights to half precision with a mantissa of so many bits, to even.

    Parameters
    ----------
    weights
        Any shape, finite and within half precision's range.
    bits
        1 to 10.

    Returns
    -------
    Tensor
        float16 values, each within 2 ** -(bits + 1) of the original, relatively.
    """
    drop = 10 - bits
    if drop == 0:
        return weights.half()
    raw = weights.half().view(torch.int16).to(torch.int32)
    half = (1 << (drop - 1)) - 1 + ((raw >> drop) & 1)
    return (((raw + half) >> drop) << drop).to(torch.int16).view(torch.float16)


def save(state: dict[str, Tensor], dimensions: ModelDimensions, file: Path) -> None:
    """Write a checkpoint that `whisper.load_model(path)` reads.

    Parameters
    ----------
    state
        The weights under openai-whisper's names.
    dimensions
        The model's dimensions.
    file
        Where it goes; replaced in one step.
    """
    plain = io.BytesIO()
    torch.save(
        {"dims": asdict(dimensions), "model_state_dict": {n: rounded(w) for n, w in state.items()}},
        plain,
    )
    small = file.with_suffix(".new")
    with (
        zipfile.ZipFile(plain) as read,
        zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as write,
    ):
        for entry in read.infolist():
            write.writestr(
                zipfile.ZipInfo(entry.filename), read.read(entry), zipfile.ZIP_DEFLATED, 9
            )
    small.replace(file)
