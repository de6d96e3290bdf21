"""The API: API Gateway in front of the fleet, with sign-in, limits, and errors in OpenAI's shape.

A regional REST API rather than an HTTP API: it streams, waits longer than 30 seconds, and lets its
own errors have a body of ours. CloudFront is its only client: the authorizer asks for the header
that CloudFront alone adds.
"""

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_logs as logs
from constructs import Construct

from hush.contracts.routes import ROUTES
from stacks.acknowledged import acknowledge
from stacks.fleet import Fleet
from stacks.gateway import DECISION_SECONDS, ERRORS, IDENTITY_SOURCES, service_headers
from stacks.limits import BURST, LONGEST_REQUEST_SECONDS, REQUESTS_PER_SECOND, STAGE
from stacks.observability import MINUTE, NAMESPACE, fleet_metric, graph, group_metric
from stacks.part import Part
from stacks.people import People
from stacks.settings import Settings
from stacks.sign_in import SignIn


class Api(Part):
    """API Gateway with its authorizer and routes.

    Parameters
    ----------
    fleet
        What answers.
    people
        Who may ask.

    Attributes
    ----------
    domain
        Host name of the API.
    sign_in
        Its Lambdas, and the key that the smoke test uses.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        fleet: Fleet,
        people: People,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, settings, **stack)
        self._fleet = fleet
        self.sign_in = SignIn(self, "SignIn", settings, people, fleet.front_door)
        self.rest = self._rest_api(self._authorizer(), settings)
        self._error_bodies()
        self._routes()
        deployment = self.rest.latest_deployment
        assert deployment is not None
        # What is deployed names the link, and would go on with one that is gone.
        deployment.add_to_logical_id({"link": settings.zone_letters})
        self.domain = f"{self.rest.rest_api_id}.execute-api.{self.region}.{self.url_suffix}"
        self._keep_link_awake()
        self._alarms()
        self._dashboard(settings)
        self._acknowledge()

    def _rest_api(
        self, authorizer: apigateway.RequestAuthorizer, settings: Settings
    ) -> apigateway.RestApi:
        access_log = logs.LogGroup(
            self,
            "AccessLog",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        return apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=self.stack_name,
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Pictures pass as they are.
            binary_media_types=["*/*"],
            # The account's, for all APIs in the region: a stage with a log is refused without it.
            # It stays, as others may use it by then.
            cloud_watch_role=settings.gateway_log_role,
            cloud_watch_role_removal_policy=(
                cdk.RemovalPolicy.RETAIN if settings.gateway_log_role else None
            ),
            default_method_options=apigateway.MethodOptions(
                authorizer=authorizer, authorization_type=apigateway.AuthorizationType.CUSTOM
            ),
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=REQUESTS_PER_SECOND,
                throttling_burst_limit=BURST,
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                # Neither addresses nor credentials: who asked is nobody's business later.
                access_log_format=apigateway.AccessLogFormat.custom(
                    json.dumps(
                        {
                            "request": "$context.requestId",
                            "time": "$context.requestTime",
                            "method": "$context.httpMethod",
                            "path": "$context.resourcePath",
                            "status": "$context.status",
                            "milliseconds": "$context.responseLatency",
                            "bytes": "$context.responseLength",
                            "error": "$context.error.responseType",
                        }
                    )
                ),
            ),
        )

    def _error_bodies(self) -> None:
        for name, error in ERRORS.items():
            apigateway.GatewayResponse(
                self,
                f"Error{name.title().replace('_', '')}",
                rest_api=self.rest,
                type=apigateway.ResponseType.of(name),
                status_code=None if error.own_status else str(error.status),
                response_headers={header: f"'{value}'" for header, value in error.headers.items()},
                templates={"application/json": error.body},
            )

    def _authorizer(self) -> apigateway.RequestAuthorizer:
        return apigateway.RequestAuthorizer(
            self,
            "RequestAuthorizer",
            handler=self.sign_in.authorizer,
            identity_sources=[
                apigateway.IdentitySource.header(header) for header in IDENTITY_SOURCES
            ],
            results_cache_ttl=cdk.Duration.seconds(DECISION_SECONDS),
        )

    def _routes(self) -> None:
        """Lay out the paths."""
        status = apigateway.LambdaIntegration(self._fleet.status)
        sign_in = apigateway.LambdaIntegration(self.sign_in.auth, allow_test_invoke=False)
        lambdas = {"status": status, "sign-in": sign_in}
        for route in ROUTES:
            resource = self.rest.root.resource_for_path(route.path)
            if route.target == "service":
                method = self._to_fleet(resource, route.method)
            else:
                method = resource.add_method(route.method, lambdas[route.target])
            if not route.guarded:
                self._open(method)

    def _open(self, method: apigateway.Method) -> None:
        """Take the authorizer off sign-in, which asks itself who comes."""
        definition = method.node.default_child
        assert isinstance(definition, apigateway.CfnMethod)
        definition.add_property_override("AuthorizationType", "NONE")
        definition.add_property_deletion_override("AuthorizerId")
        for finding in ("AwsSolutions-APIG4", "AwsSolutions-COG4"):
            acknowledge(method, finding, "Sign-in itself: its Lambda refuses what is not for all")

    def _to_fleet(self, resource: apigateway.IResource, method: str) -> apigateway.Method:
        """Pass a path on to the load balancer as it comes, and stream the answer."""
        proxied = resource.path.endswith("{proxy+}")
        path = resource.path.replace("{proxy+}", "{proxy}")
        key = self._fleet.gateway_key.secret_value.unsafe_unwrap()
        parameters = {
            f"integration.request.header.{header}": value
            for header, value in service_headers(key).items()
        }
        if proxied:
            parameters["integration.request.path.proxy"] = "method.request.path.proxy"
        added = resource.add_method(
            method,
            apigateway.HttpIntegration(
                f"http://{self._fleet.balancer.load_balancer_dns_name}{path}",
                http_method=method,
                proxy=True,
                options=apigateway.IntegrationOptions(
                    request_parameters=parameters,
                    response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
                    timeout=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS),
                ),
            ),
            request_parameters={"method.request.path.proxy": True} if proxied else None,
        )
        definition = added.node.default_child
        assert isinstance(definition, apigateway.CfnMethod)
        # The constructs know only the older kind of link, which takes no such load balancer.
        for name, value in {
            "ConnectionType": "VPC_LINK",
            "ConnectionId": self._fleet.link.vpc_link_id,
            "IntegrationTarget": self._fleet.balancer.load_balancer_arn,
        }.items():
            definition.add_property_override(f"Integration.{name}", value)
        return added

    def _keep_link_awake(self) -> None:
        """Send a request through the link once a month: after 60 idle days it would be asleep."""
        url = f"https://{self.domain}/{STAGE}/healthz"
        rule = events.Rule(self, "Monthly", schedule=events.Schedule.rate(cdk.Duration.days(28)))
        rule.add_target(
            event_targets.LambdaFunction(
                self._fleet.status,
                event=events.RuleTargetInput.from_object(
                    {"keep_awake": url, "secret": self._fleet.front_door.secret_arn}
                ),
            )
        )

    def _alarms(self) -> None:
        alerts = self._fleet.alerts
        dimensions = {"ApiName": self.stack_name, "Stage": STAGE}
        alerts.alarm(
            "api-errors",
            cloudwatch.MathExpression(
                # Cold calls are answered 503 as well: those that the lobby sends do not count.
                expression="FILL(errors, 0) - FILL(lobby, 0)",
                using_metrics={
                    "errors": _api_metric("5XXError", dimensions, "Sum"),
                    "lobby": self._fleet.lobby_requests(),
                },
                period=MINUTE,
            ),
            "More than five requests a minute fail with a status of 500 and above.",
            threshold=5,
            minutes=3,
            of=5,
        )
        alerts.alarm(
            "api-latency",
            _api_metric("Latency", dimensions, "p95"),
            "One request in twenty takes longer than 20 seconds.",
            threshold=20_000,
            minutes=5,
            of=10,
        )

    def _dashboard(self, settings: Settings) -> None:
        dimensions = {"ApiName": self.stack_name, "Stage": STAGE}
        group = self._fleet.group_name
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=settings.name)
        dashboard.add_widgets(
            graph(
                "Requests",
                _api_metric("Count", dimensions, "Sum"),
                _api_metric("4XXError", dimensions, "Sum"),
                _api_metric("5XXError", dimensions, "Sum"),
                self._fleet.lobby_requests(),
            ),
            graph(
                "Latency, ms",
                *(_api_metric("Latency", dimensions, part) for part in ("p50", "p95", "p99")),
            ),
            graph("Pictures in flight, an instance", fleet_metric("InFlight", group, "Average")),
            graph(
                "Instances",
                group_metric("GroupDesiredCapacity", group),
                group_metric("GroupInServiceInstances", group),
                group_metric("GroupPendingInstances", group),
            ),
        )
        dashboard.add_widgets(
            graph(
                "GPU, %",
                fleet_metric("nvidia_smi_utilization_gpu", group, "Average"),
                fleet_metric("nvidia_smi_utilization_memory", group, "Average"),
            ),
            graph("GPU memory, MiB", fleet_metric("nvidia_smi_memory_used", group, "Maximum")),
            graph(
                "Interruptions",
                fleet_metric("Interruptions", group, "Sum"),
                fleet_metric("RebalanceRecommendations", group, "Sum"),
            ),
            graph("Launch to ready, s", fleet_metric("LaunchToReady", group, "Maximum")),
        )
        dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Cost of the month so far, $ (us-east-1 only, if billing metrics are on)",
                left=[
                    cloudwatch.Metric(
                        namespace="AWS/Billing",
                        metric_name="EstimatedCharges",
                        dimensions_map={"Currency": "USD"},
                        statistic="Maximum",
                        period=cdk.Duration.hours(6),
                        region="us-east-1",
                    )
                ],
                width=12,
                height=5,
            ),
            cloudwatch.TextWidget(
                markdown=f"Metrics of the fleet: namespace `{NAMESPACE}`. Runbook:"
                " docs/operations.md.",
                width=12,
                height=5,
            ),
        )

    def _acknowledge(self) -> None:
        acknowledge(
            self.rest, "AwsSolutions-APIG2", "The service checks every request itself, and more"
        )
        acknowledge(
            self.rest,
            "AwsSolutions-APIG3",
            "A web ACL costs 5 $ a month and more; the authorizer refuses all that did not come"
            " through CloudFront, and the stage is throttled",
        )
        acknowledge(
            self.rest,
            "AwsSolutions-APIG6",
            "Execution logs would hold headers and bodies; the access log has what is needed",
        )
        acknowledge(
            self.rest, "AwsSolutions-COG4", "The authorizer is a Lambda of ours, not Cognito"
        )
        acknowledge(
            self.rest,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AmazonAPIGatewayPushToCloudWatchLogs]",
            "What API Gateway asks of the account's role",
        )


def _api_metric(name: str, dimensions: dict[str, str], statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        period=MINUTE,
        label=f"{name} {statistic}",
    )
