"""Makes engines of models, as the service's settings say, and has each prove itself."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from hush_service.engine import Engine
from hush_service.engine.batching import BatchingEngine
from hush_service.engine.process import EngineProcess
from hush_service.engine.proof import prove
from hush_service.engine.windows import EXACT, Rules, WindowRule
from hush_service.settings import ServiceSettings
from hush_service.weights.integrity import check_weights
from hush_service.weights.models import Format, alignment_heads, resolve
from hush_service.weights.onnx_export import PROCESSOR_ALONE, Precision, exported

log = logging.getLogger(__name__)

EngineName = Literal["ctranslate2", "reference", "onnx"]
FORMATS: dict[EngineName, Format] = {
    "ctranslate2": "ctranslate2",
    "reference": "openai",
    "onnx": "openai",
}
"""Which format of a model each engine reads, or has exported from."""


class MissingEngineError(RuntimeError):
    """The engine's libraries are not installed. The message says what to install."""


def engine_name(settings: ServiceSettings) -> EngineName:
    """Return the engine that settings mean, here.

    Raises
    ------
    MissingEngineError
        If its libraries are not installed.
    """
    wanted, on_webgpu = settings.engine, settings.device.startswith("webgpu")
    if wanted == "auto" and on_webgpu:
        wanted = "onnx"
    elif wanted == "auto":
        wanted = (
            "ctranslate2" if _installed("ctranslate2") or not _installed("whisper") else "reference"
        )
    if (wanted == "onnx") != on_webgpu and settings.device not in ("auto", "cpu"):
        raise MissingEngineError(
            f"the engine {wanted} does not run on {settings.device}: HUSH_ENGINE=onnx runs on"
            " webgpu and cpu, the others on cuda and cpu"
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
    if wanted == "onnx" and not _installed("onnxruntime"):
        raise MissingEngineError(
            "ONNX Runtime is not installed: install hush with its extra 'webgpu'"
        )
    return wanted


def load_engine(settings: ServiceSettings, source: str | Path) -> Engine:
    """Load a model, fetched and converted where that is needed, and have it prove itself.

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
    engine = load_unheard(settings, source)
    prove(engine, source)
    return engine


def load_unheard(settings: ServiceSettings, source: str | Path) -> Engine:
    """Load a model whose weights are checked, and heard by nobody: for those that were before.

    A digest beside them tells that they are the same; see `load_engine`.
    """
    name = engine_name(settings)
    if name == "onnx":
        return _on_onnx_runtime(settings, source)
    path = resolve(source, FORMATS[name], settings.download_folder)
    # Beside loading, it takes next to no time where there is a core for it.
    with ThreadPoolExecutor(1, thread_name_prefix="integrity") as beside:
        checked = beside.submit(check_weights, path, source)
        try:
            engine = _loaded(name, settings, source, path)
        finally:
            checked.result()  # what is wrong with a file explains why it cannot be loaded
    return engine


def _on_onnx_runtime(settings: ServiceSettings, source: str | Path) -> Engine:
    from hush_service.engine.onnx_runtime import OnnxRuntimeEngine

    # `engine_name` refused what else there is.
    device = settings.device if settings.device in ("webgpu", "webgpu-software") else "cpu"
    possible: list[Precision] = [
        each for each in get_args(Precision) if device == "cpu" or each not in PROCESSOR_ALONE
    ]
    asked = possible[0] if settings.precision == "default" else settings.precision
    precision = next((each for each in possible if each == asked), None)
    if precision is None:
        raise ValueError(
            f"ONNX Runtime has weights in {', '.join(possible)} on {device}, not in {asked}"
        )
    folder = exported(source, precision, settings.download_folder)
    engine = OnnxRuntimeEngine(folder, device, _rules(settings), settings.batch)
    log.info("engine: %s, %d at once", engine.description, engine.batch)
    return engine


def _rules(settings: ServiceSettings) -> Rules:
    return Rules(window=EXACT if settings.window == "exact" else WindowRule(), beam=settings.beam)


def load_apart(settings: ServiceSettings, source: str | Path) -> BatchingEngine:
    """Load a model in a process of its own; see `load_engine`.

    Raises
    ------
    Exception
        As `load_engine`.
    EngineDiedError
        If the process ended while it loaded.
    """
    return EngineProcess(load_engine, settings, source, longest=settings.max_seconds)


def _loaded(name: EngineName, settings: ServiceSettings, source: str | Path, path: Path) -> Engine:
    if name == "ctranslate2":
        # Its threads would wait for one another busily, on cores that others could use. Its OpenMP
        # reads this once, when it is imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        from hush_service.engine.ctranslate2 import CTranslate2Engine

        fast = CTranslate2Engine(
            path,
            settings.device,
            settings.precision,
            rules=_rules(settings),
            batch=settings.batch,
            replicas=settings.replicas,
        )
        parts = f", in {fast.replicas} parts" if fast.replicas > 1 else ""
        parts += f" ({fast.gain:.1f} times as fast as in one)" if parts and fast.gain > 1 else ""
        log.info("engine: %s, %d at once%s", fast.description, fast.batch, parts)
        return fast
    # Imports torch, which takes seconds.
    from hush_service.engine.openai_whisper import OpenAIWhisperEngine

    device = None if settings.device == "auto" else settings.device
    reference = OpenAIWhisperEngine(
        path, device, alignment_heads(str(source)), settings.precision, settings.beam
    )
    log.info("engine: %s", reference.description)
    return reference


def _installed(module: str) -> bool:
    return find_spec(module) is not None
