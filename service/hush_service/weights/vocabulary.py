"""The tokens of Whisper models, as CTranslate2 wants them listed."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

_ENGLISH = 51_864
_SIZES = (_ENGLISH, 51_865, 51_866)  # English; many languages; and one more, Cantonese


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one kind of model.

    Parameters
    ----------
    tokens
        Each token's text, bytes as GPT-2 writes them.
    languages
        Tokens of languages.
    suppressed
        Tokens that no text holds: symbols that nobody says, and special ones.
    suppressed_at_start
        Tokens that no text begins with.
    """

    tokens: tuple[str, ...]
    languages: tuple[int, ...]
    suppressed: tuple[int, ...]
    suppressed_at_start: tuple[int, ...]


@cache
def vocabulary(size: int) -> Vocabulary:
    """Return the vocabulary of models with so many tokens.

    Raises
    ------
    ValueError
        If Whisper has none of that size.
    """
    if size not in _SIZES:
        raise ValueError(f"Whisper's vocabularies have {_SIZES} tokens, not {size}")
    encoding, suppressed = _tokenizer(size)
    letters = _byte_letters()
    special = {encoding.encode_single_token(name): name for name in encoding.special_tokens_set}
    tokens = tuple(
        special.get(token)
        or "".join(letters[byte] for byte in encoding.decode_single_token_bytes(token))
        for token in range(size)
    )
    start = tokens.index("<|startoftranscript|>")
    return Vocabulary(
        tokens,
        tuple(range(start + 1, tokens.index("<|translate|>"))),
        suppressed,
        (*encoding.encode(" "), encoding.eot_token),
    )


def _tokenizer(size: int) -> tuple["tiktoken.Encoding", tuple[int, ...]]:
    """Return the tokenizer of a size, and the tokens that no text holds."""
    from hush_service.engine.tokenizer import Tokenizer

    tokenizer = Tokenizer.of_size(size)
    return tokenizer.encoding, tuple(tokenizer.suppressed)


def _byte_letters() -> list[str]:
    """Return GPT-2's letter for every byte: itself where visible, else one from U+0100 on."""
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in visible]
    return [chr(byte if byte in visible else 0x100 + hidden.index(byte)) for byte in range(256)]
