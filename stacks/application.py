"""The application as a whole: what it consists of, and in which stacks that is deployed.

Each stage has one of its own. The machine image alone is built once for all of them, so that live
starts from what staging was tried with.

People have a stack of their own, as their tables outlast everything else. So has the machine image,
unless one is taken that is there already: it takes half an hour to build, and a build that fails
must not take the rest back with it. Fleet, API and site change together, and are one stack.

References between stacks are weak ones (`cdk.json`): CloudFormation would refuse a new image, or to
forget an old signing key, as long as another stack holds on to the one before.
"""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as certificates
from constructs import Construct

from stacks.api import Api
from stacks.api.administration import Administration
from stacks.api.sign_in import SignIn
from stacks.fleet import Fleet
from stacks.fleet.governor import Governor
from stacks.machine_image import MachineImage
from stacks.names import LIVE, Names, StackPart, StageName
from stacks.observability.alarms import (
    watch_errors,
    watch_fleet,
    watch_governor,
    watch_latency,
    watch_pipeline,
    watch_responder,
)
from stacks.observability.alerts import Alerts
from stacks.observability.dashboard import dashboard
from stacks.part import Part
from stacks.people import People
from stacks.secrets import generated_secret
from stacks.settings import Settings
from stacks.site import Site, domain_certificate

CERTIFICATE_REGION = "us-east-1"
"""CloudFront takes certificates from there alone."""


@dataclass(frozen=True)
class Image:
    """What instances start from.

    Attributes
    ----------
    ami
        Id of the machine image.
    version
        Changes with what goes into it.
    """

    ami: str
    version: str


class Application:
    """Image, people, fleet, API and site.

    Parameters
    ----------
    scope
        The app, for a deployment from a laptop; or a stage of the pipeline.
    settings
        What to deploy.
    stage
        Under which names, and how large.
    image
        That of a stage before; built here if None.

    Attributes
    ----------
    image
        What its instances start from.
    url, deployment_key
        Outputs with the public address, and with the ARN of the secret with an API key.
    deployment_key_name
        With what the name of that secret begins.
    """

    def __init__(
        self,
        scope: Construct,
        settings: Settings,
        stage: StageName = LIVE,
        image: Image | None = None,
    ) -> None:
        settings, names = settings.in_stage(stage), Names(settings.name, stage)

        def stack(part: StackPart, names: Names = names, region: str | None = None) -> Part:
            name = names.stack(part)
            return Part(scope, name, settings, tag=names.prefix, region=region)

        built: Part | None = None
        if image is None and settings.image:
            image = Image(settings.image, settings.image)
        elif image is None:
            # Whichever stage comes first: it stays as it is when another one is put before live.
            of_all = Names(settings.name)
            built = stack("image", of_all)
            made = MachineImage(built, "Image", settings, of_all)
            image = Image(made.ami, made.version)
        self.image = image
        people = People(stack("people"), "People", secrets=settings.secrets)
        certificate: certificates.ICertificate | None = None
        if settings.domain and settings.region not in (None, CERTIFICATE_REGION):
            elsewhere = stack("certificate", region=CERTIFICATE_REGION)
            certificate = domain_certificate(elsewhere, settings)

        service = stack("service")
        if built:
            service.add_stack_dependency(built)
        # Two, so that an instance which somebody broke into does not open the API.
        front_door = generated_secret(
            service,
            f"FrontDoor{settings.secrets}",
            "Proves that a request came through CloudFront",
        )
        gateway_key = generated_secret(
            service,
            f"GatewayKey{settings.secrets}",
            "Proves that a request came through the API",
        )
        fleet = Fleet(
            service,
            "Fleet",
            settings,
            names,
            ami=image.ami,
            image_version=image.version,
            quota=people.quota,
            front_door=front_door,
            gateway_key=gateway_key,
        )
        sign_in = SignIn(
            service,
            "SignIn",
            settings,
            names,
            people=people.table,
            quota=people.quota,
            signing_keys=people.signing_keys,
            front_door=front_door,
        )
        administration = Administration(
            service,
            "Administration",
            settings,
            names,
            sign_in=sign_in,
            people=people.table,
            quota=people.quota,
            balanced=fleet.lobby.balanced(),
        )
        api = Api(
            service,
            "Api",
            name=names.api,
            zones=settings.usable_zones,
            log_role=settings.gateway_log_role,
            front_door=front_door,
            gateway_key=gateway_key,
            auth=sign_in.auth,
            authorizer=sign_in.authorizer,
            status=fleet.lobby.status,
            administration=administration.function,
            link=fleet.lobby.link,
            balancer=fleet.lobby.balancer,
        )
        site = Site(
            service,
            "Site",
            settings,
            names,
            api_domain=api.domain,
            front_door=front_door,
            certificate=certificate,
        )
        alerts = Alerts(
            service,
            "Alerts",
            names,
            email=settings.alarm_email,
            budget_dollars=settings.budget_dollars,
            budget_by_tag=settings.budget_by_tag,
        )
        lobby, pictures = fleet.lobby.requests(), fleet.lobby.pictures()
        governor = Governor(
            service, "Governor", settings, names, quota=people.quota, topic=alerts.topic
        )
        # By it, every stage has a deployment taken back. Of staging, nobody wants to know the rest.
        watch_errors(alerts, api=names.api, lobby=lobby)
        if stage == LIVE:
            watch_fleet(
                alerts, group=names.group, lobby=lobby, pictures=pictures, status=fleet.lobby.status
            )
            watch_latency(alerts, api=names.api)
            if fleet.responder:
                watch_responder(alerts, fleet.responder.function)
            watch_governor(alerts, governor.function)
            watch_pipeline(alerts, names.pipeline)
        dashboard(
            service,
            "Dashboard",
            names,
            accelerator=settings.accelerator,
            lobby=lobby,
            pictures=pictures,
        )

        self.url = cdk.CfnOutput(service, "Url", value=site.url, description="Where hush is")
        self.deployment_key = cdk.CfnOutput(
            service,
            "DeploymentKey",
            value=sign_in.deployment_key.secret_arn,
            description="Secret with an API key: docs/deploy.md, step 6",
        )
        self.deployment_key_name = sign_in.deployment_key_name
