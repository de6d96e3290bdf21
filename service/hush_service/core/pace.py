"""How fast engines are, as measured, and how long what waits will take."""

from collections import defaultdict
from collections.abc import Collection, Hashable

from hush_service.core.turns import Job
from hush_service.engine.batching import BatchingEngine

WEIGHT = 0.3
"""Of the newest measurement in the mean."""
SLOWER = 4.0
"""Times the mean that a measurement counts for at most: a batch that stalled says little of the
next. An engine that stays slower is known to be after a few of them."""


class Pace:
    """Seconds that engines take for a second of sound, from what they did."""

    def __init__(self) -> None:
        self._pace: dict[BatchingEngine, float] = {}

    def measured(self, engine: BatchingEngine, seconds: float, heard: float) -> None:
        """Learn from some work.

        Parameters
        ----------
        engine
            What did it.
        seconds
            How long it took.
        heard
            Seconds of sound that are done with by it, more than 0.
        """
        newest = seconds / heard
        before = self._pace.get(engine, newest)
        self._pace[engine] = before + WEIGHT * (min(newest, SLOWER * before) - before)

    def seconds(self, job: Job) -> float:
        """Return how long the rest of a job will take by itself; 0 if nothing was measured."""
        return job.left * self._pace.get(job.engine, 0.0)

    def total(self, jobs: Collection[Job]) -> float:
        """Return how long jobs will take together, in seconds."""
        return sum(self.seconds(job) for job in jobs)

    def ahead(self, job: Job, jobs: Collection[Job], now: float) -> float:
        """Return how long others keep an engine from finishing a job, in seconds.

        Parameters
        ----------
        job
            The job.
        jobs
            All that are to be done; the job may be among them.
        now
            The time.
        """
        shares: dict[Hashable, float] = defaultdict(float)
        for each in jobs:
            if each is not job and each.priority(now) <= job.priority(now):
                shares[each.caller] += self.seconds(each)
        own = shares.pop(job.caller, 0.0)
        # Of others' work no more comes before it than its caller gets done by then.
        turn = own + self.seconds(job)
        return own + sum(min(share, turn) for share in shares.values())
