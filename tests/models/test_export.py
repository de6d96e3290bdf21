import zipfile
from pathlib import Path

import numpy as np
import torch
import whisper
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from whisper.model import ModelDimensions, Whisper

from models import export

TINY = ModelDimensions(
    n_mels=80, n_audio_ctx=1500, n_audio_state=16, n_audio_head=2, n_audio_layer=1,
    n_vocab=51864, n_text_ctx=448, n_text_state=16, n_text_head=2, n_text_layer=2,
)  # fmt: skip


@given(arrays(np.float32, 20, elements=st.floats(2**-10, 1000, width=32)), st.integers(3, 10))
def test_rounding_is_within_half_a_step(weights: np.ndarray, bits: int) -> None:
    short = export.rounded(torch.from_numpy(weights), bits).float().numpy()
    # Half precision itself rounds once, before the bits are dropped.
    assert np.all(np.abs(short - weights) <= weights * (2.0 ** -(bits + 1) + 2.0**-11))


@given(arrays(np.float32, 20, elements=st.floats(-60000, 60000, width=32)), st.integers(3, 10))
def test_rounding_is_symmetric_and_final(weights: np.ndarray, bits: int) -> None:
    once = export.rounded(torch.from_numpy(weights), bits)
    assert torch.equal(export.rounded(once, bits), once)
    assert torch.equal(export.rounded(-torch.from_numpy(weights), bits), -once)


def test_stock_whisper_loads_what_is_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Whisper(TINY)
    torch.nn.init.normal_(
        model.decoder.positional_embedding
    )  # openai-whisper leaves it as it finds it
    export.save(model.state_dict(), TINY, tmp_path / "tiny.pt")
    assert not (tmp_path / "tiny.new").exists()
    with zipfile.ZipFile(tmp_path / "tiny.pt") as file:
        assert all(entry.compress_type == zipfile.ZIP_DEFLATED for entry in file.infolist())
    loaded = whisper.load_model(str(tmp_path / "tiny.pt"), device="cpu")
    assert loaded.dims == TINY
    assert not loaded.is_multilingual
    for (name, value), again in zip(
        model.state_dict().items(), loaded.state_dict().values(), strict=True
    ):
        # Rounded twice: to half precision, then to fewer bits.
        torch.testing.assert_close(again, value, rtol=2**-8 + 2**-11, atol=1e-6, msg=name)
