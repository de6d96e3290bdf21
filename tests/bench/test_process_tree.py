import os
import subprocess
import sys

import pytest

from bench.process_tree import Usage, by_period, change, family, peak_megabytes, usage

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"])
child.wait()
"""


def test_a_process_is_counted_with_those_that_it_started() -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", PARENT], **pipes) as parent:  # type: ignore[call-overload]
        parent.stdout.readline()
        parent_and_child = family(parent.pid)
        assert parent_and_child[0] == parent.pid
        assert len(parent_and_child) == 2
        together, child = usage(parent.pid), usage(parent_and_child[1])
        assert together.megabytes > child.megabytes > 1
        assert child.own == child.megabytes
        assert together.own == pytest.approx(together.megabytes - child.megabytes, rel=0.1)
        assert together.threads == 2 * child.threads == 2
        assert together.files > child.files >= 3
        assert peak_megabytes(parent.pid) > child.megabytes
        parent.communicate(b"\n")
    assert usage(parent.pid).megabytes == 0


def test_this_process_is_found_among_those_that_its_parent_started() -> None:
    assert os.getpid() in family(os.getppid())


def test_whole_periods_have_means() -> None:
    seen = [Usage(100 + at / 2, 10 * (at // 4), 3, 5 + at % 2) for at in range(11)]
    periods = by_period(seen, 2)
    assert [(each.at, each.megabytes) for each in periods] == [(100, 0), (102, 10)]
    assert by_period([], 2) == []


@pytest.mark.parametrize(("first", "last", "text"), [(200, 190, "-5.0 %"), (0, 3, "-")])
def test_a_change_is_in_percent(first: float, last: float, text: str) -> None:
    assert change(first, last) == text
