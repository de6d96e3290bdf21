"""An engine in a process of its own: as good as one here, and no loss when it ends or hangs."""

import os
import platform
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hush.mel import Spectrogram, log_mel_spectrogram
from hush.transcript import Transcript
from hush_service.engine import DecodingRequest, ModelInfo, WorkStoppedError, process
from hush_service.engine.batching import transcribe_all
from hush_service.engine.loading import load_apart, load_engine
from hush_service.engine.process import Condition, EngineDiedError, EngineProcess
from hush_service.packaged import demo_folder
from hush_service.settings import ServiceSettings
from hush_service.weights.errors import WeightsError
from local.processes import HANG
from tests.conftest import Samples
from tests.service.conftest import wait_until

TOY = demo_folder() / "demo.pt"
SECOND = np.zeros((80, 100), np.float32)
PIECES, PIECE = 2_000, 12_500
"""Of memory: 200 MB in pieces that are too small to be freed one by one."""


class DoomedEngine:
    """Does to its process what the prompt of a request says, once for each file of a folder."""

    info = ModelInfo(80, ("en",), ("transcribe",), 1000)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if (folder / "tall").exists():
            self.info = replace(self.info, mel_bins=128)

    def transcribe(
        self, spectrogram: Spectrogram, request: DecodingRequest, stop: Callable[[], bool]
    ) -> Transcript:
        (self._folder / "begun").touch()
        if request.prompt == "pieces":
            pieces = [np.ones(PIECE) for _ in range(PIECES)]
            # The last of them has all before it stay, free as they are.
            self._last = pieces.pop()
        for doom in sorted(self._folder.glob("doom*"))[:1]:
            doom.unlink()
            match request.prompt:
                case "end":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "hang":
                    os.kill(os.getpid(), signal.SIGSTOP)
                case "fail":
                    raise ValueError("cannot be heard")
        while request.prompt == "wait" and not stop():
            time.sleep(0.01)
        if stop():
            raise WorkStoppedError
        return Transcript("Hello.", spectrogram.shape[1] / 100, "english")


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[EngineProcess]:
    with closing(EngineProcess(DoomedEngine, tmp_path, longest=HANG)) as engine:
        yield engine


def ask(engine: EngineProcess, prompt: str, stop: Callable[[], bool] = lambda: False) -> str:
    question = next(engine.begin(SECOND, DecodingRequest(prompt=prompt)))
    (answer,) = engine.answers([question], stop)
    assert isinstance(answer, Transcript)
    return answer.text


def resident(engine: EngineProcess) -> float:
    """Return how many megabytes of memory an engine's process takes."""
    pages = Path(f"/proc/{engine.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.parametrize("name", ["ctranslate2", "reference"])
def test_words_are_those_of_the_engine_here(
    name: str, tmp_path: Path, sample: Samples, sample_words: str
) -> None:
    settings = ServiceSettings(engine=name, device="cpu", download_folder=tmp_path)  # type: ignore[arg-type]
    spectrogram = log_mel_spectrogram(sample)
    request = DecodingRequest(words=True)
    pieces = [(spectrogram, request), (spectrogram[:, :500], request)]
    with closing(EngineProcess(load_engine, settings, TOY)) as apart:
        transcripts = transcribe_all(apart, pieces)
    here = load_engine(settings, TOY)
    assert transcripts == [here.transcribe(*piece, lambda: False) for piece in pieces]
    assert transcripts[0].text == sample_words


def test_what_was_encoded_by_a_process_that_ended_is_encoded_again(
    tmp_path: Path, sample: Samples, sample_words: str
) -> None:
    settings = ServiceSettings(device="cpu", download_folder=tmp_path)
    with closing(EngineProcess(load_engine, settings, TOY)) as engine:
        asking = engine.begin(log_mel_spectrogram(sample), DecodingRequest())
        (encoded,) = engine.answers([next(asking)], lambda: False)
        question = asking.send(encoded)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EngineDiedError):
            engine.answers([question], lambda: False)
        (answer,) = engine.answers([question], lambda: False)
        with pytest.raises(StopIteration) as end:
            asking.send(answer)
        assert end.value.value.text == sample_words


def test_windows_that_are_done_with_are_forgotten_there(tmp_path: Path, sample: Samples) -> None:
    settings = ServiceSettings(device="cpu", download_folder=tmp_path)
    with closing(EngineProcess(load_engine, settings, TOY)) as engine:
        for _ in range(3):
            transcribe_all(engine, [(log_mel_spectrogram(sample), DecodingRequest())])
        assert len(engine._numbers) == 0
        assert len(engine._forgotten) == 1  # which the next question would tell
        engine.forget()
        assert engine._forgotten == []


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is given back with glibc")
def test_memory_goes_back_where_nobody_asks_any_more(doomed: EngineProcess) -> None:
    before = resident(doomed)
    ask(doomed, "pieces")
    assert resident(doomed) - before > 150
    doomed.forget()
    wait_until(lambda: resident(doomed) - before < 50)


@pytest.mark.parametrize("prompt", ["end", "hang"])
def test_a_process_that_ends_or_hangs_is_started_again(
    doomed: EngineProcess, tmp_path: Path, prompt: str
) -> None:
    conditions: list[Condition] = []
    doomed.on_change = conditions.append
    (tmp_path / "doom").touch()
    first = doomed.pid
    if prompt == "hang":
        doomed._longest = 5.0
    with pytest.raises(EngineDiedError, match="SIGKILL" if prompt == "end" else "not answered"):
        ask(doomed, prompt)
    assert conditions == [Condition.STARTING, Condition.READY]
    assert doomed.pid != first
    assert ask(doomed, prompt) == "Hello."


def test_a_failure_is_told_and_ends_nothing(doomed: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "doom").touch()
    first = doomed.pid
    with pytest.raises(ValueError, match="cannot be heard"):
        ask(doomed, "fail")
    assert ask(doomed, "fail") == "Hello."
    assert doomed.pid == first


def test_work_that_nobody_waits_for_stops_there(doomed: EngineProcess, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    with pytest.raises(WorkStoppedError):
        ask(doomed, "wait", stop=begun.exists)
    assert ask(doomed, "") == "Hello."


def test_a_process_that_cannot_be_started_again_is_lost_until_it_can(
    tmp_path: Path,
) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(TOY.read_bytes())
    settings = ServiceSettings(device="cpu", download_folder=tmp_path / "cache")
    conditions: list[Condition] = []
    with closing(EngineProcess(load_engine, settings, model)) as engine:
        engine.on_change = conditions.append
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        model.write_bytes(b"damaged")
        questions = [next(engine.begin(SECOND, DecodingRequest()))]
        with pytest.raises(EngineDiedError, match="cannot be started again"):
            engine.answers(questions, lambda: False)
        assert conditions == [Condition.STARTING, Condition.LOST]
        model.write_bytes(TOY.read_bytes())
        with pytest.raises(EngineDiedError, match="cannot be started again"):
            engine.answers(questions, lambda: False)  # which is not tried again so soon
        assert conditions[2:] == []
        engine._lost = float("-inf")
        assert engine.answers(questions, lambda: False) == [None]
        assert conditions[2:] == [Condition.STARTING, Condition.READY]


def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="damaged"):
        load_apart(ServiceSettings(device="cpu", download_folder=tmp_path), damaged)


def test_it_ends_with_the_process_that_started_it(doomed: EngineProcess) -> None:
    started = doomed._process
    assert started is not None
    assert started.stdin is not None
    started.stdin.close()
    wait_until(lambda: started.poll() is not None)
    assert started.returncode == 0


def test_signals_that_drain_the_service_are_not_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor for threads that a library starts as it is imported."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with closing(EngineProcess(DoomedEngine, tmp_path, longest=HANG)) as engine:
        assert engine.pid is not None
        for stopping in (signal.SIGTERM, signal.SIGINT) * 10:
            os.kill(engine.pid, stopping)
        first = engine.pid
        assert ask(engine, "") == "Hello."
        assert engine.pid == first
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGTERM, signal.SIGINT} == set()


def test_nothing_of_the_working_folder_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    with closing(EngineProcess(DoomedEngine, tmp_path, longest=HANG)) as engine:
        assert ask(engine, "") == "Hello."


def test_a_process_that_takes_no_question_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PATIENCE", 1.0)
    with closing(EngineProcess(DoomedEngine, tmp_path, longest=HANG)) as engine:
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGSTOP)
        state = Path(f"/proc/{engine.pid}/stat")
        wait_until(lambda: state.read_text(encoding="utf-8").rsplit(") ")[-1].startswith("T"))
        long = next(engine.begin(np.zeros((80, 100_000), np.float32), DecodingRequest()))
        with pytest.raises(EngineDiedError, match="takes no questions"):
            engine.answers([long], lambda: False)
        assert ask(engine, "") == "Hello."


def test_what_takes_too_long_ends_without_ending_the_process(
    doomed: EngineProcess, tmp_path: Path
) -> None:
    doomed._longest = 0.1
    first = doomed.pid
    with pytest.raises(WorkStoppedError):
        ask(doomed, "wait", stop=(tmp_path / "begun").exists)
    assert doomed.pid == first


def test_a_hang_that_nobody_waits_for_is_found_soon(
    doomed: EngineProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 1.0)
    monkeypatch.setattr(process, "PATIENCE", 100.0)
    ask(doomed, "")
    (tmp_path / "begun").unlink()
    (tmp_path / "doom").touch()
    with pytest.raises(EngineDiedError, match=r"not answered for \d\d? s"):
        ask(doomed, "hang", stop=(tmp_path / "begun").exists)
    assert ask(doomed, "") == "Hello."


def test_one_slow_answer_does_not_make_it_patient_for_ever(doomed: EngineProcess) -> None:
    doomed._slowest = 10.0  # a machine that stood still
    before = doomed._patience(30.0)
    for _ in range(300):
        ask(doomed, "")
    after = doomed._patience(30.0)
    assert after[0] < before[0]
    assert after[1] < before[1]


def test_a_hang_at_the_first_question_is_found_soon_after_nobody_waits(
    doomed: EngineProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 1.0)
    monkeypatch.setattr(doomed, "_longest", 2.0)
    (tmp_path / "doom").touch()
    asked: list[None] = []

    def late() -> bool:
        """Whoever asked waits nearly as long as an answer may take."""
        asked.append(None)
        return len(asked) > 20

    with pytest.raises(EngineDiedError, match=r"not answered for [123] s"):
        ask(doomed, "hang", stop=late)


def test_a_model_of_another_kind_is_not_taken_for_the_one_that_was_there(tmp_path: Path) -> None:
    with closing(EngineProcess(DoomedEngine, tmp_path, longest=HANG)) as engine:
        (tmp_path / "tall").touch()
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EngineDiedError, match="another kind"):
            ask(engine, "")


def test_one_that_is_closed_is_not_started_again_by_who_waits_for_it(
    doomed: EngineProcess, tmp_path: Path
) -> None:
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(ask, doomed, "wait")
        wait_until((tmp_path / "begun").exists)
        doomed.close()
        with pytest.raises(EngineDiedError, match="closed"):
            waiting.result()
    assert doomed.pid is None
