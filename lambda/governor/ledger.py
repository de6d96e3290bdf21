"""What the fleet's instances have cost in a month, kept from one look to the next.

Hours are counted from when an instance was launched, or was last counted, until now or its end. So
a look that was missed loses none: the next one counts what has run since.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

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
    """

    instance: str
    kind: str | None
    launched: float
    ended: float | None = None


@dataclass
class Counted:
    """An instance, and until when its hours were counted."""

    kind: str | None
    until: float
    ended: bool = False


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
    looked: float = 0.0
    instances: dict[str, Counted] = field(default_factory=dict)
    mails: list[tuple[str, str]] = field(default_factory=list)
    version: int = 0

    @classmethod
    def parse(cls, text: str) -> "Ledger":
        """Read what `text` wrote."""
        kept: dict[str, Any] = json.loads(text)
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
            self.month, self.dollars, self.granted = month, 0.0, 0.0
        began = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).timestamp()
        seen = {each.instance: each for each in sightings}
        for name, known in self.instances.items():
            if name not in seen and not known.ended:
                seen[name] = Sighting(name, known.kind, known.until, ended=now)
        for name, each in seen.items():
            if name not in self.instances:
                self.instances[name] = Counted(each.kind, each.launched)
                self.dollars += launch * (each.launched >= began)
            known = self.instances[name]
            if known.ended and each.ended is not None:
                continue
            known.kind = each.kind or known.kind
            until = now if each.ended is None else min(each.ended, now)
            seconds = max(0.0, until - max(known.until, began))
            self.dollars += seconds / 3600 * prices.get(known.kind or "", max(prices.values()))
            known.until = max(until, known.until)
            known.ended = each.ended is not None
        self.instances = {
            name: each
            for name, each in self.instances.items()
            if name in seen or now - each.until < REMEMBERED
        }
        self.looked = now
