"""Words that are kept for pictures that come again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hush.transcript import Phrase, Stretch, Transcript, Word
from hush_service.core.accounts import Account, DayLimit
from hush_service.core.cache import OVERHEAD, MemoryStore, TranscriptCache
from hush_service.core.errors import UnknownAccountError
from hush_service.core.served_models import ServedModel, ServedModels
from hush_service.core.transcriber import Transcriber
from hush_service.core.turns import Terms
from hush_service.core.work import WorkQueue
from hush_service.engine import DecodingRequest
from hush_service.settings import ServiceSettings
from tests.service.conftest import SayingEngine, engine, loaded, picture

pytestmark = pytest.mark.anyio

PLAIN = DecodingRequest()
SAID = Transcript(
    text="Ja, „grüß dich“.",
    duration=2.5,
    language="german",
    phrases=(Phrase(0.1, 2.0 / 3, " Ja,", 0, (50364, 5), 0.2, -0.123456789, 1.1, 0.01),),
    words=(Word("Ja,", 0.1, 1 / 3, 0.987654321),),
    unheard=(Stretch(1.5, 2.5),),
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def caching(models: ServedModels, **settings: Any) -> Transcriber:
    return Transcriber.from_settings(ServiceSettings(cache_bytes=100_000, **settings), models)


async def test_words_come_back_as_they_were() -> None:
    cache = TranscriptCache(MemoryStore(100_000, 60))
    await cache.put("key", SAID)
    assert await cache.get("key") == SAID
    assert await cache.get("another") is None


async def test_what_is_no_transcript_is_not_one() -> None:
    store = MemoryStore(100_000, 60)
    await store.put("key", b'{"text": "who wrote this?"}')
    assert await TranscriptCache(store).get("key") is None


async def test_memory_keeps_the_latest_within_its_bytes() -> None:
    store = MemoryStore(3 * (OVERHEAD + 1000), 60)
    for key in "abcd":
        await store.put(key, bytes(1000))
    assert [await store.get(key) is not None for key in "abcd"] == [False, True, True, True]
    assert store.size == 3 * (OVERHEAD + 1000)
    await store.put("b", b"shorter")
    await store.put("e", bytes(1000))
    assert [await store.get(key) is not None for key in "bcde"] == [True, False, True, True]
    await store.put("too much", bytes(5000))
    assert store.size == 3 * OVERHEAD + 2000 + len(b"shorter")


async def test_memory_forgets_after_a_while() -> None:
    clock = Clock()
    store = MemoryStore(100_000, 60, clock)
    await store.put("a", b"words")
    clock.now = 30
    await store.put("b", b"words")
    clock.now = 59
    assert await store.get("a") == b"words"
    clock.now = 60
    assert await store.get("a") is None
    assert store.size == OVERHEAD + 5
    await store.put("b", b"other words")
    clock.now = 119
    assert await store.get("b") == b"other words"


async def test_everything_that_changes_the_words_changes_the_key() -> None:
    cache = TranscriptCache(MemoryStore(100, 60))
    model = ServedModel("base", "base", 1, weights="one")
    options: dict[str, Any] = {
        "task": "translate",
        "language": "en",
        "prompt": "Names.",
        "words": True,
    }
    others = [
        (b"Picture", model, PLAIN),
        (b"picture", replace(model, name="tiny"), PLAIN),
        (b"picture", replace(model, weights="two"), PLAIN),
        *(
            (b"picture", model, replace(PLAIN, **{option: value}))
            for option, value in options.items()
        ),
    ]
    keys = [await cache.key(*each) for each in [(b"picture", model, PLAIN), *others]]
    assert len(set(keys)) == len(keys)
    assert None not in keys
    assert await cache.key(b"picture", model, PLAIN) == keys[0]
    otherwise = TranscriptCache(MemoryStore(100, 60), decoder="float16")
    assert await otherwise.key(b"picture", model, PLAIN) not in keys


async def test_a_checkpoint_that_is_replaced_has_other_keys(tmp_path: Path) -> None:
    file = tmp_path / "own.pt"
    file.write_bytes(b"first")
    before = ServedModels([str(file)]).all[0].weights
    assert before == ServedModels([str(file)]).all[0].weights
    file.write_bytes(b"the second")
    assert before != ServedModels([str(file)]).all[0].weights
    assert ServedModels(["base"]).all[0].weights != ServedModels(["tiny"]).all[0].weights


async def test_what_tools_keep_beside_weights_does_not_matter(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / ".cache" / "huggingface").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights")
    model = replace(loaded(demo=engine()).all[0], source=folder)
    cache = TranscriptCache(MemoryStore(100, 60))
    assert await cache.key(b"picture", model, PLAIN) is not None


async def test_a_picture_that_comes_again_takes_no_turn() -> None:
    told = engine()
    core = caching(loaded(demo=told))
    looked_up: list[bool] = []
    core.on_looked_up = looked_up.append
    first = await core.transcribe(picture())
    core.queue.drain()  # which a turn would be refused for
    assert await core.transcribe(picture()) == first
    assert len(told.asked) == 1
    assert looked_up == [False, True]
    assert core.queue.done == 2


async def test_it_is_off_unless_it_is_wanted() -> None:
    told = engine()
    core = Transcriber.from_settings(ServiceSettings(), loaded(demo=told))
    for _ in range(2):
        await core.transcribe(picture())
    assert len(told.asked) == 2


@pytest.mark.parametrize("decoding", [{"temperature": 0.4}, {"interim": True}])
async def test_what_chance_draws_and_what_goes_on_is_decoded_each_time(
    decoding: dict[str, Any],
) -> None:
    told = engine()
    core = caching(loaded(demo=told))
    for _ in range(2):
        await core.transcribe(picture(), None, DecodingRequest(**decoding), terms=Terms("me"))
    assert len(told.asked) == 2


async def test_the_model_that_answers_counts_and_not_the_name_that_was_asked_for() -> None:
    large, small = engine(parameters=9), engine(parameters=1)
    core = caching(loaded(large=large, small=small))
    for name in (None, "large", "whisper-1", "small"):
        await core.transcribe(picture(), name)
    assert (len(large.asked), len(small.asked)) == (1, 1)


async def test_what_is_known_is_told_phrase_by_phrase_too() -> None:
    told = SayingEngine(engine().info)
    core = caching(loaded(demo=told))
    heard: list[Sequence[Phrase]] = []
    for _ in range(2):
        await core.transcribe(picture(300), heard=heard.append)
    texts = ["".join(phrase.text for phrase in phrases) for phrases in heard]
    assert texts == 2 * [" Second 0.", " Second 1.", " Second 2."]
    assert told.said == 3


async def test_who_is_nobody_gets_no_words_and_known_ones_cost_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hush_service.core.quota import Quotas

    counted = Quotas("quotas", {"person": DayLimit(requests=2, seconds=60)}, "us-east-1")
    spent: list[int] = []
    monkeypatch.setattr(counted, "_spend", lambda _, __, frames: spent.append(frames))
    cache = TranscriptCache(MemoryStore(100_000, 60))
    core = Transcriber(loaded(demo=engine()), WorkQueue(), counted, cache=cache)
    for person in ("github:1", "github:1", "github:2"):
        await core.transcribe(picture(), account=Account(person, "person"))
    assert spent == [100]
    with pytest.raises(UnknownAccountError):
        await core.transcribe(picture())


async def test_a_failure_is_not_kept() -> None:
    told = engine()
    core = caching(loaded(demo=told))
    hear, told.transcribe = told.transcribe, None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        await core.transcribe(picture())
    told.transcribe = hear  # type: ignore[method-assign]
    assert (await core.transcribe(picture())).text == "Hello."


async def test_nothing_is_left_after_the_end() -> None:
    store = MemoryStore(100_000, 60)
    core = Transcriber(loaded(demo=engine()), WorkQueue(), cache=TranscriptCache(store))
    await asyncio.gather(core.transcribe(picture()), core.transcribe(picture(200)))
    assert store.size > 0
    await core.close()
    assert store.size == 0
