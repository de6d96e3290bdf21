"""What the administration answers, and what it is sent: the one description of both.

Times are ISO 8601 in UTC, money is in dollars. `Unknown` stands in place of a part that AWS did not
tell; the other parts are as they should be.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Moment = Annotated[str, Field(examples=["2026-01-31T12:00:00Z"])]
Number = Annotated[str, Path(pattern=r"^[1-9][0-9]{0,18}$")]
"""Of an account on GitHub."""
InstanceState = Literal["starting", "booting", "ready", "leaving"]
MOST_INSTANCES = 100


def moment(seconds: float) -> Moment:
    """Return a time as it is told.

    Parameters
    ----------
    seconds
        Since 1970.
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Unknown(BaseModel):
    """In place of a part that AWS did not tell."""

    unknown: str
    """One sentence that says why."""


class Group(BaseModel):
    """The fleet's auto scaling group."""

    minimum: int
    maximum: int
    desired: int
    awake_until: Moment | None
    """Until when an instance is kept whether anybody asks or not."""
    stopped: Literal["fleet budget"] | None
    """Why it may launch nothing."""
    suspended: list[str]
    """Its processes that do not run."""
    next_deployment: str
    """What the next deployment does to the maximum, as a sentence."""


class Instance(BaseModel):
    """One of the fleet's."""

    id: str
    type: str
    zone: str
    market: Literal["spot", "on-demand"]
    launched: Moment | None
    age_seconds: float | None
    state: InstanceState
    version: str | None
    """Of the code that it runs."""
    models: list[str]
    pictures_in_flight: float | None
    """Known where it is the only one that is ready: AWS is told of the fleet as a whole."""
    gpu_percent: float | None
    dollars_an_hour: float
    """At most: list price on demand, with its volume and address."""


class Traffic(BaseModel):
    """What is asked of it now. What nobody measured is null."""

    requests_5m: float | None
    errors_5m: float | None
    queue: float | None
    """Pictures that instances have and have not answered, of all together."""
    wait_seconds_p50: float | None
    """From a request to its answer, as API Gateway sees it."""
    wait_seconds_p95: float | None
    responder_share: float | None
    """Of the pictures, the part that the responder answers: 0 to 1."""
    interruptions_24h: float | None


class Prices(BaseModel):
    """What the controls cost."""

    instance_hour: float
    wake: float
    note: str


class Fleet(BaseModel):
    """What runs now."""

    now: Moment
    group: Group | Unknown
    instances: list[Instance] | Unknown
    traffic: Traffic | Unknown
    prices: Prices


class Awake(BaseModel):
    """Until when an instance is to be kept; null for no longer than it is used."""

    model_config = ConfigDict(extra="forbid")

    until: datetime | None


class Maximum(BaseModel):
    """How many instances there may be."""

    model_config = ConfigDict(extra="forbid")

    instances: Annotated[int, Field(ge=1, le=MOST_INSTANCES)]


class Series(BaseModel):
    """One line of a chart; what nobody measured is null."""

    name: str
    label: str
    unit: str
    values: list[float | None]


class Charts(BaseModel):
    """What was measured, in steps of equal length."""

    model_config = ConfigDict(populate_by_name=True)

    since: Annotated[Moment, Field(alias="from")]
    to: Moment
    step_seconds: int
    series: list[Series]


class Action(BaseModel):
    """A step of a stage of the pipeline."""

    name: str
    state: str
    """As CodePipeline calls it, such as "Succeeded" or "Failed"; "None" before its first run."""
    summary: str | None
    log_tail: list[str] | None
    """The last lines of its log, where it failed and has one."""
    console: str | None


class Stage(BaseModel):
    """A stage of the pipeline."""

    name: str
    state: str
    changed: Moment | None
    actions: list[Action]


class Deployments(BaseModel):
    """The last run of each stage of the pipeline."""

    stages: list[Stage]


class Alarm(BaseModel):
    """An alarm, and where the runbook says what to do."""

    name: str
    state: str
    """"OK", "ALARM" or "INSUFFICIENT_DATA"."""
    since: Moment
    reason: str
    runbook: str


class Alarms(BaseModel):
    """All alarms of the installation."""

    alarms: list[Alarm]


class Limits(BaseModel):
    """How much somebody may have on a day of UTC."""

    model_config = ConfigDict(extra="forbid")

    requests: Annotated[int, Field(ge=0, le=1_000_000)]
    seconds: Annotated[int, Field(ge=0, le=1_000_000)]


class Person(BaseModel):
    """Somebody who signed in once."""

    id: str
    """Number of the account on GitHub."""
    login: str
    name: str
    tier: Literal["person", "unlimited"]
    permitted: bool
    why: str
    """Why they may use it or not, as a sentence."""
    blocked: bool
    administrator: bool
    sessions: int
    keys: int
    seconds_today: float | None
    """Of speech. Administrators are not counted: they have null here, and in what follows."""
    requests_today: int | None
    seconds_30d: float | None
    requests_30d: int | None
    last_seen: Moment | None
    """To the hour."""
    limits: Limits | None
    """Of their own, in place of those of everybody."""


class Key(BaseModel):
    """An API key, or the key of `hush login`."""

    id: str
    person: str
    """Number of its owner."""
    login: str
    name: str
    kind: Literal["key", "login"]
    hint: str
    made: Moment
    used: Moment | None
    """To the hour."""
    expires: Moment | None
    unused_90_days: bool


class Session(BaseModel):
    """A browser in which somebody is signed in."""

    made: Moment
    expires: Moment


class PersonInFull(Person):
    """The same, with what they have."""

    their_keys: list[Key]
    their_sessions: list[Session]


class People(BaseModel):
    """Some of all people."""

    people: list[Person]
    after: str | None
    """What to ask with for the next ones; null if there are none."""


class Keys(BaseModel):
    """Some of all keys, the newest first."""

    keys: list[Key]
    after: str | None


class CostPart(BaseModel):
    """What one part cost."""

    name: str
    dollars: float


class Costs(BaseModel):
    """What the month cost so far."""

    month: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d$")]
    to_date: float
    forecast: float
    budget: float | None
    """Of the setting `budget_dollars`."""
    fleet_bound: float | None
    """What the fleet's instances may cost in the month before they are stopped."""
    fleet_counted: float | None
    """What they did, at list prices."""
    parts: list[CostPart]
    source: Literal["Cost Explorer", "list prices"]
    as_of: Moment
    stopped: bool
    """Whether the fleet is stopped as its bound is reached."""


class Event(BaseModel):
    """A line of the audit log."""

    time: Moment
    kind: str
    person: str | None
    """Number of whom it is about."""
    login: str | None
    by: str | None
    """Login of the administrator who did it."""
    details: dict[str, str | int | float | bool | None]


class Audit(BaseModel):
    """Some of what happened, the newest first."""

    events: list[Event]
    after: str | None


class Nothing(BaseModel):
    """The body of an act that needs to be told nothing."""

    model_config = ConfigDict(extra="forbid")
