"""How text of any script is joined, measured and broken into lines; ui/page/typography.ts alike."""

import re
import unicodedata
from collections.abc import Iterable

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff01-\uff9f\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Chinese and Japanese, which have no spaces between words."""
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f"
    "\uff01-\uff60\uffe0-\uffe6\U0001f300-\U0001f64f\U0001f900-\U0001f9ff\U00020000-\U0003ffff]"
)
_HIRAGANA, _KATAKANA = re.compile("[\u3041-\u309f]"), re.compile("[\u30a0-\u30ff]")
_NO_WIDTH = ("Mn", "Me", "Cf")
_SPACE = re.compile("[\\s\x1c-\x1f\x85\ufeff]+")
_SENTENCE_ENDS = ".!?…。！？؟।"  # noqa: RUF001 # marks of many scripts
_CLAUSE_ENDS = ",;:、，；：،–—"  # noqa: RUF001
_QUOTES = "\"'”’»)]」』）"  # noqa: RUF001
_NEVER_FIRST = set(
    _SENTENCE_ENDS + _CLAUSE_ENDS + _QUOTES + "》】〕〉］｝}%ー々〻ゝゞヽヾ・～"  # noqa: RUF001
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶะาำๅๆฯຯະາຳໆ"
)
_NEVER_LAST = set("([{“‘«「『《【〔〈（［｛$£¥เแโใไເແໂໃໄ")  # noqa: RUF001


def joint(before: str, after: str) -> str:
    """Return what goes between two texts: a space, or nothing in scripts that have none."""
    if not before or not after:
        return ""
    return "" if _UNSPACED.match(before[-1]) or _UNSPACED.match(after[0]) else " "


def joined(texts: Iterable[str]) -> str:
    """Join texts that were said one after the other."""
    whole: list[str] = []
    last = ""
    for text in map(str.strip, texts):
        if text:
            whole += [joint(last, text), text]
            last = text
    return "".join(whole)


def width(text: str) -> int:
    """Return how much room a text takes in a line: Chinese, Japanese and Korean signs count two."""
    return sum(_width_of(sign) for sign in text)


def _width_of(sign: str) -> int:
    if sign.isascii():
        return 1
    if unicodedata.category(sign) in _NO_WIDTH:
        return 0
    return 2 if _WIDE.match(sign) else 1


def plain(text: str) -> str:
    """Return a text with one space where it has any white space, and none at its ends."""
    return _SPACE.sub(" ", text).strip(" ")


def pieces(text: str, widest: int) -> list[str]:
    """Cut a `plain` text wherever a line may end; the pieces together are the text.

    Parameters
    ----------
    text
        What to cut.
    widest
        Words that are wider are cut in themselves.
    """
    found: list[str] = []
    room = 0
    last = ""
    for sign in text:
        wide = _width_of(sign)
        if not found or sign == " " or (last != " " and _may_break(last, sign)):
            found.append(sign)
            room = wide if sign != " " else 0
        elif room + wide > widest and wide:
            found.append(sign)
            room = wide
        else:
            found[-1] += sign
            room += wide
        last = sign
    return found


def _may_break(last: str, sign: str) -> bool:
    if sign in _NEVER_FIRST or last in _NEVER_LAST or unicodedata.category(sign) in _NO_WIDTH:
        return False
    return bool(_UNSPACED.match(last) or _UNSPACED.match(sign))


def break_penalty(last: str, following: str) -> float:
    """Return how bad it is to end a line between two `pieces`: 0 after a sentence, up to 1."""
    bare = last.rstrip(_QUOTES)
    if bare.endswith(tuple(_SENTENCE_ENDS)):
        return 0.0
    if bare.endswith(tuple(_CLAUSE_ENDS)):
        return 0.1
    if not following.startswith(" "):
        return _penalty_within(last[-1:], following[:1])
    # Short words, as articles are, belong to what follows in most languages.
    return 0.45 if width(last.strip()) <= 3 else 0.4


def _penalty_within(last: str, following: str) -> float:
    """Return how bad it is to part two signs that no space parts."""
    if _HIRAGANA.match(last) and not _HIRAGANA.match(following):
        return 0.5  # a Japanese word ends in hiragana, and the next begins with something else
    together = (_HIRAGANA, _KATAKANA)
    if any(kana.match(last) and kana.match(following) for kana in together):
        return 0.8
    return 0.7
