"""When the tokens of a text were said, by what a decoder attends to.

openai-whisper's `whisper/timing.py` does the same; CTranslate2 does it by itself.
"""

import numpy as np
import numpy.typing as npt

_SMOOTHED_OVER = 7
"""Steps, of 20 ms each."""
_BOTH, _TOKEN, _STEP = 0, 1, 2


def best_path(attention: npt.NDArray[np.float32], first: int) -> list[tuple[int, int]]:
    """Return the best way of a text's tokens through the steps that they attend to.

    Parameters
    ----------
    attention
        (heads, tokens, steps), before its softmax, of the heads that follow the words in time.
    first
        The first token that counts; those before are what the text follows. The last token, the end
        of the text, does not count either.

    Returns
    -------
    list
        (token, step) pairs in order, tokens counted from the first that counts.
    """
    weights = np.exp(attention - attention.max(axis=2, keepdims=True)).astype(np.float64)
    weights /= weights.sum(axis=2, keepdims=True)
    deviation = weights.std(axis=1, keepdims=True)
    weights -= weights.mean(axis=1, keepdims=True)
    weights /= np.where(deviation == 0, 1, deviation)
    return _cheapest_way(-_smoothed(weights[:, first:-1]).mean(axis=0))


def _smoothed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the medians of the values around each along the last axis, which ends reflect."""
    half = _SMOOTHED_OVER // 2
    if values.shape[-1] <= half:
        return values
    around = np.pad(values, ((0, 0), (0, 0), (half, half)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(around, _SMOOTHED_OVER, axis=-1)
    return np.asarray(np.median(windows, axis=-1))


def _cheapest_way(cost: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Dynamic time warping: the cheapest way from the first token and step to the last ones."""
    tokens, steps = cost.shape
    sums = np.full((tokens + 1, steps + 1), np.inf)
    came = np.full((tokens + 1, steps + 1), _STEP, np.int8)
    came[1:, 0] = _TOKEN
    sums[0, 0] = 0
    # What lies on one anti-diagonal depends on the two before it alone.
    for diagonal in range(2, tokens + steps + 1):
        token = np.arange(max(1, diagonal - steps), min(tokens, diagonal - 1) + 1)
        step = diagonal - token
        both, above, left = (
            sums[token - 1, step - 1],
            sums[token - 1, step],
            sums[token, step - 1],
        )
        by_both = (both < above) & (both < left)
        by_token = (above < both) & (above < left)
        came[token, step] = np.where(by_both, _BOTH, np.where(by_token, _TOKEN, _STEP))
        least = np.where(by_both, both, np.where(by_token, above, left))
        sums[token, step] = cost[token - 1, step - 1] + least
    path = []
    token_at, step_at = tokens, steps
    while token_at > 0 or step_at > 0:
        path.append((token_at - 1, step_at - 1))
        way = came[token_at, step_at]
        token_at -= way != _STEP
        step_at -= way != _TOKEN
    return [(int(token), int(step)) for token, step in reversed(path)]
