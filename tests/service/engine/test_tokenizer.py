"""Whisper's tokens, against openai-whisper's own tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whisper.tokenizer import get_tokenizer

from hush_service.engine.tokenizer import Tokenizer

KINDS = [(False, 99), (True, 99), (True, 100)]


@pytest.mark.parametrize(("multilingual", "languages"), KINDS)
def test_special_tokens_are_whispers(multilingual: bool, languages: int) -> None:
    ours = Tokenizer(multilingual, languages)
    theirs = get_tokenizer(
        multilingual,
        num_languages=languages,
        language="de" if multilingual else None,
        task="translate" if multilingual else None,
    )
    assert ours.end_of_text == theirs.eot
    assert ours.no_speech == theirs.no_speech
    assert ours.no_timestamps == theirs.no_timestamps
    assert ours.before == theirs.sot_prev
    assert ours.first_timestamp == theirs.timestamp_begin
    assert tuple(ours.start("de", "translate")) == tuple(theirs.sot_sequence)
    assert set(theirs.non_speech_tokens) <= set(ours.suppressed)
    assert Tokenizer.of_size(theirs.timestamp_begin + 1501) == ours


@given(text=st.text(max_size=60))
def test_text_becomes_whispers_tokens_and_words(text: str) -> None:
    ours, theirs = Tokenizer(True), get_tokenizer(True, language="en")
    tokens = ours.encode(text)
    assert tokens == theirs.encode(text, disallowed_special=())
    assert ours.decode(tokens) == text
    assert "".join(word for word, _ in ours.words(tokens, "en")) == text


def test_sizes_of_no_whisper_model_are_refused() -> None:
    with pytest.raises(ValueError, match="no Whisper model has 50000 tokens"):
        Tokenizer.of_size(50_000)
