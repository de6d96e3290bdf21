"""How sentences become what the model is asked for: Whisper's tokens, and phones for CTC."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path

from whisper.tokenizer import Tokenizer, get_tokenizer

from models import sentences


@cache
def tokenizer() -> Tokenizer:
    """Return Whisper's English tokenizer (gpt2)."""
    return get_tokenizer(multilingual=False)


@cache
def tokens_in_use() -> tuple[int, ...]:
    """Return the tokens that sentences are made of, and the special ones but for timestamps."""
    words = {*sentences.vocabulary(), *sentences.LETTERS}
    words |= {sentences.number_in_words(n) for n in range(100)}
    words |= {sentences.ordinal_in_words(n) for n in range(32)}
    pieces = [" " + form for word in words for form in (word, word[0].upper() + word[1:])]
    pieces += [*"-.,?!"]
    text = {token for piece in pieces for token in tokenizer().encode(piece)}
    named = tokenizer()
    special = (named.eot, named.sot, named.sot_prev, named.no_speech, named.no_timestamps)
    return (*sorted(text), *(token for token in special if token is not None))


@cache
def encode(text: str) -> tuple[int, ...]:
    """Return the tokens of a written sentence, with the blank that Whisper puts before it."""
    return tuple(tokenizer().encode(" " + text))


class Pronunciations:
    """The phones of every word as espeak-ng has them, numbered from 1; 0 is CTC's blank."""

    def __init__(self, cache_file: Path) -> None:
        if not cache_file.exists():
            words = {word for text in sentences.vocabulary() for word in self._words(text)} | set(
                self._words(sentences.spoken(" ".join(sentences.LETTERS)))
            )
            cache_file.write_text(json.dumps(self._pronounce(sorted(words))))
        self._phones: dict[str, str] = json.loads(cache_file.read_text())
        inventory = sorted({phone for phones in self._phones.values() for phone in phones.split()})
        self._numbers = {phone: number for number, phone in enumerate(inventory, 1)}

    def __len__(self) -> int:
        return len(self._numbers) + 1

    @staticmethod
    def _words(text: str) -> list[str]:
        return re.findall(r"[a-z']+", sentences.spoken(text).lower())

    @staticmethod
    def _pronounce(words: list[str]) -> dict[str, str]:
        command = ["espeak-ng", "-q", "-x", "--sep= ", "-v", "en-us"]
        answer = subprocess.run(
            command, input="\n".join(words), text=True, check=True, capture_output=True
        ).stdout
        lines = [
            re.sub(r"[',%#|]", "", line).strip() for line in answer.splitlines() if line.strip()
        ]
        return dict(zip(words, lines, strict=True))

    def phones(self, text: str) -> list[int]:
        """Return the numbers of a written sentence's phones."""
        return [
            self._numbers[phone]
            for word in self._words(text)
            for phone in self._phones[word].split()
        ]
