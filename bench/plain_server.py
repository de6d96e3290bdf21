"""A plain faster-whisper server, as one writes it: FastAPI, a thread for each request, int8.

`bench.load` runs it beside hush's service: `python -m bench.plain_server MODEL PORT BEAM`.
"""

import io
import sys
from importlib import import_module
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, File

from hush_service.weights.models import resolve


def create_app(model: str, beam: int) -> FastAPI:
    """Return the server of a model, by its name."""
    app = FastAPI()
    peer: Any = import_module("faster_whisper")  # which nothing else wants installed
    loaded = peer.WhisperModel(str(resolve(model, "ctranslate2")), "cpu", compute_type="int8")

    @app.post("/v1/audio/transcriptions")
    def transcribe(file: Annotated[bytes, File()]) -> dict[str, str]:
        phrases, _ = loaded.transcribe(io.BytesIO(file), beam_size=beam, language="en")
        return {"text": "".join(phrase.text for phrase in phrases).strip()}

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


if __name__ == "__main__":
    name, port, beam = sys.argv[1:]
    uvicorn.run(create_app(name, int(beam)), port=int(port), log_level="error")
