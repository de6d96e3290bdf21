"""Whose turn it is, and what is asked together."""

import asyncio
from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import pytest

from hush_service.core.turns import CREDIT, Job, Priority, Terms, Turns
from hush_service.core.work import Bounds, WorkQueue
from hush_service.engine import DecodingRequest
from hush_service.engine.batching import OneAtATime
from tests.service.conftest import engine as told_engine
from tests.service.core.stepping import (
    SECONDS,
    Clock,
    Stepping,
    begun,
    closed,
    do,
    let,
    picture,
    until,
)

pytestmark = pytest.mark.anyio


async def test_what_waits_is_asked_together_the_longest_waiting_first() -> None:
    queue, engine = WorkQueue(), closed(batch=4)
    tasks = await begun(queue, engine, *"abcdefg")
    let(engine)
    assert await asyncio.gather(*tasks) == list("abcdefg")
    assert engine.steps == [["a"], ["b", "c", "d", "e"], ["f", "g"]]
    assert (queue.done, queue.admitted) == (7, 0)


async def test_what_does_not_fit_together_is_not_asked_together() -> None:
    queue, engine = WorkQueue(), closed()
    first = await begun(queue, engine, "a")
    rest = [asyncio.create_task(do(queue, engine, kind * 2, kind=kind)) for kind in "xyx"]
    await until(lambda: queue.admitted == 4)
    let(engine)
    await asyncio.gather(*first, *rest)
    assert engine.steps == [["a"], ["xx", "xx"], ["yy"]]


async def test_a_window_that_is_begun_is_finished_before_another_is() -> None:
    queue, engine = WorkQueue(), closed(batch=1)
    first = asyncio.create_task(do(queue, engine, "a", questions=3))
    await until(lambda: engine.steps != [])
    second = asyncio.create_task(do(queue, engine, "b"))
    await until(lambda: queue.admitted == 2)
    let(engine)
    await asyncio.gather(first, second)
    assert engine.steps == [["a"], ["a"], ["a"], ["b"]]


async def test_a_long_picture_lets_others_go_first_after_each_window() -> None:
    queue, engine = WorkQueue(), closed(batch=1)
    long = asyncio.create_task(do(queue, engine, "long", windows=60))
    await until(lambda: engine.steps != [])
    short = [asyncio.create_task(do(queue, engine, name)) for name in "ab"]
    await until(lambda: queue.admitted == 3)
    let(engine)
    await asyncio.gather(*short, long)
    assert engine.steps[:4] == [["long"], ["a"], ["b"], ["long"]]


async def test_ten_callers_are_not_starved_by_one_that_sends_a_hundred_pictures() -> None:
    queue, engine = WorkQueue(Bounds(caller_size=1000)), closed(batch=1)
    greedy = Terms("greedy")
    hundred = [asyncio.create_task(do(queue, engine, "greedy", greedy)) for _ in range(100)]
    await until(lambda: queue.admitted == 100 and engine.steps != [])
    others = [asyncio.create_task(do(queue, engine, name, Terms(name))) for name in "abcdefghij"]
    await until(lambda: queue.admitted == 110)
    let(engine)
    await asyncio.gather(*others, *hundred)
    assert [step for step in engine.steps[:13] if step != ["greedy"]] == [[n] for n in "abcdefghij"]


def wait(turns: Turns, engine: Stepping, caller: str, count: int = 1) -> None:
    for _ in range(count):
        asking = picture(caller)
        turns.add(Job(Terms(caller), engine, SECONDS, 0.0, 60.0, asking, next(asking)))


def taken(turns: Turns, count: int) -> list[Hashable]:
    return [job.caller for _ in range(count) for job in turns.take(0.0)]


def test_who_had_less_than_others_lately_goes_before_them_but_not_for_ever() -> None:
    turns, engine = Turns(), Stepping(batch=1)
    ahead = round(CREDIT / SECONDS)
    wait(turns, engine, "greedy", 10 * ahead)
    taken(turns, 3 * ahead)
    wait(turns, engine, "modest", 3 * ahead)
    order = taken(turns, 2 * ahead)
    assert order[:ahead] == ["modest"] * ahead
    assert order[ahead:].count("greedy") == order[ahead:].count("modest")


def test_who_comes_again_has_no_more_than_who_stayed() -> None:
    turns, engine = Turns(), Stepping(batch=1)
    ahead = round(CREDIT / SECONDS)
    wait(turns, engine, "stays", 10 * ahead)
    taken(turns, 3 * ahead)
    order: list[Hashable] = []
    for _ in range(4 * ahead):
        wait(turns, engine, "comes and goes")
        order += taken(turns, 1)
        turns.forget({"stays"})
    assert order[:ahead] == ["comes and goes"] * ahead
    assert abs(order[ahead:].count("stays") - order[ahead:].count("comes and goes")) <= 1


@pytest.mark.parametrize("is_known", [True, False], ids=["accounts", "connections"])
def test_who_stays_is_not_starved_by_those_who_come_once(is_known: bool) -> None:
    turns, engine = Turns(), Stepping(batch=1)

    def ask(caller: str) -> None:
        asking = picture(caller)
        terms = Terms(caller, is_known=is_known)
        turns.add(Job(terms, engine, SECONDS, 0.0, 60.0, asking, next(asking)))

    ask("stays")
    for number in range(3):
        ask(f"once {number}")
    order: list[Hashable] = []
    for number in range(3, 500):
        (caller,) = taken(turns, 1)
        order.append(caller)
        ask("stays" if caller == "stays" else f"once {number}")
        waiting = {job.share for job in turns}
        turns.forget(waiting)
    # An equal share, or little less: who comes new may have something before others.
    assert order[250:].count("stays") >= 250 // 7
    if not is_known:
        assert len(turns._had) == 4
        assert order[:20].count("stays") >= 4


async def test_what_is_shorter_than_a_window_has_the_turns_of_one() -> None:
    told = told_engine()
    told.info = replace(told.info, shortest_window=30.0)
    alone = OneAtATime(told)

    def asks(seconds: int, caller: str) -> Job:
        asking = alone.begin(np.zeros((80, 100 * seconds), np.float32), DecodingRequest())
        return Job(Terms(caller), alone, 30.0, 0.0, 60.0, asking, next(asking))

    turns = Turns()
    for number in range(8):
        for job in (asks(1, "short"), *([asks(30, "long")] if number < 4 else [])):
            turns.add(job)
    taken = [job.caller for _ in range(8) for job in turns.take(0.0)]
    assert (taken.count("short"), taken.count("long")) == (4, 4)


async def test_the_urgent_go_before_bulk_unless_that_has_waited_for_half_of_its_time() -> None:
    clock = Clock()
    queue, engine = WorkQueue(clock=clock), closed(batch=1)
    tasks = await begun(queue, engine, "first")
    for name, priority in (("bulk", Priority.BULK), ("urgent", Priority.INTERACTIVE)):
        tasks.append(asyncio.create_task(do(queue, engine, name, Terms(priority=priority))))
    await until(lambda: queue.admitted == 3)
    let(engine, 1)
    await until(lambda: len(engine.steps) == 2)
    clock.now += 31
    tasks.append(asyncio.create_task(do(queue, engine, "later")))
    await until(lambda: queue.admitted == 3)
    let(engine)
    await asyncio.gather(*tasks)
    assert engine.steps == [["first"], ["urgent"], ["bulk"], ["later"]]
