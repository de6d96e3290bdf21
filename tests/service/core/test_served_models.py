import re
from pathlib import Path

import pytest
import whisper

from hush_service.core.errors import (
    ModelComingError,
    ModelFailedError,
    ModelLoadingError,
    RefusedError,
    UnknownModelError,
    UnsupportedError,
    WrongHeightError,
)
from hush_service.core.model_names import plain_name
from hush_service.core.served_models import (
    ModelSettingError,
    ModelState,
    ServedModels,
)
from hush_service.engine import DecodingRequest, Engine
from hush_service.weights.catalogue import ALIASES, CATALOGUE, DEMO
from tests.service.conftest import engine, loaded

MANY = ("de", "en", "fr")
ENGLISH = DecodingRequest()


def test_models_are_loaded_smallest_first(tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    own.write_bytes(bytes(200_000))
    models = ServedModels(["large-v3", "turbo", str(own), "base", "demo", "medium"])
    order: list[str] = []

    def load(source: str | Path) -> Engine:
        order.append(Path(source).stem)
        assert [model.state for model in models.all].count(ModelState.LOADING) == 1
        return engine()

    models.load(load)
    assert order == ["demo", "own", "base", "medium", "turbo", "large-v3"]
    assert not models.pending


def test_a_model_that_fails_does_not_keep_the_others_from_loading() -> None:
    models = ServedModels(["demo", "base"])

    def load(source: str | Path) -> Engine:
        if source != "base":
            raise OSError("damaged")
        return engine()

    models.load(load)
    assert [model.name for model in models.ready] == ["base"]
    assert models.all[0].problem == "damaged"
    with pytest.raises(ModelFailedError):
        models.named("demo")


def test_names_of_nothing_are_refused_with_what_there_is() -> None:
    with pytest.raises(ModelSettingError, match=r"'q' is neither .* demo, tiny\.en"):
        ServedModels(["demo", "q"])
    with pytest.raises(ModelSettingError, match=r"did you mean base\.en"):
        ServedModels(["bse.en"])


def test_a_folder_of_ctranslate2_is_called_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "small.de").mkdir()
    (tmp_path / "small.de" / "model.bin").write_bytes(bytes(2_000_000))
    (model,) = ServedModels([str(tmp_path / "small.de")]).all
    assert (model.name, model.source) == ("small.de", tmp_path / "small.de")


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.pt").touch()
    with pytest.raises(ModelSettingError, match="'same'"):
        ServedModels([str(tmp_path / "a" / "same.pt"), str(tmp_path / "b" / "same.pt")])


def test_the_names_are_openai_whispers() -> None:
    assert {*CATALOGUE, *ALIASES} - {DEMO} == set(whisper.available_models())


def test_the_largest_that_takes_the_picture_answers() -> None:
    models = loaded(
        small=engine(parameters=10), big=engine(parameters=90), other=engine(128, parameters=500)
    )
    assert models.choose(80, None, ENGLISH).name == "big"
    for name in ("", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"):
        assert models.choose(80, name, ENGLISH).name == "big"
    assert models.choose(80, "small", ENGLISH).name == "small"
    assert models.choose(128, None, ENGLISH).name == "other"


def test_one_that_can_translate_is_preferred_to_a_larger_one_that_cannot() -> None:
    models = loaded(
        english=engine(parameters=90), many=engine(80, MANY, ("transcribe", "translate"), 10)
    )
    assert models.choose(80, None, DecodingRequest(task="translate")).name == "many"
    assert models.choose(80, None, DecodingRequest(language="fr")).name == "many"


@pytest.mark.parametrize(
    ("mel_bins", "name", "decoding", "error", "message"),
    [
        (80, "huge", ENGLISH, UnknownModelError, "there is english or many or wide"),
        (128, "english", ENGLISH, WrongHeightError, "english (80) does not take; wide does"),
        (
            80,
            "english",
            DecodingRequest(task="translate"),
            UnsupportedError,
            "does not translate; many can",
        ),
        (
            80,
            "english",
            DecodingRequest(language="fr"),
            UnsupportedError,
            "does not know 'fr'; many can",
        ),
        (
            80,
            None,
            DecodingRequest(language="xx"),
            UnsupportedError,
            "no model of this service can",
        ),
        (
            128,
            None,
            DecodingRequest(language="fr"),
            UnsupportedError,
            "no model of this service can",
        ),
    ],
)
def test_what_no_model_can_is_refused_with_what_can(
    mel_bins: int,
    name: str | None,
    decoding: DecodingRequest,
    error: type[RefusedError],
    message: str,
) -> None:
    models = loaded(
        english=engine(), many=engine(80, MANY, ("transcribe", "translate"), 500), wide=engine(128)
    )
    with pytest.raises(error, match=re.escape(message)):
        models.choose(mel_bins, name, decoding)


def test_a_height_that_none_takes_is_refused() -> None:
    with pytest.raises(WrongHeightError):
        loaded(demo=engine()).choose(128, None, ENGLISH)


def test_while_models_are_loading_the_answer_is_to_come_again() -> None:
    models = ServedModels(["demo", "base"])
    for name in (None, "base"):
        with pytest.raises(ModelLoadingError):
            models.choose(80, name, ENGLISH)
    models.all[0].engine, models.all[0].state = engine(), ModelState.READY
    assert models.choose(80, None, ENGLISH).name == "demo"
    with pytest.raises(ModelLoadingError):
        models.choose(128, None, ENGLISH)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("openai/whisper-large-v3-turbo", "large-v3-turbo"),
        ("turbo", "large-v3-turbo"),
        ("deepdml/faster-whisper-large-v3-turbo-ct2", "large-v3-turbo"),
        ("Systran/faster-whisper-tiny.en", "tiny.en"),
        ("ggml-base.en.bin", "base.en"),
        ("ggml-large-v3-turbo-q8_0.bin", "large-v3-turbo"),
        ("ggml-base-q5_1.bin", "base"),
        ("mlx-community/whisper-base-mlx-q4", "base"),
        ("mlx-community/whisper-large-v3-mlx-4bit", "large-v3"),
        ("openai/whisper-large", "large-v3"),
        ("Systran/faster-distil-whisper-small.en", "faster-distil-whisper-small.en"),
    ],
)
def test_names_of_hubs_and_programs_mean_openais_models(name: str, plain: str) -> None:
    assert plain_name(name) == plain


class TestModelsThatAreComing:
    """As the fleet's are, while the responder answers."""

    def models(self, *coming: str) -> ServedModels:
        models = ServedModels((), coming)
        models.all = loaded(base=engine(80, MANY)).all
        return models

    def test_who_names_one_is_told_to_come_again(self) -> None:
        models = self.models("small", "turbo")
        for name in ("turbo", "openai/whisper-small"):
            with pytest.raises(ModelComingError) as refused:
                models.choose(80, name, ENGLISH)
            assert (refused.value.code, refused.value.retry_after) == ("starting", 30)
        with pytest.raises(UnknownModelError):
            models.choose(80, "large-v3", ENGLISH)

    def test_so_is_who_sends_what_they_alone_can_hear(self) -> None:
        with pytest.raises(ModelComingError, match=r"^turbo is on the way"):
            self.models("small", "turbo").choose(128, None, ENGLISH)
        with pytest.raises(WrongHeightError):
            self.models("small").choose(128, None, ENGLISH)
        japanese = DecodingRequest(language="ja")
        with pytest.raises(ModelComingError):
            self.models("small.en", "medium").choose(80, "whisper-1", japanese)
        with pytest.raises(UnsupportedError):
            self.models("small.en").choose(80, "whisper-1", japanese)

    def test_everybody_else_is_answered_by_what_is_here(self) -> None:
        models = self.models("base", "small")
        assert models.coming == ("base", "small")
        for name in (None, "whisper-1", "base"):
            assert models.choose(80, name, ENGLISH).name == "base"

    def test_while_they_are_stopped_none_comes_and_nobody_is_told_so(self) -> None:
        models = self.models("small", "turbo")
        models.stopped = True
        assert models.coming == ()
        for mel_bins, name in ((80, "turbo"), (128, None)):
            with pytest.raises(ModelComingError, match="turbo is stopped") as refused:
                models.choose(mel_bins, name, ENGLISH)
            assert (refused.value.code, refused.value.retry_after) == ("asleep", 60)
        assert models.choose(80, None, ENGLISH).name == "base"

    def test_what_is_here_is_not_coming(self) -> None:
        assert ServedModels(("base",), ("base", "small")).coming == ("small",)
