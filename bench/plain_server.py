"""A plain faster-whisper server, as one writes it: FastAPI, a thread for each request.

`bench.load` runs it beside hush's service: `python -m bench.plain_server MODEL PORT BEAM DEVICE`.
It has int8 on a CPU, and float16 on a GPU.
"""

import io
import sys
from importlib import import_module
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, File

from hush_service.weights.models import resolve

PRECISIONS = {"cpu": "int8", "cuda": "float16"}


def create_app(model: str, beam: int, device: str) -> FastAPI:
    """Return the server of a model, by its name."""
    app = FastAPI()
    peer: Any = import_module("faster_whisper")  # which nothing else wants installed
    folder = str(resolve(model, "ctranslate2"))
    loaded = peer.WhisperModel(folder, device, compute_type=PRECISIONS[device])

    @app.post("/v1/audio/transcriptions")
    def transcribe(file: Annotated[bytes, File()]) -> dict[str, str]:
        phrases, _ = loaded.transcribe(io.BytesIO(file), beam_size=beam, language="en")
        return {"text": "".join(phrase.text for phrase in phrases).strip()}

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


if __name__ == "__main__":
    name, port, beam, device = sys.argv[1:]
    uvicorn.run(create_app(name, int(beam), device), port=int(port), log_level="error")
