"""Training windows, from a small corpus of noises: what is asked for must fit what is heard."""

import json
from pathlib import Path

import numpy as np
import pytest
from whisper.tokenizer import get_tokenizer

from models import tokens, windows
from models.tokens import tokenizer
from models.windows import Window, Windows

TEXTS = ["The cat slept.", "Set a timer for forty-two minutes.", "Spell A B C.", "What time is it?"]


class Phones:
    """Stands in for the dictionary of espeak-ng: a phone for every letter."""

    def phones(self, text: str) -> list[int]:
        return [1 + ord(letter) % 40 for letter in text if letter.isalpha()]


@pytest.fixture
def small_corpus(tmp_path: Path) -> Windows:
    rng = np.random.default_rng(0)
    lengths = [150, 320, 200, 90]
    mel = rng.normal(-3, 1, (sum(lengths), 80)).astype(np.float16)
    np.save(tmp_path / "0.npy", mel)
    starts = np.cumsum([0, *lengths])
    lines = [
        json.dumps({"start": int(start), "frames": frames, "text": text, "voice": "none"})
        for start, frames, text in zip(starts, lengths, TEXTS, strict=False)
    ]
    (tmp_path / "0.json").write_text("\n".join(lines))
    return Windows(tmp_path, Phones(), np.random.default_rng(1))  # type: ignore[arg-type]


def some(corpus: Windows, frames: int, most: int) -> list[Window]:
    return [corpus.window(frames, most, 1.0) for _ in range(40)]


@pytest.mark.parametrize(
    ("frames", "most"), [(600, 1), (600, 4), (1000, 60), (3000, 60), (3000, 0)]
)
def test_a_window_holds_together(small_corpus: Windows, frames: int, most: int) -> None:
    small_corpus.strength = 1.0
    for window in some(small_corpus, frames, most):
        assert window.mel.shape[0] == 80
        assert window.mel.shape[1] <= frames
        assert np.isfinite(window.mel).all()
        assert window.mel.max() - window.mel.min() < 2.8
        assert len(window.tokens) == len(window.targets) == len(window.focus) <= 448
        assert 2 * window.positions <= window.mel.shape[1]


def test_each_answer_is_the_next_input(small_corpus: Windows) -> None:
    special = tokenizer()
    for window in some(small_corpus, 3000, 60):
        begin = window.tokens.index(special.sot)
        assert all(target == -1 for target in window.targets[:begin])
        assert window.targets[-1] == special.eot
        pairs = zip(window.targets[begin + 2 : -1], window.tokens[begin + 3 :], strict=True)
        assert all(target == token for target, token in pairs)


def test_timestamps_come_in_pairs_and_never_go_back(small_corpus: Windows) -> None:
    special = get_tokenizer(multilingual=False)
    for window in some(small_corpus, 3000, 60):
        begin = window.tokens.index(special.sot)
        times = [t for t in window.targets[begin:] if t >= special.timestamp_begin]
        assert times == sorted(times)
        if window.tokens[begin + 1] != special.no_timestamps:
            cut_off = window.tokens[-2] >= special.timestamp_begin
            assert len(times) % 2 == (1 if cut_off else 0)


def test_silence_is_answered_with_no_speech(small_corpus: Windows) -> None:
    special = tokenizer()
    for window in some(small_corpus, 1000, 0):
        begin = window.tokens.index(special.sot)
        assert window.targets[begin] == special.no_speech
        assert window.targets[-1] == special.eot
        assert all(token >= special.timestamp_begin for token in window.tokens[begin + 2 :])


def test_every_form_of_a_word_has_a_token() -> None:
    used = set(tokens.tokens_in_use())
    for text in (*TEXTS, "PM, one hundred and twenty-first!", "Ninety-nine Z Y X?"):
        assert set(tokens.encode(text)) <= used


@pytest.mark.parametrize("padded_with", ["floor", "zero"])
def test_padding_is_the_floor_or_zero(padded_with: str) -> None:
    mel = np.full((80, 10), -0.5, np.float32)

    class Chance:
        def random(self) -> float:
            return 0.0 if padded_with == "zero" else 0.9

    padded = windows.pad(mel, 30, Chance())  # type: ignore[arg-type]
    assert padded.shape == (80, 30)
    assert (padded[:, 10:] == (0.0 if padded_with == "zero" else -0.5)).all()
