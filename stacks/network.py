"""The network of the fleet: who may reach whom."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.acknowledged import acknowledge
from stacks.settings import Settings

PORT = 1337
"""Where the service listens on an instance."""


class Network(Construct):
    """Subnets without NAT, and who may reach whom.

    Instances are in public subnets, so that they reach AWS's endpoints, and no rule lets anything
    come in; the load balancer and the API's link are in isolated ones.
    """

    def __init__(self, scope: Construct, construct_id: str, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=list(settings.usable_zones),
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="fleet", subnet_type=ec2.SubnetType.PUBLIC, map_public_ip_on_launch=True
                ),
                ec2.SubnetConfiguration(
                    name="inside", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26
                ),
            ],
            # Code and quotas stay in AWS's network, and cost nothing to move.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "Quotas": ec2.GatewayVpcEndpointOptions(
                    service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
                ),
            },
        )
        self.inside = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        self.outside = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
        self.link = self._security_group("Link", "Way in of the API")
        self.balancer = self._security_group("Balancer", "Only the link of the API comes in")
        self.fleet = self._security_group("Fleet", "Only the load balancer comes in")
        self.balancer.connections.allow_from(self.link, ec2.Port.tcp(80), "requests")
        self.fleet.connections.allow_from(self.balancer, ec2.Port.tcp(PORT), "requests")
        self.fleet.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Endpoints of AWS")
        acknowledge(
            self.vpc,
            "AwsSolutions-VPC7",
            "Flow logs would cost more than the idle fleet; nothing but the API's link comes in,"
            " and the API logs every request",
        )

    def _security_group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=self.vpc, description=description, allow_all_outbound=False
        )
