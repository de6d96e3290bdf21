"""Whisper's tokens: OpenAI's two vocabularies, the special tokens above them, and words.

The vocabularies in `vocabularies/` are those of openai-whisper (MIT licence): "gpt2" of the models
for English alone, "multilingual" of all others. Above a vocabulary's own tokens come, in this
order: end of text, start of transcript, the languages, translate, transcribe, start of a language
model's text, start of what came before, no speech, no timestamps, and the times from 0 to 30 s in
steps of 20 ms.
"""

import base64
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import tiktoken

from hush_service.engine import Task
from hush_service.engine.languages import LANGUAGES

TIME_STEP = 0.02
"""Seconds between two timestamp tokens."""
TIMESTAMPS = 1501
"""From 0.00 to 30.00 s."""

_VOCABULARIES = Path(__file__).parent / "vocabularies"
_WORD_PIECES = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # GPT-2's
)
_WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
_NEVER_SPOKEN = (
    *'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
    *("<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", '("', "((", "))"),
    *("(((", ")))", "[[", "]]", "{{", "}}", "♪♪", "♪♪♪"),
)
_NOTES = "♩♪♫♬♭♮♯"


@dataclass(frozen=True)
class Tokenizer:
    """The tokens of one kind of model.

    Parameters
    ----------
    multilingual
        Whether it is a model of many languages.
    languages
        How many: 99, or 100 of large-v3 and turbo.
    """

    multilingual: bool
    languages: int = 99

    def __reduce__(self) -> tuple[type["Tokenizer"], tuple[bool, int]]:
        # The vocabulary is at hand wherever it is sent.
        return Tokenizer, (self.multilingual, self.languages)

    @classmethod
    def of_size(cls, tokens: int) -> "Tokenizer":
        """Return the tokenizer of a model with so many tokens.

        Raises
        ------
        ValueError
            If no Whisper model has as many.
        """
        # The vocabulary of English models has one token less, and the same languages.
        languages = tokens - 51_765 - int(tokens >= 51_865)
        if languages not in (99, 100) or (tokens < 51_865 and languages != 99):
            raise ValueError(f"no Whisper model has {tokens} tokens")
        return cls(tokens >= 51_865, languages)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """ISO 639-1 codes in the order of their tokens."""
        return tuple(LANGUAGES)[: self.languages]

    @cached_property
    def encoding(self) -> tiktoken.Encoding:
        """The vocabulary with its special tokens."""
        return _encoding("multilingual" if self.multilingual else "gpt2", self.languages)

    def _special(self, name: str) -> int:
        return self.encoding.encode_single_token(f"<|{name}|>")

    @cached_property
    def end_of_text(self) -> int:
        """Ends a window's tokens; all tokens of text are lower."""
        return self._special("endoftext")

    @cached_property
    def no_speech(self) -> int:
        """What the model says first where it hears nobody."""
        return self._special("nospeech")

    @cached_property
    def no_timestamps(self) -> int:
        """Asks for text without times."""
        return self._special("notimestamps")

    @cached_property
    def before(self) -> int:
        """Begins a prompt: what was said before the window."""
        return self._special("startofprev")

    @cached_property
    def first_timestamp(self) -> int:
        """0.00 s; all higher tokens are later times."""
        return self._special("0.00")

    def start(self, language: str | None, task: Task) -> list[int]:
        """Return the tokens that a window's text follows."""
        start = [self._special("startoftranscript")]
        if self.multilingual:
            assert language is not None
            start += [self._special(language), self._special(task)]
        return start

    @cached_property
    def suppressed(self) -> list[int]:
        """Tokens that no window's text holds: special ones, and symbols that nobody says."""
        specials = ("translate", "transcribe", "startoftranscript", "startofprev", "startoflm")
        encode = self.encoding.encode
        found = {self._special(name) for name in (*specials, "nospeech")}
        # A dash or apostrophe within a word is well, but not as its beginning.
        found |= {encode(" -")[0], encode(" '")[0]}
        for symbol in (*_NEVER_SPOKEN, *_NOTES):
            for tokens in (encode(symbol), encode(f" {symbol}")):
                if len(tokens) == 1 or symbol in _NOTES:
                    found.add(tokens[0])
        return sorted(found)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of plain text."""
        return self.encoding.encode(text, disallowed_special=())

    def text(self, tokens: Sequence[int]) -> list[int]:
        """Return those of some tokens that are text."""
        return [token for token in tokens if token < self.end_of_text]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without times."""
        return self.encoding.decode([token for token in tokens if token < self.first_timestamp])

    def words(self, tokens: Sequence[int], language: str | None) -> Iterator[tuple[str, list[int]]]:
        """Yield the words of a text with their tokens; punctuation marks are words of their own.

        Parameters
        ----------
        tokens
            Tokens of text, without times.
        language
            Its ISO 639-1 code: some are written without spaces, and cut between characters.
        """
        word, held = "", list[int]()
        for piece, part in self._characters(tokens):
            begins = piece.startswith(" ") or piece.strip() in string.punctuation
            if held and (begins or language in _WITHOUT_SPACES):
                yield word, held
                word, held = "", []
            word += piece
            held = held + part
        if held:
            yield word, held

    def _characters(self, tokens: Sequence[int]) -> Iterator[tuple[str, list[int]]]:
        """Yield the shortest runs of tokens that are whole characters."""
        held: list[int] = []
        for token in tokens:
            held.append(token)
            data = self.encoding.decode_bytes(held)
            try:
                text = data.decode()
            except UnicodeDecodeError as error:
                if error.reason == "unexpected end of data":
                    continue
                text = data.decode(errors="replace")
            yield text, held
            held = []
        if held:
            yield self.encoding.decode(held), held


@cache
def _encoding(name: str, languages: int) -> tiktoken.Encoding:
    lines = (_VOCABULARIES / f"{name}.tiktoken").read_text(encoding="ascii").splitlines()
    ranks = {base64.b64decode(text): int(rank) for text, rank in map(str.split, lines)}
    specials = [
        *("endoftext", "startoftranscript", *tuple(LANGUAGES)[:languages]),
        *("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"),
        *(f"{step * TIME_STEP:.2f}" for step in range(TIMESTAMPS)),
    ]
    return tiktoken.Encoding(
        name,
        pat_str=_WORD_PIECES,
        mergeable_ranks=ranks,
        special_tokens={
            f"<|{special}|>": token for token, special in enumerate(specials, start=len(ranks))
        },
    )
