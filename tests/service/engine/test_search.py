"""Texts keep Whisper's rules, and the most probable one is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hush_service.engine.search import (
    LATEST_BEGINNING,
    Grammar,
    Logits,
    Said,
    Tokens,
    most_probable,
)
from hush_service.engine.tokenizer import Tokenizer

TOKENIZER = Tokenizer.of_size(51_864)
GRAMMAR = Grammar(TOKENIZER)
ZERO, END = TOKENIZER.first_timestamp, TOKENIZER.end_of_text


def likely(tokens: dict[int, float], rows: int = 1) -> Logits:
    logits = np.full((rows, 51_864), -20.0, np.float32)
    for token, value in tokens.items():
        logits[:, token] = value
    return logits


def test_a_text_begins_with_an_early_time() -> None:
    chances = GRAMMAR.logarithms(likely({100: 9.0, ZERO + 60: 9.0, ZERO + 3: 1.0}), [Said()])
    possible = np.flatnonzero(chances[0] > -np.inf)
    assert possible.min() == ZERO
    assert possible.max() == ZERO + LATEST_BEGINNING
    assert int(chances[0].argmax()) == ZERO + 3
    assert np.exp(chances[0]).sum() == pytest.approx(1, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.0, 1.0]))
def test_every_text_keeps_the_rules(
    seed: int, windows: int, width: int, temperature: float
) -> None:
    random = np.random.default_rng(seed)

    def follow(tokens: Tokens, rows: Tokens | None) -> Logits:
        assert tokens.shape == (windows * width, 1)
        assert rows is not None
        # Each text goes on from one of its own window.
        before = len(rows) // windows if follow.calls else 1  # type: ignore[attr-defined]
        follow.calls += 1  # type: ignore[attr-defined]
        assert (rows // before == np.repeat(np.arange(windows), width)).all()
        return random.normal(0, 4, (windows * width, 51_864)).astype(np.float32)

    follow.calls = 0  # type: ignore[attr-defined]
    first = random.normal(0, 4, (windows, 51_864)).astype(np.float32)
    texts = most_probable(follow, first, GRAMMAR, 12, width, temperature, random)
    assert len(texts) == windows
    for text in texts:
        times = [token for token in text.tokens if token >= ZERO]
        assert times == sorted(times)
        assert ZERO <= text.tokens[0] <= ZERO + LATEST_BEGINNING
        assert not set(text.tokens) & {*TOKENIZER.suppressed, TOKENIZER.no_timestamps, END}
        assert len(text.logarithms) == len(text.tokens) <= 12
        assert text.mean < 0


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.one_of(st.integers(0, 50_000), st.integers(ZERO, ZERO + 1500)), max_size=6),
)
def test_what_may_follow_is_what_openai_whisper_lets_follow(seed: int, said: list[int]) -> None:
    torch = pytest.importorskip("torch", reason="the extra 'reference' is not installed")
    decoding = pytest.importorskip("whisper.decoding", reason="as before")
    theirs = decoding.get_tokenizer(multilingual=False)
    logits = np.random.default_rng(seed).normal(0, 4, (1, 51_864)).astype(np.float32)
    logits[:, ZERO:] += seed % 5
    expected = torch.from_numpy(logits.copy())
    expected[:, TOKENIZER.suppressed] = -np.inf
    tokens = torch.tensor([[theirs.sot, *said]])
    decoding.ApplyTimestampRules(theirs, 1, LATEST_BEGINNING).apply(expected, tokens)
    chances = GRAMMAR.logarithms(logits, [Said(tuple(said), (0.0,) * len(said))])
    assert np.allclose(chances, expected.log_softmax(dim=-1), atol=1e-4)


def test_a_beam_finds_the_better_text_that_begins_worse() -> None:
    """`a` is likelier than `b` at first, and nothing likely follows it."""
    a, b, c = 100, 200, 300

    def follow(tokens: Tokens, rows: Tokens | None) -> Logits:
        logits = likely({}, len(tokens))
        for row, (token,) in zip(logits, tokens.tolist(), strict=True):
            if token == ZERO:
                row[a], row[b] = 1.0, 0.5
            elif token == a:
                row[1000:1400] = 0.0
            elif token == b:
                row[c] = 5.0
            else:
                row[END] = 5.0
        return logits

    def text(width: int) -> tuple[int, ...]:
        (found,) = most_probable(follow, likely({ZERO: 5.0}), GRAMMAR, 20, width)
        return found.tokens

    assert text(1)[:2] == (ZERO, a)
    assert text(2) == (ZERO, b, c)
