from pathlib import Path

import pytest

from hush.wording import in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory"), "there is no such file"),
        (PermissionError(13, "Permission denied", "x"), "permission denied"),
        (OSError(28, "No space left on device"), "the disk is full"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError("read-only stream"), "read-only stream"),
        (OSError(), "OSError"),
    ],
)
def test_errors_of_the_system_are_said_in_words(error: OSError, words: str) -> None:
    assert in_words(error) == words


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    for file, words in (
        (tmp_path / "x.wav", "there is no such file"),
        (tmp_path / "nowhere" / "x.wav", f"there is no folder {tmp_path / 'nowhere'}"),
    ):
        with pytest.raises(FileNotFoundError) as caught:
            file.read_bytes()
        assert in_words(caught.value) == words
