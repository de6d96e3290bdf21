import re

import pytest
import torch
import whisper

from hush_service.weights import catalogue
from hush_service.weights.catalogue import CATALOGUE, OpenAIFile, Wheels
from hush_service.weights.errors import UnknownModelError


def test_addresses_and_digests_are_those_of_openai_whisper() -> None:
    for name, address in whisper._MODELS.items():
        first = catalogue.named(name).sources[0]
        assert first == OpenAIFile(address, address.split("/")[-2])
    assert len(CATALOGUE) == len(set(whisper._MODELS.values())) + 1  # the toy


def test_alignment_heads_are_those_of_openai_whisper() -> None:
    sizes = {"tiny": (4, 6), "base": (6, 8), "small": (12, 12), "medium": (24, 16)}
    for name, packed in whisper._ALIGNMENT_HEADS.items():
        layers, heads = sizes.get(name.removesuffix(".en"), (32, 20))
        if "turbo" in name:
            layers = 4
        stock = whisper.model.Whisper(
            whisper.model.ModelDimensions(80, 1, heads, heads, 0, 1, 1, heads, heads, layers)
        )
        stock.set_alignment_heads(packed)
        expected = [tuple(head) for head in stock.alignment_heads.indices().T.tolist()]
        assert list(catalogue.named(name).alignment_heads or ()) == expected
    assert torch.is_tensor(stock.alignment_heads)


def test_base_and_tiny_en_can_be_had_without_openais_host() -> None:
    wheels = [source for source in CATALOGUE["base"].sources if isinstance(source, Wheels)]
    assert len(wheels) == 2
    assert any(isinstance(source, Wheels) for source in CATALOGUE["tiny.en"].sources)


def test_every_digest_is_one() -> None:
    for model in CATALOGUE.values():
        for source in model.sources:
            assert re.fullmatch("[0-9a-f]{64}", source.sha256)
            for wheel in source.wheels if isinstance(source, Wheels) else ():
                assert re.fullmatch("[0-9a-f]{64}", wheel.sha256)


@pytest.mark.parametrize(("alias", "name"), [("turbo", "large-v3-turbo"), ("large", "large-v3")])
def test_aliases_are_those_of_openai_whisper(alias: str, name: str) -> None:
    assert catalogue.named(alias) is CATALOGUE[name]
    assert whisper._MODELS[alias] == whisper._MODELS[name]


def test_english_models_are_said_to_be_english() -> None:
    assert CATALOGUE["base.en"].languages == "English"
    assert CATALOGUE["base"].languages == "99 languages"
    assert CATALOGUE["large-v3"].languages == "100 languages"


@pytest.mark.parametrize(
    ("typed", "nearest"), [("tiny.eng", "tiny.en"), ("Base", "base"), ("large-v4", "large-v3")]
)
def test_the_nearest_names_are_said_of_an_unknown_one(typed: str, nearest: str) -> None:
    with pytest.raises(UnknownModelError, match=f"no model '{typed}'; did you mean .*{nearest}"):
        catalogue.named(typed)


def test_all_names_are_said_of_one_that_is_like_none() -> None:
    with pytest.raises(UnknownModelError, match=r"models are demo, tiny\.en, .*turbo"):
        catalogue.named("parakeet")
