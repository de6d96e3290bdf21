"""A model is ready when it has heard a sentence whose words are known."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hush.image import decode
from hush.mel import Spectrogram
from hush.transcript import Phrase, Transcript
from hush_service.core.served_models import ModelState, ServedModels
from hush_service.engine import DecodingRequest, ModelInfo, WorkStoppedError
from hush_service.engine.ctranslate2 import CTranslate2Engine
from hush_service.engine.loading import load_engine
from hush_service.engine.proof import UnprovenModelError, prove
from hush_service.packaged import demo_folder, proof_pictures
from hush_service.settings import ServiceSettings
from hush_service.weights.ctranslate2_folder import read_variables
from hush_service.weights.models import resolve

OWN = Path("own")
ENGLISH = ModelInfo(80, ("en",), ("transcribe",), 1)
SENTENCE = " Ask not what your country can do for you."


@dataclass
class SayingEngine:
    """Says the same of every picture."""

    text: str
    avg_logprob: float = -0.4
    compression_ratio: float = 0.9
    info: ModelInfo = ENGLISH

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        phrase = Phrase(
            0,
            4,
            self.text,
            avg_logprob=self.avg_logprob,
            compression_ratio=self.compression_ratio,
        )
        return Transcript(self.text.strip(), 4.6, "english", "transcribe", (phrase,))


class EndlessEngine(SayingEngine):
    """Is not done before it is told to stop."""

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        while not stop():
            pass
        raise WorkStoppedError


@pytest.mark.parametrize("mel_bins", [80, 128])
def test_there_is_a_picture_for_every_kind_of_model(mel_bins: int) -> None:
    for file in proof_pictures(mel_bins):
        image = decode(file.read_bytes())
        assert image.mel_bins == mel_bins
        assert 4 < image.frames / 100 < 5


@pytest.mark.parametrize("heard", [SENTENCE, " ask what your country can do", SENTENCE.upper()])
def test_most_of_the_words_are_proof_enough(heard: str) -> None:
    prove(SayingEngine(heard), "base")
    prove(SayingEngine(heard), OWN)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (SayingEngine(" Frag, was du für dein Land tun kannst."), "heard ' Frag"),
        (SayingEngine(""), "heard nothing"),
        (SayingEngine(SENTENCE, avg_logprob=float("nan")), "heard"),
    ],
    ids=["another sentence", "nothing", "what is no number"],
)
def test_a_model_of_the_catalogue_has_to_hear_the_sentence(engine: SayingEngine, said: str) -> None:
    with pytest.raises(UnprovenModelError, match="model base is damaged: of 'ask not") as caught:
        prove(engine, "base")
    assert said.replace("' ", "'") in str(caught.value)
    assert "`hush models remove base` and `hush models fetch base`" in str(caught.value)


def test_ones_own_model_may_know_another_language(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        prove(SayingEngine(" Frag, was du für dein Land tun kannst."), OWN)
    assert "own is taken as one that knows no English" in caplog.text


@pytest.mark.parametrize(
    "engine",
    [
        SayingEngine(""),
        SayingEngine(" ... ♪"),
        SayingEngine(" Frag, was du", avg_logprob=-3.1),
        SayingEngine(" Frag, was du", avg_logprob=float("nan")),
        SayingEngine(" was was was was was", compression_ratio=5.0),
    ],
    ids=["nothing", "no words", "a guess", "no number", "a loop"],
)
def test_ones_own_model_has_to_make_sense(engine: SayingEngine) -> None:
    with pytest.raises(UnprovenModelError, match=r"model own is damaged.*take another copy of own"):
        prove(engine, OWN)


def test_a_model_that_does_not_come_to_an_end_is_refused() -> None:
    with pytest.raises(UnprovenModelError, match=r"of 'ask not .* it heard nothing"):
        prove(EndlessEngine(""), "base")


def test_the_toy_hears_its_own_sentence_alone() -> None:
    prove(SayingEngine(" Remind me at eight to cook dinner tonight."), demo_folder() / "demo.pt")
    with pytest.raises(UnprovenModelError, match="install hush again"):
        prove(SayingEngine(" Bear past."), demo_folder() / "demo.pt")


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_real_weights_prove_themselves(name: str) -> None:
    prove(CTranslate2Engine(resolve(name, "ctranslate2"), "cpu", "int8"), name)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of tiny.en, where hush would keep it."""
    copy = tmp_path / "tiny.en" / "ctranslate2"
    shutil.copytree(resolve("tiny.en", "ctranslate2"), copy)
    return copy


def load(folder: Path, name: str) -> ServedModels:
    settings = ServiceSettings(
        models=(name,), engine="ctranslate2", device="cpu", download_folder=folder
    )
    models = ServedModels(settings.models)
    models.load(lambda source: load_engine(settings, source))
    return models


def test_damaged_weights_are_refused_with_their_name_and_what_to_do(
    own: Path, tmp_path: Path
) -> None:
    with (own / "model.bin").open("r+b") as file:
        file.seek(file.seek(0, 2) // 2)
        file.write(np.random.default_rng(0).bytes(1000))
    for name, advice in (
        ("tiny.en", "run `hush models remove tiny.en` and `hush models fetch tiny.en`"),
        (str(own), f"take another copy of {own}"),
    ):
        models = load(tmp_path, name)
        assert models.all[0].state is ModelState.FAILED
        problem = models.all[0].problem or ""
        assert problem.startswith(f"model {'tiny.en' if name == 'tiny.en' else 'ctranslate2'} is")
        assert advice in problem


def test_weights_that_are_numbers_but_wrong_are_heard(own: Path, tmp_path: Path) -> None:
    whole = (own / "model.bin").read_bytes()
    gamma = read_variables(own).arrays["encoder/layer_norm/gamma"].tobytes()
    assert whole.count(gamma) == 1
    (own / "model.bin").write_bytes(whole.replace(gamma, bytes(len(gamma))))
    problem = load(tmp_path, str(own)).all[0].problem or ""
    assert "model ctranslate2 is damaged: of 'ask not what your country" in problem
