"""A Whisper so small that a graphics processor can be imitated for it: it hears, and says nonsense.

Its weights are random, but for two things: it is sure of every token, and ends after a few.
"""

from pathlib import Path

import numpy as np

from hush_service.weights.checkpoint import Checkpoint, Dimensions, write_checkpoint

_WIDTH = 64
_VOCABULARY = 51_864
_END = 50_256
_WORDS = 7
"""Tokens that it says."""
_SURE = 6.0
"""Scale of what it weighs tokens with: the best is far above the next."""


def write_pocket(file: Path) -> None:
    """Write the model in OpenAI's format; always the same."""
    size = Dimensions(80, 1500, _WIDTH, 2, 1, _VOCABULARY, 448, _WIDTH, 2, 1)
    random = np.random.default_rng(5)
    tensors = {}
    for name, shape in size.shapes().items():
        is_scale = name.endswith(("ln.weight", "ln_post.weight"))
        spread = 3.0 if "positional" in name else 1.0 if "embedding" in name else 0.3
        values = np.ones(shape) if is_scale else random.normal(0, spread, shape)
        tensors[name] = values.astype(np.float16)
    tensors["decoder.ln.weight"] *= np.float16(_SURE)
    # From some place on, all looks like the end.
    end = tensors["decoder.token_embedding.weight"][_END]
    tensors["decoder.positional_embedding"][_WORDS:] = 30 * end
    write_checkpoint(Checkpoint(size, tensors), file)
