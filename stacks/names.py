"""Names of what others find in AWS by its name: by the installation's, and by its stage's.

All of them are made here, so that a second stage beside the one that people use meets nothing of
it. Whatever is not here has a name that CloudFormation makes up, which begins with its stack's.
"""

from dataclasses import dataclass
from typing import Literal

StageName = Literal["staging", "live"]
LIVE: StageName = "live"
"""The stage that people use."""
STAGING: StageName = "staging"
"""The one in which a change is tried before, where there is one."""
STAGES: tuple[StageName, ...] = (STAGING, LIVE)
"""All that there may be, in the order in which a change passes through them."""
StackPart = Literal["image", "people", "service", "certificate"]
PARTS: tuple[StackPart, ...] = ("image", "people", "service")
"""The stacks of a stage, in the order in which they build on each other."""


@dataclass(frozen=True)
class Names:
    """Names in one stage of an installation.

    Attributes
    ----------
    installation
        The setting `name`.
    stage
        A word without dashes, so that no two stages of any two installations are called alike.
    """

    installation: str
    stage: str = LIVE

    @property
    def prefix(self) -> str:
        """With what all names of the stage begin; also the value of its tag, `hush`."""
        return f"{self.installation}-{self.stage}"

    @property
    def parts(self) -> tuple[StackPart, ...]:
        """The stage's own stacks, as `PARTS`: the image is for all stages, and among live's."""
        return PARTS if self.stage == LIVE else tuple(part for part in PARTS if part != "image")

    def stack(self, part: StackPart) -> str:
        """Name of a stack."""
        return f"{self.prefix}-{part}"

    def alarm(self, name: str) -> str:
        """Name of an alarm, which has a section called `name` in `docs/operations.md`."""
        return f"{self.prefix}-{name}"

    @property
    def group(self) -> str:
        """Name of the auto scaling group."""
        return f"{self.prefix}-fleet"

    @property
    def governor(self) -> str:
        """Name of the Lambda that knows what the fleet may cost, which an administrator calls."""
        return f"{self.prefix}-governor"

    @property
    def api(self) -> str:
        """Name of the API."""
        return f"{self.prefix}-api"

    @property
    def dashboard(self) -> str:
        """Name of the dashboard."""
        return self.prefix

    @property
    def budget(self) -> str:
        """With what the name of the budget begins; who is told of it ends it."""
        return f"{self.prefix}-month"

    @property
    def fleet_log(self) -> str:
        """Name of the log group of the fleet's instances."""
        return f"/{self.installation}/{self.stage}/fleet"

    @property
    def build_log(self) -> str:
        """Name of the log group that Image Builder makes, by the name of the recipe."""
        return f"/aws/imagebuilder/{self.stack('image')}"

    @property
    def url_parameter(self) -> str:
        """Name of the SSM parameter with the public address, which the site writes."""
        return f"/{self.installation}/{self.stage}/url"

    @property
    def installation_parameter(self) -> str:
        """Name of the SSM parameter that tells the administration what there is."""
        return f"/{self.installation}/{self.stage}/installation"

    @property
    def github_secret(self) -> str:
        """Name of the secret with the GitHub App's credentials, which a person makes."""
        return f"{self.installation}/{self.stage}/github"

    @property
    def pipeline(self) -> str:
        """Name of the pipeline and its stack, which deploy all stages."""
        return f"{self.installation}-pipeline"

    @property
    def pipeline_log(self) -> str:
        """Name of the log group of the pipeline's builds."""
        return f"/{self.installation}/pipeline"

    @property
    def settings_parameter(self) -> str:
        """Name of the SSM parameter that holds the settings for the pipeline."""
        return f"/{self.installation}/settings"
