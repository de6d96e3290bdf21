"""Work on several files, where one that fails does not keep the others from being done."""

import errno
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import typer

from hush.audio import AudioError
from hush.connection import ServiceError
from hush.folder import INDEX, FolderError, read_index
from hush.image import MelImageError
from hush.inputs import with_folders_opened
from hush.sound.addresses import Address
from hush.terminal import STANDARD_INPUT, errors, name_of, report, stem_of
from hush.wording import in_words


class Attempts:
    """Says what goes wrong with each file, and remembers that something did."""

    def __init__(self) -> None:
        self._failed = False

    @contextmanager
    def on(self, file: Path) -> Iterator[None]:
        """Do something with a file; if it fails, say so and go on after the block."""
        try:
            yield
        except AudioError as error:  # says the name itself
            self._fail(str(error))
        except BrokenPipeError:  # nobody reads on, so nothing is left to do
            raise
        except OSError as error:
            self._fail(f"{error.filename or file}: {in_words(error)}")
        except (FolderError, MelImageError) as error:
            self._fail(f"{name_of(file)}: {error}")
        except ServiceError as error:
            self._fail(f"{name_of(file)}: {error}")
            if error.status == HTTPStatus.UNAUTHORIZED:
                errors.print("where people sign in to the service, `hush login URL` does it")

    def readable(self, file: Path, folders: bool = False) -> bool:
        """Return whether a file can be read, and say if it cannot. Nothing is read of it.

        Parameters
        ----------
        file
            What is to be worked on; standard input, and an address, always can.
        folders
            Whether it may also be a folder of mel images.
        """
        if file == STANDARD_INPUT or isinstance(file, Address):
            return True
        with self.on(file):
            _check(file, folders)
            return True
        return False

    def end(self) -> None:
        """End the command.

        Raises
        ------
        typer.Exit
            With code 1, if anything failed.
        """
        if self._failed:
            raise typer.Exit(1)

    def _fail(self, problem: str) -> None:
        self._failed = True
        report(problem)


def _check(file: Path, folders: bool) -> None:
    file.stat()
    if file.is_dir() and folders:
        if not (file / INDEX).exists() and with_folders_opened([file]) == [file]:
            raise FolderError("holds neither recordings nor mel images")
        read_index(file)
    elif file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    elif not os.access(file, os.R_OK):  # to open a pipe is to take from it
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))


def targets(files: Sequence[Path], folder: Path, suffix: str = "") -> list[Path]:
    """Return where to write what is made of each file, in a folder that is made if need be.

    Raises
    ------
    typer.BadParameter
        If two files would be written to one place, or there can be no such folder.
    """
    stems = Counter(stem_of(file) for file in files)
    names = [file.name if stems[stem_of(file)] > 1 else stem_of(file) for file in files]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise typer.BadParameter(
            f"two files would be written as {twice[0]}{suffix}; do them one after the other, into"
            " different folders"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{error.filename or folder}: {in_words(error)}"
        raise typer.BadParameter(message, param_hint="--output") from None
    return [folder / (name + suffix) for name in names]
