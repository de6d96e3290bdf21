"""What the library writes of a few transcripts, kept in vectors/ for the page to check.

    python -m tests.ui.subtitle_vectors

writes subtitles.json anew: phrases, and the SubRip and WebVTT that have to come of them; and texts,
and what they are joined.
"""

import json
from typing import Any

from hush.subtitles import Layout
from hush.transcript import Phrase, Transcript, TranscriptFormat
from hush.typography import joined
from tests.ui.vectors import FOLDER

FILE = FOLDER / "subtitles.json"

_SPEECH = (
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do"
    " for your country. My fellow citizens of the world, ask not what America will do for you,"
    " but what together we can do for the freedom of man."
)
_CHINESE = "今天天气很好、我们决定一起去公园散步、然后在湖边的小餐馆里吃午饭。用Python写的程序" * 3
_THAI = "สวัสดีครับ เราเริ่มต้นทำงานกันเถอะ เพราะว่าวันนี้มีเรื่องมากมายที่ต้องทำ และเวลาเหลือน้อยมากแล้ว"
_JAPANESE = (
    "復興努力に耐えするリベラル派からの批判では、ワシントの内部関係者と思われる人物と復興契約を"
    "変わしたことに焦点を当てています。"
)
_LONG_WORD = "Der Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrikant, der hieß “Otto”."

PHRASES: tuple[tuple[tuple[float, float, str], ...], ...] = (
    ((0.5, 1.5, " Hello there."), (1.75, 3.004, " How are you?")),
    ((0, 21.3, _SPEECH),),
    ((2, 22, _CHINESE),),
    ((0, 9.9, _THAI),),
    ((0, 12.97, _JAPANESE),),
    ((0, 4, _LONG_WORD),),
    ((0, 29, "Hello there you."), (29.5, 29.5, "Bye.")),
    ((0, 1, "R&D <i> ---> x\n\n2\n00:00:05,000 --> 00:00:06,000 &lt;"),),
    ((3, 3, "third"), (0, 2.5, "first"), (2, 2, "second"), (3, 3, "fourth"), (4, 5, " ")),
    ((3_661.4996, 3_662.0005, "cafe\u0301 한국어 🎉 «да»"),),
    ((5, 1, "backwards"), (5.05, 5.06, "short")),
)
LAYOUTS = (Layout(), Layout(20, 1), Layout(30, 3, words=4))
TEXTS = (
    ("Hello.", " How are you? "),
    ("我们走吧。", "好的"),
    ("สวัสดี", "", "ครับ"),
    ("我用 Python", "写代码"),
    ("안녕하세요.", "반갑습니다."),
)


def expected() -> dict[str, Any]:
    """Return what the library makes of them now."""
    return {
        "subtitles": [
            {
                "phrases": [
                    {"start": start, "end": end, "text": text} for start, end, text in phrases
                ],
                "layout": {
                    "lineWidth": layout.line_width,
                    "lines": layout.lines,
                    "words": layout.words or 0,
                },
                "srt": _written(phrases, TranscriptFormat.SRT, layout),
                "vtt": _written(phrases, TranscriptFormat.VTT, layout),
            }
            for layout in LAYOUTS
            for phrases in PHRASES
        ],
        "joined": [{"texts": list(texts), "whole": joined(texts)} for texts in TEXTS],
    }


def _written(
    phrases: tuple[tuple[float, float, str], ...], form: TranscriptFormat, layout: Layout
) -> str:
    spoken = tuple(Phrase(*phrase) for phrase in phrases)
    return Transcript("", 4000.0, phrases=spoken).written(form, layout)


if __name__ == "__main__":
    FILE.write_text(json.dumps(expected(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
