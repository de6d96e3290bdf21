"""What all stacks of an installation have in common."""

from typing import Any

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
    settings
        What to deploy.
    """

    def __init__(
        self, scope: Construct, construct_id: str, settings: Settings, **stack: Any
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        self._zones = list(settings.usable_zones)

    @property
    @jsii.member(jsii_name="availabilityZones")
    def availability_zones(self) -> list[str]:
        """The zones that the installation uses."""
        return self._zones


def stack_options(settings: Settings, part: str, region: str | None = None) -> dict[str, Any]:
    """Return what all stacks have in common: their name, where they are, and a tag."""
    environment = cdk.Environment(account=settings.account, region=region or settings.region)
    return {
        "stack_name": f"{settings.name}-{part}",
        "env": environment if settings.account else None,
        "tags": {"hush": settings.name},
    }
