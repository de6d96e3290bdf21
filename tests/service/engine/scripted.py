"""Small Whisper models that say what a test wants, whatever they hear.

They are openai-whisper's own class, saved in OpenAI's format. Layer by layer they do nothing, so
that the token that comes out at a place is the one whose embedding the place's own embedding is.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

STATE = 64


def tokenizer(multilingual: bool = True, languages: int = 99) -> Tokenizer:
    return get_tokenizer(multilingual, num_languages=languages, language="en", task="transcribe")


def save_scripted_model(
    file: Path, script: Sequence[int], *, n_mels: int = 80, vocabulary: int = 51_865
) -> Path:
    """Save a model that says `script`, the first of it at place 0.

    Parameters
    ----------
    file
        Where to.
    script
        Token for each place of the decoder; what comes after it is the end of the text.
    n_mels
        80, or 128.
    vocabulary
        51864 is English-only, 51865 multilingual, 51866 that of large-v3.
    """
    torch.manual_seed(0)
    dimensions = ModelDimensions(n_mels, 1500, STATE, 2, 1, vocabulary, 448, STATE, 2, 1)
    model = Whisper(dimensions)
    end = tokenizer(vocabulary > 51_864).eot
    said = [*script, *([end] * (448 - len(script)))]
    directions = torch.eye(STATE)
    different = sorted(set(said))
    assert len(different) <= STATE
    with torch.no_grad():
        for block in (*model.encoder.blocks, *model.decoder.blocks):
            for layer in block.modules():
                if isinstance(layer, torch.nn.Linear):
                    layer.weight.mul_(0.01)
        model.decoder.token_embedding.weight.mul_(0.001)
        model.decoder.ln.weight.fill_(5)
        for token, direction in zip(different, directions, strict=False):
            model.decoder.token_embedding.weight[token] = direction
        for place, token in enumerate(said):
            model.decoder.positional_embedding[place] = 30 * directions[different.index(token)]
    torch.save({"dims": dimensions.__dict__, "model_state_dict": model.state_dict()}, file)
    return file
