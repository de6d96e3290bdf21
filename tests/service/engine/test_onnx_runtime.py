"""The engine on ONNX Runtime, on a processor: the words of the others, from real weights."""

from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from hush.audio import read_audio
from hush.mel import log_mel_spectrogram
from hush_service.engine import DecodingRequest, WorkStoppedError
from hush_service.engine.batching import transcribe_all
from hush_service.engine.ctranslate2 import CTranslate2Engine
from hush_service.engine.loading import load_engine
from hush_service.engine.openai_whisper import OpenAIWhisperEngine
from hush_service.engine.process import EngineProcess
from hush_service.engine.questions import Align, Decode, Decoded, Encode, Window
from hush_service.engine.search import Said
from hush_service.engine.windows import EXACT, Rules
from hush_service.engine.word_times import Alignment
from hush_service.settings import ServiceSettings
from hush_service.weights.errors import UnreadableModelError
from hush_service.weights.models import resolve
from hush_service.weights.onnx_export import exported, read_manifest
from tests.conftest import Samples, link_weights

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail, Fail

from hush_service.engine.onnx_runtime import OnnxRuntimeEngine

RECORDINGS = Path(__file__).parents[2] / "recordings"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models are exported anew, so that it is this version's exporter that is tried."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("tiny.en", "base"):
        link_weights(name, folder)
    return folder


@pytest.fixture(scope="module")
def tiny(folder: Path) -> OnnxRuntimeEngine:
    return OnnxRuntimeEngine(exported("tiny.en", "float32", folder))


def on() -> bool:
    return False


@pytest.mark.parametrize("beam", [1, 5])
def test_it_hears_what_the_reference_hears(
    beam: int, folder: Path, jfk: Samples, real_weights: Path
) -> None:
    rules = Rules(window=EXACT, beam=beam)
    engine = OnnxRuntimeEngine(exported("tiny.en", "float32", folder), rules=rules)
    reference = OpenAIWhisperEngine(resolve("tiny.en", "openai"), "cpu", beam=beam)
    spectrogram = log_mel_spectrogram(jfk)
    heard = engine.transcribe(spectrogram, DecodingRequest(), on)
    expected = reference.transcribe(spectrogram, DecodingRequest(), on)
    assert heard.text == expected.text
    for one, other in zip(heard.phrases, expected.phrases, strict=True):
        assert one.tokens == other.tokens
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-3)
        assert one.no_speech_prob == pytest.approx(other.no_speech_prob, abs=1e-3)


def test_words_have_the_times_that_the_other_engine_finds(
    tiny: OnnxRuntimeEngine, jfk: Samples
) -> None:
    spectrogram, request = log_mel_spectrogram(jfk), DecodingRequest(words=True)
    words = tiny.transcribe(spectrogram, request, on).words
    other = CTranslate2Engine(resolve("tiny.en", "ctranslate2"), "cpu", "float32")
    expected = other.transcribe(spectrogram, request, on).words
    assert words is not None
    assert expected is not None
    assert [word.word for word in words] == [word.word for word in expected]
    for one, two in zip(words, expected, strict=True):
        assert (one.start, one.end) == pytest.approx((two.start, two.end), abs=0.1)
        # Of the token as it was written, with times beside it; CTranslate2 asks again without.
        assert one.probability is not None
        assert 0.05 < one.probability <= 1
    assert all(before.start <= before.end <= after.end for before, after in pairwise(words))


def test_words_have_probabilities_whoever_heard_them(tiny: OnnxRuntimeEngine, jfk: Samples) -> None:
    window = tiny.rules.window.window(log_mel_spectrogram(jfk)[:, :400])
    tiny.answers([Encode(window)], on)
    start = tuple(tiny.tokenizer.start("en", "transcribe"))
    (decoded,) = tiny.answers([Decode(window, start, 0.0, 1, None)], on)
    assert isinstance(decoded, Decoded)
    question = Align(window, start, tuple(tiny.tokenizer.text(decoded.tokens)))
    (alignment,) = tiny.answers([question], on)
    # Another text was tried after it.
    window.encoded.said.append(Said((0, 1), (-9.0, -9.0), -18.0))
    assert tiny.answers([question], on)[0] == alignment
    # Its process ended meanwhile: asked without times, as the other engines do.
    window.encoded.said.clear()
    (again,) = tiny.answers([question], on)
    assert isinstance(alignment, Alignment)
    assert isinstance(again, Alignment)
    assert again.path == alignment.path
    for one, other in zip(alignment.probabilities, again.probabilities, strict=True):
        assert 0 < one <= 1
        assert other == pytest.approx(one, abs=0.3)


def test_languages_are_detected_together_and_translated(folder: Path) -> None:
    engine = OnnxRuntimeEngine(exported("base", "int8", folder), batch=4)
    people = [read_audio(RECORDINGS / f"{name}.flac") for name in ("german", "spanish")]
    pieces = [(log_mel_spectrogram(voice[: 8 * 16_000]), DecodingRequest()) for voice in people]
    german, spanish = transcribe_all(engine, pieces)
    assert (german.language, spanish.language) == ("german", "spanish")
    translated = engine.transcribe(pieces[0][0], DecodingRequest(task="translate"), on)
    assert " the " in translated.text.lower()
    assert " the " not in german.text.lower()


def test_people_in_one_batch_have_the_words_that_they_have_alone(
    tiny: OnnxRuntimeEngine, jfk: Samples
) -> None:
    pieces = [
        (log_mel_spectrogram(jfk[first * 16_000 : (first + 4) * 16_000]), DecodingRequest())
        for first in range(6)
    ]
    alone = [tiny.transcribe(spectrogram, request, on) for spectrogram, request in pieces]
    together = transcribe_all(tiny, pieces)
    assert [each.text for each in together] == [each.text for each in alone]


@pytest.mark.parametrize(
    "short",
    [
        Fail("Failed to allocate memory for requested buffer of size 419430400"),
        EPFail("WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid."),
        MemoryError(),
    ],
)
def test_where_memory_does_not_suffice_batches_are_halved(
    short: Exception, folder: Path, jfk: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OnnxRuntimeEngine(exported("tiny.en", "float32", folder), batch=5)
    encode = engine._encode

    def scarce(windows: Sequence[Window]) -> Sequence[None]:
        if len(windows) > 2:
            raise short
        return encode(windows)

    monkeypatch.setattr(engine, "_encode", scarce)
    piece = (log_mel_spectrogram(jfk[: 4 * 16_000]), DecodingRequest())
    alone = engine.transcribe(*piece, on)
    assert [each.text for each in transcribe_all(engine, [piece] * 5)] == [alone.text] * 5
    assert engine.batch == 2


def test_what_fails_otherwise_fails(
    folder: Path, jfk: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OnnxRuntimeEngine(exported("tiny.en", "float32", folder), batch=4)

    def broken(windows: Sequence[Window]) -> Sequence[None]:
        raise Fail("the graph is none")

    monkeypatch.setattr(engine, "_encode", broken)
    with pytest.raises(Fail, match="the graph is none"):
        transcribe_all(engine, [(log_mel_spectrogram(jfk[:64_000]), DecodingRequest())] * 2)
    assert engine.batch == 4


def test_raised_temperatures_draw_texts(tiny: OnnxRuntimeEngine, jfk: Samples) -> None:
    request = DecodingRequest(temperature=0.2)
    heard = tiny.transcribe(log_mel_spectrogram(jfk), request, on)
    assert heard.phrases[0].temperature == 0.2
    assert "country can do for you" in heard.text


def test_work_is_given_up_before_another_try(tiny: OnnxRuntimeEngine, jfk: Samples) -> None:
    with pytest.raises(WorkStoppedError):
        tiny.transcribe(log_mel_spectrogram(jfk), DecodingRequest(), lambda: True)


def test_it_works_in_a_process_of_its_own(folder: Path, jfk: Samples) -> None:
    settings = ServiceSettings(engine="onnx", device="cpu", download_folder=folder)
    request = DecodingRequest(words=True)
    with closing(EngineProcess(load_engine, settings, "tiny.en")) as engine:
        (transcript,) = transcribe_all(engine, [(log_mel_spectrogram(jfk), request)])
    assert "ask not what your country can do for you" in transcript.text
    assert transcript.words


def test_a_damaged_export_is_refused(folder: Path, tmp_path: Path) -> None:
    export = exported("tiny.en", "int8", folder)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in export.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    encoder = copy / read_manifest(copy)["files"]["encoder"]["path"]
    content = bytearray(encoder.read_bytes())
    content[len(content) // 2] ^= 1
    encoder.write_bytes(content)
    with pytest.raises(UnreadableModelError, match=r"is damaged: remove .* exported again"):
        exported(copy, "int8")
