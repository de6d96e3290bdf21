"""Prove that a machine image can transcribe on its GPU, with each model on the image's engine.

It asks the engine's library itself: hush's own code is not in the image, and has each model prove
itself again whenever an instance starts.
"""

import importlib
import json
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


def main(place: Path = HERE, pictures: Path = HERE, device: str = "cuda") -> None:
    """Transcribe with each model; end with an error if one cannot."""
    image = json.loads((place / "models.json").read_text(encoding="utf-8"))
    hear = heard_by_whisper if image["engine"] == "reference" else heard_by_ctranslate2
    for name, path in image["models"].items():
        text = hear(path, device, pictures)
        print(f"{name} on {image['engine']}: {text.strip()}", flush=True)
        heard = re.findall(r"\w+", text.lower())
        if missing := [word for word in SENTENCE.split() if word not in heard]:
            sys.exit(f"{name} did not hear {', '.join(missing)}")


if __name__ == "__main__":
    main()
