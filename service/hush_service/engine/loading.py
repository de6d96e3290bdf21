"""Makes engines of models, as the service's settings say."""

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from hush_service.engine import Engine
from hush_service.settings import ServiceSettings
from hush_service.weights.models import Format, alignment_heads, resolve

log = logging.getLogger(__name__)

EngineName = Literal["ctranslate2", "reference"]
FORMATS: dict[EngineName, Format] = {"ctranslate2": "ctranslate2", "reference": "openai"}
"""Which format of a model each engine reads."""


class MissingEngineError(RuntimeError):
    """The engine's libraries are not installed. The message says what to install."""


def engine_name(settings: ServiceSettings) -> EngineName:
    """Return the engine that settings mean, here.

    Raises
    ------
    MissingEngineError
        If its libraries are not installed.
    """
    wanted = settings.engine
    if wanted == "auto":
        wanted = (
            "ctranslate2" if _installed("ctranslate2") or not _installed("whisper") else "reference"
        )
    if wanted == "ctranslate2" and not _installed("ctranslate2"):
        raise MissingEngineError(
            "CTranslate2 is not installed: install hush with its extra 'service'"
        )
    if wanted == "reference" and not (_installed("whisper") and _installed("torch")):
        raise MissingEngineError(
            "the reference engine, openai-whisper on torch, is not installed: install hush with its"
            " extra 'reference', or leave HUSH_ENGINE out"
        )
    return wanted


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
    MissingEngineError
        If the engine is not installed.
    """
    if engine_name(settings) == "ctranslate2":
        # Its threads would wait for one another busily, on cores that others could use. Its OpenMP
        # reads this once, when it is imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        from hush_service.engine.ctranslate2 import CTranslate2Engine

        folder = resolve(source, "ctranslate2", settings.download_folder)
        fast = CTranslate2Engine(folder, settings.device, settings.precision)
        log.info("engine: CTranslate2 on %s in %s", fast.device, fast.precision)
        return fast
    # Imports torch, which takes seconds.
    from hush_service.engine.openai_whisper import OpenAIWhisperEngine

    device = None if settings.device == "auto" else settings.device
    checkpoint = _kept_by_whisper(settings, source)
    if checkpoint is None:
        checkpoint = resolve(source, "openai", settings.download_folder)
    reference = OpenAIWhisperEngine(checkpoint, device, alignment_heads(str(source)))
    log.info("engine: openai-whisper on %s in %s", reference.device, reference.precision)
    return reference


def _installed(module: str) -> bool:
    return find_spec(module) is not None


def _kept_by_whisper(settings: ServiceSettings, source: str | Path) -> Path | None:
    """Return the checkpoint that openai-whisper put there itself, as machine images have it."""
    if settings.download_folder is None or isinstance(source, Path):
        return None
    file = settings.download_folder / f"{source}.pt"
    return file if file.is_file() else None
