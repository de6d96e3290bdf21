from pathlib import Path

import pytest

from hush.transcript import Stretch
from hush.wording import in_words, without_words


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


@pytest.mark.parametrize(
    ("stretches", "places"),
    [
        ([(41.2, 46.8)], "0:41–0:47"),  # noqa: RUF001
        ([(41.0, 47.0), (123, 126)], "0:41–0:47 and 2:03–2:06"),  # noqa: RUF001
        ([(1, 4), (41, 47), (3599.9, 3661)], "0:01–0:04, 0:41–0:47 and 59:59–1:01:01"),  # noqa: RUF001
    ],
)
def test_speech_without_words_is_told_with_its_times(
    stretches: list[tuple[float, float]], places: str
) -> None:
    told = without_words([Stretch(start, end) for start, end in stretches])
    assert told == f"no words were heard for speech at {places}"


def test_many_stretches_without_words_are_counted() -> None:
    every_minute = [Stretch(minute * 60, minute * 60 + 5) for minute in range(12)]
    assert without_words(every_minute[:11]).endswith("9:00–9:05 and 1 more place")  # noqa: RUF001
    assert without_words(every_minute).endswith(", 9:00–9:05 and 2 more places")  # noqa: RUF001
