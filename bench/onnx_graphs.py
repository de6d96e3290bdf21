"""Exported models against openai-whisper: what they compute, which tokens they say, their sizes.

    python -m bench.onnx_graphs [--model tiny.en] [--count 12]

ONNX Runtime on this machine's processor, greedy, without any rule, in the windows of the service.
"""

import argparse
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import onnxruntime
import torch
import whisper

from bench.recordings import spread
from hush.mel import Spectrogram, log_mel_spectrogram
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.windows import WindowRule
from hush_service.weights.models import resolve
from hush_service.weights.onnx_export import Precision, export_onnx, read_manifest
from models.tables import table

TOKENS = 100


def torch_tokens(model: Any, window: Spectrogram, start: Sequence[int]) -> tuple[Any, list[int]]:
    """Return a window as the reference encodes it, (1, steps, state), and what it says."""
    encoder, end = model.encoder, Tokenizer.of_size(model.dims.n_vocab).end_of_text
    places, said = encoder.positional_embedding, list(start)
    with torch.no_grad():
        encoder.positional_embedding = places[: window.shape[1] // 2]
        encoded = encoder(torch.from_numpy(window)[None])
        encoder.positional_embedding = places
        cache, hooks = model.install_kv_cache_hooks()
        while len(said) < TOKENS and said[-1] != end:
            new = said if not cache else said[-1:]
            logits = model.decoder(torch.tensor([new]), encoded, kv_cache=cache)
            said.append(int(logits[0, -1].argmax()))
        for hook in hooks:
            hook.remove()
    return encoded, said


def onnx_tokens(
    decoder: onnxruntime.InferenceSession, cross: dict[str, Any], start: Sequence[int], end: int
) -> list[int]:
    """Return what an export says."""
    past = {
        each.name: np.zeros([0 if size == "old" else 1 if size == "rows" else size
                             for size in each.shape], np.float32)
        for each in decoder.get_inputs()
        if each.name.startswith("past.")
    }  # fmt: skip
    names = [each.name for each in decoder.get_outputs() if each.name != "attention"]
    said, new = list(start), list(start)
    while len(said) < TOKENS and said[-1] != end:
        given = {"tokens": np.array([new], np.int32), "rows": np.zeros(1, np.int32)}
        found = dict(zip(names, decoder.run(names, {**given, **past, **cross}), strict=True))
        new = [int(found.pop("logits")[0].argmax())]
        said += new
        past = {name.replace("present", "past"): value for name, value in found.items()}
    return said


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--count", type=int, default=12)
    chosen = parser.parse_args()
    model = whisper.load_model(str(resolve(chosen.model, "openai")), device="cpu").eval()
    tokenizer = Tokenizer.of_size(model.dims.n_vocab)
    start = tokenizer.start("en", "transcribe")
    said = spread(chosen.model, chosen.count)
    mels = [log_mel_spectrogram(each.samples, model.dims.n_mels) for each in said]
    windows = [WindowRule().window(mel).spectrogram for mel in mels]
    expected = [torch_tokens(model, window, start) for window in windows]
    rows = []
    for precision in get_args(Precision):
        folder = export_onnx(chosen.model, precision)
        files = read_manifest(folder)["files"]
        encoder, decoder = (
            onnxruntime.InferenceSession(folder / files[part]["path"])
            for part in ("encoder", "decoder")
        )
        names = [each.name for each in encoder.get_outputs()]
        worst, same, tokens, other = 0.0, 0, 0, 0
        for window, (encoded, reference) in zip(windows, expected, strict=True):
            cross = dict(zip(names, encoder.run(names, {"mel": window[None]}), strict=True))
            attention = model.decoder.blocks[-1].cross_attn
            with torch.no_grad():
                value = attention.value(encoded).view(1, -1, attention.n_head, 64).transpose(1, 2)
            found = cross[f"cross.{model.dims.n_text_layer - 1}.value"]
            worst = max(worst, float(np.abs(found - value.numpy()).max()))
            heard = onnx_tokens(decoder, cross, start, tokenizer.end_of_text)
            same += heard == reference
            tokens += len(reference) - len(start)
            other += sum(
                one != another for one, another in zip(heard, reference, strict=False)
            ) + abs(len(heard) - len(reference))
        megabytes = [files[part]["bytes"] / 1e6 for part in ("encoder", "decoder", "tokens")]
        rows.append(
            (precision, *(f"{each:.1f}" for each in megabytes), f"{worst:.1e}",
             f"{same} of {len(said)}", f"{other} of {tokens}")
        )  # fmt: skip
    table(
        f"`{chosen.model}`, against openai-whisper in float32",
        ("weights", "encoder, MB", "decoder, MB", "tokens, MB", "largest difference of a value",
         "the same tokens", "other tokens"),
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
