"""Which engine runs a model, and what the log says of it."""

import logging
import sys
from pathlib import Path

import pytest

from hush.mel import log_mel_spectrogram
from hush_service.engine import DecodingRequest
from hush_service.engine.ctranslate2 import CTranslate2Engine
from hush_service.engine.loading import MissingEngineError, engine_name, load_engine
from hush_service.engine.windows import EXACT, WindowRule
from hush_service.packaged import demo_folder
from hush_service.settings import ServiceSettings
from tests.conftest import Samples

TOY = demo_folder() / "demo.pt"


@pytest.mark.parametrize(
    ("engine", "line"),
    [
        ("auto", "engine: CTranslate2 on cpu in int8_float32, 8 at once"),
        ("ctranslate2", "engine: CTranslate2 on cpu in int8_float32, 8 at once"),
        ("reference", "engine: openai-whisper on cpu in float32"),
        ("onnx", "engine: ONNX Runtime on cpu in int8, 4 at once"),
    ],
)
def test_the_toy_model_runs_on_every_engine_and_the_log_says_which(
    engine: str,
    line: str,
    tmp_path: Path,
    sample: Samples,
    sample_words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="hush_service.engine")
    settings = ServiceSettings(
        engine=engine,  # type: ignore[arg-type]
        device="cpu",
        replicas=1,
        download_folder=tmp_path,
    )
    loaded = load_engine(settings, TOY)
    transcript = loaded.transcribe(log_mel_spectrogram(sample), DecodingRequest(), lambda: False)
    assert transcript.text == sample_words
    assert caplog.messages == [line]


def test_a_precision_that_is_asked_for_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    caplog.set_level(logging.INFO, logger="hush_service.engine")
    settings = ServiceSettings(
        device="cpu", precision="float32", replicas=2, download_folder=tmp_path
    )
    load_engine(settings, TOY)
    assert caplog.messages == ["engine: CTranslate2 on cpu in float32, 8 at once, in 2 parts"]


def test_beam_and_window_are_those_of_the_settings(tmp_path: Path) -> None:
    usual = load_engine(ServiceSettings(device="cpu", download_folder=tmp_path), TOY)
    settings = ServiceSettings(device="cpu", beam=1, window="exact", download_folder=tmp_path)
    exact = load_engine(settings, TOY)
    assert isinstance(usual, CTranslate2Engine)
    assert isinstance(exact, CTranslate2Engine)
    assert (usual.rules.beam, usual.rules.window) == (5, WindowRule())
    assert (exact.rules.beam, exact.rules.window) == (1, EXACT)


def test_the_reference_refuses_a_precision_that_it_does_not_have(tmp_path: Path) -> None:
    settings = ServiceSettings(engine="reference", precision="int8", download_folder=tmp_path)
    with pytest.raises(ValueError, match="in float32 or float16, not int8"):
        load_engine(settings, TOY)


@pytest.mark.parametrize(
    ("engine", "away", "said"),
    [
        ("auto", ("ctranslate2", "whisper"), "CTranslate2 is not installed: .* extra 'service'$"),
        ("ctranslate2", ("ctranslate2",), "CTranslate2 is not installed: .* extra 'service'$"),
        ("reference", ("whisper",), "openai-whisper on torch, is not .* extra 'reference'"),
        ("reference", ("torch",), "openai-whisper on torch, is not .* extra 'reference'"),
        ("onnx", ("onnxruntime",), "ONNX Runtime is not installed: .* extra 'webgpu'$"),
    ],
)
def test_an_engine_that_is_not_installed_says_what_to_install(
    engine: str, away: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in away:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingEngineError, match=said):
        load_engine(ServiceSettings(engine=engine), TOY)  # type: ignore[arg-type]


def test_without_ctranslate2_the_reference_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    assert engine_name(ServiceSettings()) == "reference"


@pytest.mark.parametrize(("engine", "device"), [("onnx", "cuda"), ("ctranslate2", "webgpu")])
def test_an_engine_that_does_not_run_on_a_device_says_which_does(engine: str, device: str) -> None:
    settings = ServiceSettings(engine=engine, device=device)  # type: ignore[arg-type]
    with pytest.raises(MissingEngineError, match=f"{engine} does not run on {device}: HUSH_ENGINE"):
        load_engine(settings, TOY)


def test_on_webgpu_integers_are_refused(tmp_path: Path) -> None:
    settings = ServiceSettings(device="webgpu", precision="int8", download_folder=tmp_path)
    with pytest.raises(ValueError, match="in float16, float32 on webgpu, not in int8"):
        load_engine(settings, TOY)
