"""What hush costs in AWS, from a dated table of prices: `python -m bench.cost`.

Prints the bill of a month in which nobody comes, of an hour of use, of a month of a demo, of a
push, of a new machine image and of a stage before live.
"""

from stacks.office_hours import WEEKS_A_MONTH, OfficeHours
from stacks.prices import (
    HOURS_A_MONTH,
    SECRETS,
    SECRETS_BY_HAND,
    hourly_volume,
    list_prices,
)
from stacks.settings import Settings

PRICES = list_prices()

VOLUME_GIGABYTES = Settings().volume_gigabytes
"""Size of an instance's volume, as it is deployed."""
FILLED_MIB = Settings().volume_initialization
"""MiB/s at which a volume is filled."""
IMAGE_GIGABYTES = 8
"""What its snapshot holds, by the account of `bench.wake`, in which half is counted."""
ALARMS, DASHBOARDS = 9, 1
STAGING_ALARMS = 1
"""Of staging, where nobody is told of the others."""
FLEET_METRICS = 9
"""Metrics that instances publish while there are some; the first ten are free."""
TEST_MINUTES = 20
"""Of the pipeline's large build, `make test` and synthesis: an assumption, what two processors
take; a large build has eight, and installs everything first."""
SMALL_MINUTES = {"the pipeline's update": 2, "assets": 2, "smoke test": 8}
"""Of its small builds, the last of which waits for an instance: assumptions."""
DEPLOY_MINUTES = 10
"""Of CloudFormation, which the pipeline's price counts too: an assumption."""
AWAKE_MINUTES = 20
"""Of the instance that the smoke test wakes, until it retires."""
IMAGE_MINUTES = 45
"""Of the instance that builds a machine image, and of the one that tests it: an assumption."""
OFFICE = "Mon-Fri 8-18"
OFFICE_HOURS = OfficeHours.parse(f"{OFFICE} Europe/Berlin")
PICTURES_AN_HOUR = 600
BYTES_A_PICTURE = 60_000

Items = list[tuple[str, float]]


def idle_items() -> Items:
    """Return what a month costs in which nobody comes, item by item."""
    month, stored = PRICES["month"], PRICES["gigabyte_month"]
    secrets = SECRETS + SECRETS_BY_HAND
    alarms = max(0, ALARMS - PRICES["free_for_ever"]["alarms"])
    return [
        ("load balancer, internal", HOURS_A_MONTH * PRICES["hour"]["load_balancer"]),
        ("snapshot of the machine image", IMAGE_GIGABYTES * stored["snapshot"]),
        (f"{secrets} secrets", secrets * month["secret"]),
        ("page, code and artifacts in S3", 1 * stored["storage"]),
        ("alarms (ten are free)", alarms * month["alarm"]),
        ("API, CDN, Lambdas, VPC link, tables, network, dashboard", 0.0),
    ]


def hour_items() -> Items:
    """Return what an hour of one instance costs that is dictated to without a break."""
    hour, million = PRICES["hour"], PRICES["million"]
    pictures = PICTURES_AN_HOUR
    metrics = max(0, FLEET_METRICS - PRICES["free_for_ever"]["metrics"])
    return [
        ("g4dn.xlarge, spot", hour["g4dn_xlarge_spot"]),
        ("its public address", hour["public_address"]),
        ("its volume", volume_hour()),
        ("load balancer's work", hour["load_balancer_unit"]),
        (f"API, {pictures} pictures", pictures * million["api_requests"] / 1e6),
        ("logs and metrics", 0.001 + metrics * PRICES["month"]["metric"] / HOURS_A_MONTH),
    ]


def volume_hour(filled: bool = bool(FILLED_MIB)) -> float:
    """Return what an instance's volume costs an hour; one that is filled is read as fast."""
    return hourly_volume(VOLUME_GIGABYTES, filled * FILLED_MIB)


def filling() -> float:
    """Return what it costs to fill a volume at a set rate, once for each launch."""
    return float(IMAGE_GIGABYTES * PRICES["gigabyte"]["initialization"])


def office_items() -> Items:
    """Return what a month of office hours costs beside its work."""
    hours, hour = OFFICE_HOURS.hours_a_month, PRICES["hour"]
    beside = hour["public_address"] + volume_hour()
    return [
        ("g4dn.xlarge, spot", hours * hour["g4dn_xlarge_spot"]),
        ("its public address and its volume", hours * beside),
        ("a volume filled each day", len(OFFICE_HOURS.days) * WEEKS_A_MONTH * filling()),
    ]


def push_items() -> Items:
    """Return what a push costs that changes code alone."""
    minute = PRICES["minute"]
    small = sum(SMALL_MINUTES.values())
    pipeline = (TEST_MINUTES + small + DEPLOY_MINUTES) * minute["pipeline"]
    return [
        (f"{TEST_MINUTES} minutes of a large build: tests", TEST_MINUTES * minute["build_large"]),
        (f"{small} minutes of small builds", small * minute["build_small"]),
        ("the pipeline's actions (100 minutes a month are free)", pipeline),
        ("the instance that the smoke test wakes", AWAKE_MINUTES / 60 * total(hour_items())),
    ]


def staging_items() -> Items:
    """Return what a month of staging costs beside live's, as long as there is no push."""
    month = PRICES["month"]
    secrets, free = SECRETS + SECRETS_BY_HAND, PRICES["free_for_ever"]["alarms"]
    alarms = max(0, ALARMS + STAGING_ALARMS - free) - max(0, ALARMS - free)
    return [
        ("load balancer, internal", HOURS_A_MONTH * PRICES["hour"]["load_balancer"]),
        (f"{secrets} secrets", secrets * month["secret"]),
        ("an alarm, the tenth", alarms * month["alarm"]),
        ("everything else", 0.0),
    ]


def staging_push_items() -> Items:
    """Return what a push costs more that goes through staging."""
    minute, test = PRICES["minute"], SMALL_MINUTES["smoke test"]
    return [
        (f"{test} minutes of a small build: smoke test", test * minute["build_small"]),
        ("the pipeline's actions", (test + DEPLOY_MINUTES) * minute["pipeline"]),
        ("the instance that the smoke test wakes", AWAKE_MINUTES / 60 * total(hour_items())),
    ]


def image_items() -> Items:
    """Return what a push costs more that makes a new machine image."""
    hours = IMAGE_MINUTES / 60
    volume = VOLUME_GIGABYTES * PRICES["gigabyte_month"]["volume"] / HOURS_A_MONTH
    return [
        ("g4dn.xlarge, on demand", hours * PRICES["hour"]["on_demand"]["g4dn.xlarge"]),
        ("its address and volume", hours * (PRICES["hour"]["public_address"] + volume)),
        ("the pipeline, which waits", IMAGE_MINUTES * PRICES["minute"]["pipeline"]),
    ]


def total(items: Items) -> float:
    """Return the sum of a bill."""
    return sum(dollars for _, dollars in items)


def table(title: str, items: Items) -> str:
    """Return a bill as a Markdown table."""
    rows = [f"| {name} | {dollars:.2f} |" for name, dollars in items]
    lines = [f"| {title} | $ |", "|---|---:|", *rows, f"| **together** | **{total(items):.2f}** |"]
    return "\n".join(lines)


def report() -> str:
    """Return all bills, as they stand in docs/cost.md."""
    idle, hour = idle_items(), hour_items()
    month: Items = [
        ("the idle month", total(idle)),
        ("30 hours of use", 30 * total(hour)),
        ("30 volumes filled", 30 * filling()),
    ]
    parts = [
        f"Prices of us-east-1 without tax, written down on {PRICES['date']}"
        " (`stacks/prices.toml`).",
        table("a month in which nobody comes", idle),
        table("an hour of use", hour),
        table("a month with an hour a day", month),
        table(f"a month of `office_hours`: {OFFICE}", office_items()),
        table("a push", push_items()),
        table("a new machine image, more", image_items()),
        table("a month of staging, more", staging_items()),
        table("a push through staging, more", staging_push_items()),
        f"Filling a volume at a set rate (`volume_initialization`) costs {filling():.2f} $ for each"
        f" launch, and\nreading it as fast {volume_hour(True) - volume_hour(False):.2f} $ an hour.",
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(report())
