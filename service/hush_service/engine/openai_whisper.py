"""The reference engine: openai-whisper on torch, decoding as its own `transcribe()` does."""

import importlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 # its customary name
import whisper
from whisper.audio import N_FRAMES
from whisper.tokenizer import LANGUAGES

from hush.mel import FRAMES_PER_SECOND, Spectrogram
from hush.transcript import Phrase, Transcript, Word
from hush_service.engine import DecodingRequest, ModelInfo, WorkStoppedError

# `whisper.transcribe` is the function; the module of the same name holds what it calls.
_transcribe_module: Any = importlib.import_module("whisper.transcribe")
_transcribe_lock = threading.Lock()


class OpenAIWhisperEngine:
    """A model of openai-whisper.

    Parameters
    ----------
    source
        The path of a checkpoint in OpenAI's .pt format, or one of OpenAI's names, which
        openai-whisper then downloads.
    device
        "cpu" or "cuda"; CUDA where there is one if None.
    alignment_heads
        (layer, head) pairs that follow the words in time; as openai-whisper has them if None.

    Raises
    ------
    RuntimeError, OSError
        If there is no such model, it cannot be fetched, or it is damaged.
    """

    def __init__(
        self,
        source: str | Path,
        device: str | None = None,
        alignment_heads: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        self._model = whisper.load_model(str(source), device=device)
        if alignment_heads is not None:
            dims = self._model.dims
            heads = torch.zeros(dims.n_text_layer, dims.n_text_head, dtype=torch.bool)
            for layer, head in alignment_heads:
                heads[layer, head] = True
            self._model.register_buffer(
                "alignment_heads", heads.to_sparse().to(self._model.device), persistent=False
            )
        languages = tuple(LANGUAGES)[: self._model.num_languages]
        self.info = ModelInfo(
            mel_bins=self._model.dims.n_mels,
            languages=languages if self._model.is_multilingual else ("en",),
            tasks=("transcribe", "translate") if self._model.is_multilingual else ("transcribe",),
            parameters=sum(weights.numel() for weights in self._model.parameters()),
        )

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""
        return str(self._model.device.type)

    @property
    def precision(self) -> str:
        """What it computes in."""
        return "float16" if self.device == "cuda" else "float32"

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        """Return the words of a spectrogram; see `hush_service.engine.Engine`."""
        settings: dict[str, Any] = {
            "task": request.task,
            "language": request.language,
            "initial_prompt": request.prompt,
            "word_timestamps": request.words,
            "fp16": self.precision == "float16",
        }
        if request.temperature > 0:
            settings["temperature"] = request.temperature
        with _transcribe_lock, _given(spectrogram), self._stopping(stop):
            result = whisper.transcribe(self._model, "", **settings)
        return _transcript(result, spectrogram.shape[1] / FRAMES_PER_SECOND, request)

    @contextmanager
    def _stopping(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Ask before each window, and before each new try at one, whether to go on."""

        def ask(*_: object) -> None:
            if stop():
                raise WorkStoppedError

        hook = self._model.encoder.register_forward_pre_hook(ask)
        try:
            yield
        finally:
            hook.remove()


@contextmanager
def _given(spectrogram: Spectrogram) -> Iterator[None]:
    """Have `transcribe()` take this spectrogram for that of its audio.

    It computes the spectrogram of audio with 30 s of silence added, and looks at that silence only
    to detect the language: there, silence is the floor.
    """
    mel = F.pad(torch.from_numpy(spectrogram), (0, N_FRAMES), value=float(spectrogram.min()))

    def log_mel_spectrogram(*_: object, **__: object) -> torch.Tensor:
        return mel

    computed = _transcribe_module.log_mel_spectrogram
    _transcribe_module.log_mel_spectrogram = log_mel_spectrogram
    try:
        yield
    finally:
        _transcribe_module.log_mel_spectrogram = computed


def _transcript(result: dict[str, Any], duration: float, request: DecodingRequest) -> Transcript:
    phrases = [phrase for phrase in result["segments"] if phrase["text"]]
    words = [word for phrase in phrases for word in phrase.get("words", ())]
    return Transcript(
        text=result["text"].strip(),
        duration=duration,
        language=LANGUAGES.get(result["language"], result["language"]),
        task=request.task,
        phrases=tuple(
            Phrase(
                start=phrase["start"],
                end=phrase["end"],
                text=phrase["text"],
                seek=phrase["seek"],
                tokens=tuple(phrase["tokens"]),
                temperature=phrase["temperature"],
                avg_logprob=_finite(phrase["avg_logprob"]),
                compression_ratio=phrase["compression_ratio"],
                no_speech_prob=_finite(phrase["no_speech_prob"]),
            )
            for phrase in phrases
        ),
        words=tuple(Word(word["word"].strip(), word["start"], word["end"]) for word in words)
        if request.words
        else None,
    )


def _finite(value: float) -> float:
    """JSON has no infinity, which is what the logarithm of an impossible token would be."""
    return value if math.isfinite(value) else -100.0
