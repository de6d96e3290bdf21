"""What the fleet's instances have cost in a month, kept from one look to the next.

Hours are counted from when an instance was launched, or was last counted, until now or its end. So
a look that was missed loses none: the next one counts what has run since.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime

REMEMBERED = 3 * 3600
"""Seconds for which an instance is known that AWS tells of no more."""


@dataclass(frozen=True)
class Sighting:
    """An instance of the fleet, as AWS tells of it.

    Attributes
    ----------
    kind
        Its type; None if nobody knows it any more.
    launched, ended
        In seconds since 1970; `ended` is None while it runs.
    on_demand
        Whether it is no spot instance, or may be none.
    """

    instance: str
    kind: str | None
    launched: float
    ended: float | None = None
    on_demand: bool = True


@dataclass
class Counted:
    """An instance, until when its hours were counted, and whether it is there in place of spot."""

    kind: str | None
    until: float
    ended: bool = False
    fallback: bool = False


@dataclass
class Ledger:
    """The month so far.

    Attributes
    ----------
    month
        Such as "2026-11", by UTC as AWS's bills are.
    dollars
        What its hours cost.
    granted
        What may be spent beyond the bound, as an administrator said.
    told
        Per cent of what may be spent at which a mail was sent last; at 100, the fleet is stopped.
    closed
        Whether the group was made to launch nothing.
    fallback_since, fallback_until
        When an instance on demand was last let take the place of spot, 0 if that is not so now; and
        when that was last taken back.
    fallback_dollars
        What the hours of those cost.
    raised
        Whether the group was made to launch one.
    looked
        When it was counted last.
    instances
        Those that run, and those that ended lately.
    mails
        Subjects and texts of what is still to be sent.
    version
        Which of its states this is.
    """

    month: str = ""
    dollars: float = 0.0
    granted: float = 0.0
    told: int = 0
    closed: bool = False
    fallback_since: float = 0.0
    fallback_until: float = 0.0
    fallback_dollars: float = 0.0
    raised: bool = False
    looked: float = 0.0
    instances: dict[str, Counted] = field(default_factory=dict)
    mails: list[tuple[str, str]] = field(default_factory=list)
    version: int = 0

    @classmethod
    def parse(cls, text: str) -> "Ledger":
        """Read what `text` wrote, maybe that of a newer version, which is rolled back."""
        known = {each.name for each in fields(cls)}
        kept = {name: value for name, value in json.loads(text).items() if name in known}
        kept["instances"] = {name: Counted(**each) for name, each in kept["instances"].items()}
        kept["mails"] = [(subject, body) for subject, body in kept["mails"]]
        return cls(**kept)

    def text(self) -> str:
        """Write it down."""
        return json.dumps(asdict(self))

    def count(
        self,
        sightings: Iterable[Sighting],
        now: float,
        prices: Mapping[str, float],
        launch: float = 0.0,
    ) -> None:
        """Count the hours since the last look, and begin anew with a new month.

        Parameters
        ----------
        sightings
            All that run, and all that ended since.
        prices
            Dollars an hour, by type. What is of none of these counts as the dearest.
        launch
            Dollars for each launch.
        """
        month = f"{datetime.fromtimestamp(now, UTC):%Y-%m}"
        if month != self.month:
            self.month, self.dollars, self.granted, self.fallback_dollars = month, 0.0, 0.0, 0.0
        began = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).timestamp()
        seen = {each.instance: each for each in sightings}
        for name, known in self.instances.items():
            if name not in seen and not known.ended:
                seen[name] = Sighting(name, known.kind, known.until, ended=now)
        for name, each in seen.items():
            if name not in self.instances:
                fallback = each.on_demand and 0 < self.fallback_since <= each.launched
                self.instances[name] = Counted(each.kind, each.launched, fallback=fallback)
                self.dollars += launch * (each.launched >= began)
            known = self.instances[name]
            if known.ended and each.ended is not None:
                continue
            known.kind = each.kind or known.kind
            until = now if each.ended is None else min(each.ended, now)
            hours = max(0.0, until - max(known.until, began)) / 3600
            dollars = hours * prices.get(known.kind or "", max(prices.values()))
            self.dollars += dollars
            self.fallback_dollars += dollars * known.fallback
            known.until = max(until, known.until)
            known.ended = each.ended is not None
        self.instances = {
            name: each
            for name, each in self.instances.items()
            if name in seen or now - each.until < REMEMBERED
        }
        self.looked = now
