"""The engine on WebGPU, where a processor plays the GPU: in an environment apart, with Mesa 25."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hush_service.weights.models import default_folder
from local.processes import free_port

ROOT = Path(__file__).parents[3]
LANE = ROOT / "build" / "webgpu"

pytestmark = pytest.mark.skipif(
    not (LANE / "ready").exists(),
    reason="no WebGPU here: `sh setup.sh webgpu` wants Debian on x86-64, its backports, and PyPI",
)

HEAR = """
import json, sys
from hush.audio import read_audio
from hush.mel import log_mel_spectrogram
from hush_service.engine import DecodingRequest
from hush_service.engine.onnx_runtime import OnnxRuntimeEngine
from hush_service.engine.windows import Rules, WindowRule
from hush_service.weights.onnx_export import exported

file, device = sys.argv[1:]
# One try: what plays a GPU takes a second for a token.
rules = Rules(beam=2, temperatures=(0.0,), listen_again=False, window=WindowRule(4.0, 1.0))
engine = OnnxRuntimeEngine(exported("tiny.en", "float16"), device, rules)
spectrogram = log_mel_spectrogram(read_audio(file)[: 2 * 16_000])
heard = engine.transcribe(spectrogram, DecodingRequest(words=True), lambda: False)
print(json.dumps([
    engine.description,
    [phrase.tokens for phrase in heard.phrases],
    [[word.word, word.start, word.end] for word in heard.words],
]))
"""


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    mesa = LANE / "mesa" / "usr" / "lib" / "x86_64-linux-gnu"
    cache = default_folder().parents[1]
    there = {"VK_DRIVER_FILES": str(LANE / "lvp_icd.json"), "LD_LIBRARY_PATH": str(mesa)}
    return subprocess.run(
        [LANE / "environment" / "bin" / "python", *arguments],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), **there, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def heard(file: Path, device: str) -> Any:
    said = run("-c", HEAR, str(file), device)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_it_hears_what_the_processor_hears(real_weights: Path) -> None:
    kennedy = ROOT / "service" / "hush_service" / "speech" / "kennedy.flac"
    description, tokens, words = heard(kennedy, "webgpu-software")
    _, tokens_there, words_there = heard(kennedy, "cpu")
    assert description.startswith("ONNX Runtime on WebGPU in software, llvmpipe")
    assert tokens == tokens_there
    assert words == words_there


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "Vulkan reaches no GPU here, only llvmpipe .* HUSH_DEVICE=webgpu-software"),
        ({"VK_DRIVER_FILES": "/nowhere.json"}, "Vulkan reaches no GPU here: install its driver"),
    ],
    ids=["software", "nothing"],
)
def test_a_service_refuses_to_pretend_that_there_is_a_gpu(
    variables: dict[str, str], said: str, real_weights: Path
) -> None:
    service = run("-m", "hush.cli", "serve", "--port", str(free_port()), HUSH_DEVICE="webgpu",
                  HUSH_MODEL="tiny.en", **variables)  # fmt: skip
    assert service.returncode == 1
    assert re.search(said, " ".join(service.stderr.split()))
