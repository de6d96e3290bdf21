import subprocess
import sys
from pathlib import Path

from bench.clients import NO_ANSWER, Answer
from bench.faults import Outcome
from bench.harm import flip, on_full_disk


def answer(status: int, text: str, sent: float = 0.0) -> Answer:
    return Answer("", 0, sent, 1.0, status, text)


def test_every_request_is_right_refused_wrong_or_lost() -> None:
    outcome = Outcome(["Hello."], began=5.0)
    outcome.answers = [
        answer(200, "Hello.", sent=4.5),
        answer(200, "Hello.", sent=7.0),
        answer(200, "Hell."),
        answer(503, "the engine was started anew; try again"),
        answer(503, ""),
        answer(NO_ANSWER, "ReadError"),
    ]
    assert len(outcome.right) == 2
    assert len(outcome.wrong) == 1
    assert outcome.refused == {503: 1}
    assert len(outcome.lost) == 2
    assert outcome.again == 3.0
    assert outcome.row("a fault") == "| a fault | 6 | 2 | 1 of 503 | 1 | 2 | 3.0 s |  |"


def test_after_a_fault_without_words_there_is_no_time() -> None:
    outcome = Outcome(["Hello."], [answer(200, "Hello.")], began=0.5)
    assert outcome.again is None


def test_a_flipped_file_differs_in_one_byte(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(bytes(9))
    flip(file)
    assert file.read_bytes() == bytes(4) + b"\xff" + bytes(4)


def test_nothing_is_written_on_a_full_disk(tmp_path: Path) -> None:
    write = "import os, sys; print('x' * 9999); sys.stdout.flush()"
    command = [*on_full_disk(tmp_path), sys.executable, "-c", write]
    ended = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    printed_to_a_pipe = "ulimit -f 0" in " ".join(command)
    assert printed_to_a_pipe or ended.returncode != 0
