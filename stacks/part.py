"""What all stacks of an installation have in common."""

import aws_cdk as cdk
import jsii
from constructs import Construct

from stacks.settings import Settings


class Part(cdk.Stack):
    """A stack of the installation.

    Its zones are those of the settings: the CDK would look them up, and where the pipeline
    synthesises, nobody may.

    Parameters
    ----------
    name
        Its name, in the app as in AWS.
    settings
        Where it is.
    tag
        Value of the tag `hush` on everything in it.
    region
        Another region than that of the settings.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        tag: str,
        region: str | None = None,
    ) -> None:
        environment = cdk.Environment(account=settings.account, region=region or settings.region)
        super().__init__(
            scope,
            name,
            stack_name=name,
            env=environment if settings.account else None,
            tags={"hush": tag},
        )
        self._zones = list(settings.usable_zones)

    @property
    @jsii.member(jsii_name="availabilityZones")
    def availability_zones(self) -> list[str]:
        """The zones that the installation uses."""
        return self._zones
