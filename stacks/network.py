"""The network of the fleet: who may reach whom."""

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

PORT = 1337
"""Where the service listens on an instance."""


class Network(Construct):
    """Subnets without NAT, and who may reach whom.

    Instances are in public subnets, so that they reach AWS's endpoints, and no rule lets anything
    come in; the load balancer and the API's link are in isolated ones.

    Parameters
    ----------
    zones
        In which there is a subnet of each kind.
    """

    def __init__(self, scope: Construct, construct_id: str, *, zones: Sequence[str]) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ZonedAddresses(),
            availability_zones=sorted(zones),
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="fleet", subnet_type=ec2.SubnetType.PUBLIC, map_public_ip_on_launch=True
                ),
                ec2.SubnetConfiguration(name="inside", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            ],
            # Code and quotas stay in AWS's network, and cost nothing to move.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "Quotas": ec2.GatewayVpcEndpointOptions(
                    service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
                ),
            },
        )
        name_by_zone(self.vpc)
        self.inside = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        self.outside = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
        self.link = self._security_group("Link", "Way in of the API")
        self.balancer = self._security_group("Balancer", "Only the link of the API comes in")
        self.fleet = self._security_group("Fleet", "Only the load balancer comes in")
        self.balancer.connections.allow_from(self.link, ec2.Port.tcp(80), "requests")
        self.fleet.connections.allow_from(self.balancer, ec2.Port.tcp(PORT), "requests")
        self.fleet.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Endpoints of AWS")
        for group in (self.link, self.balancer, self.fleet):
            name_by_group(group)

    def _security_group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=self.vpc, description=description, allow_all_outbound=False
        )


@jsii.implements(ec2.IIpAddresses)
class ZonedAddresses:
    """Addresses of subnets by their zones' letters.

    Whatever zones come or go, those of the others stay as they are, and no two were ever the same:
    CloudFormation makes new subnets before it deletes old ones.
    """

    def allocate_vpc_cidr(self) -> ec2.VpcIpamOptions:  # noqa: D102
        return ec2.VpcIpamOptions(cidr_block="10.0.0.0/16")

    def allocate_subnets_cidr(  # noqa: D102
        self, *, requested_subnets: Sequence[Any], vpc_cidr: str
    ) -> ec2.SubnetIpamOptions:
        return ec2.SubnetIpamOptions(
            allocated_subnets=[
                ec2.AllocatedSubnet(cidr=_addresses(each)) for each in requested_subnets
            ]
        )


def _addresses(subnet: ec2.RequestedSubnet) -> str:
    number = ord(subnet.availability_zone[-1]) - ord("a")
    if subnet.configuration.subnet_type is ec2.SubnetType.PUBLIC:
        return f"10.0.{8 * number}.0/21"
    return f"10.0.{208 + number}.0/26"


def name_by_zone(vpc: ec2.Vpc) -> None:
    """Call what belongs to a subnet by its zone, and not by its place in a list."""
    for kind, subnets in (("Public", vpc.public_subnets), ("Inside", vpc.isolated_subnets)):
        for subnet in subnets:
            letter = subnet.availability_zone[-1].upper()
            cdk.Tags.of(subnet).add("Name", f"{kind}{letter}")
            for element in subnet.node.find_all():
                if isinstance(element, cdk.CfnElement):
                    element.override_logical_id(f"Subnet{kind}{letter}{element.node.id}")


def name_by_group(group: ec2.SecurityGroup) -> None:
    """Call a group's rules for another group by itself, and not by the path of the other.

    The pipeline and a laptop deploy the same stack by different paths. CloudFormation would make
    each rule once more, which EC2 knows as the same, and then delete the old one.
    """
    for rule in group.node.find_all():
        if isinstance(rule, ec2.CfnSecurityGroupIngress):
            rule.override_logical_id(f"{group.node.id}RequestsIn")
        elif isinstance(rule, ec2.CfnSecurityGroupEgress):
            rule.override_logical_id(f"{group.node.id}RequestsOut")
