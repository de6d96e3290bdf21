"""What an hour of an instance costs at most, by the table of prices that bills come from too."""

import functools
import tomllib
from pathlib import Path
from typing import Any

from stacks.settings import PLACEHOLDER_REGION, Settings

PRICES = Path(__file__).with_suffix(".toml")
HOURS_A_MONTH = 730
SECRETS = 4
"""What CloudFront and the API show, the deployment's key, and what signs sessions."""
SECRETS_BY_HAND = 1
"""The GitHub App's credentials, which no stack makes."""
FREE_MIB = 125
"""MiB/s at which gp3 reads of itself."""


@functools.cache
def list_prices() -> dict[str, Any]:
    """Return the table of prices."""
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))


def hourly_volume(gigabytes: int, filled: int) -> float:
    """Return what an instance's volume costs an hour in dollars.

    Parameters
    ----------
    filled
        MiB/s at which it is filled, and read as fast; 0 if it is read lazily.
    """
    prices = list_prices()
    month = gigabytes * prices["gigabyte_month"]["volume"]
    month += max(0, filled - FREE_MIB) * prices["month"]["mebibyte_a_second"]
    return float(month / HOURS_A_MONTH)


def hourly_prices(settings: Settings) -> dict[str, float]:
    """Return what an hour of each type of the fleet's costs in dollars, address and volume with it.

    Every instance counts as one on demand, above whose price EC2 takes none for spot. A type that
    has no price counts as the dearest that has one.
    """
    hour = list_prices()["hour"]
    volume = hourly_volume(settings.volume_gigabytes, settings.volume_initialization or 0)
    dearest = max(hour["on_demand"].values())
    return {
        kind: round(
            _times(settings)
            * (hour["on_demand"].get(kind, dearest) + hour["public_address"] + volume),
            4,
        )
        for kind in settings.instance_types
    }


def launch_price(settings: Settings) -> float:
    """Return what it costs in dollars to launch an instance: its volume is filled, all of it."""
    if not settings.volume_initialization:
        return 0.0
    filling: float = settings.volume_gigabytes * list_prices()["gigabyte"]["initialization"]
    return round(_times(settings) * filling, 4)


def monthly_prices() -> dict[str, float]:
    """Return what costs the same in every month, used or not, in dollars by what it is."""
    prices, secrets = list_prices(), SECRETS + SECRETS_BY_HAND
    return {
        "load balancer": round(HOURS_A_MONTH * prices["hour"]["load_balancer"], 2),
        f"{secrets} secrets": round(secrets * prices["month"]["secret"], 2),
    }


def request_price() -> float:
    """Return what a request costs in dollars on its way: CDN, API, and two Lambdas at most."""
    million = list_prices()["million"]
    ways = million["cdn_requests"] + million["api_requests"] + 2 * million["lambda_requests"]
    return float(ways / 1e6)


def _times(settings: Settings) -> float:
    """Return how much more than in us-east-1 it costs where the fleet is."""
    times = list_prices()["times"]
    return float(times.get(settings.region or PLACEHOLDER_REGION, times["elsewhere"]))
