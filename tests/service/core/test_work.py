import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hush_service.core.errors import (
    CallerGoneError,
    DrainingError,
    EngineLostError,
    InterimDroppedError,
    QueueFullError,
    TooLateError,
    TooSlowError,
)
from hush_service.core.turns import Priority, Terms
from hush_service.core.work import Bounds, WorkQueue
from hush_service.engine.process import EngineDiedError
from tests.service.core.stepping import (
    Asked,
    Clock,
    Stepping,
    begun,
    closed,
    do,
    let,
    until,
)

pytestmark = pytest.mark.anyio


async def test_an_interim_picture_that_waits_too_long_is_dropped_without_an_error() -> None:
    queue, engine = WorkQueue(), closed(batch=1)
    tasks = await begun(queue, engine, "a")
    with pytest.raises(InterimDroppedError):
        await do(queue, engine, "b", Terms("b", Priority.INTERIM, within=0.02))
    let(engine)
    await asyncio.gather(*tasks)


async def test_one_caller_may_not_have_more_waiting_than_the_bound() -> None:
    queue, engine = WorkQueue(Bounds(caller_size=2)), closed(batch=1)
    tasks = [asyncio.create_task(do(queue, engine, "one", Terms("one"))) for _ in range(3)]
    await until(lambda: queue.admitted == 3 and engine.steps != [])
    with pytest.raises(QueueFullError, match="2 of your pictures wait already") as refused:
        await do(queue, engine, "one", Terms("one"))
    assert refused.value.retry_after
    tasks.append(asyncio.create_task(do(queue, engine, "another", Terms("another"))))
    await until(lambda: queue.admitted == 4)
    let(engine)
    assert await asyncio.gather(*tasks) == ["one"] * 3 + ["another"]


async def test_interim_pictures_are_dropped_where_others_wait() -> None:
    queue, engine = WorkQueue(), closed(batch=1)
    tasks = await begun(queue, engine, "first")
    passing = Terms("somebody", Priority.INTERIM)
    waiting = asyncio.create_task(do(queue, engine, "interim", passing))
    await until(lambda: queue.admitted == 2)
    newer = asyncio.create_task(do(queue, engine, "newer", passing))
    with pytest.raises(InterimDroppedError):
        await waiting
    tasks += [asyncio.create_task(do(queue, engine, "second"))]
    await until(lambda: queue.admitted == 3)
    with pytest.raises(InterimDroppedError):
        await do(queue, engine, "interim", Terms("another", Priority.INTERIM))
    let(engine)
    with pytest.raises(InterimDroppedError):
        await newer
    await asyncio.gather(*tasks)
    assert await do(queue, engine, "interim", passing) == "interim"
    assert engine.steps == [["first"], ["second"], ["interim"]]


async def test_an_interim_picture_that_is_being_decoded_is_finished_and_the_newest_waits() -> None:
    queue, engine = WorkQueue(), closed(batch=1)
    somebody = Terms("somebody", Priority.INTERIM)
    decoded = asyncio.create_task(do(queue, engine, "decoded", somebody, questions=2))
    await until(lambda: engine.steps != [])
    older = asyncio.create_task(do(queue, engine, "older", somebody))
    await until(lambda: queue.admitted == 2)
    newest = asyncio.create_task(do(queue, engine, "newest", somebody))
    with pytest.raises(InterimDroppedError):
        await older
    let(engine)
    assert [await decoded, await newest] == ["decoded decoded", "newest"]


async def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    queue, engine = WorkQueue(Bounds(size=1)), closed(batch=1)
    tasks = await begun(queue, engine, "a", "b")
    assert queue.waiting == 1
    with pytest.raises(QueueFullError, match="the queue is full") as refused:
        await do(queue, engine, "c")
    assert 1 <= (refused.value.retry_after or 0) <= 1.5
    let(engine)
    assert await asyncio.gather(*tasks) == ["a", "b"]
    assert await do(queue, engine, "room again") == "room again"


async def paced(queue: WorkQueue, engine: Stepping, clock: Clock, seconds: float) -> None:
    """Have the queue measure that a window takes so many seconds."""
    tasks = await begun(queue, engine, "measured")
    clock.now += seconds
    let(engine, 1)
    await asyncio.gather(*tasks)
    engine.steps.clear()


async def test_what_cannot_be_answered_in_time_is_refused_at_once() -> None:
    clock = Clock()
    queue, engine = WorkQueue(Bounds(within=60), clock), closed(batch=1)
    await paced(queue, engine, clock, seconds=11)
    tasks = await begun(queue, engine, *"abcd")
    with pytest.raises(TooLateError, match="before this picture for the next 44 s") as refused:
        await do(queue, engine, "in a hurry", Terms(within=54))
    assert 1 <= (refused.value.retry_after or 0) <= 1.5
    tasks.append(asyncio.create_task(do(queue, engine, "e", Terms(within=55))))
    await until(lambda: queue.admitted == 5)
    with pytest.raises(TooLateError, match="for the next 55 s") as refused:
        await do(queue, engine, "f")
    assert 6 <= (refused.value.retry_after or 0) <= 9
    tasks.append(asyncio.create_task(do(queue, engine, "patient", Terms(within=66))))
    await until(lambda: queue.admitted == 6)
    let(engine)
    await asyncio.gather(*tasks)


async def test_one_batch_that_stalled_has_nobody_refused() -> None:
    clock = Clock()
    queue, engine = WorkQueue(Bounds(within=60), clock), closed(batch=1)
    await paced(queue, engine, clock, seconds=1)
    await paced(queue, engine, clock, seconds=100)
    tasks = await begun(queue, engine, *"abcd")
    tasks.append(asyncio.create_task(do(queue, engine, "e", Terms(within=15))))
    await until(lambda: queue.admitted == 5)
    let(engine)
    await asyncio.gather(*tasks)


async def test_what_is_long_by_itself_is_not_refused_for_that() -> None:
    clock = Clock()
    queue, engine = WorkQueue(Bounds(within=60), clock), closed(batch=1)
    await paced(queue, engine, clock, seconds=11)
    let(engine)
    assert await do(queue, engine, "w", windows=20) == " ".join("w" * 20)


async def test_work_that_was_given_up_does_not_make_an_engine_seem_slow() -> None:
    clock = Clock()
    queue, engine = WorkQueue(Bounds(within=60), clock), closed(batch=1)
    for _ in range(10):
        leaving = asyncio.create_task(do(queue, engine, "leaving", questions=2))
        await until(lambda: len(engine.steps) == 1)
        clock.now += 10
        let(engine, 1)
        await until(lambda: len(engine.steps) == 2)
        leaving.cancel()
        await until(lambda: queue._working is None)
        engine.steps.clear()
    await paced(queue, engine, clock, seconds=11)
    tasks = await begun(queue, engine, "a")
    let(engine)
    assert await do(queue, engine, "b") == "b"
    await asyncio.gather(*tasks)


async def test_interim_words_say_nothing_of_how_fast_an_engine_is() -> None:
    clock = Clock()
    queue, engine = WorkQueue(Bounds(within=60), clock), closed(batch=1)
    await paced(queue, engine, clock, seconds=11)
    for _ in range(20):
        passing = asyncio.create_task(do(queue, engine, "interim", Terms("one", Priority.INTERIM)))
        await until(lambda: engine.steps != [])
        clock.now += 0.1
        let(engine, 1)
        await passing
        engine.steps.clear()
    tasks = await begun(queue, engine, *"abcd")
    with pytest.raises(TooLateError, match="before this picture for the next 44 s"):
        await do(queue, engine, "in a hurry", Terms(within=54))
    let(engine)
    await asyncio.gather(*tasks)


async def test_others_long_pictures_count_for_no_more_than_their_callers_turns() -> None:
    clock = Clock()
    queue, engine = WorkQueue(Bounds(within=60), clock), closed(batch=1)
    await paced(queue, engine, clock, seconds=11)
    long = asyncio.create_task(do(queue, engine, "long", Terms("greedy"), windows=50))
    await until(lambda: engine.steps != [])
    short = asyncio.create_task(do(queue, engine, "short", Terms("other")))
    await until(lambda: queue.admitted == 2)
    let(engine)
    assert await short == "short"
    await long


async def test_what_has_waited_for_too_long_is_not_begun() -> None:
    queue, engine = WorkQueue(), closed(batch=1)
    tasks = await begun(queue, engine, "a")
    with pytest.raises(TooLateError, match="for longer than you wait"):
        await do(queue, engine, "b", Terms(within=0.02))
    let(engine)
    await asyncio.gather(*tasks)
    assert engine.steps == [["a"]]


async def test_work_that_takes_too_long_is_stopped() -> None:
    queue, engine = WorkQueue(Bounds(max_seconds=0.05)), closed()
    with pytest.raises(TooSlowError):
        await do(queue, engine, "a")
    assert queue.admitted == 0


async def test_a_long_picture_is_charged_its_share_of_what_is_heard_together() -> None:
    clock = Clock()
    queue, engine = WorkQueue(Bounds(max_seconds=20), clock), closed(batch=4)
    tasks = await begun(queue, engine, "first")
    for name in "abcd":
        tasks.append(asyncio.create_task(do(queue, engine, name, windows=3)))
    await until(lambda: queue.admitted == 5)
    let(engine, 1)
    for number in range(2, 5):
        await until(lambda n=number: len(engine.steps) == n)  # type: ignore[misc]
        clock.now += 12  # of which each has 3
        let(engine, 1)
    assert await asyncio.gather(*tasks) == ["first", *(" ".join(name * 3) for name in "abcd")]


async def test_what_is_asked_again_alone_has_its_time_anew() -> None:
    clock = Clock()
    queue, engine = WorkQueue(Bounds(max_seconds=20), clock), closed(batch=2)
    engine.fails = frozenset({"bad"})
    tasks = await begun(queue, engine, "first", "bad", "good")
    let(engine, 1)
    await until(lambda: len(engine.steps) == 2)
    clock.now += 30
    let(engine, 1)
    await until(lambda: len(engine.steps) == 3)
    let(engine)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["first", "bad cannot be heard", "good"]


async def test_work_that_nobody_waits_for_is_stopped() -> None:
    queue, engine = WorkQueue(), closed(batch=1)
    with pytest.raises(CallerGoneError):
        await do(queue, engine, "a", departure=lambda: until(lambda: engine.steps != []))
    let(engine)
    assert await do(queue, engine, "b") == "b"


async def test_who_leaves_amid_a_batch_is_asked_nothing_more() -> None:
    queue, engine = WorkQueue(), closed(batch=2)
    tasks = await begun(queue, engine, "first")
    gone = asyncio.Event()

    async def leave() -> None:
        await gone.wait()

    stays = asyncio.create_task(do(queue, engine, "stays", windows=2))
    leaves = asyncio.create_task(do(queue, engine, "leaves", windows=2, departure=leave))
    await until(lambda: queue.admitted == 3)
    let(engine, 1)
    await until(lambda: len(engine.steps) == 2)
    gone.set()
    with pytest.raises(CallerGoneError):
        await leaves
    let(engine)
    await asyncio.gather(*tasks, stays)
    assert engine.steps == [["first"], ["stays", "leaves"], ["stays"]]


async def test_who_leaves_while_waiting_is_never_worked_on() -> None:
    queue, engine = WorkQueue(), closed()
    tasks = await begun(queue, engine, "a")

    async def gone() -> None:
        return

    with pytest.raises(CallerGoneError):
        await do(queue, engine, "b", departure=gone)
    let(engine)
    await asyncio.gather(*tasks)
    assert engine.steps == [["a"]]


async def test_a_picture_that_fails_takes_no_other_with_it() -> None:
    queue, engine = WorkQueue(), closed()
    engine.fails = frozenset({"bad"})
    tasks = await begun(queue, engine, "first", "good", "bad", "fine")
    let(engine)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["first", "good", "bad cannot be heard", "fine"]
    assert await do(queue, engine, "afterwards") == "afterwards"


async def test_an_engine_rests_once_nothing_was_asked_of_it_for_a_while() -> None:
    queue, engine, rested = WorkQueue(), Stepping(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def rest() -> None:
        loop.call_soon_threadsafe(rested.set)

    queue.on_idle = rest
    planned: list[asyncio.TimerHandle | None] = []
    for name in "abc":
        await do(queue, engine, name)
        await until(lambda: queue._resting not in (None, *planned))
        planned.append(queue._resting)
    assert [each.cancelled() for each in planned if each] == [True, True, False]
    queue._rest()
    await rested.wait()


async def test_draining_finishes_what_was_taken() -> None:
    queue, engine = WorkQueue(), closed(batch=1)
    tasks = await begun(queue, engine, "a", "b")
    queue.drain()
    with pytest.raises(DrainingError):
        await do(queue, engine, "c")
    emptied = asyncio.create_task(queue.emptied())
    await asyncio.sleep(0)
    assert not emptied.done()
    let(engine)
    await asyncio.gather(*tasks, emptied)


async def test_an_engine_that_does_not_answer_for_far_too_long_is_seen() -> None:
    clock = Clock()
    queue, engine = WorkQueue(clock=clock), closed()
    tasks = await begun(queue, engine, "a")
    clock.now += 299
    assert not queue.stuck
    clock.now += 302
    assert queue.stuck
    with pytest.raises(TooSlowError):
        await tasks[0]


async def test_steps_and_waits_are_told() -> None:
    clock = Clock()
    queue, engine = WorkQueue(clock=clock), closed()
    steps: list[tuple[list[object], float]] = []
    waits: list[float] = []

    def stepped(_: object, asked: Sequence[tuple[Any, object]], seconds: float) -> None:
        steps.append(([(question.name, answer) for question, answer in asked], seconds))

    queue.on_step = stepped
    queue.on_begun = waits.append
    tasks = await begun(queue, engine, "a", "b", "c")
    clock.now += 2
    let(engine)
    await asyncio.gather(*tasks)
    assert steps == [([("a", "a")], 2.0), ([("b", "b"), ("c", "c")], 0.0)]
    assert waits == [0.0, 2.0, 2.0]


async def test_what_an_engine_was_asked_when_it_ended_is_asked_once_more() -> None:
    queue, engine = WorkQueue(), closed()
    engine.ends = ["c"]
    tasks = await begun(queue, engine, *"abcd")
    let(engine)
    assert await asyncio.gather(*tasks) == list("abcd")
    assert engine.steps == [["a"], ["b", "c", "d"], ["b"], ["c"], ["d"]]


async def test_a_picture_that_ends_engines_is_refused_and_takes_no_other_with_it() -> None:
    queue, engine = WorkQueue(), closed()
    engine.ends = ["c", "c"]
    tasks = await begun(queue, engine, *"abcd")
    let(engine)
    a, b, c, d = await asyncio.gather(*tasks, return_exceptions=True)
    assert (a, b, d) == ("a", "b", "d")
    assert isinstance(c, EngineLostError)
    assert engine.steps == [["a"], ["b", "c", "d"], ["b"], ["c"], ["d"]]


async def test_the_time_that_an_engine_hung_is_not_the_pictures() -> None:
    now = [0.0]

    class Hanging(Stepping):
        def answers(self, questions: Sequence[Asked], stop: Callable[[], bool]) -> Sequence[object]:
            answers = super().answers(questions, stop)
            if len(self.steps) == 1:
                now[0] += 1000
                raise EngineDiedError("the engine has not answered for 1000 s")
            return answers

    queue, engine = WorkQueue(Bounds(max_seconds=100), clock=lambda: now[0]), Hanging()
    assert await do(queue, engine, "a", windows=2) == "a a"
    assert engine.steps == [["a"], ["a"], ["a"]]
