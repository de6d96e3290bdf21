import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whisper.normalizers import EnglishTextNormalizer

from models import corpus, sentences

normalise = EnglishTextNormalizer()


@given(st.integers(0, 999_999), st.booleans())
def test_a_number_in_words_is_the_number_to_whisper(n: int, with_and: bool) -> None:
    words = sentences.number_in_words(n, with_and)
    # Whisper's normaliser leaves a lone "one" alone, because it is so often a pronoun.
    assert normalise(words) == ("one" if n == 1 else str(n))
    assert re.fullmatch(r"[a-z -]+", words)


@pytest.mark.parametrize("n", [-1, 1_000_000])
def test_numbers_outside_the_domain_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="not in 0 to 999999"):
        sentences.number_in_words(n)


@given(st.integers(1100, 2099))
def test_a_year_in_words_is_the_year_to_whisper(year: int) -> None:
    assert normalise(sentences.year_in_words(year)) == str(year)


def test_ordinals_are_written_with_a_hyphen() -> None:
    assert [sentences.ordinal_in_words(n) for n in (1, 12, 21, 30)] == [
        "first",
        "twelfth",
        "twenty-first",
        "thirtieth",
    ]


@given(st.integers())
def test_a_sentence_looks_like_one(seed: int) -> None:
    text = sentences.sentence(random.Random(seed))
    assert re.fullmatch(r"[A-Z][A-Za-z' ,.?!-]*[.?!]", text), text
    assert "{" not in text
    assert not re.search(r"\ba [aeio]\w|  ", text)


@given(st.integers())
def test_the_same_chance_gives_the_same_sentence(seed: int) -> None:
    assert sentences.sentence(random.Random(seed)) == sentences.sentence(random.Random(seed))


@given(st.integers())
def test_sentences_use_the_vocabulary(seed: int) -> None:
    known = {word.lower() for word in sentences.vocabulary()} | {
        x.lower() for x in sentences.LETTERS
    }
    known |= {part for word in known for part in word.split("-")}
    text = sentences.sentence(random.Random(seed))
    assert set(re.findall(r"[a-z']+", text.lower())) <= known


def test_the_vocabulary_is_worth_having() -> None:
    assert len(sentences.vocabulary()) > 1500
    assert {"timer", "Monday", "forty", "alarm", "PM", "o'clock"} <= set(sentences.vocabulary())


@given(st.integers())
def test_random_words_do_not_hold_words_that_sound_alike(seed: int) -> None:
    words = sentences.random_words(random.Random(seed)).rstrip(".").split()
    alike = {word.lower() for word in sentences.grammar()["sounding_alike"]}
    assert not {word.lower() for word in words} & alike


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Set an alarm for nine PM.", "Set an alarm for nine pee em."),
        ("A dog waited.", "A dog waited."),
        ("A five B.", "ay five bee."),
        ("Type A W.", "Type ay double you."),
        ("Forty-two.", "Forty two."),
    ],
)
def test_letters_are_read_by_their_names(text: str, read: str) -> None:
    assert sentences.spoken(text) == read


def test_training_never_sees_a_test_sentence() -> None:
    kept_out = {sentences.same_words(text) for _, text in sentences.test_sentences()}
    rng = random.Random(1)
    assert not {sentences.same_words(corpus.draw_text(rng)) for _ in range(3000)} & kept_out


def test_a_test_sentence_that_the_grammar_offers_is_drawn_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offered = iter([sentences.test_sentences()[0][1].upper(), "The cat slept."])
    monkeypatch.setattr(corpus, "SHARE_OF_RANDOM_WORDS", 0)
    monkeypatch.setattr(sentences, "sentence", lambda rng: next(offered))
    assert corpus.draw_text(random.Random(1)) == "The cat slept."


def test_there_are_enough_test_sentences_and_no_two_alike() -> None:
    texts = [sentences.same_words(text) for _, text in sentences.test_sentences()]
    assert len(texts) == len(set(texts)) >= 300
    assert {kind for kind, _ in sentences.test_sentences()} == {*sentences.KINDS, "free"}
