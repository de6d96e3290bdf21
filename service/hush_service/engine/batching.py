"""Engines that answer the questions of many recordings at once, and how to run them."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from hush.mel import Spectrogram
from hush.transcript import Transcript
from hush_service.engine import DecodingRequest, Engine, ModelInfo, WorkStoppedError
from hush_service.engine.procedure import ByProcedure, Procedure, Whole, WholeRecordings
from hush_service.engine.questions import Decode, Encode

log = logging.getLogger(__name__)


@runtime_checkable
class BatchingEngine(Procedure, Protocol):
    """A loaded model that can be asked about several recordings at once.

    Attributes
    ----------
    info
        What it can do.
    batch
        Questions that it is asked at once at most.
    """

    info: ModelInfo
    batch: int

    def answers(self, questions: Sequence[Any], stop: Callable[[], bool]) -> Sequence[object]:
        """Answer questions of one kind, not more than `batch`. Takes its time.

        Parameters
        ----------
        questions
            What transcriptions asked.
        stop
            Once it says true, nobody waits for any of the answers.

        Raises
        ------
        WorkStoppedError
            If `stop` said so.
        """


class OneAtATime(ByProcedure):
    """Has an engine that can do no more hear one recording after the other.

    Parameters
    ----------
    engine
        The engine.
    """

    batch = 1

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.info = engine.info
        self.procedure = WholeRecordings(engine.info)
        self.description = str(getattr(engine, "description", type(engine).__name__))

    def answers(self, questions: Sequence[Whole], stop: Callable[[], bool]) -> Sequence[object]:
        """Return transcripts; see `BatchingEngine`."""
        return [self._engine.transcribe(each.spectrogram, each.request, stop) for each in questions]


def batching(engine: Engine | BatchingEngine) -> BatchingEngine:
    """Return an engine as one that can be asked in batches, if only of one."""
    return engine if isinstance(engine, BatchingEngine) else OneAtATime(engine)


def answers_within_memory(
    engine: BatchingEngine,
    ask: Callable[[Sequence[Any]], Sequence[object]],
    questions: Sequence[Any],
    stop: Callable[[], bool],
    short_of_memory: Sequence[str],
) -> Sequence[object]:
    """Have questions answered; where memory does not suffice, in smaller batches from then on.

    Parameters
    ----------
    engine
        Whose batches they are.
    ask
        What answers them.
    questions, stop
        As for `BatchingEngine.answers`.
    short_of_memory
        What an error says where memory does not suffice.

    Raises
    ------
    WorkStoppedError
        If `stop` said so.
    """
    try:
        return ask(questions)
    except Exception as error:
        known = any(words in str(error) for words in short_of_memory)
        if not known and not isinstance(error, MemoryError):
            raise
    if stop():
        raise WorkStoppedError
    if len(questions) == 1:
        return ask(questions)  # it may have been told of the error before
    engine.batch = len(questions) // 2
    log.warning(
        "memory does not suffice for %d at once: %d from now on", len(questions), engine.batch
    )
    answers: list[object] = []
    while left := questions[len(answers) :]:
        some = left[: engine.batch]
        answers += answers_within_memory(engine, ask, some, stop, short_of_memory)
    return answers


def cost(question: object) -> float:
    """Return about how much work a question is, in seconds of sound to hear."""
    match question:
        case Whole():
            return question.seconds
        case Encode() | Decode():
            return question.window.seconds
    return 0.0


def transcribe_all(
    engine: BatchingEngine,
    pieces: Iterable[tuple[Spectrogram, DecodingRequest]],
    stop: Callable[[], bool] = lambda: False,
) -> list[Transcript]:
    """Return the words of several spectrograms, decoded together where that is possible.

    Raises
    ------
    WorkStoppedError
        If `stop` said so.
    """
    asking = [engine.begin(spectrogram, request) for spectrogram, request in pieces]
    questions: dict[int, Any] = {}
    done: dict[int, Transcript] = {}

    def go_on(number: int, answer: object) -> None:
        try:
            questions[number] = asking[number].send(answer)
        except StopIteration as end:
            done[number] = end.value

    for number in range(len(asking)):
        go_on(number, None)
    while questions:
        groups = defaultdict(list)
        for number, question in questions.items():
            groups[engine.kind(question)].append(number)
        for group in groups.values():
            for first in range(0, len(group), engine.batch):
                batch = group[first : first + engine.batch]
                # Encoding is no try by itself: `stop` may count them.
                if not isinstance(questions[batch[0]], Encode) and stop():
                    raise WorkStoppedError
                answers = engine.answers([questions.pop(number) for number in batch], stop)
                for number, answer in zip(batch, answers, strict=True):
                    go_on(number, answer)
    return [done[number] for number in sorted(done)]
