import pytest

from hush.typography import break_penalty, joined, pieces, plain, width


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        ([" Hello. ", "How are you?"], "Hello. How are you?"),
        (["我们走吧。", "好的"], "我们走吧。好的"),
        (["今日は", "", "いい天気ですね"], "今日はいい天気ですね"),
        (["สวัสดี", "ครับ"], "สวัสดีครับ"),
        (["我用 Python", "写代码"], "我用 Python写代码"),
        (["안녕하세요.", "반갑습니다."], "안녕하세요. 반갑습니다."),
        (["Привет.", "Как дела?"], "Привет. Как дела?"),
        (["", "  "], ""),
    ],
)
def test_texts_are_joined_as_their_script_has_it(texts: list[str], whole: str) -> None:
    assert joined(texts) == whole


def test_the_signs_of_east_asia_are_twice_as_wide_and_marks_have_no_width() -> None:
    assert width("abc") == 3
    assert width("日本語") == 6
    assert width("한국") == 4
    assert width("cafe\u0301") == 4
    assert width("ที่") == 1


def test_white_space_of_any_kind_is_one_space() -> None:
    assert plain("\n one \u2028\u00a0two\x85\tthree ") == "one two three"


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("ask not", ["ask", " not"]),
        ("你好。再见", ["你", "好。", "再", "见"]),
        ("「はい」って", ["「は", "い」っ", "て"]),
        ("用Python写", ["用", "Python", "写"]),
        ("เก่ง", ["เก่", "ง"]),
        ("a (b) c", ["a", " (b)", " c"]),
    ],
)
def test_lines_end_where_the_script_lets_them(text: str, cut: list[str]) -> None:
    assert pieces(text, 42) == cut


def test_what_is_wider_than_a_line_is_cut() -> None:
    assert pieces("see https://example.org/a/b", 10) == ["see", " https://ex", "ample.org/", "a/b"]


def test_a_line_ends_best_after_a_sentence_then_a_clause_then_a_long_word() -> None:
    order = [
        ("you.”", " Ask"),
        ("you,", " ask"),
        ("country", " can"),
        ("the", " man"),
        ("写", "代"),
    ]
    penalties = [break_penalty(last, following) for last, following in order]
    assert penalties == sorted(set(penalties))
