"""Makes engines of models, as the service's settings say."""

from pathlib import Path

from hush_service.engine import Engine
from hush_service.settings import ServiceSettings
from hush_service.weights.models import alignment_heads, resolve


def load_engine(settings: ServiceSettings, source: str | Path) -> Engine:
    """Load a model, fetched and converted where that is needed.

    Parameters
    ----------
    settings
        Which engine, where, and how precise.
    source
        A name of `hush models`, or the path of a checkpoint or of a CTranslate2 folder.

    Raises
    ------
    WeightsError, RuntimeError, ValueError, OSError
        If there is no such model, it cannot be fetched, or it is damaged.
    """
    if settings.engine == "ctranslate2":
        from hush_service.engine.ctranslate2 import CTranslate2Engine

        folder = resolve(source, "ctranslate2", settings.download_folder)
        return CTranslate2Engine(folder, settings.device, settings.precision)
    # Imports torch, which takes seconds.
    from hush_service.engine.openai_whisper import OpenAIWhisperEngine

    device = None if settings.device == "auto" else settings.device
    checkpoint = _kept_by_whisper(settings, source)
    if checkpoint is None:
        checkpoint = resolve(source, "openai", settings.download_folder)
    return OpenAIWhisperEngine(checkpoint, device, alignment_heads(str(source)))


def _kept_by_whisper(settings: ServiceSettings, source: str | Path) -> Path | None:
    """Return the checkpoint that openai-whisper put there itself, as machine images have it."""
    if settings.download_folder is None or isinstance(source, Path):
        return None
    file = settings.download_folder / f"{source}.pt"
    return file if file.is_file() else None
