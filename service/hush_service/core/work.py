"""The bounded queue before the engines: what fits together is asked at once, callers take turns."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from hush.transcript import Transcript
from hush_service.core.errors import (
    CallerGoneError,
    DrainingError,
    EngineLostError,
    InterimDroppedError,
    QueueFullError,
    TooLateError,
    TooSlowError,
    soon,
)
from hush_service.core.pace import Pace
from hush_service.core.turns import Job, Priority, Share, Terms, Turns
from hush_service.engine import WorkStoppedError
from hush_service.engine.batching import BatchingEngine
from hush_service.engine.procedure import Transcription
from hush_service.engine.process import EngineDiedError

log = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
"""Until what an engine remembers of pictures is of no use any more."""


@dataclass(frozen=True)
class Bounds:
    """How much is taken on.

    Attributes
    ----------
    size
        Pictures that may wait while others are worked on.
    caller_size
        How many of them may be one caller's.
    max_seconds
        Longest time that an engine has for one picture.
    within
        Seconds after which nobody waits for an answer, where who asks says nothing else.
    """

    size: int = 256
    caller_size: int = 16
    max_seconds: float = 300.0
    within: float = 60.0


@dataclass(eq=False)
class _Step:
    """What an engine is asked at once, and since when."""

    jobs: list[Job]
    began: float
    given_up: Callable[[Job], bool]
    max_seconds: float
    clock: Callable[[], float]
    results: dict[Job, Transcript | BaseException] = field(default_factory=dict)
    answered: list[tuple[Any, object]] = field(default_factory=list)
    left: dict[Job, float] = field(init=False)
    kind: str = field(init=False)
    again: bool = False
    spent: float = 0.0

    def __post_init__(self) -> None:
        self.left = {job: job.left for job in self.jobs}
        self.kind = type(self.jobs[0].question).__name__

    def stop(self) -> bool:
        """Tell whether nobody waits for any of it."""
        share = (self.clock() - self.began) / len(self.jobs)
        return all(self.given_up(job) or job.worked + share > self.max_seconds for job in self.jobs)

    def run(self) -> None:
        """Ask, and let each job go on with its answer. Takes its time."""
        engine = self.jobs[0].engine
        try:
            answers = engine.answers([job.question for job in self.jobs], self.stop)
        except WorkStoppedError as error:
            self.spent = self.clock() - self.began
            self.results = dict.fromkeys(self.jobs, error)
        except EngineDiedError as error:
            # What it took does not count: neither as work on a picture nor as the engine's pace.
            if self.again:
                self.results = dict.fromkeys(self.jobs, error)
            else:
                self._run_one_by_one()
        except Exception as error:
            self.spent = self.clock() - self.began
            if len(self.jobs) == 1:
                self.results[self.jobs[0]] = error
                return
            # One that cannot be heard must not take those with it that it came together with.
            log.warning("a batch of %d failed and is asked one by one: %s", len(self.jobs), error)
            self._run_one_by_one()
        else:
            self.spent = self.clock() - self.began
            for job, answer in zip(self.jobs, answers, strict=True):
                self._go_on(job, answer)

    def _run_one_by_one(self) -> None:
        for job in self.jobs:
            alone = replace(
                self,
                jobs=[job],
                began=self.clock(),
                spent=0.0,
                results={},
                answered=[],
                again=True,
            )
            alone.run()
            self.spent += alone.spent
            self.results |= alone.results
            self.answered += alone.answered

    def _go_on(self, job: Job, answer: object) -> None:
        self.answered.append((job.question, answer))
        try:
            transcript = job.advance(answer)
        except Exception as error:
            self.results[job] = error
        else:
            if transcript is not None:
                self.results[job] = transcript


class WorkQueue:
    """Has engines answer what pictures ask, and says no where that cannot come in time.

    One engine works at a time: they share the machine.

    Parameters
    ----------
    bounds
        How much is taken on.
    clock
        Tells the time in seconds.

    Attributes
    ----------
    admitted
        Pictures that were taken and are not answered yet.
    done
        Pictures that were answered.
    on_step
        Called with an engine, the questions that it was asked at once, each with its answer, and
        how many seconds that took.
    on_begun
        Called with the seconds that a picture has waited before something of it was asked.
    on_idle
        Called in the engines' thread once nothing has been asked of them for a while.
    on_left
        Called with a picture that is answered, or whose answer nobody gets, where it is awaited.
    """

    def __init__(
        self, bounds: Bounds | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bounds = bounds or Bounds()
        self._clock = clock
        self._jobs: dict[Job, asyncio.Future[Transcript] | None] = {}
        self._turns = Turns()
        self._pace = Pace()
        self._step: _Step | None = None
        self._working: asyncio.Task[None] | None = None
        self._resting: asyncio.TimerHandle | None = None
        # A thread of its own: what decodes pictures must not keep the model waiting.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._empty = asyncio.Event()
        self._empty.set()
        self._draining = False
        self.done = 0
        self.on_step: Callable[[BatchingEngine, Sequence[tuple[Any, object]], float], None] = (
            lambda engine, answered, seconds: None
        )
        self.on_begun: Callable[[float], None] = lambda seconds: None
        self.on_idle: Callable[[], None] = lambda: None
        self.on_left: Callable[[Job], None] = lambda job: None

    @property
    def admitted(self) -> int:
        """How many pictures were taken and are not answered yet."""
        return len(self._jobs)

    @property
    def waiting(self) -> int:
        """How many pictures wait for their turn."""
        return len(self._jobs) - self._running

    @property
    def draining(self) -> bool:
        """Whether nothing new is taken."""
        return self._draining

    @property
    def stuck(self) -> bool:
        """Whether an engine has been at one thing for longer than it may be at a picture."""
        step = self._step
        return step is not None and self._clock() - step.began > 2 * self._bounds.max_seconds

    @property
    def _running(self) -> int:
        return 0 if self._step is None else sum(job in self._jobs for job in self._step.jobs)

    def drain(self) -> None:
        """Take nothing new from here on."""
        self._draining = True

    async def emptied(self) -> None:
        """Wait until all that was taken is finished."""
        await self._empty.wait()

    @contextmanager
    def admission(
        self, engine: BatchingEngine, seconds: float, terms: Terms | None = None
    ) -> Iterator[Job]:
        """Hold one of the places in the queue.

        Parameters
        ----------
        engine
            What is to be asked.
        seconds
            Of sound that it has to hear.
        terms
            Who waits, and how.

        Raises
        ------
        QueueFullError
            If none is free.
        TooLateError
            If the answer would not come in time.
        InterimDroppedError
            If it is interim, and anything else waits.
        DrainingError
            If the service is about to stop.
        """
        if self._draining:
            raise DrainingError("this instance is about to stop; try again")
        terms = terms or Terms()
        now = self._clock()
        within = self._bounds.within if terms.within is None else terms.within
        job = Job(terms, engine, seconds, now, now + within)
        if terms.priority is Priority.INTERIM:
            self._check_idle(job)
        else:
            self._check_room(job)
            self._check_time(job, within, now)
        self._jobs[job] = None
        self._empty.clear()
        try:
            yield job
        finally:
            self._leave(job)

    async def run(
        self, job: Job, asking: Transcription, question: Any, departure: Awaitable[None]
    ) -> Transcript:
        """Return what a picture says, when its turn has come.

        Parameters
        ----------
        job
            Its `admission`.
        asking
            Asks for its words.
        question
            What it asks first.
        departure
            Ends when nobody waits for the words any more.

        Raises
        ------
        TooLateError
            If its turn did not come in time after all.
        TooSlowError
            If the work takes too long.
        CallerGoneError
            If nobody waits for it.
        EngineLostError
            If the engine's process ended while it heard this, and once more.
        """
        loop = asyncio.get_running_loop()
        answer = self._jobs[job] = loop.create_future()
        job.asking, job.question = asking, question
        departed = asyncio.ensure_future(departure)
        timer = loop.call_later(max(0.0, job.late - self._clock()), self._expire, job)
        try:
            self._queue(job)
            await asyncio.wait((answer, departed), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise CallerGoneError
            transcript: Transcript = await answer
            self.done += 1
            return transcript
        except WorkStoppedError as error:
            raise TooSlowError(
                f"this picture takes longer than {self._bounds.max_seconds:g} s; send shorter"
                " segments"
            ) from error
        except EngineDiedError as error:
            raise EngineLostError(
                "the engine ended while it heard this picture, and again; send it later"
            ) from error
        finally:
            timer.cancel()
            departed.cancel()
            answer.cancel()
            self.on_left(job)

    def _check_idle(self, job: Job) -> None:
        for other in self._unasked():
            own = other.terms.priority is Priority.INTERIM and other.caller == job.caller
            if own and not other.begun:
                # What was said since is in the newer picture. One that is decoded already has words
                # soon: were it given up for each newer one, there would never be any.
                self._fail(other, InterimDroppedError())
        if any(each.terms.priority is not Priority.INTERIM for each in self._unasked()):
            raise InterimDroppedError

    def _check_room(self, job: Job) -> None:
        waiting = self._unasked()
        # Where nothing is worked on, the first of them will be at once.
        next_up = self._step is None
        if len(waiting) >= self._bounds.size + next_up:
            raise QueueFullError(
                f"the queue is full: {len(waiting)} pictures wait; try again",
                retry_after=self._later(self._pace.total(self._jobs) / max(1, len(self._jobs))),
            )
        own = [each for each in waiting if each.caller == job.caller]
        if len(own) >= self._bounds.caller_size + next_up:
            raise QueueFullError(
                f"{len(own)} of your pictures wait already; try again",
                retry_after=self._later(self._pace.total(own) / len(own)),
            )

    def _check_time(self, job: Job, within: float, now: float) -> None:
        ahead = self._pace.ahead(job, self._jobs, now)
        late = ahead + self._pace.seconds(job) - within
        # What takes longer by itself would be refused for ever.
        if ahead > 0 and late > 0:
            raise TooLateError(
                f"others are before this picture for the next {ahead:.0f} s, and no answer would"
                " come in time; try again",
                retry_after=self._later(min(late, ahead)),
            )

    def _unasked(self) -> list[Job]:
        running = () if self._step is None else self._step.jobs
        return [job for job in self._jobs if job not in running]

    @staticmethod
    def _later(seconds: float) -> float:
        """Return when to come again."""
        return soon(max(1.0, seconds))

    def _queue(self, job: Job) -> None:
        self._turns.add(job)
        if self._resting is not None:
            self._resting.cancel()
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._take():
                step = self._step_of(batch)
                self._step = step
                try:
                    await loop.run_in_executor(self._thread, step.run)
                finally:
                    self._step = None
                self._finish(step)
        finally:
            self._working = None
            self._resting = loop.call_later(IDLE_SECONDS, self._rest)

    def _rest(self) -> None:
        if not self._jobs:
            self._thread.submit(self.on_idle)

    def _step_of(self, batch: list[Job]) -> _Step:
        now = self._clock()
        for job in batch:
            if not job.begun:
                job.begun = True
                self.on_begun(now - job.arrived)
        return _Step(batch, now, self._given_up, self._bounds.max_seconds, self._clock)

    def _take(self) -> list[Job]:
        interim = [job for job in self._turns if job.terms.priority is Priority.INTERIM]
        if len(interim) < len(self._turns):
            for job in interim:
                self._fail(job, InterimDroppedError())
        return self._turns.take(self._clock())

    def _finish(self, step: _Step) -> None:
        spent = step.spent
        self.on_step(step.jobs[0].engine, step.answered, spent)
        together = len(step.jobs)
        for job in step.jobs:
            job.worked += spent / together
            job.shares.append(Share(step.kind, step.began, step.began + spent, together))
            result = step.results.get(job)
            answer = self._jobs.get(job)
            if answer is None or answer.done():
                continue
            if isinstance(result, Transcript):
                answer.set_result(result)
            elif result is not None:
                answer.set_exception(result)
            elif job.worked > self._bounds.max_seconds:
                answer.set_exception(WorkStoppedError())
            else:
                self._turns.add(job)
        self._measure(step, spent)

    def _measure(self, step: _Step, spent: float) -> None:
        """Learn how fast the engine is.

        Neither what is given up amid a window says that, nor interim words, which are greedy.
        """
        heard = took = 0.0
        for job, left in step.left.items():
            if job.terms.priority is Priority.INTERIM:
                continue
            job.spent += spent / len(step.jobs)
            if job.left < left:
                heard += left - job.left
                took += job.spent
                job.spent = 0.0
        if heard > 0:
            self._pace.measured(step.jobs[0].engine, took, heard)

    def _given_up(self, job: Job) -> bool:
        answer = self._jobs.get(job)
        return answer is None or answer.done()

    def _expire(self, job: Job) -> None:
        if job.begun:
            return
        if job.terms.priority is Priority.INTERIM:
            self._fail(job, InterimDroppedError())
            return
        message = "others were before this picture for longer than you wait; try again"
        ahead = self._pace.ahead(job, self._jobs, self._clock())
        self._fail(job, TooLateError(message, retry_after=self._later(ahead)))

    def _fail(self, job: Job, error: Exception) -> None:
        answer = self._jobs.get(job)
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self._turns.remove(job)

    def _leave(self, job: Job) -> None:
        self._turns.remove(job)
        del self._jobs[job]
        self._turns.forget({each.share for each in self._jobs})
        if not self._jobs:
            self._empty.set()
