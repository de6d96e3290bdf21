"""What a model hears of spectrograms, by an engine's settings; and a file that remembers it."""

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args

from hush.mel import Samples, Spectrogram
from hush.transcript import Transcript
from hush_service.engine import DecodingRequest
from hush_service.engine.batching import transcribe_all
from hush_service.engine.windows import EXACT, Rules, WindowRule
from hush_service.weights.models import alignment_heads, resolve

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BATCH = 8


@dataclass(frozen=True)
class Listener:
    """A model and how it is run.

    Attributes
    ----------
    model
        A name of `hush models`.
    engine
        "ctranslate2", "onnx", "reference" (spectrograms through openai-whisper), or "stock"
        (samples through its own `transcribe()`).
    device
        "cpu" or "cuda".
    precision
        As `HUSH_PRECISION` has it.
    beam
        Hypotheses that are followed; 1 is greedy.
    window
        Of CTranslate2 and ONNX Runtime alone: how much silence follows what is to be heard.
    believing
        Whether everything is believed that a model says, silence or not.
    """

    model: str
    engine: Literal["ctranslate2", "onnx", "reference", "stock"] = "ctranslate2"
    device: str = "cpu"
    precision: str = "int8"
    beam: int = 5
    window: WindowRule = field(default_factory=WindowRule)
    believing: bool = False

    @property
    def name(self) -> str:
        """What tells it apart from others."""
        decoding = f"beam {self.beam}" if self.beam > 1 else "greedy"
        parts = [self.model, self.engine, self.device, self.precision, decoding]
        if self.engine in ("ctranslate2", "onnx"):
            rule = self.window
            parts.append("30 s" if rule == EXACT else f"{rule.shortest:g} s + {rule.margin:g} s")
        if self.believing:
            parts.append("believing")
        return ", ".join(parts)

    def hear(
        self, spectrograms: Sequence[Spectrogram], languages: Sequence[str | None]
    ) -> list[Transcript]:
        """Return the words of spectrograms, in their order."""
        requests = [DecodingRequest(language=language) for language in languages]
        pieces = list(zip(spectrograms, requests, strict=True))
        if self.engine == "reference":
            engine = _reference(self)
            return [engine.transcribe(*piece, lambda: False) for piece in pieces]
        engine = _onnx(self) if self.engine == "onnx" else _ctranslate2(self)
        # Those of one length are decoded together.
        order = sorted(range(len(pieces)), key=lambda place: pieces[place][0].shape[1])
        heard: dict[int, Transcript] = {}
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            answers = transcribe_all(engine, [pieces[place] for place in batch])
            heard |= dict(zip(batch, answers, strict=True))
        return [heard[place] for place in range(len(pieces))]

    def hear_samples(self, samples: Samples, language: str | None) -> str:
        """Return the words of samples from openai-whisper's own `transcribe()`."""
        import whisper

        beams = {"beam_size": self.beam, "best_of": self.beam} if self.beam > 1 else {}
        half = self.precision == "float16"
        answer = whisper.transcribe(_stock(self), samples, language=language, fp16=half, **beams)
        return str(answer["text"]).strip()


@lru_cache(1)
def _onnx(listener: Listener) -> Any:
    from hush_service.engine.onnx_runtime import OnnxRuntimeEngine
    from hush_service.weights.onnx_export import Precision, exported

    wanted = listener.precision
    precision: Precision = next(each for each in get_args(Precision) if each == wanted)
    return OnnxRuntimeEngine(exported(listener.model, precision), rules=_rules(listener))


def _rules(listener: Listener) -> Rules:
    rules = Rules(window=listener.window, beam=listener.beam)
    if listener.believing:
        rules = replace(rules, silent=1.1, suspicious=1.1, impossible=-1000)
    return rules


@lru_cache(4)
def _ctranslate2(listener: Listener) -> Any:
    from hush_service.engine.ctranslate2 import CTranslate2Engine

    folder = resolve(listener.model, "ctranslate2", None)
    return CTranslate2Engine(folder, listener.device, listener.precision, rules=_rules(listener))


@lru_cache(1)
def _reference(listener: Listener) -> Any:
    from hush_service.engine.openai_whisper import OpenAIWhisperEngine

    return OpenAIWhisperEngine(
        resolve(listener.model, "openai", None),
        listener.device,
        alignment_heads(listener.model),
        listener.precision,
        listener.beam,
    )


@lru_cache(1)
def _stock(listener: Listener) -> Any:
    import whisper

    return whisper.load_model(str(resolve(listener.model, "openai", None)), listener.device)


@dataclass(frozen=True)
class Heard:
    """What was heard of all recordings one way, and what that took.

    Attributes
    ----------
    texts
        One a recording.
    phrases
        Of each recording: start, end, avg_logprob, no_speech_prob, compression_ratio, temperature,
        number of tokens and text of each phrase.
    languages
        As they were detected or given, one a recording.
    bytes_a_second, milliseconds_a_second
        What was sent, and the processor's time to make and read it, for a second of sound.
    """

    texts: tuple[str, ...]
    phrases: tuple[Any, ...] = ()
    languages: tuple[str | None, ...] = ()
    bytes_a_second: float = 0.0
    milliseconds_a_second: float = 0.0


def heard_in(transcripts: Sequence[Transcript], size: float = 0.0, spent: float = 0.0) -> Heard:
    """Return what was heard in transcripts, and the bytes and milliseconds that it took."""
    return Heard(
        tuple(each.text for each in transcripts),
        tuple(_phrases_of(each) for each in transcripts),
        tuple(each.language for each in transcripts),
        size,
        spent,
    )


def _phrases_of(transcript: Transcript) -> list[list[float | str]]:
    return [
        [
            each.start,
            each.end,
            round(each.avg_logprob, 3),
            round(each.no_speech_prob, 3),
            round(each.compression_ratio, 3),
            each.temperature,
            len(each.tokens),
            each.text,
        ]
        for each in transcript.phrases
    ]


Found = TypeVar("Found", bound="DataclassInstance")


class Kept(Generic[Found]):
    """A file that keeps what was found, so that nothing is looked for twice.

    Parameters
    ----------
    file
        JSON lines; None to remember nothing beyond this process.
    kind
        The dataclass that is kept.
    """

    def __init__(self, file: Path | None, kind: type[Found]) -> None:
        self._file = file
        self._known: dict[str, Found] = {}
        if file is not None and file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                name = row.pop("name")
                self._known[name] = kind(**row)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __getitem__(self, name: str) -> Found:
        return self._known[name]

    def add(self, name: str, found: Found) -> None:
        """Keep what was found under a name."""
        self._known[name] = found
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"name": name} | asdict(found)) + "\n")


class Memory(Kept[Heard]):
    """What was heard; see `Kept`."""

    def __init__(self, file: Path | None) -> None:
        super().__init__(file, Heard)


def hear_all(
    hear: Callable[..., tuple[str, Heard]],
    work: Sequence[tuple[object, ...]],
    memory: Memory,
    processes: int,
) -> None:
    """Hear in processes of their own, and remember what each brings as soon as it is there.

    Parameters
    ----------
    hear
        Returns what was heard, and the name to remember it by.
    work
        Its arguments, call by call.
    processes
        How many calls run at once.
    """
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        calls = [pool.submit(hear, *each) for each in work]
        for count, call in enumerate(as_completed(calls), 1):
            name, heard = call.result()
            memory.add(name, heard)
            print(f"{count} of {len(work)}: {name}", file=sys.stderr, flush=True)
