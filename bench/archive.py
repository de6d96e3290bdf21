"""What an archive of recordings costs, and how long it takes: `python -m bench.archive`.

Plays a client that has all recordings at hand and keeps so many pictures under way, against the
policy that is deployed (`bench.scaling`): from an asleep fleet to the last words.
"""

import argparse
from dataclasses import replace

import numpy as np

from bench.cost import PRICES
from bench.scaling import POLICIES, Policy, Week
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
        sent = now = 0
        under_way = UNDER_WAY * self.policy.maximum
        while len(self.waits) < self.pictures:
            new = min(under_way - (sent - len(self.waits)), self.pictures - sent)
            self.pass_second(now, [float(now)] * new)
            sent += new
            now += 1
        # The last instances retire later.
        idle = len(self.fleet) * self.policy.idle_minutes * 60
        return now / 3600, (self.seconds + idle) / 3600


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
