"""What an archive of recordings costs, and how long it takes: `python -m bench.archive`.

Plays a client that has all recordings at hand and keeps so many pictures under way, against the
policy that is deployed (`bench.scaling`): from an asleep fleet to the last words.
"""

import argparse
from dataclasses import replace

import numpy as np

from bench.cost import PRICES
from bench.scaling import POLICIES, SECONDS_PER_PICTURE, WEEK, Instance, Policy, Week
from stacks.settings import Settings

SECONDS_A_PICTURE = 20
"""Of a recording, in its mean picture: segments have 15 s at least and 30 s at most."""
UNDER_WAY = 8
"""Pictures that the client keeps under way for each instance that there may be."""


class Archive(Week):
    """The fleet, and a client that sends the next picture when it has the words of one.

    Parameters
    ----------
    pictures
        How many there are.
    """

    def __init__(self, policy: Policy, generator: np.random.Generator, pictures: int) -> None:
        super().__init__(policy, generator)
        self.pictures = pictures

    def play(self) -> tuple[float, float]:
        """Return the hours until the last words, and those of all instances together."""
        sent = seconds = 0
        under_way = UNDER_WAY * self.policy.maximum
        for now in range(WEEK):
            due = [first for when, first in self.again if when <= now]
            self.again = [visit for visit in self.again if visit[0] > now]
            new = min(under_way - (sent - len(self.waits)), self.pictures - sent)
            due += [float(now)] * new
            sent += new
            ready = [each for each in self.fleet if each.ready_at <= now]
            self._take(now, due, ready)
            self._work(now, ready)
            self._resize(now, ready)
            self._reclaim(now, ready)
            seconds += len(self.fleet)
            if len(self.waits) == self.pictures:
                # The last instances retire later.
                seconds += len(self.fleet) * self.policy.idle_minutes * 60
                return now / 3600, seconds / 3600
        raise RuntimeError("an archive so large takes more than a week")

    def _work(self, now: float, ready: list[Instance]) -> None:
        # At full load, what begins within a second counts.
        for each in ready:
            while each.waiting and each.busy_until < now + 1:
                each.busy_until = max(each.busy_until, now) + SECONDS_PER_PICTURE
                first = each.waiting.popleft()
                self.waits.append((first, each.busy_until - first))
            each.idle_since = now


def main() -> None:
    """Print a row for each size of the fleet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=float, default=1000, help="of recordings")
    arguments = parser.parse_args()
    pictures = round(arguments.hours * 3600 / SECONDS_A_PICTURE)
    deployed = next(policy for policy in POLICIES if policy.name == "responder and fleet")
    api = pictures * PRICES["million"]["api_requests"] / 1e6
    print(f"{arguments.hours:g} hours in {pictures} pictures of {SECONDS_A_PICTURE} s")
    print(f"{'instances':>9}{'hours':>8}{'instance hours':>16}{'$ spot':>9}{'$ on demand':>13}")
    for maximum in (1, Settings().maximum_instances, 16):
        # Who sends an archive waits for the fleet, and wants none of the responder's words.
        policy = replace(deployed, maximum=maximum, responder=False)
        archive = Archive(policy, np.random.default_rng(1), pictures)
        hours, worked = archive.play()
        spot, on_demand = (
            archive.launches * launch + worked * hour + api
            for launch, hour in (policy.launch_and_hour(), policy.launch_and_hour(on_demand=True))
        )
        print(f"{maximum:9}{hours:8.1f}{worked:16.1f}{spot:9.2f}{on_demand:13.2f}")


if __name__ == "__main__":
    main()
