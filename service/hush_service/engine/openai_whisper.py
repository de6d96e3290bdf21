"""The reference engine: openai-whisper on torch, decoding as its own `transcribe()` does.

What is spoken and has no words then is given to `transcribe()` once more, by itself.
"""

import importlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 # its customary name
import whisper
from whisper.audio import N_FRAMES
from whisper.tokenizer import LANGUAGES

from hush.mel import FRAMES_PER_SECOND, Spectrogram
from hush.transcript import Phrase, Transcript, Word
from hush_service.engine import DecodingRequest, ModelInfo, WorkStoppedError, unheard
from hush_service.engine.clamping import clamped
from hush_service.engine.windows import Rules, has_words

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
    precision
        "float32" or "float16"; the latter on GPUs alone if "default".
    beam
        Hypotheses that are followed at temperature 0; 1 is greedy.

    Raises
    ------
    RuntimeError, OSError
        If there is no such model, it cannot be fetched, or it is damaged.
    ValueError
        If it knows no such precision.
    """

    def __init__(
        self,
        source: str | Path,
        device: str | None = None,
        alignment_heads: Sequence[tuple[int, int]] | None = None,
        precision: str = "default",
        beam: int = 1,
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
        if precision not in ("default", "float32", "float16"):
            raise ValueError(
                f"the reference engine computes in float32 or float16, not {precision}"
            )
        on_gpu = self._model.device.type == "cuda"
        self._half = on_gpu if precision == "default" else precision == "float16"
        self._beam = beam
        languages = tuple(LANGUAGES)[: self._model.num_languages]
        self.info = ModelInfo(
            mel_bins=self._model.dims.n_mels,
            languages=languages if self._model.is_multilingual else ("en",),
            tasks=("transcribe", "translate") if self._model.is_multilingual else ("transcribe",),
            parameters=sum(weights.numel() for weights in self._model.parameters()),
            shortest_window=N_FRAMES / FRAMES_PER_SECOND,
        )

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""
        return str(self._model.device.type)

    @property
    def description(self) -> str:
        """On what it runs."""
        return f"openai-whisper on {self.device} in {self.precision}"

    @property
    def precision(self) -> str:
        """What it computes in."""
        return "float16" if self._half else "float32"

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        """Return the words of a spectrogram; see `hush_service.engine.Engine`."""
        settings: dict[str, Any] = {
            "task": request.task,
            "language": request.language,
            "initial_prompt": request.prompt,
            "word_timestamps": request.words,
            "fp16": self._half,
        }
        if request.interim:
            settings["temperature"] = 0.0
        elif self._beam > 1:
            # What is sampled at temperatures above 0 is the best of as many, as whisper's CLI does.
            settings |= {"beam_size": self._beam, "best_of": self._beam}
        if request.temperature > 0:
            settings["temperature"] = request.temperature
        duration = spectrogram.shape[1] / FRAMES_PER_SECOND
        speech = unheard.speech_in(spectrogram)
        with _transcribe_lock, self._stopping(stop):
            result = self._heard(spectrogram, settings, speech)
            settings |= {"language": result["language"], "initial_prompt": None}
            tried = set[tuple[int, int]]()
            for _ in range(0 if request.interim else unheard.HEARINGS):
                phrases = _transcript(result, duration, request).phrases
                left = set(unheard.stretches(speech, phrases, 0, len(speech))) - tried
                for first, end in sorted(left):
                    part = speech[first:end]
                    again = self._heard(spectrogram[:, first:end], settings, part)
                    _add(result, again, first)
                    if not again["segments"]:
                        # Where the model says so itself, this is noise or music.
                        part[:] = False
                tried |= left
        return unheard.reported(clamped(_transcript(result, duration, request)), speech)

    def _heard(
        self, spectrogram: Spectrogram, settings: dict[str, Any], speech: unheard.Frames
    ) -> dict[str, Any]:
        """Return what `transcribe()` hears, without what it makes of noise, which is no speech."""
        with _given(spectrogram):
            result: dict[str, Any] = whisper.transcribe(self._model, "", **settings)
        rules, believed = Rules(), []
        for segment in result["segments"]:
            phrase = _phrase(segment)
            if rules.is_silence(phrase, phrase.compression_ratio > rules.repetitive):
                first, end = (
                    round(each * FRAMES_PER_SECOND) for each in (phrase.start, phrase.end)
                )
                speech[first:end] = False
            elif has_words(phrase.text) and not rules.is_impossible(phrase):
                believed.append(segment)
        return result | {
            "segments": believed,
            "text": "".join(segment["text"] for segment in believed),
        }

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


def _add(result: dict[str, Any], again: dict[str, Any], first: int) -> None:
    """Add to a result what was heard in the frames from the first on, where it can be believed."""
    rules, offset = Rules(), first / FRAMES_PER_SECOND
    for segment in again["segments"]:
        if segment["text"] and rules.believe(_phrase(segment)):
            for timed in (segment, *segment.get("words", ())):
                timed["start"] += offset
                timed["end"] += offset
            segment["seek"] += first
            result["segments"].append(segment)
    result["segments"].sort(key=itemgetter("start"))
    result["text"] = "".join(segment["text"] for segment in result["segments"])


def _transcript(result: dict[str, Any], duration: float, request: DecodingRequest) -> Transcript:
    phrases = [phrase for phrase in result["segments"] if phrase["text"]]
    words = [word for phrase in phrases for word in phrase.get("words", ())]
    return Transcript(
        text=result["text"].strip(),
        duration=duration,
        language=LANGUAGES.get(result["language"], result["language"]),
        task=request.task,
        phrases=tuple(_phrase(phrase) for phrase in phrases),
        words=tuple(
            Word(word["word"].strip(), word["start"], word["end"], float(word["probability"]))
            for word in words
        )
        if request.words
        else None,
    )


def _phrase(segment: dict[str, Any]) -> Phrase:
    return Phrase(
        start=segment["start"],
        end=segment["end"],
        text=segment["text"],
        seek=segment["seek"],
        tokens=tuple(segment["tokens"]),
        temperature=segment["temperature"],
        avg_logprob=_finite(segment["avg_logprob"]),
        compression_ratio=segment["compression_ratio"],
        no_speech_prob=_finite(segment["no_speech_prob"]),
    )


def _finite(value: float) -> float:
    """JSON has no infinity, which is what the logarithm of an impossible token would be."""
    return value if math.isfinite(value) else -100.0
