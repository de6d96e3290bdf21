"""The paths of the API, and how a request gets from each to what answers it."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
import jsii
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from constructs import Construct, IConstruct

from hush.contracts.routes import ROUTES
from stacks.gateway import service_headers
from stacks.limits import LONGEST_REQUEST_SECONDS


class Way:
    """The way to the service: a VPC link, and the internal load balancer behind it.

    Parameters
    ----------
    link, balancer
        What it consists of.
    zones
        Where the link is: in others it is another link.
    key
        By which the service knows that the gateway asks.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        link: apigatewayv2.IVpcLink,
        balancer: balancing.IApplicationLoadBalancer,
        zones: Sequence[str],
        key: str,
    ) -> None:
        # Methods take a link by its id alone, of whichever kind it is.
        self.link = apigateway.VpcLink.from_vpc_link_id(scope, "Way", link.vpc_link_id)
        self.balancer, self.zones = balancer, ",".join(sorted(zones))
        self.headers = {
            f"integration.request.header.{header}": value
            for header, value in service_headers(key).items()
        }


class LinkIntegration(apigateway.Integration):
    """Passes a path on to the load balancer as it comes, and streams the answer."""

    def __init__(self, way: Way, method: str, path: str) -> None:
        proxied = path.endswith("{proxy+}")
        proxy = {"integration.request.path.proxy": "method.request.path.proxy"} if proxied else {}
        super().__init__(
            type=apigateway.IntegrationType.HTTP_PROXY,
            integration_http_method=method,
            uri=f"http://{way.balancer.load_balancer_dns_name}{path.replace('+', '')}",
            options=apigateway.IntegrationOptions(
                connection_type=apigateway.ConnectionType.VPC_LINK,
                vpc_link=way.link,
                request_parameters={**way.headers, **proxy},
                response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
                timeout=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS),
            ),
        )
        self._way = way

    def bind(self, method: apigateway.Method) -> apigateway.IntegrationConfig:
        """Return what the method's definition says, all but the load balancer."""
        cdk.Aspects.of(method).add(_IntegrationTarget(self._way.balancer.load_balancer_arn))
        bound = super().bind(method)
        return apigateway.IntegrationConfig(
            type=bound.type,
            uri=bound.uri,
            integration_http_method=bound.integration_http_method,
            options=bound.options,
            # What is deployed keeps the id of the link that it was deployed with.
            deployment_token=self._way.zones,
        )


@jsii.implements(cdk.IAspect)
class _IntegrationTarget:
    """Names the load balancer behind the link, for which the CDK's options have no word yet."""

    def __init__(self, balancer: str) -> None:
        self._balancer = balancer

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, apigateway.CfnMethod):
            node.add_property_override("Integration.IntegrationTarget", self._balancer)


def add_routes(
    rest: apigateway.RestApi, lambdas: Mapping[str, apigateway.Integration], way: Way
) -> None:
    """Lay out the paths.

    Parameters
    ----------
    lambdas
        By the routes' targets.
    way
        To the service.
    """
    for route in ROUTES:
        resource = rest.root.resource_for_path(route.path)
        to_service = route.target == "service"
        resource.add_method(
            route.method,
            LinkIntegration(way, route.method, route.path) if to_service else lambdas[route.target],
            # Sign-in asks itself who comes.
            authorization_type=None if route.guarded else apigateway.AuthorizationType.NONE,
            request_parameters={"method.request.path.proxy": True}
            if to_service and route.path.endswith("{proxy+}")
            else None,
        )
