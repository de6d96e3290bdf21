from collections import Counter
from pathlib import Path

import pytest

from bench.clients import NO_ANSWER, Answer, Load, arrivals, ask, client, closed_loop, open_loop
from bench.overload import GREEDY, SETTINGS, identity, rates
from local.processes import free_port
from tests.service.conftest import picture
from tests.service.told_service import told_service

pytestmark = pytest.mark.anyio


async def test_each_client_of_a_closed_loop_has_its_answers() -> None:
    with told_service() as (url, _):
        load = await closed_loop(url, [picture(), b"junk"], 2, 0.5)
    assert {(each.number, each.status) for each in load.answers} == {(0, 200), (1, 400)}
    assert {each.text for each in load.good} == {"Hello."}
    assert {each.caller for each in load.answers} == {"0", "1"}
    assert load.failures == 0


async def test_an_open_loop_asks_on_though_nothing_is_answered(tmp_path: Path) -> None:
    asked = {"few": 10.0, GREEDY: 60.0}
    settings = {**SETTINGS, "HUSH_CALLER_QUEUE_SIZE": "3", "HUSH_MAX_SECONDS": "0.2"}
    with told_service(TOLD_GO=tmp_path / "never", **settings) as (url, _):
        load = await open_loop(url, [picture()], asked, 1.0, identity)
    expected = Counter(caller for _, caller in arrivals(asked, 1.0))
    assert Counter(each.caller for each in load.answers) == expected
    assert len(load.of(GREEDY).refusals) > 3


async def test_what_nobody_answers_is_told_from_an_answer() -> None:
    async with client(f"http://127.0.0.1:{free_port()}") as http:
        answer = await ask(http, picture())
    assert (answer.status, answer.text, answer.good) == (NO_ANSWER, "ConnectError", False)


def test_a_greedy_caller_asks_for_what_is_missing_to_twice_the_capacity() -> None:
    asked = rates(5.5, 10, 2.0)
    assert sum(asked.values()) == pytest.approx(11)
    assert [rate for caller, rate in asked.items() if caller != GREEDY] == pytest.approx([0.5] * 10)


def test_arrivals_are_in_order_and_at_the_rate() -> None:
    times = arrivals({"one": 5.0, "other": 1.0}, 1000)
    assert times == sorted(times)
    counts = Counter(caller for _, caller in times)
    assert counts["one"] == pytest.approx(5000, rel=0.1)
    assert counts["other"] == pytest.approx(1000, rel=0.2)


def test_the_pace_is_that_of_whole_batches() -> None:
    came = [at for at in (2, 4, 6, 8, 10) for _ in range(8)]
    load = Load(100.0, 11.0, [Answer("", 0, 101.0, at - 1.0, 200, "") for at in came])
    assert load.pace(5, 9) == 4.0
    assert load.pace(0, 1) == 0.0
