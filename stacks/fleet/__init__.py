"""The fleet: spot instances with GPUs behind an internal load balancer, none while nobody asks.

While no instance is ready, the load balancer passes pictures to the *responder*, which answers them
with a small model, and everything else to the *lobby*, the status Lambda, which answers 503 with
Retry-After. Both have the fleet woken. When an instance is ready, the Lambda opens the listener's
first rule, the *door*, by which everything goes to the fleet.
"""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.fleet.lobby import Lobby
from stacks.fleet.machines import Machines
from stacks.fleet.responder import Responder
from stacks.names import Names
from stacks.network import Network
from stacks.settings import Settings


class Fleet(Construct):
    """The network, the load balancer with its lobby, and the machines behind it.

    Parameters
    ----------
    ami, image_version
        Id of the machine image, and what changes with what goes into it.
    quota
        Table in which the service keeps what each identity used.
    front_door, gateway_key
        Secrets by which the API knows CloudFront, and instances know the API.

    Attributes
    ----------
    lobby
        What the API is built upon.
    responder
        What answers meanwhile, if anything does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        names: Names,
        *,
        ami: str,
        image_version: str,
        quota: dynamodb.ITable,
        front_door: secretsmanager.ISecret,
        gateway_key: secretsmanager.ISecret,
    ) -> None:
        super().__init__(scope, construct_id)
        network = Network(self, "Network", zones=settings.usable_zones)
        self.lobby = Lobby(
            self,
            "Lobby",
            group_name=names.group,
            network=network,
            front_door=front_door,
            quota=quota,
            wake_after=settings.wake_after,
        )
        self.responder: Responder | None = None
        if settings.responder:
            self.responder = Responder(
                self,
                "Responder",
                settings,
                names,
                model=settings.responder,
                quota=quota,
                gateway_key=gateway_key,
                status=self.lobby.status,
            )
            self.lobby.pass_pictures_to(self.responder.target)
        Machines(
            self,
            "Machines",
            settings,
            names,
            network=network,
            targets=self.lobby.targets,
            ami=ami,
            image_version=image_version,
            quota=quota,
            gateway_key=gateway_key,
            overflow=self.responder.target
            if self.responder and settings.responder_overflow
            else None,
        )
