"""OpenAI's format to CTranslate2's and back, every weight kept to the bit.

CTranslate2 stacks the projections of attention that are made from the same input: query, key and
value of self-attention, key and value of cross-attention. Whisper's keys have no bias; there the
stack holds zeros. Everything else differs by its name alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hush_service.weights.catalogue import Head
from hush_service.weights.checkpoint import (
    Array,
    Checkpoint,
    Dimensions,
    read_checkpoint,
    write_checkpoint,
)
from hush_service.weights.ctranslate2_folder import (
    EMBEDDINGS,
    Variables,
    check_folder,
    read_config,
    read_variables,
    write_folder,
)
from hush_service.weights.errors import UnreadableModelError

_ALIASES = {"decoder/projection/weight": EMBEDDINGS}
_GELU = 3  # of CTranslate2's activations

_Parts = tuple[str | None, ...]
"""Names of openai-whisper's tensors that are stacked; None is zeros."""


def to_ctranslate2(
    file: Path, folder: Path, alignment_heads: tuple[Head, ...] | None = None
) -> None:
    """Write a checkpoint of OpenAI's as a CTranslate2 folder.

    Parameters
    ----------
    file
        The checkpoint.
    folder
        An empty folder.
    alignment_heads
        Of the model, where they are known. The checkpoint's own come first; without either, all
        heads of the upper half of the decoder's layers are taken, as openai-whisper does.

    Raises
    ------
    UnreadableModelError
        If the file is no Whisper model.
    OSError
        If a file cannot be read or written.
    """
    checkpoint = read_checkpoint(file)
    size = checkpoint.dimensions
    heads = checkpoint.alignment_heads or alignment_heads or _upper_half(size)
    try:
        write_folder(folder, _variables(checkpoint), _ALIASES, size.n_vocab, heads)
    except ValueError as error:
        raise UnreadableModelError(f"{file} is no Whisper model: {error}") from None


def to_openai(folder: Path, file: Path) -> None:
    """Write a CTranslate2 folder as a checkpoint in OpenAI's format.

    Weights of eight or sixteen bit integers become float32.

    Parameters
    ----------
    folder
        The CTranslate2 folder.
    file
        Where the checkpoint goes.

    Raises
    ------
    UnreadableModelError
        If the folder is no Whisper model.
    OSError
        If a file cannot be read or written.
    """
    check_folder(folder)
    variables, config = read_variables(folder), read_config(folder)
    try:
        checkpoint = _checkpoint(variables, config)
    except (KeyError, ValueError) as error:
        raise UnreadableModelError(f"{folder} is no Whisper model: {error}") from None
    write_checkpoint(checkpoint, file)


def _variables(checkpoint: Checkpoint) -> Iterator[tuple[str, Array]]:
    """Yield CTranslate2's variables in the order of their names, one at a time in memory."""
    size, tensors = checkpoint.dimensions, checkpoint.tensors
    table = _table(size)
    scalars = _scalars(size)
    for name in sorted({*table, *scalars}):
        if name in scalars:
            yield name, scalars[name]
            continue
        parts = [None if part is None else tensors[part] for part in table[name]]
        like = next(part for part in parts if part is not None)
        filled = [np.zeros_like(like) if part is None else part for part in parts]
        yield name, filled[0] if len(filled) == 1 else np.concatenate(filled)


def _checkpoint(variables: Variables, config: dict[str, Any]) -> Checkpoint:
    arrays = variables.arrays
    size = _dimensions(arrays)
    shapes = size.shapes()
    tensors: dict[str, Array] = {}
    for name, parts in _table(size).items():
        stacked = _as_floats(name, arrays)
        for part, array in zip(parts, np.split(stacked, len(parts)), strict=True):
            if part is not None:
                if array.shape != shapes[part]:
                    raise ValueError(f"{name} does not have the shape it should have")
                tensors[part] = array
            elif array.any():
                raise ValueError(f"{name} has a bias of the key, which Whisper has not")
    table = _table(size)
    known = {*table, *_scalars(size), *(f"{name}_scale" for name in table)}
    if strange := set(arrays) - known:
        raise ValueError(f"it has a variable that Whisper has not: {min(strange)}")
    heads = tuple((int(layer), int(head)) for layer, head in config.get("alignment_heads", ()))
    return Checkpoint(size, {name: tensors[name] for name in shapes}, heads or None)


def _as_floats(name: str, arrays: Any) -> Array:
    array: Array = arrays[name]
    scale = arrays.get(f"{name}_scale")
    if scale is None:
        if array.dtype.kind != "f":
            raise ValueError(f"{name} has no scale")
        return array
    rows = np.asarray(scale, np.float32).reshape(-1, *[1] * (array.ndim - 1))
    return array.astype(np.float32) / rows


def _dimensions(arrays: Any) -> Dimensions:
    audio, mel_bins, _ = arrays["encoder/conv1/weight"].shape
    vocabulary, text = arrays[EMBEDDINGS].shape
    return Dimensions.of(
        {
            "n_mels": mel_bins,
            "n_audio_ctx": len(arrays["encoder/position_encodings/encodings"]),
            "n_audio_state": audio,
            "n_audio_head": int(arrays["encoder/num_heads"]),
            "n_audio_layer": _layers("encoder", arrays),
            "n_vocab": vocabulary,
            "n_text_ctx": len(arrays["decoder/position_encodings/encodings"]),
            "n_text_state": text,
            "n_text_head": int(arrays["decoder/num_heads"]),
            "n_text_layer": _layers("decoder", arrays),
        }
    )


def _layers(part: str, arrays: Any) -> int:
    prefix = f"{part}/layer_"
    found = (name.removeprefix(prefix) for name in arrays if name.startswith(prefix))
    return len({rest.partition("/")[0] for rest in found} - {"norm"})


def _scalars(size: Dimensions) -> dict[str, Array]:
    """Return what CTranslate2 wants to know beside the weights, as its version 4.8 writes it."""
    off, on = np.array(0, np.int8), np.array(1, np.int8)
    return {
        "encoder/num_heads": np.array(size.n_audio_head, np.int16),
        "decoder/num_heads": np.array(size.n_text_head, np.int16),
        "decoder/activation": np.array(_GELU, np.int8),
        "decoder/alignment_heads": np.array(1, np.int16),
        "decoder/alignment_layer": np.array(-1, np.int16),
        "decoder/alibi": off,
        "decoder/alibi_use_positive_positions": off,
        "decoder/pre_norm": on,
        "decoder/scale_alibi": off,
        "decoder/scale_embeddings": off,
        "decoder/start_from_zero_embedding": off,
    }


def _upper_half(size: Dimensions) -> tuple[Head, ...]:
    layers = range(size.n_text_layer // 2, size.n_text_layer)
    return tuple((layer, head) for layer in layers for head in range(size.n_text_head))


def _table(size: Dimensions) -> dict[str, _Parts]:
    """Return CTranslate2's weights, and the tensors of openai-whisper that each is made of."""
    table: dict[str, _Parts] = {
        "encoder/position_encodings/encodings": ("encoder.positional_embedding",),
        "decoder/position_encodings/encodings": ("decoder.positional_embedding",),
        EMBEDDINGS: ("decoder.token_embedding.weight",),
    }
    for convolution in ("conv1", "conv2"):
        table |= _linear(f"encoder/{convolution}", f"encoder.{convolution}")
    table |= _layer_norm("encoder/layer_norm", "encoder.ln_post")
    table |= _layer_norm("decoder/layer_norm", "decoder.ln")
    for layer in range(size.n_audio_layer):
        table |= _block(f"encoder/layer_{layer}", f"encoder.blocks.{layer}")
    for layer in range(size.n_text_layer):
        ours, theirs = f"decoder/layer_{layer}/attention", f"decoder.blocks.{layer}.cross_attn"
        table |= _block(f"decoder/layer_{layer}", f"decoder.blocks.{layer}")
        table |= _layer_norm(f"{ours}/layer_norm", f"{theirs}_ln")
        table |= _linear(f"{ours}/linear_0", f"{theirs}.query")
        table |= _stack(f"{ours}/linear_1", theirs, "key", "value")
        table |= _linear(f"{ours}/linear_2", f"{theirs}.out")
    return table


def _block(ours: str, theirs: str) -> dict[str, _Parts]:
    return {
        **_layer_norm(f"{ours}/self_attention/layer_norm", f"{theirs}.attn_ln"),
        **_stack(f"{ours}/self_attention/linear_0", f"{theirs}.attn", "query", "key", "value"),
        **_linear(f"{ours}/self_attention/linear_1", f"{theirs}.attn.out"),
        **_layer_norm(f"{ours}/ffn/layer_norm", f"{theirs}.mlp_ln"),
        **_linear(f"{ours}/ffn/linear_0", f"{theirs}.mlp.0"),
        **_linear(f"{ours}/ffn/linear_1", f"{theirs}.mlp.2"),
    }


def _linear(ours: str, theirs: str) -> dict[str, _Parts]:
    return {f"{ours}/{kind}": (f"{theirs}.{kind}",) for kind in ("weight", "bias")}


def _layer_norm(ours: str, theirs: str) -> dict[str, _Parts]:
    return {f"{ours}/gamma": (f"{theirs}.weight",), f"{ours}/beta": (f"{theirs}.bias",)}


def _stack(ours: str, theirs: str, *linears: str) -> dict[str, _Parts]:
    return {
        f"{ours}/weight": tuple(f"{theirs}.{linear}.weight" for linear in linears),
        f"{ours}/bias": tuple(
            None if linear == "key" else f"{theirs}.{linear}.bias" for linear in linears
        ),
    }
