"""The core as another place than a web server would use it: no request, no status."""

import asyncio
import pkgutil
import subprocess
import sys
import threading
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

import hush_service.core
from hush.transcript import Transcript
from hush_service.core.accounts import Account, DayLimit
from hush_service.core.errors import (
    AudioRefusedError,
    CallerGoneError,
    DrainingError,
    EngineStuckError,
    ModelFailedError,
    ModelLoadingError,
    QueueFullError,
    QuotaSpentError,
    QuotaUnavailableError,
    RefusedError,
    TooOftenError,
    TooSlowError,
    UnknownAccountError,
    UnknownModelError,
    UnsupportedError,
    UnusablePictureError,
    WrongHeightError,
)
from hush_service.core.held import Held
from hush_service.core.quota import Quotas
from hush_service.core.rate import Rate
from hush_service.core.served_models import ModelState, ServedModels
from hush_service.core.transcriber import Transcriber
from hush_service.core.turns import Terms
from hush_service.core.work import Bounds, WorkQueue
from hush_service.engine import DecodingRequest
from hush_service.engine.process import Condition
from hush_service.settings import ServiceSettings
from local.processes import ROOT, environment
from tests.service.conftest import engine, loaded, picture

pytestmark = pytest.mark.anyio

OCTOCAT = Account("github:583231", "person")


def transcriber(
    models: ServedModels | None = None,
    places: int = 8,
    max_seconds: float = 3600,
    quotas: Quotas | None = None,
    interim: Rate | None = None,
) -> Transcriber:
    queue = WorkQueue(Bounds(size=places, max_seconds=max_seconds))
    return Transcriber(models or loaded(demo=engine()), queue, quotas, interim)


def quotas(monkeypatch: pytest.MonkeyPatch, *answers: str | dict[str, Any]) -> Quotas:
    """Return quotas whose table answers so: an error's code, or what it says of an update."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    counted = Quotas("quotas", {"person": DayLimit(requests=2, seconds=60)}, "us-east-1")
    table = Stubber(counted._dynamodb)
    for answer in answers:
        if isinstance(answer, str):
            table.add_client_error("update_item", answer)
        else:
            table.add_response("update_item", answer)
    table.activate()
    return counted


async def test_a_picture_becomes_words() -> None:
    told = engine(languages=("en", "de"))
    core = transcriber(loaded(demo=told))
    heard: list[tuple[str, float]] = []
    core.on_heard = lambda model, seconds, worked: heard.append((model, seconds))
    decoding = DecodingRequest(language="de", prompt="Guten Tag")
    transcript = await core.transcribe(picture(250), "demo", decoding)
    assert isinstance(transcript, Transcript)
    assert (transcript.text, transcript.duration) == ("Hello.", 2.5)
    assert told.asked[0][1] == decoding
    assert heard == [("demo", 2.5)]


async def test_settings_put_one_together() -> None:
    core = Transcriber.from_settings(ServiceSettings(queue_size=0), loaded(demo=engine()))
    core.check_ready()
    assert (await core.transcribe(picture())).text == "Hello."


@pytest.mark.parametrize(
    ("data", "model", "decoding", "error", "message", "param"),
    [
        (b"OggS" + bytes(99), None, {}, AudioRefusedError, "does not take audio", "file"),
        (b"nothing of use", None, {}, UnusablePictureError, "not a picture in PNG", "file"),
        (picture(mel_bins=128), None, {}, WrongHeightError, "128 pixels high", "file"),
        (picture(), "huge", {}, UnknownModelError, "there is demo", "model"),
        (picture(), None, {"language": "fr"}, UnsupportedError, "does not know 'fr'", "model"),
        (picture(), None, {"task": "translate"}, UnsupportedError, "not translate", "model"),
    ],
    ids=["audio", "no picture", "height", "model", "language", "task"],
)
async def test_what_cannot_be_done_is_said(
    data: bytes,
    model: str | None,
    decoding: dict[str, Any],
    error: type[RefusedError],
    message: str,
    param: str,
) -> None:
    with pytest.raises(error, match=message) as refused:
        await transcriber().transcribe(data, model, DecodingRequest(**decoding))
    assert (refused.value.param, bool(refused.value.code)) == (param, True)
    assert refused.value.retry_after is None


async def test_a_model_that_is_not_there_yet_or_never_will_be() -> None:
    models = ServedModels(["demo"])
    core = transcriber(models)
    for expected in (ModelLoadingError, ModelFailedError):
        with pytest.raises(expected) as refused:
            await core.transcribe(picture())
        assert refused.value.retry_after
        with pytest.raises(expected):
            core.check_ready()
        models.all[0].state = ModelState.FAILED


async def test_no_more_is_taken_than_there_is_room_for_and_nothing_while_draining() -> None:
    go = threading.Event()
    told = engine(go=go)
    core = transcriber(loaded(demo=told), places=0)
    first = asyncio.create_task(core.transcribe(picture()))
    await asyncio.to_thread(told.begun.wait)
    with pytest.raises(QueueFullError):
        await core.transcribe(picture())
    core.queue.drain()
    with pytest.raises(DrainingError):
        await core.transcribe(picture())
    with pytest.raises(DrainingError):
        core.check_ready()
    go.set()
    assert (await first).text == "Hello."


async def test_work_ends_when_it_takes_too_long() -> None:
    core = transcriber(loaded(demo=engine(go=threading.Event())), max_seconds=0.01)
    with pytest.raises(TooSlowError, match=r"longer than 0\.01 s"):
        await core.transcribe(picture())


async def test_work_ends_when_nobody_waits_for_it() -> None:
    told = engine(go=threading.Event())
    core = transcriber(loaded(demo=told))

    async def departure() -> None:
        await asyncio.to_thread(told.begun.wait)

    with pytest.raises(CallerGoneError):
        await core.transcribe(picture(), departure=departure)
    assert core.queue.admitted == 0


@pytest.mark.parametrize("account", [None, Account("", "person"), Account("github:1", "king")])
async def test_with_quotas_somebody_has_to_answer_for_a_picture(
    monkeypatch: pytest.MonkeyPatch, account: Account | None
) -> None:
    core = transcriber(quotas=quotas(monkeypatch))
    with pytest.raises(UnknownAccountError):
        await core.transcribe(b"whatever it is", account=account)


async def test_quotas_are_spent_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    core = transcriber(
        quotas=quotas(monkeypatch, {}, "ConditionalCheckFailedException", "AccessDeniedException")
    )
    assert (await core.transcribe(picture(), account=OCTOCAT)).text == "Hello."
    with pytest.raises(QuotaSpentError, match="60 seconds of speech") as spent:
        await core.transcribe(picture(), account=OCTOCAT)
    assert spent.value.retry_after is not None
    assert 0 < spent.value.retry_after <= 86_400
    with pytest.raises(QuotaUnavailableError) as unavailable:
        await core.transcribe(picture(), account=OCTOCAT)
    assert unavailable.value.retry_after
    free = Account("github:1", "unlimited")
    assert (await core.transcribe(picture(), account=free)).text == "Hello."


async def test_a_picture_counts_as_the_window_that_it_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = engine()
    told.info = replace(told.info, shortest_window=15.0)
    counted = quotas(monkeypatch)
    spent: list[int] = []
    monkeypatch.setattr(counted, "_spend", lambda _, __, frames: spent.append(frames))
    core = transcriber(loaded(demo=told), quotas=counted)
    for frames in (1, 2000):
        await core.transcribe(picture(frames), account=OCTOCAT)
    assert spent == [1500, 2000]


async def test_what_is_refused_for_want_of_memory_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = quotas(monkeypatch)
    spent: list[int] = []
    monkeypatch.setattr(counted, "_spend", lambda _, __, frames: spent.append(frames))
    core = transcriber(quotas=counted)
    core.held = Held(1000)
    with pytest.raises(QueueFullError):
        await core.transcribe(picture(), account=OCTOCAT)
    assert spent == []


async def test_how_fast_an_engine_is_is_known_after_one_picture() -> None:
    core = transcriber()
    for _ in range(3):
        await core.transcribe(picture())
    assert len(core.queue._pace._pace) == 1


async def test_interim_words_are_the_smallest_suitable_models_and_count_as_no_speech(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = ("en", "de")
    large, small = engine(languages=many, parameters=90), engine(languages=many, parameters=10)
    english = engine(parameters=1)
    core = transcriber(
        loaded(large=large, small=small, english=english), quotas=quotas(monkeypatch)
    )
    core.on_heard = lambda *_: pytest.fail("it was counted")
    interim = DecodingRequest(interim=True)
    assert (await core.transcribe(picture(), None, interim, account=OCTOCAT)).text == "Hello."
    german = replace(interim, language="de")
    await core.transcribe(picture(), "large", german, account=OCTOCAT)
    assert [len(each.asked) for each in (large, small, english)] == [0, 2, 0]
    await core.transcribe(picture(), None, replace(interim, language="en"), account=OCTOCAT)
    assert [len(each.asked) for each in (large, small, english)] == [0, 2, 1]


async def test_interim_words_have_bounds() -> None:
    core = transcriber(interim=Rate(6))
    interim = DecodingRequest(interim=True)
    with pytest.raises(UnusablePictureError, match="at most 30 s"):
        await core.transcribe(picture(3001), None, interim, terms=Terms("another"))
    await core.transcribe(picture(3000), None, interim, terms=Terms("one"))
    with pytest.raises(TooOftenError):
        await core.transcribe(picture(), None, interim, terms=Terms("one"))


async def test_phrases_are_told_of_before_the_end() -> None:
    core = transcriber()
    texts: list[str] = []
    await core.transcribe(
        picture(), heard=lambda phrases: texts.extend(phrase.text for phrase in phrases)
    )
    assert texts == [" Hello."]


async def test_a_service_whose_engine_is_stuck_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    core = transcriber()
    monkeypatch.setattr(WorkQueue, "stuck", True)
    with pytest.raises(EngineStuckError):
        core.check_ready()
    with pytest.raises(EngineStuckError):
        core.check_alive()


async def test_while_an_engine_is_started_again_pictures_wait_and_the_service_is_not_ready() -> (
    None
):
    core = transcriber()
    (model,) = core.models.all
    model.follow(Condition.STARTING)
    with pytest.raises(ModelLoadingError, match="started again"):
        core.check_ready()
    core.check_alive()
    assert (await core.transcribe(picture())).text == "Hello."
    model.follow(Condition.READY)
    core.check_ready()
    model.follow(Condition.LOST)
    with pytest.raises(ModelFailedError):
        await core.transcribe(picture())


def test_the_core_knows_no_http() -> None:
    names = [
        f"hush_service.core.{found.name}"
        for found in pkgutil.iter_modules(hush_service.core.__path__)
    ]
    assert "hush_service.core.transcriber" in names
    program = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "known = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(known & {'fastapi', 'starlette', 'uvicorn', 'httpx2', 'torch'}))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "[]\n"


class Elsewhere:
    """Another service, which answers when it is let."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = asyncio.Event()

    def takes(self, *_: object) -> bool:
        return True

    async def hear(self, *_: object) -> tuple[str, Transcript]:
        self.asked.set()
        await self.go.wait()
        return "base", Transcript("Hello from elsewhere.", 1.0, "english")


async def test_who_stops_waits_for_what_is_heard_elsewhere() -> None:
    go = threading.Event()
    busy = engine(go=go)
    core = transcriber(loaded(demo=busy), places=0)
    core._overflow = elsewhere = Elsewhere()
    here = asyncio.create_task(core.transcribe(picture()))
    await asyncio.to_thread(busy.begun.wait)
    there = asyncio.create_task(core.transcribe(picture()))
    await elsewhere.asked.wait()
    core.queue.drain()
    go.set()
    await here
    await core.queue.emptied()
    emptied = asyncio.create_task(core.emptied())
    done, _ = await asyncio.wait({emptied}, timeout=0.05)
    assert not done
    elsewhere.go.set()
    await emptied
    assert (await there).text == "Hello from elsewhere."
