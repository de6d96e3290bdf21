"""Prove that a machine image can transcribe on its GPU, with each model on the image's engine.

It asks the engine's library itself: hush's own code is not in the image, and has each model prove
itself again whenever an instance starts.
"""

import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
SENTENCE = "ask not what your country can do for you"
"""What is said in the bundled pictures; real models hear all of it."""
LONGEST_WINDOW = 3000
MOST_TOKENS = 60
"""Of the sentence; a model that writes on has not understood it."""


def window(mel_bins: int, folder: Path) -> np.ndarray:
    """Return the spectrogram of the bundled picture, followed by silence up to 30 s."""
    with Image.open(folder / f"person-{mel_bins}.png") as picture:
        low, high = map(float, picture.text["mel-range"].split())  # type: ignore[attr-defined]
        pixels = np.asarray(picture)[::-1]  # low frequencies are at the bottom
    spectrogram = np.float32(low) + pixels.astype(np.float32) * np.float32((high - low) / 255)
    whole = np.full((mel_bins, LONGEST_WINDOW), spectrogram.min(), np.float32)
    whole[:, : spectrogram.shape[1]] = spectrogram
    return whole


def heard_by_ctranslate2(path: str, device: str, folder: Path) -> str:
    """Return what a model hears on CTranslate2."""
    ctranslate2: Any = importlib.import_module("ctranslate2")
    model = ctranslate2.models.Whisper(
        path, device=device, compute_type="float16" if device == "cuda" else "default"
    )
    features = ctranslate2.StorageView.from_array(window(model.n_mels, folder)[None])
    task = ["<|en|>", "<|transcribe|>"] if model.is_multilingual else []
    prompt = ["<|startoftranscript|>", *task, "<|notimestamps|>"]
    (result,) = model.generate(features, [prompt])
    # A token's bytes are written as letters; a space is Ġ.
    return "".join(result.sequences[0]).replace("Ġ", " ")


def heard_by_whisper(path: str, device: str, folder: Path) -> str:
    """Return what a model hears on openai-whisper."""
    torch: Any = importlib.import_module("torch")
    whisper: Any = importlib.import_module("whisper")
    model = whisper.load_model(path, device)
    spectrogram = torch.from_numpy(window(model.dims.n_mels, folder)).to(device)
    options = whisper.DecodingOptions(language="en", fp16=device == "cuda")
    return str(whisper.decode(model, spectrogram, options).text)


def heard_by_onnx(path: str, device: str, folder: Path) -> str:
    """Return what a model hears on ONNX Runtime, the likeliest token after the other."""
    runtime: Any = importlib.import_module("onnxruntime")
    home = Path(path)
    files, known = (
        json.loads(file.read_text(encoding="utf-8"))
        for file in (home / "model.json", next(home.glob("tokens.*.json")))
    )
    provider = "CPUExecutionProvider" if device == "cpu" else "WebGpuExecutionProvider"
    encoder, decoder = (
        runtime.InferenceSession(home / files["files"][part]["path"], providers=[provider])
        for part in ("encoder", "decoder")
    )
    # Where it finds no GPU, it would leave everything to the processor.
    if provider not in decoder.get_providers():
        sys.exit(f"ONNX Runtime has {decoder.get_providers()}, and no GPU")
    cross = encoder.run(None, {"mel": window(files["mel_bins"], folder)[None]})
    given = dict(zip((each.name for each in encoder.get_outputs()), cross, strict=True))
    kept = {
        each.name: np.zeros((1, *(size if isinstance(size, int) else 0 for size in each.shape[1:])))
        for each in decoder.get_inputs()
        if each.name.startswith("past.")
    }
    start = [known["start_of_transcript"]]
    if known["multilingual"]:
        languages = [code for code, _ in known["languages"]]
        start += [start[0] + 1 + languages.index("en"), known["transcribe"]]
    tokens, said = [*start, known["no_timestamps"]], list[int]()
    while len(said) < MOST_TOKENS:
        values = decoder.run(
            None,
            {
                "tokens": np.array([tokens], np.int32),
                "rows": np.zeros(1, np.int32),
                **given,
                **{name: value.astype(np.float32) for name, value in kept.items()},
            },
        )
        answers = dict(zip((each.name for each in decoder.get_outputs()), values, strict=True))
        tokens = [int(answers["logits"][0].argmax())]
        if tokens[0] >= known["end_of_text"]:
            break
        said += tokens
        kept = {name: answers[name.replace("past.", "present.", 1)] for name in kept}
    text = "".join(known["texts"][token] for token in said)
    return text.encode("latin-1").decode("utf-8", "replace")


HEARD_BY = {
    "ctranslate2": heard_by_ctranslate2,
    "reference": heard_by_whisper,
    "onnx": heard_by_onnx,
}


def main(place: Path = HERE, pictures: Path = HERE, device: str | None = None) -> None:
    """Transcribe with each model; end with an error if one cannot."""
    image = json.loads((place / "models.json").read_text(encoding="utf-8"))
    hear, device = HEARD_BY[image["engine"]], device or os.environ["HUSH_DEVICE"]
    for name, path in image["models"].items():
        text = hear(path, device, pictures)
        print(f"{name} on {image['engine']}: {text.strip()}", flush=True)
        heard = re.findall(r"\w+", text.lower())
        if missing := [word for word in SENTENCE.split() if word not in heard]:
            sys.exit(f"{name} did not hear {', '.join(missing)}")


if __name__ == "__main__":
    main()
