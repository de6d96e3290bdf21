"""Checkpoints in OpenAI's format, read and written without torch.

Such a file is what `torch.save({"dims": …, "model_state_dict": …})` writes: a zip archive with a
pickle, `data.pkl`, in which every tensor stands as a number, a shape and strides, and the raw
values of each in a member of its own, `data/0`, `data/1` and so on. A pickle may call anything;
here it may build tensors and dictionaries, and anything else is refused.
"""

import io
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeGuard

import numpy as np
import numpy.typing as npt

from hush_service.weights.catalogue import Head
from hush_service.weights.errors import UnreadableModelError

Array = npt.NDArray[Any]

_MALFORMED = (ValueError, KeyError, TypeError)
_LARGEST_PICKLE = 16 * 2**20
_STORAGES: dict[str, np.dtype[Any]] = {
    "HalfStorage": np.dtype("<f2"),
    "FloatStorage": np.dtype("<f4"),
    "BFloat16Storage": np.dtype("<u2"),  # the upper half of a float32
}


@dataclass(frozen=True)
class Dimensions:
    """The dimensions of a Whisper model, under openai-whisper's names."""

    n_mels: int
    n_audio_ctx: int
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int
    n_vocab: int
    n_text_ctx: int
    n_text_state: int
    n_text_head: int
    n_text_layer: int

    @classmethod
    def of(cls, stated: object) -> Self:
        """Take what a checkpoint states.

        Raises
        ------
        ValueError
            If a dimension is missing or no positive number.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(stated, Mapping) or set(stated) != set(names):
            raise ValueError("it does not state the dimensions of a Whisper model")
        if not all(type(value) is int and 0 < value < 2**17 for value in stated.values()):
            raise ValueError(f"its dimensions make no sense: {dict(stated)}")
        return cls(**stated)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the names and shapes of the tensors that such a model has."""
        audio, text = self.n_audio_state, self.n_text_state
        shapes: dict[str, tuple[int, ...]] = {
            "encoder.positional_embedding": (self.n_audio_ctx, audio),
            "encoder.conv1.weight": (audio, self.n_mels, 3),
            "encoder.conv1.bias": (audio,),
            "encoder.conv2.weight": (audio, audio, 3),
            "encoder.conv2.bias": (audio,),
        }
        for layer in range(self.n_audio_layer):
            shapes |= _block(f"encoder.blocks.{layer}", audio, ["attn"])
        shapes |= _layer_norm("encoder.ln_post", audio)
        shapes |= {
            "decoder.positional_embedding": (self.n_text_ctx, text),
            "decoder.token_embedding.weight": (self.n_vocab, text),
        }
        for layer in range(self.n_text_layer):
            shapes |= _block(f"decoder.blocks.{layer}", text, ["attn", "cross_attn"])
        return shapes | _layer_norm("decoder.ln", text)


def _block(name: str, width: int, attentions: list[str]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for attention in attentions:
        for linear in ("query", "key", "value", "out"):
            shapes[f"{name}.{attention}.{linear}.weight"] = (width, width)
            if linear != "key":
                shapes[f"{name}.{attention}.{linear}.bias"] = (width,)
        shapes |= _layer_norm(f"{name}.{attention}_ln", width)
    shapes |= {
        f"{name}.mlp.0.weight": (4 * width, width),
        f"{name}.mlp.0.bias": (4 * width,),
        f"{name}.mlp.2.weight": (width, 4 * width),
        f"{name}.mlp.2.bias": (width,),
    }
    return shapes | _layer_norm(f"{name}.mlp_ln", width)


def _layer_norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


@dataclass(frozen=True)
class Checkpoint:
    """A model in OpenAI's format.

    Parameters
    ----------
    dimensions
        Of the model.
    tensors
        float16 or float32, under openai-whisper's names, with the shapes of `Dimensions.shapes`.
    alignment_heads
        The heads of cross-attention that follow the words in time; None if it does not say.
    """

    dimensions: Dimensions
    tensors: Mapping[str, Array]
    alignment_heads: tuple[Head, ...] | None = None


def read_checkpoint(file: Path) -> Checkpoint:
    """Read a checkpoint, all of it into memory.

    Parameters
    ----------
    file
        A .pt file of OpenAI's, or one that `torch.save` wrote since torch 1.6.

    Raises
    ------
    UnreadableModelError
        If it is damaged, no Whisper model, or its pickle wants more than to build tensors.
    OSError
        If the file cannot be read.
    """
    content, archive = _opened(file)
    with archive:
        try:
            dimensions, heads, stored = _parts(content)
            tensors = {name: tensor.read(archive) for name, tensor in stored.items()}
        except (*_MALFORMED, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise _damaged(file, error) from None
    return Checkpoint(dimensions, tensors, heads)


def check_checkpoint(file: Path) -> Dimensions:
    """Return the dimensions of a checkpoint after a look that leaves the weights unread.

    Raises
    ------
    UnreadableModelError, OSError
        As `read_checkpoint`, except for damage in the weights themselves.
    """
    content, archive = _opened(file)
    with archive:
        try:
            dimensions, _, stored = _parts(content)
            for tensor in stored.values():
                tensor.member(archive)
        except _MALFORMED as error:
            raise _damaged(file, error) from None
    return dimensions


def write_checkpoint(checkpoint: Checkpoint, file: Path) -> None:
    """Write a checkpoint that `whisper.load_model(path)` reads.

    Parameters
    ----------
    checkpoint
        Its heads go under a key of their own, `alignment_heads`, which openai-whisper passes over.
    file
        Where it goes.
    """
    content: dict[str, object] = {
        "dims": asdict(checkpoint.dimensions),
        "model_state_dict": dict(checkpoint.tensors),
    }
    if checkpoint.alignment_heads is not None:
        content["alignment_heads"] = [list(head) for head in checkpoint.alignment_heads]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "archive/data.pkl", _pickled(content, list(checkpoint.tensors)))
        _add(archive, "archive/byteorder", b"little")
        for number, array in enumerate(checkpoint.tensors.values()):
            stored = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            _add(archive, f"archive/data/{number}", stored.reshape(-1).view(np.uint8).data)
        _add(archive, "archive/version", b"3\n")


def _add(archive: zipfile.ZipFile, name: str, data: bytes | memoryview) -> None:
    # With the one date that every copy has, equal weights are equal files.
    archive.writestr(zipfile.ZipInfo(name), data)


# Reading


# A pickle can set the attributes of what it builds, but not those of tuples and strings.


class _Storage(NamedTuple):
    dtype: np.dtype[Any]
    key: str
    size: int


class _StoredTensor(NamedTuple):
    """A tensor whose values are still in the archive."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def member(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        """Find its values, which are as many as the pickle says."""
        first = archive.infolist()[0].filename.partition("/")[0]
        found = archive.getinfo(f"{first}/data/{self.storage.key}")
        if found.file_size != self.storage.size * self.storage.dtype.itemsize:
            raise ValueError(f"{found.filename} has another size than the pickle says")
        return found

    def read(self, archive: zipfile.ZipFile) -> Array:
        values = np.frombuffer(archive.read(self.member(archive)), self.storage.dtype)
        last = self.offset + sum(
            (count - 1) * step for count, step in zip(self.shape, self.strides, strict=True)
        )
        if min(self.offset, *self.strides) < 0 or max(last, prod(self.shape) - 1) >= len(values):
            raise ValueError("a tensor reaches beyond its values")
        size = self.storage.dtype.itemsize
        tensor = np.lib.stride_tricks.as_strided(
            values[self.offset :],
            self.shape,
            tuple(step * size for step in self.strides),
            writeable=False,
        )
        if self.storage.dtype.kind == "u":
            return (tensor.astype("<u4") << 16).view("<f4")
        return tensor


class _RebuildTensor:
    """Stands for `torch._utils._rebuild_tensor_v2`."""

    __slots__ = ()

    def __call__(
        self,
        storage: object,
        offset: object,
        shape: object,
        strides: object,
        *_: object,
    ) -> _StoredTensor:
        if (
            not isinstance(storage, _Storage)
            or type(offset) is not int
            or not _is_counts(shape)
            or not _is_counts(strides)
            or len(shape) != len(strides)
        ):
            raise ValueError("a tensor of its pickle makes no sense")
        return _StoredTensor(storage, offset, shape, strides)


def _is_counts(value: object) -> TypeGuard[tuple[int, ...]]:
    return type(value) is tuple and all(type(item) is int for item in value)


class _RestrictedUnpickler(pickle.Unpickler):
    """Builds tensors and dictionaries, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _RebuildTensor()
        if module == "torch" and name in _STORAGES:
            return name
        raise ValueError(
            f"it wants to call {module}.{name}, which a model has no need of; it is not opened"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(name), str(key), str(), int(size)) if name in _STORAGES:
                dtype: np.dtype[Any] = _STORAGES[name]
                return _Storage(dtype, key, size)
        raise ValueError("its pickle refers to something that is no tensor")


def _opened(file: Path) -> tuple[Any, zipfile.ZipFile]:
    """Return what the pickle says, and the archive."""
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise UnreadableModelError(
            f"{file} is no model: neither a checkpoint in OpenAI's format (a .pt file that torch"
            " 1.6 or newer saved) nor a CTranslate2 folder; if it was fetched, fetch it again"
        ) from None
    try:
        pickles = [entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].file_size > _LARGEST_PICKLE:
            raise ValueError("it is a zip archive of something else")
        return _RestrictedUnpickler(io.BytesIO(archive.read(pickles[0]))).load(), archive
    # A pickle can go wrong in every way there is.
    except Exception as error:
        archive.close()
        raise _damaged(file, error) from None


def _parts(
    content: Any,
) -> tuple[Dimensions, tuple[Head, ...] | None, dict[str, _StoredTensor]]:
    if not isinstance(content, dict) or not {"dims", "model_state_dict"} <= set(content):
        raise ValueError('it has no "dims" and "model_state_dict"')
    dimensions = Dimensions.of(content["dims"])
    stored = content["model_state_dict"]
    expected = dimensions.shapes()
    if not isinstance(stored, dict):
        raise ValueError('its "model_state_dict" is no dictionary')
    if strange := set(stored) - set(expected):
        raise ValueError(f"it has a tensor that Whisper has not: {min(map(str, strange))}")
    for name, shape in expected.items():
        if name not in stored:
            raise ValueError(f"the tensor {name} is missing")
        tensor = stored[name]
        if not isinstance(tensor, _StoredTensor) or tensor.shape != shape:
            raise ValueError(f"the tensor {name} does not have the shape {shape}")
    return dimensions, _known_heads(content.get("alignment_heads"), dimensions), stored


def _known_heads(stated: Any, dimensions: Dimensions) -> tuple[Head, ...] | None:
    if stated is None:
        return None
    try:
        heads = tuple((int(layer), int(head)) for layer, head in stated)
    except (TypeError, ValueError):
        heads = ((-1, -1),)
    for layer, head in heads:
        if not (0 <= layer < dimensions.n_text_layer and 0 <= head < dimensions.n_text_head):
            raise ValueError("its alignment heads make no sense")
    return heads


def _damaged(file: Path, error: Exception) -> UnreadableModelError:
    return UnreadableModelError(
        f"{file} is no Whisper model in OpenAI's format, or a damaged one: {error}; fetch it again,"
        ' or save it as torch.save({"dims": …, "model_state_dict": …})'
    )


# Writing


def _pickled(content: Mapping[str, object], storages: list[str]) -> bytes:
    """Pickle a checkpoint as torch would, by protocol 2, without torch.

    Its own pickler cannot: it looks up the classes that it names.
    """
    numbers = {name: number for number, name in enumerate(storages)}
    return b"".join((pickle.PROTO, b"\x02", _opcodes(content, numbers), pickle.STOP))


def _opcodes(value: object, numbers: Mapping[str, int], name: str = "") -> bytes:
    match value:
        case bool():
            code = pickle.NEWTRUE if value else pickle.NEWFALSE
        case int():
            code = pickle.BININT + struct.pack("<i", value)
        case str():
            data = value.encode()
            code = pickle.BINUNICODE + struct.pack("<I", len(data)) + data
        case tuple():
            items = b"".join(_opcodes(item, numbers) for item in value)
            code = pickle.MARK + items + pickle.TUPLE
        case list():
            items = b"".join(_opcodes(item, numbers) for item in value)
            code = pickle.EMPTY_LIST + pickle.MARK + items + pickle.APPENDS
        case dict():
            items = b"".join(
                _opcodes(key, numbers) + _opcodes(item, numbers, key) for key, item in value.items()
            )
            code = pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
        case np.ndarray():
            code = _tensor_opcodes(value, str(numbers[name]))
        case _:
            raise TypeError(f"a checkpoint has no place for {type(value).__name__}")
    return code


def _tensor_opcodes(array: Array, key: str) -> bytes:
    storage = {"float16": "HalfStorage", "float32": "FloatStorage"}[array.dtype.name]
    strides = tuple(prod(array.shape[axis + 1 :]) for axis in range(array.ndim))
    reference = (
        pickle.MARK
        + _opcodes("storage", {})
        + _global("torch", storage)
        + b"".join(_opcodes(item, {}) for item in (key, "cpu", array.size))
        + pickle.TUPLE
        + pickle.BINPERSID
    )
    return (
        _global("torch._utils", "_rebuild_tensor_v2")
        + pickle.MARK
        + reference
        + b"".join(_opcodes(item, {}) for item in (0, array.shape, strides, False))
        # Hooks for the backward pass: none.
        + _global("collections", "OrderedDict")
        + pickle.EMPTY_TUPLE
        + pickle.REDUCE
        + pickle.TUPLE
        + pickle.REDUCE
    )


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()
