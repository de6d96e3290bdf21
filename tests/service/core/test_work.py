import asyncio
import threading
from collections.abc import Callable

import pytest

from hush_service.core.errors import (
    CallerGoneError,
    DrainingError,
    QueueFullError,
    TooSlowError,
)
from hush_service.core.work import WorkQueue
from hush_service.engine import WorkStoppedError

pytestmark = pytest.mark.anyio


async def never() -> None:
    await asyncio.Event().wait()


async def do(queue: WorkQueue, work: Callable[[Callable[[], bool]], str]) -> str:
    with queue.admission():
        return await queue.run(work, never())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def test_one_at_a_time_in_order_of_arrival() -> None:
    queue = WorkQueue(10, 60)
    running: list[int] = []
    order: list[int] = []

    def work(number: int) -> str:
        running.append(number)
        assert len(running) == 1
        order.append(number)
        running.remove(number)
        return str(number)

    results = await asyncio.gather(*(do(queue, lambda _, n=n: work(n)) for n in range(11)))  # type: ignore[misc]
    assert results == [str(number) for number in range(11)]
    assert order == list(range(11))
    assert queue.done == 11


async def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    queue = WorkQueue(1, 60)
    go = threading.Event()
    tasks = [asyncio.create_task(do(queue, lambda _: str(go.wait()))) for _ in range(2)]
    await until(lambda: queue.admitted == 2)
    assert queue.waiting == 1
    with pytest.raises(QueueFullError) as caught:
        await do(queue, lambda _: "")
    assert caught.value.retry_after == 2
    go.set()
    assert await asyncio.gather(*tasks) == ["True", "True"]
    assert await do(queue, lambda _: "room again") == "room again"


async def test_work_that_takes_too_long_is_stopped() -> None:
    queue = WorkQueue(1, 0.05)

    def work(stop: Callable[[], bool]) -> str:
        while not stop():
            pass
        raise WorkStoppedError

    with pytest.raises(TooSlowError):
        await do(queue, work)
    assert queue.admitted == 0


async def test_work_that_nobody_waits_for_is_stopped() -> None:
    queue = WorkQueue(1, 60)
    gone = asyncio.Event()
    begun = threading.Event()

    def work(stop: Callable[[], bool]) -> str:
        begun.set()
        while not stop():
            pass
        raise WorkStoppedError

    async def leave() -> None:
        await gone.wait()

    async def abandoned() -> None:
        with queue.admission():
            await queue.run(work, leave())

    task = asyncio.create_task(abandoned())
    await until(begun.is_set)
    gone.set()
    with pytest.raises(CallerGoneError):
        await task


async def test_who_leaves_while_waiting_is_never_worked_on() -> None:
    queue = WorkQueue(5, 60)
    go = threading.Event()
    first = asyncio.create_task(do(queue, lambda _: str(go.wait())))
    await until(lambda: queue.admitted == 1)

    async def gone() -> None:
        return

    async def impatient() -> None:
        with queue.admission():
            await queue.run(lambda _: pytest.fail("worked for nobody"), gone())

    with pytest.raises(CallerGoneError):
        await impatient()
    go.set()
    assert await first == "True"
    assert await do(queue, lambda _: "next") == "next"


async def test_an_error_in_the_work_frees_its_place() -> None:
    queue = WorkQueue(0, 60)
    with pytest.raises(ZeroDivisionError):
        await do(queue, lambda _: str(1 / 0))
    assert await do(queue, lambda _: "fine") == "fine"


async def test_draining_takes_nothing_new_and_finishes_the_rest() -> None:
    queue = WorkQueue(5, 60)
    await queue.emptied()
    go = threading.Event()
    task = asyncio.create_task(do(queue, lambda _: str(go.wait())))
    await until(lambda: queue.admitted == 1)
    queue.drain()
    with pytest.raises(DrainingError):
        await do(queue, lambda _: "")
    empty = asyncio.create_task(queue.emptied())
    await asyncio.sleep(0)
    assert not empty.done()
    go.set()
    assert await task == "True"
    await empty
