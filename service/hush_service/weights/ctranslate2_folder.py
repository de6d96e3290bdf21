"""Models in CTranslate2's format: a folder, read and written without ctranslate2.

    model.bin        the weights: binary version 6 of WhisperSpec, revision 3
    config.json      tokens that are never said, tokens of languages, alignment heads
    vocabulary.json  the tokens in order; vocabulary.txt in older folders

model.bin, little-endian: u32 binary version, spec name, u32 revision, u32 number of variables; each
a name, u8 rank, u32 for each dimension, u8 type, u32 bytes and the values; then u32 number of
aliases, each two names. A name is u16 length with the NUL that ends it.
"""

import json
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from hush_service.weights.catalogue import Head
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.vocabulary import vocabulary

Array = npt.NDArray[Any]

MODEL, CONFIG = "model.bin", "config.json"
VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
EMBEDDINGS = "decoder/embeddings/weight"

_BINARY_VERSION = 6
_SPEC, _REVISION = "WhisperSpec", 3
_TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")
# Names that the two kinds of vocabulary files have for one token.
_SYNONYMS = {"<|nocaptions|>": "<|nospeech|>"}


@dataclass(frozen=True)
class Variables:
    """What model.bin holds.

    Parameters
    ----------
    arrays
        Each of the shape and type stored; bfloat16 is read as float32. They are views of the file.
    aliases
        Names that mean another's array.
    """

    arrays: Mapping[str, Array]
    aliases: Mapping[str, str]


def check_folder(folder: Path) -> None:
    """Check that a folder is a Whisper model that CTranslate2 can load, but for the weights.

    Raises
    ------
    UnreadableModelError
        If model.bin is missing, cut short or of another kind, or if the vocabulary is missing or
        not Whisper's.
    OSError
        If a file cannot be read.
    """
    if not (folder / MODEL).is_file():
        raise UnreadableModelError(
            f"{folder} is no model: it has no {MODEL}; give the folder that CTranslate2's converter"
            " wrote, or a checkpoint in OpenAI's format"
        )
    embeddings = read_variables(folder).arrays.get(EMBEDDINGS)
    if embeddings is None or embeddings.ndim != 2:
        raise _unreadable(folder, f"{MODEL} has no embeddings of tokens")
    _check_vocabulary(folder, len(embeddings))
    read_config(folder)


def _check_vocabulary(folder: Path, size: int) -> None:
    present = [folder / name for name in VOCABULARIES if (folder / name).is_file()]
    if not present:
        raise _unreadable(
            folder,
            f"it has no vocabulary: put {VOCABULARIES[0]} beside {MODEL}, from where that is",
        )
    text = present[0].read_text(encoding="utf-8")
    if present[0].suffix == ".json":
        try:
            tokens = json.loads(text)
        except ValueError:
            tokens = None
    else:
        tokens = text.removesuffix("\n").split("\n")
    try:
        expected = vocabulary(size)
    except ValueError:
        raise _unreadable(folder, f"no Whisper model has {size} tokens") from None
    if not isinstance(tokens, list) or len(tokens) != size:
        raise _unreadable(folder, f"{present[0].name} does not have the {size} tokens of {MODEL}")
    for number, (token, right) in enumerate(zip(tokens, expected.tokens, strict=True)):
        # Languages have changed their codes: Hebrew is iw in some.
        synonym = number in expected.languages or _SYNONYMS.get(token) == right
        if token != right and not synonym:
            raise _unreadable(
                folder,
                f"{present[0].name} is not Whisper's: token {number} is {token!r}, not {right!r}",
            )


def read_config(folder: Path) -> dict[str, Any]:
    """Return what config.json says.

    Raises
    ------
    UnreadableModelError
        If it is missing or no JSON object.
    """
    config = None
    with suppress(FileNotFoundError, ValueError):
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise _unreadable(folder, f"its {CONFIG} is missing or damaged")
    return config


def read_variables(folder: Path) -> Variables:
    """Read model.bin.

    Raises
    ------
    UnreadableModelError
        If it is cut short, no Whisper model or of another version.
    OSError
        If it cannot be read.
    """
    file = folder / MODEL
    try:
        return _Reader(np.memmap(file, np.uint8, "r")).read()
    except (struct.error, UnicodeDecodeError):
        raise _unreadable(folder, f"{MODEL} is damaged or cut short; fetch it again") from None
    except ValueError as error:  # an empty file cannot be mapped, either
        raise _unreadable(folder, f"{MODEL}: {error}") from None


class _Reader:
    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self._data = data
        self._position = 0

    def read(self) -> Variables:
        version = self._number("<I")
        if version != _BINARY_VERSION:
            raise ValueError(
                f"it has version {version} of CTranslate2's format, and {_BINARY_VERSION} is read"
                " here; convert the model again"
            )
        name, revision = self._text(), self._number("<I")
        if (name, revision) != (_SPEC, _REVISION):
            raise ValueError(f"it is a {name} of revision {revision}, not {_SPEC} {_REVISION}")
        arrays = dict(self._array() for _ in range(self._number("<I")))
        aliases = {self._text(): self._text() for _ in range(self._number("<I"))}
        if self._position != len(self._data):
            raise struct.error
        return Variables(arrays, aliases)

    def _bytes(self, count: int) -> npt.NDArray[np.uint8]:
        taken = self._data[self._position : self._position + count]
        if len(taken) != count:
            raise struct.error
        self._position += count
        return taken

    def _number(self, form: str) -> int:
        number: int = struct.unpack(form, self._bytes(struct.calcsize(form)).tobytes())[0]
        return number

    def _text(self) -> str:
        return self._bytes(self._number("<H")).tobytes().rstrip(b"\0").decode()

    def _array(self) -> tuple[str, Array]:
        name = self._text()
        shape = tuple(self._number("<I") for _ in range(self._number("<B")))
        number, size = self._number("<B"), self._number("<I")
        if number >= len(_TYPES):
            raise struct.error
        brain = _TYPES[number] == "bfloat16"
        dtype = np.dtype("uint16" if brain else _TYPES[number])
        if size != prod(shape) * dtype.itemsize:
            raise struct.error
        array = self._bytes(size).view(np.ndarray).view(dtype).reshape(shape)
        return name, (array.astype(np.uint32) << 16).view(np.float32) if brain else array


def write_folder(
    folder: Path,
    variables: Iterable[tuple[str, Array]],
    aliases: Mapping[str, str],
    tokens: int,
    alignment_heads: Iterable[Head],
) -> None:
    """Write a folder that `ctranslate2.models.Whisper` loads.

    Parameters
    ----------
    folder
        An empty one.
    variables
        Names and arrays in the order of their names. Each is written before the next is asked for.
    aliases
        Names that mean another's array.
    tokens
        Size of the vocabulary, one of Whisper's.
    alignment_heads
        For word times.
    """
    with (folder / MODEL).open("wb") as out:
        out.write(struct.pack("<I", _BINARY_VERSION) + _name(_SPEC) + struct.pack("<I", _REVISION))
        counted_at, count = out.tell(), 0
        out.write(struct.pack("<I", count))
        for name, array in variables:
            _write_array(out, name, array)
            count += 1
        out.write(struct.pack("<I", len(aliases)))
        for alias, name in sorted(aliases.items()):
            out.write(_name(alias) + _name(name))
        out.seek(counted_at)
        out.write(struct.pack("<I", count))
    words = vocabulary(tokens)
    config = {
        "alignment_heads": [list(head) for head in alignment_heads],
        "lang_ids": words.languages,
        "suppress_ids": words.suppressed,
        "suppress_ids_begin": words.suppressed_at_start,
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    listed = json.dumps(words.tokens, indent=2)
    (folder / VOCABULARIES[0]).write_text(listed, encoding="utf-8")


def _write_array(out: BinaryIO, name: str, array: Array) -> None:
    shape = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
    out.write(_name(name) + shape)
    out.write(struct.pack("<BI", _TYPES.index(array.dtype.name), array.nbytes))
    out.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _name(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def _unreadable(folder: Path, why: str) -> UnreadableModelError:
    return UnreadableModelError(f"{folder} is no CTranslate2 model of Whisper that works: {why}")
