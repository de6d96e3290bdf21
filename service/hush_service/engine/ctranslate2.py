"""The default engine: Whisper on CTranslate2, on CPUs and NVIDIA GPUs."""

import ctypes
import json
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from hush.mel import Spectrogram
from hush.transcript import Transcript
from hush_service.engine import DecodingRequest, ModelInfo, WorkStoppedError
from hush_service.engine.questions import (
    Align,
    Decode,
    Decoded,
    DetectLanguage,
    Question,
    Window,
)
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.windows import Rules, transcription
from hush_service.engine.word_times import Alignment
from hush_service.weights.ctranslate2_folder import read_config, read_variables

log = logging.getLogger(__name__)

Transcription = Generator[Question, Any, Transcript]

_DEFAULT_PRECISIONS = {
    "cpu": ("int8", "float32"),
    # Not every GPU can reckon in 16 bits.
    "cuda": ("float16", "int8_float16", "int8_float32", "float32"),
}
"""What is taken where nothing is said: the first that the device can do."""
_CUBLAS = "libcublas.so.12"
"""What CTranslate2 looks for when it first multiplies on a GPU."""


class CTranslate2Engine:
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
    ) -> None:
        config = read_config(folder)
        device = _device(device)
        self._model = ctranslate2.models.Whisper(
            str(folder),
            device=device,
            compute_type=_default_precision(device) if precision == "default" else precision,
            intra_threads=threads or _threads(),
        )
        self.tokenizer = Tokenizer.of_size(_tokens(folder))
        self._max_length = int(config.get("max_length", 448))
        self.rules = rules or Rules()
        multilingual = self.tokenizer.multilingual
        self.info = ModelInfo(
            mel_bins=self._model.n_mels,
            languages=self.tokenizer.codes if multilingual else ("en",),
            tasks=("transcribe", "translate") if multilingual else ("transcribe",),
            parameters=sum(array.size for array in read_variables(folder).arrays.values()),
        )

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""
        return str(self._model.device)

    @property
    def precision(self) -> str:
        """What the weights were turned into."""
        return str(self._model.compute_type)

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        """Return the words of a spectrogram; see `hush_service.engine.Engine`."""
        (transcript,) = self.transcribe_all([(spectrogram, request)], stop)
        return transcript

    def transcribe_all(
        self,
        pieces: Iterable[tuple[Spectrogram, DecodingRequest]],
        stop: Callable[[], bool] = lambda: False,
    ) -> list[Transcript]:
        """Return the words of several spectrograms, decoded together where that is possible."""
        running: dict[int, Transcription] = {}
        questions: dict[int, Question] = {}
        done: dict[int, Transcript] = {}

        def go_on(number: int, answer: object) -> None:
            try:
                questions[number] = running[number].send(answer)
            except StopIteration as end:
                done[number] = end.value
                del running[number]

        for number, (spectrogram, request) in enumerate(pieces):
            running[number] = transcription(spectrogram, request, self.tokenizer, self.rules)
            go_on(number, None)
        while questions:
            for together in _compatible(questions):
                if stop():
                    raise WorkStoppedError
                asked = [questions.pop(number) for number in together]
                for number, answer in zip(together, self._answers(asked), strict=True):
                    go_on(number, answer)
        return [done[number] for number in sorted(done)]

    def _answers(self, questions: Sequence[Question]) -> Sequence[object]:
        encoded = self._encoded([question.window for question in questions])
        match questions[0]:
            case DetectLanguage():
                found = self._model.detect_language(encoded)
                return [each[0][0].strip("<|>") for each in found]
            case Decode():
                return self._decoded(encoded, [q for q in questions if isinstance(q, Decode)])
            case Align():
                return self._aligned(encoded, [q for q in questions if isinstance(q, Align)])

    def _encoded(self, windows: Sequence[Window]) -> ctranslate2.StorageView:
        new = [window for window in windows if window.encoded is None]
        if new:
            features = np.stack([window.spectrogram for window in new])
            storage = ctranslate2.StorageView.from_array(features)
            rows = self._model.encode(storage, to_cpu=True)
            if len(new) == len(windows) == 1:
                windows[0].encoded = np.asarray(rows)[0]
                return rows
            for window, row in zip(new, np.asarray(rows), strict=True):
                window.encoded = row
        return ctranslate2.StorageView.from_array(np.stack([w.encoded for w in windows]))

    def _decoded(
        self, encoded: ctranslate2.StorageView, questions: Sequence[Decode]
    ) -> list[Decoded]:
        temperature = questions[0].temperature
        if temperature == 0:
            sampling: dict[str, float] = {"beam_size": self.rules.beam}
        else:
            sampling = {
                "beam_size": 1,
                "num_hypotheses": self.rules.samples,
                "sampling_topk": 0,
                "sampling_temperature": temperature,
            }
        results = self._model.generate(
            encoded,
            [list(question.prompt) for question in questions],
            max_length=self._max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self.tokenizer.suppressed,
            **sampling,
        )
        return [_decoded(result) for result in results]

    def _aligned(
        self, encoded: ctranslate2.StorageView, questions: Sequence[Align]
    ) -> list[Alignment]:
        found = self._model.align(
            encoded,
            list(questions[0].start),
            [list(question.tokens) for question in questions],
            [question.window.content for question in questions],
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


def _compatible(questions: dict[int, Question]) -> list[list[int]]:
    """Group what a model can be asked at once."""
    groups = defaultdict(list)
    for number, question in questions.items():
        kind: tuple[object, ...] = (type(question), question.window.spectrogram.shape[1])
        match question:
            case Decode():
                kind += (question.temperature, len(question.prompt))
            case Align():
                kind += (question.start,)
        groups[kind].append(number)
    return list(groups.values())


def _tokens(folder: Path) -> int:
    """Return the number of tokens of a model."""
    as_json = folder / "vocabulary.json"
    if as_json.exists():
        return len(json.loads(as_json.read_text(encoding="utf-8")))
    text = (folder / "vocabulary.txt").read_text(encoding="utf-8")
    return len(text.removesuffix("\n").split("\n"))
