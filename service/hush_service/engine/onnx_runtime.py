"""The engine on ONNX Runtime: on GPUs of any maker through WebGPU and Vulkan, and on CPUs.

What it runs is what `hush_service.weights.onnx_graphs` lays out, in the browser too; texts are
looked for by `hush_service.engine.search`.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime

from hush.mel import Spectrogram
from hush.transcript import Transcript
from hush_service.engine import DecodingRequest, ModelInfo
from hush_service.engine.alignment import best_path
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
from hush_service.engine.search import (
    LONGEST,
    ROOM,
    Grammar,
    Logits,
    Said,
    Tokens,
    most_probable,
    probability_of,
)
from hush_service.engine.tokenizer import Tokenizer
from hush_service.engine.vulkan import vulkan_devices
from hush_service.engine.windows import Rules
from hush_service.engine.word_times import Alignment
from hush_service.weights.onnx_export import read_manifest

Device = Literal["cpu", "webgpu", "webgpu-software"]

WEBGPU = "WebGpuExecutionProvider"
_PROVIDERS: dict[Device, str] = {
    "cpu": "CPUExecutionProvider",
    "webgpu": WEBGPU,
    "webgpu-software": WEBGPU,
}
_DEFAULT_BATCHES: dict[Device, int] = {"cpu": 4, "webgpu": 16, "webgpu-software": 1}
_SHORT_OF_MEMORY = (
    "Failed to allocate memory",
    "Failed to create GPU buffer",
    "OUT_OF_DEVICE_MEMORY",
    "OUT_OF_HOST_MEMORY",
    "[Invalid Buffer",
)
"""What ONNX Runtime says where memory does not suffice: WebGPU has no word of it, but gives buffers
that nothing can use."""
_FRAMES_PER_STEP = 2
"""Frames of a picture in a step that a decoder attends to."""
_ERRORS_ALONE = 3
"""Of ONNX Runtime's log levels."""

Values = dict[str, onnxruntime.OrtValue]


class NoGPUError(RuntimeError):
    """There is no GPU that the WebGPU provider can use. The message says what to do."""


@dataclass
class _Encoded:
    """What an encoder made of a window, with those that it heard at the same time.

    Attributes
    ----------
    cross
        What a decoder attends to, (windows, …) each, where it was computed.
    place
        Which of them it is, and of how many.
    said
        The texts that were heard in it.
    """

    cross: Values
    place: tuple[int, int]
    said: list[Said] = field(default_factory=list)


class OnnxRuntimeEngine(ByProcedure):
    """A model that was exported to ONNX.

    Parameters
    ----------
    folder
        What `export_onnx` wrote.
    device
        "cpu"; "webgpu" for a GPU; "webgpu-software" for whatever plays one.
    rules
        What to believe of what it says.
    batch
        Windows that it hears at once at most; 0 for 4 on a CPU, 16 on a GPU.

    Raises
    ------
    NoGPUError
        If a GPU is wanted, and there is none that Vulkan reaches, or the provider takes none.
    RuntimeError, OSError, ValueError
        If the folder holds no such model, or it cannot be run.
    """

    def __init__(
        self,
        folder: Path,
        device: Device = "cpu",
        rules: Rules | None = None,
        batch: int = 0,
    ) -> None:
        manifest = read_manifest(folder)
        self.device = device
        self.precision = str(manifest["precision"])
        self._on = _described(device)
        self._graphs = _Graphs(folder, manifest, device)
        self.rules = rules or Rules()
        self.tokenizer = Tokenizer.of_size(manifest["vocabulary"])
        self._grammar = Grammar(self.tokenizer)
        self.batch = batch or _DEFAULT_BATCHES[device]
        self.info = ModelInfo(
            mel_bins=manifest["mel_bins"],
            languages=tuple(manifest["languages"]),
            tasks=tuple(manifest["tasks"]),
            parameters=manifest["parameters"],
            shortest_window=self.rules.window.shortest,
        )
        self.procedure = WindowByWindow(self.info, self.tokenizer, self.rules)
        self._random = np.random.default_rng()

    @property
    def description(self) -> str:
        """On what it runs."""
        return f"ONNX Runtime on {self._on} in {self.precision}"

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
        windows = [question.window for question in questions]
        match questions[0]:
            case Encode():
                return self._encode(windows)
            case DetectLanguage():
                return self._languages(windows)
            case Decode():
                return self._decoded([q for q in questions if isinstance(q, Decode)])
            case Align():
                return [self._aligned(q) for q in questions if isinstance(q, Align)]

    def _encode(self, windows: Sequence[Window]) -> Sequence[None]:
        mel = np.stack([window.spectrogram for window in windows])
        cross = self._graphs.encoded(mel)
        for place, window in enumerate(windows):
            window.encoded = _Encoded(cross, (place, len(windows)))
        return [None] * len(windows)

    def _languages(self, windows: Sequence[Window]) -> Sequence[str]:
        (start, *_) = self.tokenizer.start("en", "transcribe")
        texts = _Texts(self._graphs, windows)
        logits = texts.follow(np.full((len(windows), 1), start, np.int32), None)
        codes = self.tokenizer.codes
        best = logits[:, start + 1 : start + 1 + len(codes)].argmax(axis=1)
        return [codes[place] for place in best]

    def _decoded(self, questions: Sequence[Decode]) -> list[Decoded]:
        asked = questions[0]
        windows = [question.window for question in questions]
        prompts = np.array([question.prompt for question in questions], np.int32)
        (start, *_) = self.tokenizer.start("en", "transcribe")
        begin = asked.prompt.index(start) + 1
        texts = _Texts(self._graphs, windows)
        logits = texts.follow(prompts[:, :begin], None)
        silent = probability_of(self.tokenizer.no_speech, logits)
        if begin < len(asked.prompt):
            logits = texts.follow(prompts[:, begin:], np.arange(len(windows), dtype=np.int32))
        found = most_probable(
            texts.follow,
            logits,
            self._grammar,
            min(ROOM, LONGEST - len(asked.prompt)),
            asked.beam if asked.temperature == 0 else self.rules.samples,
            asked.temperature,
            self._random,
        )
        for window, said in zip(windows, found, strict=True):
            window.encoded.said.append(said)
        return [
            Decoded(said.tokens, said.mean, float(probability))
            for said, probability in zip(found, silent, strict=True)
        ]

    def _aligned(self, question: Align) -> Alignment:
        start, text = question.start, question.tokens
        tokens = [*start, self.tokenizer.no_timestamps, *text, self.tokenizer.end_of_text]
        texts = _Texts(self._graphs, [question.window])
        attention = texts.attention(np.array([tokens], np.int32))
        steps = max(1, question.window.spoken // _FRAMES_PER_STEP)
        # What the text ends with has a time, and no sound.
        path = best_path(attention[0, :, :, :steps], len(start))
        return Alignment(path, self._probabilities(question, texts))

    def _probabilities(self, question: Align, texts: "_Texts") -> list[float]:
        """Return how probable each token of a text was when it was heard."""
        for said in question.window.encoded.said:
            heard = iter(zip(said.tokens, said.logarithms, strict=True))
            found = [
                next((each for other, each in heard if other == token), None)
                for token in question.tokens
            ]
            logarithms = [each for each in found if each is not None]
            if len(logarithms) == len(question.tokens):
                return [float(np.exp(each)) for each in logarithms]
        # Another process heard it: how probable it is without times, as openai-whisper has it.
        start = [*question.start, self.tokenizer.no_timestamps]
        logits = texts.follow(np.array([start], np.int32), None)
        odds = []
        for token in question.tokens:
            odds.append(float(probability_of(token, logits[:, : self.tokenizer.end_of_text])[0]))
            logits = texts.follow(np.array([[token]], np.int32), np.zeros(1, np.int32))
        return odds


class _Graphs:
    """A model's two graphs, as `hush_service.weights.onnx_graphs` lays them out."""

    def __init__(self, folder: Path, manifest: dict[str, Any], device: Device) -> None:
        self._device = "cpu" if device == "cpu" else "webgpu"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ALONE
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        # Threads that wait busily take cores from whoever decodes pictures.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        provider = _PROVIDERS[device]
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(
                folder / manifest["files"][part]["path"], options, providers=[provider]
            )
            for part in ("encoder", "decoder")
        )
        if provider not in self._decoder.get_providers():
            raise NoGPUError(
                "ONNX Runtime's WebGPU provider found nothing to run on, and would leave everything"
                " to the processor: it wants Mesa 25 or newer, or a GPU maker's own Vulkan driver"
            )
        self._past = [each for each in self._decoder.get_inputs() if each.name.startswith("past.")]

    def encoded(self, mel: npt.NDArray[np.float32]) -> Values:
        """Return what a decoder attends to of (windows, mel_bins, frames)."""
        stay = [each.name for each in self._encoder.get_outputs()]
        return self._run(self._encoder, {"mel": mel}, {}, stay)

    def decoded(self, tokens: Tokens, rows: Tokens | None, past: Values, cross: Values) -> Values:
        """Add tokens to texts; without `rows` to as many that are empty."""
        texts = len(tokens)
        if rows is None:
            rows = np.arange(texts, dtype=np.int32)
            past = {
                each.name: onnxruntime.OrtValue.ortvalue_from_numpy(
                    np.zeros([{"rows": texts, "old": 0}.get(n, n) for n in each.shape], np.float32)
                )
                for each in self._past
            }
        stay = [each.name.replace("past", "present") for each in self._past]
        return self._run(self._decoder, {"tokens": tokens, "rows": rows}, past | cross, stay)

    def _run(
        self,
        session: onnxruntime.InferenceSession,
        given: dict[str, npt.NDArray[Any]],
        there: Values,
        stay: Sequence[str],
    ) -> Values:
        """Run a graph; some of what it returns stays where it was computed."""
        binding = session.io_binding()
        for name, values in given.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(values))
        for name, value in there.items():
            binding.bind_ortvalue_input(name, value)
        names = [each.name for each in session.get_outputs()]
        for name in names:
            binding.bind_output(name, self._device if name in stay else "cpu")
        session.run_with_iobinding(binding)
        return dict(zip(names, binding.get_outputs(), strict=True))


class _Texts:
    """Texts of some windows, as far as they are written."""

    def __init__(self, graphs: _Graphs, windows: Sequence[Window]) -> None:
        self._graphs = graphs
        self._cross = _cross(windows)
        self._past: Values = {}

    def follow(self, tokens: Tokens, rows: Tokens | None) -> Logits:
        """Add tokens to texts; see `hush_service.engine.search.NextTokens`."""
        found = self._graphs.decoded(tokens, rows, self._past, self._cross)
        self._past = {
            name.replace("present", "past"): value
            for name, value in found.items()
            if name.startswith("present.")
        }
        return np.array(found["logits"].numpy())

    def attention(self, tokens: Tokens) -> npt.NDArray[np.float32]:
        """Return what whole texts attend to, (windows, alignment heads, tokens, steps)."""
        found = self._graphs.decoded(tokens, None, {}, self._cross)
        return np.asarray(found["attention"].numpy())


def _cross(windows: Sequence[Window]) -> Values:
    """Return what a decoder attends to of windows, in their order."""
    encoded: list[_Encoded] = [window.encoded for window in windows]
    together = encoded[0].cross
    if all(
        each.cross is together and each.place == (place, len(windows))
        for place, each in enumerate(encoded)
    ):
        return together
    found = {}
    for name in together:
        # From a GPU, what several windows were encoded in comes once.
        values = {id(each.cross): each.cross[name] for each in encoded}
        here = {key: value.numpy() for key, value in values.items()}
        found[name] = onnxruntime.OrtValue.ortvalue_from_numpy(
            np.stack([here[id(each.cross)][each.place[0]] for each in encoded])
        )
    return found


def _described(device: Device) -> str:
    """Return what a device is called here.

    Raises
    ------
    NoGPUError
        If a GPU is wanted, and there is none.
    """
    if device == "cpu":
        return "cpu"
    if WEBGPU not in onnxruntime.get_available_providers():
        raise NoGPUError(
            "this ONNX Runtime has no WebGPU provider: install hush with its extra 'webgpu', in an"
            " environment without the package onnxruntime"
        )
    devices = vulkan_devices()
    if gpus := [each.name for each in devices if each.is_gpu]:
        return f"WebGPU, {gpus[0]},"
    if not devices:
        raise NoGPUError(
            "Vulkan reaches no GPU here: install its driver (of Mesa, mesa-vulkan-drivers)"
        )
    if device == "webgpu":
        raise NoGPUError(
            f"Vulkan reaches no GPU here, only {devices[0].name}, which is a processor: install the"
            " GPU's driver, or set HUSH_DEVICE=webgpu-software to try it all the same"
        )
    return f"WebGPU in software, {devices[0].name},"
