"""Whose turn it is: callers in turn, the more urgent first, and of each the longest waiting."""

from collections.abc import Container, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from hush.mel import FRAMES_PER_SECOND
from hush.transcript import Transcript
from hush_service.engine.batching import BatchingEngine, cost
from hush_service.engine.procedure import Transcription
from hush_service.engine.questions import Window

CREDIT = 240.0
"""Work, in seconds of sound, that a caller who had less than others may have before them: eight
windows of 15 s, each encoded and decoded. Whoever asks for less than an equal share, if not evenly,
then waits for nobody who asks for more."""


class Priority(IntEnum):
    """What goes first where both wait."""

    INTERACTIVE = 0
    BULK = 1
    INTERIM = 2


@dataclass(frozen=True)
class Terms:
    """Who waits for words, and how.

    Attributes
    ----------
    caller
        What tells one who asks from another: callers take turns. None is one of its own.
    priority
        How urgent it is.
    within
        Seconds after which nobody waits any more; the service's own bound if None.
    is_known
        Whether whoever asks would be known again: a connection says nothing of who had what before.
    """

    caller: Hashable = None
    priority: Priority = Priority.INTERACTIVE
    within: float | None = None
    is_known: bool = True


class Share(NamedTuple):
    """What an engine was asked for a picture, with others or alone.

    Attributes
    ----------
    question
        Its kind, such as "Decode".
    began, ended
        Seconds of the queue's clock.
    together
        How many pictures it was asked about at once.
    """

    question: str
    began: float
    ended: float
    together: int


@dataclass(eq=False)
class Job:
    """A picture that is being turned into words, question by question.

    Attributes
    ----------
    terms
        Who waits for it.
    engine
        What is asked.
    seconds
        Of sound that are to be heard in all.
    arrived, late
        When it came, and when it is too late to begin with it, in seconds of the queue's clock.
    asking
        Asks for its words.
    question
        What it waits to be asked.
    begun
        Whether something of it was asked already.
    amid
        Whether the window it is at is begun, so that it is finished before others are.
    worked
        Seconds that the engine had for it: its share of what was asked together.
    left
        Seconds of sound that are still to be heard.
    spent
        Its share of the engine's time since `left` last became less.
    shares
        What an engine was asked for it.
    caller, share
        Who asks, and whose share of an engine it takes: its own where nobody would be known again.
    """

    terms: Terms
    engine: BatchingEngine
    seconds: float
    arrived: float
    late: float
    asking: Transcription | None = None
    question: Any = None
    begun: bool = False
    amid: bool = False
    worked: float = 0.0
    spent: float = 0.0
    shares: list[Share] = field(default_factory=list)
    left: float = field(init=False)
    caller: Hashable = field(init=False)
    share: Hashable = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.seconds
        self.caller = self if self.terms.caller is None else self.terms.caller
        self.share = self.caller if self.terms.is_known else self

    def advance(self, answer: object) -> Transcript | None:
        """Go on with the answer to the question; return the words, if these are all."""
        assert self.asking is not None
        window: Window | None = getattr(self.question, "window", None)
        try:
            self.question = self.asking.send(answer)
        except StopIteration as end:
            self.left = 0.0
            transcript: Transcript = end.value
            return transcript
        following: Window | None = getattr(self.question, "window", None)
        self.amid = following is window
        if following is not None:
            self.left = min(self.left, self.seconds - following.first / FRAMES_PER_SECOND)
        return None

    def priority(self, now: float) -> Priority:
        """Return how urgent it is: what has waited for half of its time is not put off any more."""
        if self.terms.priority is Priority.BULK and now > (self.arrived + self.late) / 2:
            return Priority.INTERACTIVE
        return self.terms.priority


class Turns:
    """What waits for an engine, and what is asked next.

    Callers have equal shares of an engine's time while they wait (fair queueing in virtual time).
    Who comes new, or had less than others lately, goes before them, up to `CREDIT`; who would not
    be known again has no more than a share.
    """

    def __init__(self) -> None:
        self._waiting: dict[Job, None] = {}
        self._had: dict[Hashable, float] = {}
        # What a share of all work so far is: who waits all the time had as much.
        self._reached = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._waiting))

    def add(self, job: Job) -> None:
        """Have a job, which has a question, wait for its turn."""
        self._waiting[job] = None
        least = self._reached - (0.0 if job.share is job else CREDIT)
        self._had[job.share] = max(self._had.get(job.share, least), least)

    def remove(self, job: Job) -> None:
        """Have a job wait no more, if it does."""
        self._waiting.pop(job, None)

    def forget(self, present: Container[Hashable]) -> None:
        """Forget the shares of those who are not present, where it makes no difference any more."""
        for share, had in list(self._had.items()):
            past = had <= self._reached - CREDIT or isinstance(share, Job)
            if past and share not in present:
                del self._had[share]

    def take(self, now: float) -> list[Job]:
        """Return what is to be asked next, together; it waits no more. Nothing if nothing waits."""
        if not self._waiting:
            return []
        first = self._next(self._waiting, now)
        engine, kind = first.engine, first.engine.kind(first.question)
        fitting = {
            job: None
            for job in self._waiting
            if job.engine is engine and engine.kind(job.question) == kind
        }
        # One more than wait: who is alone uses up what it may have before others, too.
        sharing = len({job.share for job in self._waiting}) + 1
        batch: list[Job] = []
        while fitting and len(batch) < engine.batch:
            job = self._next(fitting, now)
            del fitting[job], self._waiting[job]
            work = cost(job.question)
            self._reached = max(self._reached, self._had[job.share]) + work / sharing
            self._had[job.share] += work
            batch.append(job)
        return batch

    def _next(self, jobs: Iterable[Job], now: float) -> Job:
        return min(
            jobs,
            key=lambda job: (
                job.priority(now),
                not job.amid,
                self._had[job.share],
                job.begun,
                job.arrived,
            ),
        )
