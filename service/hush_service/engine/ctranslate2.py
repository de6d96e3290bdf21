"""The default engine: Whisper on CTranslate2, on CPUs and NVIDIA GPUs."""

import ctypes
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import ctranslate2
import numpy as np

from hush.mel import Spectrogram
from hush.transcript import Transcript
from hush_service.engine import DecodingRequest, ModelInfo
from hush_service.engine.batching import answers_within_memory, transcribe_all
from hush_service.engine.procedure import ByProcedure, WindowByWindow
from hush_service.engine.questions import (
    Align,
    Decode,
    Decoded,
    DetectLanguage,
    Encode,
    Question,
    Window,
)
from hush_service.engine.replicas import LONGEST_SECONDS, SHORT, Replicas, seconds
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.windows import Rules
from hush_service.engine.word_times import Alignment
from hush_service.weights.ctranslate2_folder import read_config, read_variables

log = logging.getLogger(__name__)

_DEFAULT_PRECISIONS = {
    "cpu": ("int8", "float32"),
    # Not every GPU can reckon in 16 bits.
    "cuda": ("float16", "int8_float16", "int8_float32", "float32"),
}
"""What is taken where nothing is said: the first that the device can do."""
_DEFAULT_BATCHES = {"cpu": 8, "cuda": 32}
"""More are no faster on a CPU, and all wait for the longest text."""
_ENCODED_AT_ONCE = {"cpu": 2, "cuda": 0}
"""Windows; 0 is all of a batch. More than this do not fit a CPU's caches: eight of tiny.en at once
cost 1.4 times the processor's time of two by two."""
_MOST_REPLICAS = 4
"""Between which threads are shared out: each has memory of its own for what it reckons."""
_SHORT_OF_MEMORY = ("out of memory", "invalid device ordinal", "ALLOC_FAILED")
"""What CUDA says where memory does not suffice. CTranslate2 leaves the last error where it is: what
is asked next may be told of it, in words of another."""
_CUBLAS = "libcublas.so.12"
"""What CTranslate2 looks for when it first multiplies on a GPU."""


class CTranslate2Engine(ByProcedure):
    """A model in CTranslate2's format.

    Parameters
    ----------
    folder
        Where it is; see `hush_service.weights`.
    device
        "auto", "cpu" or "cuda".
    precision
        Of its weights and sums, as CTranslate2 calls them: "int8", "float32", "float16", …;
        "default" is int8 on a CPU, float16 on a GPU that has it.
    threads
        How many of the CPU's one piece of work uses; if 0, OMP_NUM_THREADS, or as many as there
        are cores.
    rules
        What to believe of what it says.
    batch
        Windows that it hears at once at most; 0 for 8 on a CPU, 32 on a GPU.
    replicas
        Parts of a batch that are worked on side by side, on a CPU with a share of the threads each;
        0 for what is faster here, which takes a second or two to find out. A GPU would wait for
        each hypothesis's rules of timestamps, one after the other.

    Attributes
    ----------
    gain
        How many times as fast replicas were found to be as all threads at one thing.

    Raises
    ------
    RuntimeError, ValueError, OSError
        If the folder holds no such model, or it cannot be run so.
    """

    def __init__(
        self,
        folder: Path,
        device: str = "auto",
        precision: str = "default",
        threads: int = 0,
        rules: Rules | None = None,
        batch: int = 0,
        replicas: int = 0,
    ) -> None:
        device = _device(device)
        threads = threads or _threads()
        load = partial(
            ctranslate2.models.Whisper,
            str(folder),
            device=device,
            compute_type=_default_precision(device) if precision == "default" else precision,
        )
        self.batch = batch or _DEFAULT_BATCHES[device]
        on_gpu = device == "cuda"
        # Of what a GPU's memory holds, several workers need no copies.
        workers = min(replicas or _MOST_REPLICAS, self.batch) if on_gpu else 1
        model = load(intra_threads=threads, inter_threads=workers)
        tokenizer = Tokenizer.of_size(_tokens(folder))
        rules = rules or Rules()
        languages = tokenizer.codes if tokenizer.multilingual else ("en",)
        self.info = ModelInfo(
            mel_bins=model.n_mels,
            languages=languages,
            tasks=("transcribe", "translate") if tokenizer.multilingual else ("transcribe",),
            parameters=sum(array.size for array in read_variables(folder).arrays.values()),
            shortest_window=rules.window.shortest,
        )
        self.tokenizer = tokenizer
        self.rules = rules
        procedure = WindowByWindow(self.info, tokenizer, rules)
        self.procedure = procedure
        max_length = int(read_config(folder).get("max_length", 448))
        self._whole = _Model(model, tokenizer, rules, max_length)
        self._replicas: Replicas | None = None
        self.gain = 1.0
        count = workers if on_gpu else min(replicas or _MOST_REPLICAS, threads, self.batch)
        alone = 0.0
        if replicas == 0 and count > 1:
            short = replace(self._whole, max_length=SHORT)
            alone = seconds(short.answers, count, procedure)
        if count > 1 and alone < LONGEST_SECONDS:
            several = model if on_gpu else load(intra_threads=threads // count, inter_threads=count)
            parts = replace(self._whole, model=several)
            if alone:
                short = replace(parts, max_length=SHORT)
                self.gain = alone / seconds(
                    Replicas(short.answers, count).answers, count, procedure
                )
            if self.gain >= 1:
                self._replicas = Replicas(parts.answers, count)

    @property
    def replicas(self) -> int:
        """Parts of a batch that are worked on side by side."""
        return 1 if self._replicas is None else self._replicas.count

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""
        return str(self._whole.model.device)

    @property
    def precision(self) -> str:
        """What the weights were turned into."""
        return str(self._whole.model.compute_type)

    @property
    def description(self) -> str:
        """On what it runs."""
        return f"CTranslate2 on {self.device} in {self.precision}"

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        """Return the words of a spectrogram; see `hush_service.engine.Engine`."""
        (transcript,) = transcribe_all(self, [(spectrogram, request)], stop)
        return transcript

    def answers(self, questions: Sequence[Question], stop: Callable[[], bool]) -> Sequence[object]:
        """Answer questions of one kind; where memory does not suffice, in smaller batches."""
        return answers_within_memory(self, self._answers, questions, stop, _SHORT_OF_MEMORY)

    def _answers(self, questions: Sequence[Question]) -> Sequence[object]:
        if self._replicas is None or len(questions) == 1:
            return self._whole.answers(questions)
        return self._replicas.answers(questions)


@dataclass(frozen=True)
class _Model:
    """What CTranslate2 has loaded; may be asked by several threads at once.

    Attributes
    ----------
    model
        The model.
    tokenizer, rules
        Its tokens, and what to believe of what it says.
    max_length
        Tokens that it writes at most, those that it is given included.
    """

    model: ctranslate2.models.Whisper
    tokenizer: Tokenizer
    rules: Rules
    max_length: int

    def answers(self, questions: Sequence[Question]) -> Sequence[object]:
        """Answer questions of one kind."""
        if isinstance(questions[0], Encode):
            return self._encode([question.window for question in questions])
        encoded = ctranslate2.StorageView.from_array(
            np.stack([question.window.encoded for question in questions])
        )
        match questions[0]:
            case DetectLanguage():
                found = self.model.detect_language(encoded)
                return [each[0][0].strip("<|>") for each in found]
            case Decode():
                return self._decoded(encoded, [q for q in questions if isinstance(q, Decode)])
            case Align():
                return self._aligned(encoded, [q for q in questions if isinstance(q, Align)])

    def _encode(self, windows: Sequence[Window]) -> Sequence[None]:
        size = _ENCODED_AT_ONCE[self.model.device] or len(windows)
        for first in range(0, len(windows), size):
            some = windows[first : first + size]
            features = np.stack([window.spectrogram for window in some])
            rows = self.model.encode(ctranslate2.StorageView.from_array(features), to_cpu=True)
            if rows.dtype == ctranslate2.DataType.bfloat16:  # which NumPy does not know
                rows = rows.to(ctranslate2.DataType.float32)
            for window, row in zip(some, np.asarray(rows), strict=True):
                window.encoded = row
        return [None] * len(windows)

    def _decoded(
        self, encoded: ctranslate2.StorageView, questions: Sequence[Decode]
    ) -> list[Decoded]:
        temperature = questions[0].temperature
        if temperature == 0:
            sampling: dict[str, float] = {"beam_size": questions[0].beam}
        else:
            sampling = {
                "beam_size": 1,
                "num_hypotheses": self.rules.samples,
                "sampling_topk": 0,
                "sampling_temperature": temperature,
            }
        results = self.model.generate(
            encoded,
            [list(question.prompt) for question in questions],
            max_length=self.max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self.tokenizer.suppressed,
            **sampling,
        )
        return [_decoded(result) for result in results]

    def _aligned(
        self, encoded: ctranslate2.StorageView, questions: Sequence[Align]
    ) -> list[Alignment]:
        found = self.model.align(
            encoded,
            list(questions[0].start),
            [list(question.tokens) for question in questions],
            [question.window.spoken for question in questions],
        )
        return [Alignment(each.alignments, each.text_token_probs) for each in found]


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if ctranslate2.get_cuda_device_count() == 0:
        return "cpu"
    try:
        ctypes.CDLL(_CUBLAS)
    except OSError:
        log.warning("the GPU is left alone, since %s of CUDA 12 is not installed", _CUBLAS)
        return "cpu"
    return "cuda"


def _threads() -> int:
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else len(os.sched_getaffinity(0))


def _default_precision(device: str) -> str:
    possible = ctranslate2.get_supported_compute_types(device)
    return next(each for each in _DEFAULT_PRECISIONS[device] if each in possible)


def _decoded(result: ctranslate2.models.WhisperGenerationResult) -> Decoded:
    tokens, score = result.sequences_ids[0], result.scores[0]
    # CTranslate2 divides by the number of tokens, Whisper counts the end of the text as one.
    return Decoded(tuple(tokens), score * len(tokens) / (len(tokens) + 1), result.no_speech_prob)


def _tokens(folder: Path) -> int:
    """Return the number of tokens of a model."""
    as_json = folder / "vocabulary.json"
    if as_json.exists():
        return len(json.loads(as_json.read_text(encoding="utf-8")))
    text = (folder / "vocabulary.txt").read_text(encoding="utf-8")
    return len(text.removesuffix("\n").split("\n"))
