"""Makes engines of models, as the service's settings say."""

from pathlib import Path

from hush_service.engine import Engine
from hush_service.settings import ServiceSettings


def load_engine(settings: ServiceSettings, source: str | Path) -> Engine:
    """Load a model; see `hush_service.engine.openai_whisper`. Imports torch only now."""
    from hush_service.engine.openai_whisper import OpenAIWhisperEngine

    device = None if settings.device == "auto" else settings.device
    return OpenAIWhisperEngine(source, device, settings.download_folder)
