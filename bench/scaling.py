"""The fleet's policy against made-up traffic: `python -m bench.scaling`.

Simulates second by second what the stacks deploy: waking by the first request that finds nobody,
sizing by pictures in flight, retiring after an idle time, boots of some minutes, spot instances
taken back. Clients wait and come again, as OpenAI's do; or the responder answers them, while no
instance is ready. Prints what the policies cost, the idle month's bill with it, and how long people
wait, for all their words and for the first of a visit, beside one on-demand instance that is always
on. Draws docs/scaling.png.
"""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bench.cost import PRICES, filling, idle_items, volume_hour
from stacks.settings import Settings

Floats = npt.NDArray[np.float64]

DAY, WEEK = 86_400, 7 * 86_400

SECONDS_PER_PICTURE = 1.5
"""One segment of speech on a T4: an assumption, until it is measured there."""
BOOT_SECONDS = {False: 420.0, True: 240.0}
"""From asking for an instance to its first answer, with its volume read lazily, and filled at a
rate that costs extra: assumptions both, from before the lean image; the dashboard has the fact."""
GROW_SECONDS, SHRINK_SECONDS = 180, 900
"""How long target tracking wants its metric above the target, or below."""
RECLAIMED_PER_HOUR = 0.02
QUEUE_SIZE = 9
RETRY_SECONDS = 30
RESPONDER_SECONDS = 0.6
"""A segment of 10 s on the responder, warm, as `bench.responder` measured it on two threads."""
RESPONDER_START = 2.0
"""From nothing to its first words, likewise."""
LAMBDAS_OWN = 2.0
"""What Lambda adds to a start, and S3 to the weights' way: an allowance, to be measured there."""
KEPT_WARM = 600.0
"""For as long, Lambda keeps a function that nobody asks: an assumption."""
VISIT_PAUSE = 300.0
"""A picture after as long without one is the first of a visit."""


@dataclass(frozen=True)
class Policy:
    """What decides how many instances there are."""

    name: str
    idle_minutes: int
    in_flight: float
    filled: bool = True
    maximum: int = 4
    always_on: bool = False
    responder: bool = False
    page: bool = False
    """Whether the responder is asked for its models when a visit begins, as the page does."""
    wake_after: float = 1

    def launch_and_hour(self, *, on_demand: bool = False) -> tuple[float, float]:
        """Return what a launch and an hour of an instance cost, with its address and volume."""
        hour = PRICES["hour"]
        price: float = hour["on_demand"]["g4dn.xlarge"] if on_demand else hour["g4dn_xlarge_spot"]
        return self.filled * filling(), price + hour["public_address"] + volume_hour(self.filled)


@dataclass
class Instance:
    """One instance: what waits in it, and since when it is idle."""

    ready_at: float
    idle_since: float
    waiting: deque[float] = field(default_factory=deque)
    busy_until: float = 0.0


@dataclass
class Responders:
    """The responder's processes: those that work, those kept warm, and what they cost so far."""

    policy: Policy
    free_at: list[float] = field(default_factory=list)
    hour: int = -1
    segments: int = 0
    worked: float = 0.0
    asked: int = 0

    def answer(self, now: float) -> float:
        """Answer a picture; return after how many seconds."""
        self.free_at = [each for each in self.free_at if now - each < KEPT_WARM]
        warm = next((each for each in self.free_at if each <= now), None)
        seconds = RESPONDER_SECONDS
        if warm is not None:
            self.free_at.remove(warm)
        elif self.policy.page and not self.free_at:
            # It has started while whoever opened the page began to speak.
            self.worked += RESPONDER_START
        else:
            seconds = RESPONDER_START + LAMBDAS_OWN
        self.free_at.append(now + seconds)
        self.worked += seconds
        self.asked += 1
        return seconds

    def worth_waking(self, now: float) -> bool:
        """Count a segment, and tell whether there are enough in this hour."""
        if (hour := int(now // 3600)) != self.hour:
            self.hour, self.segments = hour, 0
        self.segments += 1
        return self.segments >= self.policy.wake_after

    @property
    def dollars(self) -> float:
        """What they cost."""
        gigabytes = Settings().responder_memory / 1024
        working: float = PRICES["lambda"]["gigabyte_second_arm"]
        # One call more for each picture: the status Lambda's.
        calls: float = 2 * self.asked * PRICES["million"]["lambda_requests"] / 1e6
        return self.worked * gigabytes * working + calls


@dataclass(frozen=True)
class Outcome:
    """A week of a policy."""

    waits: Floats
    first: Floats
    responder_dollars: float
    refused: int
    instance_hours: float
    launches: int
    counts: npt.NDArray[np.int_]

    def dollars_per_month(self, policy: Policy) -> float:
        """Return what a month costs: instances, their addresses, volumes and launches."""
        a_launch, an_hour = policy.launch_and_hour(on_demand=policy.always_on)
        weeks = 730 / 168
        fleet = self.instance_hours * an_hour + self.launches * a_launch
        return float(weeks * (fleet + self.responder_dollars))


def demonstration(generator: np.random.Generator) -> Floats:
    """Return a week's arrivals of a demo: some visits a day, each a few minutes of dictation."""
    arrivals: list[float] = []
    for day in range(7):
        for _ in range(generator.poisson(4)):
            start = day * DAY + generator.normal(15 * 3600, 3 * 3600)
            length = generator.exponential(5 * 60)
            pictures = generator.poisson(length / 8)
            arrivals.extend(start + np.sort(generator.uniform(0, length, pictures)))
    return np.sort(np.asarray(arrivals)) % WEEK


def office(generator: np.random.Generator) -> Floats:
    """Return a week's arrivals of an office: a daily curve on workdays, with bursts."""
    seconds = np.arange(WEEK)
    hour = seconds / 3600 % 24
    workday = seconds // DAY < 5
    rate = np.where(workday, 0.25 * np.exp(-(((hour - 14) / 3) ** 2)), 0.0)
    bursts = np.zeros(WEEK)
    for start in generator.integers(0, 5 * DAY, 10):
        bursts[start : start + 600] = 0.8
    return np.repeat(seconds, generator.poisson(rate + bursts)).astype(np.float64)


def idle_month() -> float:
    """Return what a month costs in which nobody comes (`bench.cost`)."""
    return sum(dollars for _, dollars in idle_items())


class Week:
    """A week of one policy, second by second.

    Parameters
    ----------
    policy
        What decides how many instances there are.
    generator
        Decides which instances are taken back.
    """

    def __init__(self, policy: Policy, generator: np.random.Generator) -> None:
        self.policy = policy
        self.fleet = [Instance(0.0, 0.0)] if policy.always_on else []
        self.again: list[tuple[float, float]] = []
        self.waits: list[tuple[float, float]] = []
        self.responders = Responders(policy)
        self.refused = self.launches = self.seconds = 0
        self._generator = generator
        self._load = 0.0
        self._above = self._below = 0

    def run(self, arrivals: Floats) -> Outcome:
        """Let pictures come, at these seconds."""
        coming = deque(np.sort(arrivals))
        counts = np.zeros(WEEK // 60, int)
        for now in range(WEEK):
            new = []
            while coming and coming[0] <= now:
                new.append(float(coming.popleft()))
            self.pass_second(now, new)
            counts[now // 60] = len(self.fleet)
        hours = self.seconds / 3600
        come, waits = np.asarray(sorted(self.waits)).T
        first = np.diff(come, prepend=-VISIT_PAUSE) >= VISIT_PAUSE
        dollars = self.responders.dollars
        return Outcome(waits, waits[first], dollars, self.refused, hours, self.launches, counts)

    def pass_second(self, now: float, new: list[float]) -> None:
        """Let a second pass, in which pictures come that are new beside those that come again."""
        due = [first for when, first in self.again if when <= now]
        self.again = [visit for visit in self.again if visit[0] > now]
        ready = [each for each in self.fleet if each.ready_at <= now]
        self._take(now, due + new, ready)
        self._work(now, ready)
        if not self.policy.always_on:
            self._resize(now, ready)
            self._retire(now)
            self._reclaim(now, ready)
        self.seconds += len(self.fleet)

    def _launch(self, now: float) -> None:
        ready_at = now + BOOT_SECONDS[self.policy.filled]
        self.fleet.append(Instance(ready_at, ready_at))
        self.launches += 1

    def _give_back(self, now: float, instance: Instance) -> None:
        self.fleet.remove(instance)
        self.again.extend((now, first) for first in instance.waiting)

    def _take(self, now: float, due: list[float], ready: list[Instance]) -> None:
        """Give what comes to the emptiest instance; send it away if there is none with room."""
        for first in due:
            choice = min(ready, key=lambda each: len(each.waiting), default=None)
            if choice is not None and len(choice.waiting) < QUEUE_SIZE:
                choice.waiting.append(first)
                continue
            if choice is None and self.policy.responder:
                self.waits.append((first, now - first + self.responders.answer(now)))
                if not self.fleet and self.responders.worth_waking(now):
                    self._launch(now)
                continue
            self.refused += 1
            self.again.append((now + RETRY_SECONDS, first))
            if not self.fleet:
                self._launch(now)

    def _work(self, now: float, ready: list[Instance]) -> None:
        for each in ready:
            while each.waiting and each.busy_until < now + 1:
                each.busy_until = max(each.busy_until, now) + SECONDS_PER_PICTURE
                first = each.waiting.popleft()
                self.waits.append((first, each.busy_until - first))
            if each.waiting or each.busy_until > now:
                each.idle_since = now

    def _resize(self, now: float, ready: list[Instance]) -> None:
        """Track the target, as CloudWatch does: by averages of a minute, slowly downwards."""
        in_flight = sum(len(each.waiting) + (each.busy_until > now) for each in ready)
        load = in_flight / len(ready) if ready else 0.0
        self._load += (load - self._load) / 60
        target = self.policy.in_flight
        self._above = self._above + 1 if self._load > target else 0
        self._below = self._below + 1 if self._load < 0.9 * target else 0
        if self._above >= GROW_SECONDS:
            wanted = min(self.policy.maximum, math.ceil(len(ready) * self._load / target))
            for _ in range(wanted - len(self.fleet)):
                self._launch(now)
            self._above = 0
        if self._below >= SHRINK_SECONDS and len(ready) > 1:
            self._give_back(now, min(ready, key=lambda each: len(each.waiting)))
            self._below = 0

    def _retire(self, now: float) -> None:
        idle = self.policy.idle_minutes * 60
        self.fleet = [each for each in self.fleet if now - each.idle_since < idle]

    def _reclaim(self, now: float, ready: list[Instance]) -> None:
        """Take spot instances back, now and then; the group launches others in their place."""
        for each in ready:
            if each in self.fleet and self._generator.random() < RECLAIMED_PER_HOUR / 3600:
                self._give_back(now, each)
                self._launch(now)


POLICIES = [
    Policy("always on, on demand", 0, 0, always_on=True),
    *(Policy(f"idle {idle} min, target 3", idle, 3.0) for idle in (5, 10, 15)),
    Policy("idle 10 min, target 1.5", 10, 1.5),
    Policy("idle 10 min, target 6", 10, 6.0),
    Policy("idle 10 min, volume read lazily", 10, 3.0, filled=False),
    Policy("responder and fleet", 10, 3.0, responder=True),
    Policy("the same, by the page", 10, 3.0, responder=True, page=True),
    *(
        Policy(
            f"the same, wake after {count}", 10, 3.0, responder=True, page=True, wake_after=count
        )
        for count in (10, 30, 60, 120)
    ),
    Policy("responder alone, by the page", 10, 3.0, responder=True, page=True, wake_after=math.inf),
]


def main() -> None:
    """Print a table for each kind of traffic, and draw the policy that is the default."""
    drawn: dict[str, tuple[Floats, Outcome]] = {}
    for traffic in (demonstration, office):
        arrivals = traffic(np.random.default_rng(7))
        print(f"\n{traffic.__name__}: {len(arrivals)} pictures a week")
        print(
            f"{'policy':32}{'$/month':>9}{'cheaper':>9}{'hours/week':>12}{'refused':>9}"
            f"{'median s':>10}{'p95 s':>8}{'longest s':>11}{'first: median':>15}{'p95 s':>8}"
        )
        baseline = 0.0
        for policy in POLICIES:
            outcome = Week(policy, np.random.default_rng(1)).run(arrivals)
            dollars = outcome.dollars_per_month(policy) + idle_month()
            baseline = baseline or dollars
            median, late = np.percentile(outcome.waits, [50, 95])
            first, first_late = np.percentile(outcome.first, [50, 95])
            print(
                f"{policy.name:32}{dollars:9.2f}{baseline / dollars:8.1f}x"
                f"{outcome.instance_hours:12.1f}{outcome.refused:9}"
                f"{median:10.1f}{late:8.1f}{outcome.waits.max():11.1f}"
                f"{first:15.1f}{first_late:8.1f}"
            )
            if policy.name == "responder and fleet":
                drawn[traffic.__name__] = (arrivals, outcome)
    draw(drawn)


def draw(drawn: dict[str, tuple[Floats, Outcome]]) -> None:
    """Draw pictures a minute and instances over a week."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, rows = plt.subplots(len(drawn), 1, figsize=(9, 5), sharex=True, layout="constrained")
    days = np.arange(WEEK // 60) / 1440
    for axes, (name, (arrivals, outcome)) in zip(rows, drawn.items(), strict=True):
        pictures, _ = np.histogram(arrivals, WEEK // 60, (0, WEEK))
        axes.fill_between(days, pictures, color="#9db8d2", linewidth=0, label="pictures a minute")
        axes.set_title(name)
        axes.set_ylabel("pictures a minute")
        other = axes.twinx()
        other.step(days, outcome.counts, color="#b3442f", linewidth=1)
        other.set_ylabel("instances", color="#b3442f")
        other.set_ylim(0, 4.4)
    rows[-1].set_xlabel("day of the week")
    figure.savefig("docs/scaling.png", dpi=110)
    print("\ndrawn: docs/scaling.png")


if __name__ == "__main__":
    main()
