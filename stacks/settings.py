"""Every setting of the cloud, in one file: `cloud.toml`. `docs/deploy.md` documents them.

`make app` writes the file into one SSM parameter, from which the pipeline takes it again: what it
synthesises is what the laptop did.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stacks.accelerators import ACCELERATORS, Accelerator, EngineName
from stacks.names import LIVE, STAGES, StageName
from stacks.office_hours import OfficeHours

CLOUD_TOML = Path(__file__).parents[1] / "cloud.toml"
PLACEHOLDER_REGION = "us-east-1"
LONGEST_POLICY = 2500
"""Letters of who may use it, as Lambdas read it: all that one is told has to fit into 4 KB."""

REFERENCE_GIGABYTES = 24
"""Least size of a volume with torch, whose libraries alone are 5 GB, and those of CUDA 13."""

STAGING_DOLLARS = 50
"""What staging's fleet may cost in a month at most: a hundred smoke tests and more."""

_CONNECTION = re.compile(
    r"arn:aws[\w-]*:(codeconnections|codestar-connections):[\w-]+:\d{12}:connection/[\w-]+"
)


_GITHUB_NAME = r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}"
_GITHUB_TEAM = rf"{_GITHUB_NAME}/[a-z0-9][a-z0-9_-]*"


DeviceModel = Literal["tiny", "tiny.en", "base", "base.en", "small", "small.en"]
"""What a browser has room and time for."""
Account = Annotated[str, Field(pattern=r"^\d{12}$")]
Ami = Annotated[str, Field(pattern=r"^ami-[0-9a-f]{8,17}$")]


class SettingsError(ValueError):
    """`cloud.toml` is not usable. The message has one line for each problem."""


class Settings(BaseModel):
    """What `cloud.toml` says. All but the first block has defaults that work."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: Account | None = None
    """The AWS account's number. Without it, templates fit any account."""
    region: str | None = None
    """The AWS region."""
    zones: tuple[str, ...] = ()
    """Availability zones that have both GPUs and VPC links; `make doctor` names them."""
    repository: str | None = None
    """The GitHub repository that the pipeline follows, as owner/name."""
    branch: str = "main"
    """The branch that it follows."""
    connection: str | None = None
    """ARN of the CodeConnections connection to GitHub."""

    stages: tuple[StageName, ...] = (LIVE,)
    """What a push goes through: live alone, or staging and then, if somebody approves, live."""
    name: str = "hush"
    """Begins the names of all stacks: two names are two installations in one account."""
    domain: str | None = None
    """The site's own domain; without it, it is at a name of CloudFront's."""
    hosted_zone: str | None = None
    """Id of the Route 53 hosted zone that the domain is in."""
    users: tuple[str, ...] = ()
    """GitHub logins that may use it."""
    organisations: tuple[str, ...] = ()
    """GitHub organisations whose members may use it."""
    teams: tuple[str, ...] = ()
    """Teams whose members may use it, as organisation/team."""
    everyone: bool = False
    """Whether anyone with a GitHub account may use it."""
    administrators: tuple[str, ...] = ()
    """GitHub logins that may use it without limits, see who else may, and revoke what they have."""
    anonymous: bool = False
    """Whether people who have not signed in may use it, within limits of their own."""
    requests_a_day: int = Field(default=2000, ge=1)
    """Most requests of a person on one day."""
    minutes_a_day: float = Field(default=600.0, gt=0)
    """Most minutes of speech of a person on one day."""
    anonymous_requests_a_day: int = Field(default=50, ge=1)
    """Most requests from one address without signing in."""
    anonymous_minutes_a_day: float = Field(default=10.0, gt=0)
    """Most minutes of speech from one address without signing in."""
    alarm_email: str | None = None
    """Who is told of alarms and of the budget."""
    budget_dollars: int = Field(default=50, ge=1)
    """Cost of a month at 80 % of which a mail is sent, and at 100 % again."""
    budget_by_tag: bool = False
    """Whether only what has the tag `hush` counts, once that is active; else the whole account."""
    cost_explorer: bool = False
    """Whether administrators see what AWS says of the month's cost: a cent each six hours."""
    fleet_dollars_a_month: int = Field(default=500, ge=0)
    """What the fleet's instances may cost in a month before they are stopped; 0: no bound."""
    fallback_dollars_a_month: int = Field(default=0, ge=0)
    """What instances on demand may cost in a month that take the place of spot; 0: none does."""

    instance_types: tuple[str, ...] = (
        "g4dn.xlarge",
        "g4dn.2xlarge",
        "g5.xlarge",
        "g5.2xlarge",
    )
    """Types that the fleet may be of, all of one make of GPU; spot takes whichever is cheap."""
    maximum_instances: int = Field(default=4, ge=1, le=100)
    """Most instances at once. The quota for spot has to allow for them."""
    on_demand_instances: int = Field(default=0, ge=0)
    """How many of them are on demand, which no one reclaims."""
    office_hours: str | None = None
    """When an instance is kept whether anybody asks or not, as in "Mon-Fri 8-18 Europe/Berlin"."""
    idle_minutes: int = Field(default=10, ge=2, le=15)
    """After as long without a picture, an instance retires; after 15 the group would act itself."""
    in_flight_per_instance: float = Field(default=3.0, gt=0)
    """Pictures in flight for each instance that the fleet is sized for."""
    models: tuple[str, ...] = ("small", "turbo")
    """OpenAI's models in the machine image, loaded in this order of size."""
    engine: EngineName | None = None
    """What runs them: on NVIDIA's GPUs CTranslate2, or the reference, openai-whisper on torch; on
    AMD's ONNX Runtime. The first that fits, if unset."""
    responder: Literal["base", "tiny.en", False] = "base"
    """The small model that answers on Lambda while no GPU is ready; nobody does if false."""
    responder_memory: int = Field(default=3008, ge=1024, le=10_240)
    """MiB of the responder, by which Lambda gives it processors. New accounts have at most 3008."""
    responder_concurrency: int | None = Field(default=None, ge=1)
    """Most of it at once, kept for it; `make doctor` says whether the account has room."""
    responder_provisioned: int = Field(default=0, ge=0)
    """How many of it are kept ready, for a price by the hour."""
    responder_overflow: bool = False
    """Whether it also answers what the fleet's queue has no room for, as far as its model can."""
    device_models: tuple[DeviceModel, ...] = ()
    """Models that the page offers to browsers, which then hear by themselves; none, if empty."""
    wake_after: int = Field(default=1, ge=0)
    """Segments within an hour from which the GPU is woken; 0 and 1: at once."""
    base_image: Ami | None = None
    """AWS's image that the machine image is built upon; `make doctor` names the newest."""
    image: Ami | None = None
    """A machine image that is there already, another's or an earlier one: nothing is built."""
    publish_image: Literal["everyone"] | tuple[Account, ...] = ()
    """Who else may start instances from the machine image: these accounts, or everyone."""
    keep_images_days: int = Field(default=14, ge=1, le=365)
    """For as long after its last launch a former machine image is kept, to go back to."""
    volume_gigabytes: int = Field(default=12, ge=8, le=16_384)
    """Size of an instance's volume. The base image's own is 8, and EC2 refuses a smaller one."""
    gateway_log_role: bool = True
    """Whether to make the account's role by which API Gateway writes logs; not if there is one."""
    secrets: int = Field(default=1, ge=1)
    """Increase it to have all secrets made anew at the next deployment."""
    volume_initialization: Annotated[int, Field(ge=100, le=300)] | Literal[False] = 300
    """MiB/s at which a volume is filled from the image, for a price; it is read lazily if false."""

    @field_validator("repository")
    @classmethod
    def _owner_and_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
            raise ValueError("write it as owner/name, as in github.com/owner/name")
        return value

    @field_validator("connection")
    @classmethod
    def _connection_arn(cls, value: str | None) -> str | None:
        if value is not None and not _CONNECTION.fullmatch(value):
            raise ValueError("the ARN begins arn:aws:codeconnections:; docs/deploy.md, step 4")
        return value

    @field_validator("users", "organisations", "administrators")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for wrong in (name for name in value if not re.fullmatch(_GITHUB_NAME, name)):
            raise ValueError(f"{wrong!r} is no name on GitHub, as in github.com/NAME")
        return value

    @field_validator("teams")
    @classmethod
    def _teams(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for wrong in (team for team in value if not re.fullmatch(_GITHUB_TEAM, team)):
            raise ValueError(f"write {wrong!r} as organisation/team, as in the team's address")
        return value

    @field_validator("name")
    @classmethod
    def _short_name(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", value):
            raise ValueError("a small letter, then at most 19 small letters, digits and dashes")
        if value.startswith(("aws", "ssm")):
            raise ValueError("it may not begin with aws or ssm: SSM keeps such parameters for AWS")
        return value

    @field_validator("stages")
    @classmethod
    def _live_at_the_end(cls, value: tuple[StageName, ...]) -> tuple[StageName, ...]:
        if value not in ((LIVE,), STAGES):
            raise ValueError('write ["live"], or ["staging", "live"]')
        return value

    @field_validator("instance_types")
    @classmethod
    def _gpus(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for wrong in (kind for kind in value if not any(each.has(kind) for each in ACCELERATORS)):
            raise ValueError(f"{wrong} is no g4dn, g5 or g6, and no g4ad, which images are for")
        if not value:
            raise ValueError("name at least one, such as g4dn.xlarge")
        if not any(all(map(each.has, value)) for each in ACCELERATORS):
            raise ValueError("a fleet is of NVIDIA's GPUs (g4dn, g5, g6) or of AMD's (g4ad)")
        return value

    @field_validator("office_hours")
    @classmethod
    def _hours(cls, value: str | None) -> str | None:
        if value is not None:
            OfficeHours.parse(value)
        return value

    @field_validator("models")
    @classmethod
    def _some_model(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one, such as small")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.account is None) != (self.region is None):
            raise ValueError("account and region go together: set both or neither")
        if (self.domain is None) != (self.hosted_zone is None):
            raise ValueError("domain and hosted_zone go together: set both or neither")
        if self.wake_after > 1 and not self.responder:
            raise ValueError("wake_after wants a responder, which answers until then")
        if self.responder_overflow and not self.responder:
            raise ValueError("responder_overflow wants a responder")
        most = self.responder_concurrency
        if most is not None and self.responder_provisioned > most:
            raise ValueError("responder_provisioned is more than responder_concurrency")
        if self.image and self.publish_image:
            raise ValueError("publish_image is for an image that is built: take one of them out")
        if self.on_demand_instances > self.maximum_instances:
            raise ValueError("on_demand_instances is more than maximum_instances")
        for zone in self.zones:
            if not zone.startswith(self.region or PLACEHOLDER_REGION):
                raise ValueError(f"zone {zone} is not in region {self.region}")
        if (length := len(json.dumps(self.policy))) > LONGEST_POLICY:
            raise ValueError(
                f"who may use it is {length} letters, and Lambda takes {LONGEST_POLICY}:"
                " name organisations or teams instead of users"
            )
        if len(self.zones) == 1:
            raise ValueError("a load balancer wants two zones; `make doctor` names some")
        return self

    @model_validator(mode="after")
    def _fitting_engine(self) -> Self:
        if self.engine not in (None, *self.accelerator.engines):
            raise ValueError(
                f"engine {self.engine} does not run on {self.instance_types[0]}, which has"
                f" {' or '.join(self.accelerator.engines)}: take engine out"
            )
        if self.engine == "reference" and self.volume_gigabytes < REFERENCE_GIGABYTES:
            raise ValueError(f"the reference engine wants volume_gigabytes = {REFERENCE_GIGABYTES}")
        return self

    @property
    def accelerator(self) -> Accelerator:
        """The make of GPU that the fleet is of."""
        return next(each for each in ACCELERATORS if each.has(self.instance_types[0]))

    @property
    def running_engine(self) -> EngineName:
        """What runs models: the engine that is set, or what fits the GPU."""
        return self.engine or self.accelerator.engines[0]

    @property
    def usable_zones(self) -> tuple[str, ...]:
        """The zones, or placeholders."""
        region = self.region or PLACEHOLDER_REGION
        return self.zones or (f"{region}a", f"{region}b")

    @property
    def policy(self) -> dict[str, Any]:
        """Who may use it, as the Lambdas read it."""
        names = {"users", "organisations", "teams", "everyone", "administrators", "anonymous"}
        return self.model_dump(mode="json", include=names)

    @property
    def limits(self) -> dict[str, dict[str, float]]:
        """How much they may on a day, as the service reads it."""
        return {
            "person": {
                "requests": self.requests_a_day,
                "seconds": round(60 * self.minutes_a_day, 1),
            },
            "anonymous": {
                "requests": self.anonymous_requests_a_day,
                "seconds": round(60 * self.anonymous_minutes_a_day, 1),
            },
        }

    def in_stage(self, stage: StageName) -> Self:
        """Return the settings of a stage: staging is as small as it can be, and nobody's mail."""
        if stage == LIVE:
            return self
        smaller = {
            "domain": None,
            "hosted_zone": None,
            "everyone": False,
            "anonymous": False,
            "alarm_email": None,
            "cost_explorer": False,
            "fleet_dollars_a_month": min(
                self.fleet_dollars_a_month or STAGING_DOLLARS, STAGING_DOLLARS
            ),
            "fallback_dollars_a_month": 0,
            "maximum_instances": 1,
            "on_demand_instances": 0,
            "office_hours": None,
            # Where the account has room to keep some of its functions for a responder.
            "responder_concurrency": self.responder_concurrency and 1,
            "responder_provisioned": 0,
        }
        return self.model_copy(update=smaller)

    def missing(self, pipeline: bool = True) -> list[str]:
        """Say what a deployment wants and is not set.

        Parameters
        ----------
        pipeline
            Whether the pipeline is deployed too, which wants a repository.
        """
        wanted = {
            "account": "the AWS account's number: `aws sts get-caller-identity` tells it",
            "region": 'the AWS region, such as "us-east-1"',
            "zones": "at least two zones: `make doctor` names those that fit",
            "base_image": "what the machine image is built upon: `make doctor` names the newest",
            "alarm_email": "where alarms and the budget's warnings go",
        }
        if self.image:
            del wanted["base_image"]
        if pipeline:
            wanted |= {
                "repository": "your copy of this repository on GitHub, as owner/name",
                "connection": "the ARN of a connection to GitHub: docs/deploy.md, step 4",
            }
        return [f"{name}: {why}" for name, why in wanted.items() if not getattr(self, name)]


def load_settings(file: Path = CLOUD_TOML) -> Settings:
    """Read the settings; defaults alone if there is no file.

    Raises
    ------
    SettingsError
        If the file is no TOML, or a setting is unknown or wrong.
    """
    if not file.exists():
        return Settings()
    return parse_settings(file.read_text(encoding="utf-8"))


def parse_settings(text: str) -> Settings:
    """Read the settings from what stands in `cloud.toml`.

    Raises
    ------
    SettingsError
        As in `load_settings`.
    """
    try:
        return Settings(**tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"cloud.toml is no TOML: {error}") from error
    except ValidationError as error:
        raise SettingsError("\n".join(_problems(error))) from error


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        said = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            said = f"there is no such setting; there are {', '.join(Settings.model_fields)}"
        yield f"cloud.toml: {name}: {said}" if name else f"cloud.toml: {said}"
