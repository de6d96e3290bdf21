"""Prove that a machine image can transcribe on its GPU: `prove.py MODEL…`.

The bundled sample is synthetic speech, which real models hear almost as it was said: its main words
count.
"""

import sys
from pathlib import Path

import av
import numpy as np
import torch
import whisper

WORDS = {"remind", "cook", "dinner", "tonight"}


def samples(file: Path) -> np.ndarray:
    """Return the audio in a file as float32 at 16 kHz."""
    resampler = av.AudioResampler("s16", "mono", 16_000)
    with av.open(str(file)) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32) / 32768


def main(models: list[str]) -> None:
    """Transcribe with each model; end with an error if one cannot."""
    if not torch.cuda.is_available():
        sys.exit("torch sees no GPU")
    audio = samples(Path(__file__).with_name("sample.flac"))
    for name in models:
        model = whisper.load_model(name, "cuda", "/opt/hush/weights")
        text = str(whisper.transcribe(model, audio, language="en")["text"])
        print(f"{name}, {model.dims.n_mels} bins: {text.strip()}")
        if missing := {word for word in WORDS if word not in text.lower()}:
            sys.exit(f"{name} did not hear {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main(sys.argv[1:])
