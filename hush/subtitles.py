"""Subtitles as people read them: phrases cut into cues and lines, in order, and written."""

import math
import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING

from hush.typography import break_penalty, pieces, plain, width

if TYPE_CHECKING:
    from hush.transcript import Phrase, Transcript, Word

SHORTEST_CUE, LONGEST_CUE = 0.1, 7.0
"""Seconds."""
_PAUSE = 0.3
"""Seconds between two words that part them as a comma does."""


@dataclass(frozen=True)
class Layout:
    """How subtitles are shaped.

    Attributes
    ----------
    line_width
        Signs that a line has at most; those of Chinese, Japanese and Korean count two.
    lines
        Lines that a cue has at most.
    words
        Words that a cue has at most; as many as find room if None. In scripts without spaces, signs
        count.
    word_times
        Whether WebVTT says when each word begins, where that is known.

    Raises
    ------
    ValueError
        If there is no room for words.
    """

    line_width: int = 42
    lines: int = 2
    words: int | None = None
    word_times: bool = False

    def __post_init__(self) -> None:
        if self.line_width < 8:
            raise ValueError(f"a line has room for 8 signs at least, not {self.line_width}")
        if self.lines < 1 or (self.words is not None and self.words < 1):
            raise ValueError("a cue has one line and one word at least")


@dataclass(frozen=True)
class _Unit:
    """What is never cut: a word with the space before it, or a sign of Chinese."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Cue:
    """What is seen at once.

    Attributes
    ----------
    start, end
        Milliseconds.
    lines
        Each as words with the milliseconds at which they begin.
    """

    start: int
    end: int
    lines: tuple[tuple[tuple[str, int], ...], ...]


class Subtitles:
    """Writes subtitles as the parts of a transcript come.

    Parameters
    ----------
    web
        Whether they are WebVTT, and not SubRip.
    layout
        Their shape.
    """

    def __init__(self, web: bool, layout: Layout | None = None) -> None:
        self._web = web
        self._layout = layout or Layout()
        self._number = 0
        self._end = 0
        self._begun = False

    def add(self, part: "Transcript") -> str:
        """Return what a part of the transcript, after those before it, adds to the file."""
        written = [self.begin()]
        for cue in cues(part, self._layout, self._end):
            self._number += 1
            self._end = cue.end
            if self._web:
                written.append(f"\n{self._web_cue(cue)}")
            else:
                apart = "\n" if self._number > 1 else ""
                written.append(f"{apart}{self._number}\n{_cue(cue)}")
        return "".join(written)

    def begin(self) -> str:
        """Return what stands at the beginning of the file; nothing once that is written."""
        first = self._web and not self._begun
        self._begun = True
        return "WEBVTT\n" if first else ""

    def _web_cue(self, cue: Cue) -> str:
        lines, latest = [], cue.start
        for line in cue.lines:
            written = ""
            for text, start in line:
                stamp = ""
                if self._layout.word_times and latest < start < cue.end:
                    stamp, latest = f"<{_clock(start, '.')}>", start
                space = " " if text.startswith(" ") and written else ""
                written += space + stamp + _escaped(text.lstrip(" "))
            lines.append(written)
        return "\n".join([_times(cue, "."), *lines]) + "\n"


def _cue(cue: Cue) -> str:
    lines = ("".join(text for text, _ in line).strip() for line in cue.lines)
    # An arrow in the text would begin a subtitle of its own.
    return "\n".join([_times(cue, ","), *(re.sub("-{2,}>", "->", line) for line in lines)]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _times(cue: Cue, fraction_mark: str) -> str:
    return f"{_clock(cue.start, fraction_mark)} --> {_clock(cue.end, fraction_mark)}"


def _clock(milliseconds: int, fraction_mark: str) -> str:
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{fraction_mark}{milliseconds % 1000:03}"
    )


def cues(transcript: "Transcript", layout: Layout, earliest: int = 0) -> list[Cue]:
    """Return the cues of a transcript: in order, none of no length, and none over another.

    Parameters
    ----------
    transcript
        Its phrases become cues; where words have times, a phrase is cut by those.
    layout
        Their shape.
    earliest
        Milliseconds before which none begins.
    """
    words: dict[str | None, deque[Word]] = {}  # by speaker, for people speak at the same time
    for word in transcript.words or ():
        words.setdefault(word.speaker, deque()).append(word)
    parts = [
        part
        for phrase in sorted(transcript.phrases, key=lambda phrase: phrase.start)
        for part in _parts(phrase, words.get(phrase.speaker, deque()), layout)
    ]
    spans = in_order([_span(part) for part in parts], earliest)
    return [
        Cue(
            start,
            end,
            tuple(
                tuple((unit.text, _milliseconds(unit.start)) for unit in line)
                for line in _lines(part, layout)
            ),
        )
        for part, (start, end) in zip(parts, spans, strict=True)
    ]


def _span(units: Sequence[_Unit]) -> tuple[int, int]:
    start = units[0].start
    return _milliseconds(start), _milliseconds(min(units[-1].end, start + LONGEST_CUE))


def _milliseconds(seconds: float) -> int:
    return math.floor(max(0.0, seconds) * 1000 + 0.5)


def in_order(
    spans: Sequence[tuple[int, int]], earliest: int = 0, latest: int | None = None
) -> list[tuple[int, int]]:
    """Return starts and ends in milliseconds that follow each other, each of some length.

    Parameters
    ----------
    spans
        Starts, in order, and ends.
    earliest
        When the first may begin.
    latest
        When the last has to have ended, if there is room for all; the latest of the times if None.
    """
    if not spans:
        return []
    shortest = round(SHORTEST_CUE * 1000)
    if latest is None:
        latest = max(max(span) for span in spans)
    starts, least = [], earliest
    for start, _ in spans:
        starts.append(max(start, least))
        least = starts[-1] + shortest
    # Those that crowd at the end move back, as far as there is room.
    most = latest - shortest
    for place in range(len(starts) - 1, -1, -1):
        if starts[place] <= most:
            break
        starts[place] = max(most, earliest + place * shortest)
        most = starts[place] - shortest
    following = [*starts[1:], max(latest, starts[-1] + shortest)]
    return [
        (start, min(max(end, start + shortest), after))
        for start, (_, end), after in zip(starts, spans, following, strict=True)
    ]


def _parts(phrase: "Phrase", words: "deque[Word]", layout: Layout) -> Iterator[list[_Unit]]:
    """Yield the units of each cue of a phrase; words of it are taken from those given."""
    text = plain(phrase.text)
    if not text:
        return
    name = f"{plain(phrase.speaker)}: " if phrase.speaker else ""
    named = len(name) if text.startswith(name) else 0
    anchors, starts = _anchors(phrase, text, words, named)
    units = _units(text, anchors, starts, layout, named)
    timed = bool(starts)

    def fits(part: Sequence[_Unit]) -> bool:
        if layout.words is not None and len(part) > layout.words:
            return False
        if _line_count(part, layout) > layout.lines:
            return False
        # What is not known to be slow is not torn into single words.
        in_time = part[-1].end - part[0].start <= LONGEST_CUE
        return in_time or not (timed or _width(part) > layout.line_width)

    yield from _divided(units, fits, layout.line_width * layout.lines)


def _lines(units: list[_Unit], layout: Layout) -> list[list[_Unit]]:
    return _divided(units, lambda line: _width(line) <= layout.line_width, layout.line_width)


def _line_count(units: Sequence[_Unit], layout: Layout) -> int:
    count, used = 1, 0
    for unit in units:
        wide = width(unit.text)
        if used == 0 or used + wide > layout.line_width:
            count += used > 0
            wide = width(unit.text.lstrip(" "))
            used = 0
        used += wide
    return count


def _width(units: Sequence[_Unit]) -> int:
    return width("".join(unit.text for unit in units).strip(" "))


def _divided(
    units: list[_Unit], fits: Callable[[Sequence[_Unit]], bool], room: int
) -> list[list[_Unit]]:
    """Divide units into the fewest parts that fit: as even as may be, ended where sense ends."""
    if fits(units):
        return [units]
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)]
    for end in range(1, len(units) + 1):
        penalty = _penalty(units, end)
        choices = []
        for start in range(end - 1, -1, -1):
            part = units[start:end]
            if start < end - 1 and not fits(part):
                break
            count, cost, _ = best[start]
            slack = 1 - _width(part) / room
            choices.append((count + 1, cost + slack * slack + penalty, start))
        best.append(min(choices))
    parts, end = [], len(units)
    while end:
        start = best[end][2]
        parts.append(units[start:end])
        end = start
    return parts[::-1]


def _penalty(units: Sequence[_Unit], end: int) -> float:
    if end == len(units):
        return 0.0
    last, following = units[end - 1], units[end]
    penalty = break_penalty(last.text, following.text)
    return min(penalty, 0.1) if following.start - last.end >= _PAUSE else penalty


def _anchors(
    phrase: "Phrase", text: str, words: "deque[Word]", named: int
) -> tuple[list[tuple[int, float]], set[int]]:
    """Return places of a phrase's text with their times, and where its words begin."""
    found = list(_placed(phrase, text, words, named))
    if not found:
        return [(0, phrase.start), (len(text), max(phrase.start, phrase.end))], set()
    anchors: list[tuple[int, float]] = []
    if found[0][0] > 0:
        first = found[0][1].start
        anchors.append((0, first if found[0][0] == named else min(phrase.start, first)))
    for (place, word), (following, _) in pairwise([*found, (len(text), None)]):
        assert word is not None
        start = max(word.start, anchors[-1][1] if anchors else 0.0)
        end = place + len(plain(word.word))
        # Marks after a word are said with it.
        while end < following and not (text[end].isalnum() or text[end] == " "):
            end += 1
        anchors += [(place, start), (end, max(word.end, start))]
    if anchors[-1][0] < len(text):
        anchors.append((len(text), max(phrase.end, anchors[-1][1])))
    return anchors, {place for place, _ in found}


def _placed(
    phrase: "Phrase", text: str, words: "deque[Word]", named: int
) -> Iterator[tuple[int, "Word"]]:
    """Take the words of a phrase from those given, and yield where each stands in its text.

    They stand behind the name of who says them, which is `named` signs long.
    """
    place = named
    while words:
        word = plain(words[0].word)
        found = text.find(word, place)
        if found >= 0 and not any(sign.isalnum() for sign in text[place:found]):
            if word:
                yield found, words[0]
            words.popleft()
            place = found + len(word)
        elif place == named and words[0].end <= phrase.start:
            words.popleft()
        else:
            return


def _units(
    text: str, anchors: list[tuple[int, float]], starts: set[int], layout: Layout, named: int
) -> list[_Unit]:
    """Cut a text where lines may end, but not within a word whose times are known, or a name.

    A name, which is `named` signs long, stays with the first word.
    """
    units: list[_Unit] = []
    place = 0
    for piece in pieces(text, layout.line_width):
        first = place + piece.startswith(" ")
        place += len(piece)
        unit = _Unit(piece, _time(anchors, first, bisect_right), _time(anchors, place, bisect_left))
        inside = starts and first not in starts and not piece.startswith(" ")
        if (
            units
            and (inside or first <= named)
            and width(units[-1].text + piece) <= layout.line_width
        ):
            units[-1] = replace(units[-1], text=units[-1].text + piece, end=unit.end)
        else:
            units.append(unit)
    return units


def _time(anchors: list[tuple[int, float]], place: int, bisect: Callable[..., int]) -> float:
    """Return when a place of a text is said, between its anchors in proportion."""
    after = min(max(bisect(anchors, place, key=itemgetter(0)), 1), len(anchors) - 1)
    (first, start), (last, end) = anchors[after - 1], anchors[after]
    share = (place - first) / (last - first) if last > first else 1.0
    return start + (end - start) * min(max(share, 0.0), 1.0)
