"""Whether weights are still what they were: by their digest where one is known, else by a look.

Damage in the middle of a file leaves names, shapes and sizes as they were, and models with it load.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from hush_service.packaged import demo_folder
from hush_service.weights import catalogue
from hush_service.weights.catalogue import DEMO, OpenAIFile
from hush_service.weights.ctranslate2_folder import MODEL, read_variables
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.fetch import digest_of

_LARGEST = 10_000.0
"""No weight of a Whisper model is a hundredth of it; random bytes soon are more, or no number."""


def check_weights(path: Path, model: str | Path) -> None:
    """Check that the weights of a model are undamaged, as far as that can be told without it.

    Parameters
    ----------
    path
        A checkpoint, or a CTranslate2 folder, as `hush_service.weights.models.resolve` returns it.
    model
        The name or path that it was resolved from.

    Raises
    ------
    UnreadableModelError
        If they are damaged; the message says what to do.
    OSError
        If they cannot be read.
    """
    file = _weights(path)
    expected = _digests(path, model)
    if expected:
        found = digest_of(file)
        if found not in expected:
            raise _damaged(
                path, model, f"{file} has the SHA-256 digest {found}, not {' or '.join(expected)}"
            )
    elif path.is_dir():
        for name, array in read_variables(path).arrays.items():
            if not _makes_sense(name, array):
                raise _damaged(path, model, f"{file}: {name} has values that no model has")
    elif wrong := _wrong_member(file):
        raise _damaged(path, model, f"{file}: {wrong} is not what its checksum says")


def keep_digest(converted: Path, target: Path) -> None:
    """Write the digest of what was converted beside its future place, for `check_weights`."""
    digest = digest_of(_weights(converted))
    _digest_file(target).write_text(f"{digest}\n", encoding="utf-8")


def what_to_do(model: str | Path, path: Path | None = None) -> str:
    """Return what the user can do about a model that is damaged.

    Parameters
    ----------
    model
        The name or path that it was asked for by.
    path
        What is damaged; the model itself if None.
    """
    if model in (DEMO, demo_folder() / "demo.pt"):
        damaged_copy = path is not None and path != demo_folder() / "demo.pt"
        return "run `hush models remove demo`" if damaged_copy else "install hush again"
    if isinstance(model, str) and (known := catalogue.find(model)) is not None:
        name = known.name
        return f"run `hush models remove {name}` and `hush models fetch {name}`"
    if path is not None and path.resolve() != Path(model).expanduser().resolve():
        return "run `hush models remove converted`, and it is converted again"
    return f"take another copy of {model}"


def _digests(path: Path, model: str | Path) -> list[str]:
    """Return the digests that the weights may have; none if nobody knows."""
    if (kept := _digest_file(path)).is_file():
        return [kept.read_text(encoding="utf-8").strip()]
    known = catalogue.find(model) if isinstance(model, str) else None
    if known is None:
        return []
    other = path.with_name(f"{known.name}.pt" if path.is_dir() else "ctranslate2")
    if other.exists() and not _digest_file(other).is_file():
        return []  # either may be what was converted, by a version that kept no digests
    return [
        source.sha256
        for source in known.sources
        if isinstance(source, OpenAIFile) == path.is_file()
    ]


def _weights(path: Path) -> Path:
    return path / MODEL if path.is_dir() else path


def _digest_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _makes_sense(name: str, array: np.ndarray) -> bool:
    if array.dtype.kind != "f" or name.endswith("_scale"):  # of weights in 8 bits, and large
        return True
    # Without its sign, a larger number has larger bits, and infinity and what is no number the
    # largest. Compared as integers, that takes no time.
    unsigned = np.dtype(f"u{array.itemsize}")
    sign = 1 << (8 * array.itemsize - 1)
    largest = int(np.array(_LARGEST, array.dtype).view(unsigned))
    return not bool(((array.view(unsigned) & (sign - 1)) > largest).any())


def _wrong_member(file: Path) -> str | None:
    """Return what of a checkpoint is not as it was stored."""
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            try:
                with archive.open(entry) as member:
                    while member.read(2**20):
                        pass
            except (zipfile.BadZipFile, zlib.error, EOFError):
                return entry.filename
    return None


def _damaged(path: Path, model: str | Path, why: str) -> UnreadableModelError:
    name = model if isinstance(model, str) else model.name
    return UnreadableModelError(f"model {name} is damaged: {why}; {what_to_do(model, path)}")
