"""The model's weights, from S3 into the function's own disk, in parts side by side."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from signed import UnavailableError, ask

MODEL, DIGEST = "model.bin", ".sha256"
PART = 8 * 2**20
SIDE_BY_SIDE = 4
"""Parts that are fetched at once: S3 gives each connection only so much."""
TRIES = 3


def fetch(url: str, small: Path, folder: Path) -> Path:
    """Put a model together, and return its folder, beside which the digest of its weights is.

    Parameters
    ----------
    url
        Of its weights.
    small
        Folder with its other files, and the weights' digest.
    folder
        Where it goes; of the model's name.

    Raises
    ------
    UnavailableError
        If S3 does not give all of it.
    OSError
        If the disk does not suffice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in small.iterdir():
        beside = file.suffix == DIGEST
        target = folder.with_name(folder.name + DIGEST) if beside else folder / file.name
        shutil.copyfile(file, target)
    with (folder / MODEL).open("wb") as out, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:

        def keep(start: int) -> int:
            part, size = _part(url, start)
            os.pwrite(out.fileno(), part, start)
            return size

        size = keep(0)
        list(pool.map(keep, range(PART, size, PART)))
    return folder


def _part(url: str, start: int) -> tuple[bytes, int]:
    """Return some bytes of a file, and how many it has in all."""
    wanted = {"Range": f"bytes={start}-{start + PART - 1}"}
    for tries in range(1, TRIES + 1):
        try:
            response = ask("s3", "GET", url, wanted)
            total = int(response.headers["Content-Range"].rpartition("/")[2])
            return response.read(), total
        except (UnavailableError, OSError) as error:
            if tries == TRIES:
                raise UnavailableError(f"the weights cannot be fetched: {error}") from error
    raise AssertionError
