"""The application as a whole: its stacks, in the order in which they build on each other."""

from aws_cdk import aws_certificatemanager as certificates
from constructs import Construct

from stacks.api import Api
from stacks.fleet import Fleet
from stacks.machine_image import MachineImage
from stacks.part import Part, stack_options
from stacks.people import People
from stacks.settings import Settings
from stacks.site import Site, domain_certificate

CERTIFICATE_REGION = "us-east-1"
"""CloudFront takes certificates from there alone."""


class Application:
    """Image, people, fleet, API and site.

    Parameters
    ----------
    scope
        The app, for a deployment from a laptop; or a stage of the pipeline.
    settings
        What to deploy.
    """

    def __init__(self, scope: Construct, settings: Settings) -> None:
        name = settings.name
        image = MachineImage(scope, f"{name}-image", settings, **stack_options(settings, "image"))
        people = People(scope, f"{name}-people", settings, **stack_options(settings, "people"))
        fleet = Fleet(
            scope,
            f"{name}-fleet",
            settings,
            image=image,
            people=people,
            **stack_options(settings, "fleet"),
        )
        api = Api(
            scope,
            f"{name}-api",
            settings,
            fleet=fleet,
            people=people,
            **stack_options(settings, "api"),
        )
        self.site = Site(
            scope,
            f"{name}-site",
            settings,
            fleet=fleet,
            api=api,
            certificate=_certificate_elsewhere(scope, settings),
            **stack_options(settings, "site"),
        )


def _certificate_elsewhere(
    scope: Construct, settings: Settings
) -> certificates.ICertificate | None:
    """Return the domain's certificate from a stack of its own, if the site is in another region."""
    if settings.domain is None or settings.region in (None, CERTIFICATE_REGION):
        return None
    stack = Part(
        scope,
        f"{settings.name}-certificate",
        settings,
        **stack_options(settings, "certificate", CERTIFICATE_REGION),
    )
    return domain_certificate(stack, settings)
