"""Paths of tokens through time are those that openai-whisper finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hush_service.engine.alignment import best_path

torch = pytest.importorskip("torch", reason="the extra 'reference' is not installed")
timing = pytest.importorskip("whisper.timing", reason="the extra 'reference' is not installed")


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4), st.integers(2, 12), st.integers(8, 40), st.integers(1, 3), st.integers(0, 99)
)
def test_it_is_the_way_of_openai_whisper(
    heads: int, tokens: int, steps: int, first: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    attention = np.float32(3) * random.standard_normal(
        (heads, tokens + first + 1, steps), np.float32
    )
    weights = torch.from_numpy(attention).double().softmax(dim=-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    smooth = timing.median_filter((weights - mean) / deviation, 7)
    text, time = timing.dtw(-smooth.mean(dim=0)[first:-1])
    assert best_path(attention, first) == list(zip(text.tolist(), time.tolist(), strict=True))
