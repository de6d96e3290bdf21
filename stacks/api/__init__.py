"""The API: API Gateway in front of the fleet, with sign-in, limits, and errors in OpenAI's shape.

A regional REST API rather than an HTTP API: it streams, waits longer than 30 seconds, and lets its
own errors have a body of ours. CloudFront is its only client: the authorizer asks for the header
that CloudFront alone adds.
"""

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.api.routes import Way, add_routes
from stacks.gateway import DECISION_SECONDS, ERRORS, IDENTITY_SOURCES
from stacks.limits import BURST, REQUESTS_PER_SECOND, STAGE


class Api(Construct):
    """API Gateway with its authorizer and routes.

    Parameters
    ----------
    name
        Its name, in metrics too.
    zones
        Where the link is.
    log_role
        Whether to make the account's role by which API Gateway writes logs.
    front_door, gateway_key
        Secrets by which the API knows CloudFront, and the service knows the API.
    auth, authorizer, status, administration
        The Lambdas that answer sign-in, decide about every other request, answer for the fleet, and
        for those who look after it all.
    link, balancer
        The way to the fleet.

    Attributes
    ----------
    domain
        Host name of the API.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        zones: Sequence[str],
        log_role: bool,
        front_door: secretsmanager.ISecret,
        gateway_key: secretsmanager.ISecret,
        auth: lambda_.IFunction,
        authorizer: lambda_.IFunction,
        status: lambda_.IFunction,
        administration: lambda_.IFunction,
        link: apigatewayv2.IVpcLink,
        balancer: balancing.IApplicationLoadBalancer,
    ) -> None:
        super().__init__(scope, construct_id)
        rest = self._rest_api(name, self._authorizer(authorizer), log_role)
        self._error_bodies(rest)
        add_routes(
            rest,
            {
                "status": apigateway.LambdaIntegration(status),
                "sign-in": apigateway.LambdaIntegration(auth, allow_test_invoke=False),
                "administration": apigateway.LambdaIntegration(
                    administration, allow_test_invoke=False
                ),
            },
            Way(
                self,
                link=link,
                balancer=balancer,
                zones=zones,
                key=gateway_key.secret_value.unsafe_unwrap(),
            ),
        )
        stack = cdk.Stack.of(self)
        self.domain = f"{rest.rest_api_id}.execute-api.{stack.region}.{stack.url_suffix}"
        self._keep_link_awake(status, front_door)

    def _rest_api(
        self, name: str, authorizer: apigateway.RequestAuthorizer, log_role: bool
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
            rest_api_name=name,
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Pictures pass as they are.
            binary_media_types=["*/*"],
            # The account's, for all APIs in the region: a stage with a log is refused without it.
            # It stays, as others may use it by then.
            cloud_watch_role=log_role,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN if log_role else None,
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

    def _error_bodies(self, rest: apigateway.RestApi) -> None:
        for name, error in ERRORS.items():
            apigateway.GatewayResponse(
                self,
                f"Error{name.title().replace('_', '')}",
                rest_api=rest,
                type=apigateway.ResponseType.of(name),
                status_code=None if error.own_status else str(error.status),
                response_headers={header: f"'{value}'" for header, value in error.headers.items()},
                templates={"application/json": error.body},
            )

    def _authorizer(self, handler: lambda_.IFunction) -> apigateway.RequestAuthorizer:
        return apigateway.RequestAuthorizer(
            self,
            "RequestAuthorizer",
            handler=handler,
            identity_sources=[
                apigateway.IdentitySource.header(header) for header in IDENTITY_SOURCES
            ],
            results_cache_ttl=cdk.Duration.seconds(DECISION_SECONDS),
        )

    def _keep_link_awake(
        self, status: lambda_.IFunction, front_door: secretsmanager.ISecret
    ) -> None:
        """Send a request through the link once a month: after 60 idle days it would be asleep."""
        url = f"https://{self.domain}/{STAGE}/healthz"
        rule = events.Rule(self, "Monthly", schedule=events.Schedule.rate(cdk.Duration.days(28)))
        rule.add_target(
            event_targets.LambdaFunction(
                status,
                event=events.RuleTargetInput.from_object(
                    {"keep_awake": url, "secret": front_door.secret_arn}
                ),
            )
        )
