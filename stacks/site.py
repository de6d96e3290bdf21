"""The site: the page in a private bucket, and CloudFront in front of it and of the API."""

import json
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as route53_targets
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from hush.contracts.headers import ORIGIN
from hush.contracts.routes import ADMIN_PAGE, API_PATHS
from stacks.functions import libraries
from stacks.limits import LONGEST_REQUEST_SECONDS, STAGE
from stacks.names import Names
from stacks.settings import Settings
from stacks.weights import FILES, INDEX, device_models, no_device_models

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "ui" / "dist"
HEADERS = ROOT / "ui" / "headers.json"
STATUS = "/status"
MODELS_INDEX = "models/index.json"
NO_MODELS = '{"models": []}'
FOR_EVER = "public, max-age=31536000, immutable"
UPLOAD_MEBIBYTES = 1024
"""Of the Lambda that unpacks models into the bucket, which by the CDK has 128 and room for 512."""
KEPT_ERRORS = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
"""Statuses that CloudFront keeps unless it is told not to."""
PLACEHOLDER = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>hush</title>
<h1>hush</h1><p>The API is here; the page has not been built (npm run build in ui/).</p>
"""


class Site(Construct):
    """Bucket and distribution, with a domain of its own if one is set.

    Parameters
    ----------
    api_domain
        What answers on the paths of the API.
    front_door
        Secret by which the API knows CloudFront.
    certificate
        For the domain, from us-east-1; made here if None.

    Attributes
    ----------
    url
        The public address.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        names: Names,
        *,
        api_domain: str,
        front_door: secretsmanager.ISecret,
        certificate: certificates.ICertificate | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._domain = settings.domain
        self._bucket = s3.Bucket(
            self,
            "Page",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            # It holds nothing but what the build makes.
            removal_policy=cdk.RemovalPolicy.DESTROY,
            auto_delete_objects=True,
        )
        zone = _hosted_zone(self, settings)
        if zone is not None and certificate is None:
            certificate = domain_certificate(self, settings)
        gateway = origins.HttpOrigin(
            api_domain,
            origin_path=f"/{STAGE}",
            custom_headers={ORIGIN: front_door.secret_value.unsafe_unwrap()},
            read_timeout=cdk.Duration.seconds(LONGEST_REQUEST_SECONDS),
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
        )
        self._distribution = self._cdn(names.prefix, gateway, certificate)
        if zone is not None:
            self._records(zone)
        self._publish(settings)
        self.url = f"https://{self._domain or self._distribution.distribution_domain_name}"
        # The API is made before its address is known: sign-in reads it from here.
        ssm.StringParameter(
            self, "UrlParameter", parameter_name=names.url_parameter, string_value=self.url
        )

    def _cdn(
        self,
        comment: str,
        gateway: origins.HttpOrigin,
        certificate: certificates.ICertificate | None,
    ) -> cloudfront.Distribution:
        headers = response_headers(self, page_headers())
        viewer_request = cloudfront.Function(
            self,
            "ViewerRequest",
            code=cloudfront.FunctionCode.from_file(
                file_path=str(ROOT / "stacks" / "viewer_request.js")
            ),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        rewriting = [
            cloudfront.FunctionAssociation(
                function=viewer_request, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
            )
        ]

        def to_api(cache_policy: cloudfront.ICachePolicy) -> cloudfront.BehaviorOptions:
            return cloudfront.BehaviorOptions(
                origin=gateway,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                cache_policy=cache_policy,
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                response_headers_policy=headers,
                compress=False,
                function_associations=rewriting,
            )

        # Its answer is the same for everybody, and says for how long.
        for_seconds = cloudfront.CachePolicy(
            self,
            "Seconds",
            comment="The status, which everybody may ask for",
            min_ttl=cdk.Duration.seconds(0),
            default_ttl=cdk.Duration.seconds(0),
            max_ttl=cdk.Duration.seconds(5),
        )
        never = to_api(cloudfront.CachePolicy.CACHING_DISABLED)
        page = origins.S3BucketOrigin.with_origin_access_control(self._bucket)
        # The bucket has no such object: the function says which one it is.
        of_administrators = cloudfront.BehaviorOptions(
            origin=page,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            response_headers_policy=headers,
            function_associations=rewriting,
        )
        return cloudfront.Distribution(
            self,
            "Distribution",
            comment=comment,
            default_root_object="index.html",
            default_behavior=cloudfront.BehaviorOptions(
                origin=page,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                response_headers_policy=headers,
            ),
            additional_behaviors={
                **dict.fromkeys(API_PATHS, never),
                STATUS: to_api(for_seconds),
                ADMIN_PAGE: of_administrators,
            },
            # CloudFront would give an error to others for ten seconds, whatever its headers say.
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=cdk.Duration.seconds(0))
                for status in KEPT_ERRORS
            ],
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            # CloudFront's own certificate, which serves without a domain, sets the protocol.
            minimum_protocol_version=None
            if certificate is None
            else cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            domain_names=None if self._domain is None else [self._domain],
            certificate=certificate,
        )

    def _records(self, zone: route53.IHostedZone) -> None:
        target = route53.RecordTarget.from_alias(
            route53_targets.CloudFrontTarget(self._distribution)
        )
        name = self._domain
        route53.ARecord(self, "Ipv4", zone=zone, record_name=name, target=target)
        route53.AaaaRecord(self, "Ipv6", zone=zone, record_name=name, target=target)

    def _publish(self, settings: Settings) -> None:
        """Upload the page: what has a hash in its name for ever, everything else afresh.

        What is there stays: a page that is open goes on with what it has found.
        """
        log = logs.LogGroup(
            self,
            "UploadLog",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        if not PAGE.is_dir():
            deployment.BucketDeployment(
                self,
                "Placeholder",
                sources=[deployment.Source.data("index.html", PLACEHOLDER)],
                destination_bucket=self._bucket,
                distribution=self._distribution,
                cache_control=[deployment.CacheControl.no_cache()],
                content_type="text/html; charset=utf-8",
                log_group=log,
            )
            return
        index, models = self._publish_models(settings, log)
        for_ever = [deployment.CacheControl.from_string(FOR_EVER)]
        afresh = [deployment.CacheControl.no_cache()]
        parts: dict[str, tuple[list[str], list[deployment.CacheControl], str | None]] = {
            "Assets": (["assets/*"], for_ever, None),
            "Wasm": (["*.wasm"], for_ever, "application/wasm"),
            "Rest": (["*"], afresh, None),
        }
        page = deployment.Source.asset(str(PAGE))
        for name, (include, cache, content_type) in parts.items():
            made = deployment.BucketDeployment(
                self,
                name,
                sources=[page, index] if name == "Rest" else [page],
                destination_bucket=self._bucket,
                exclude=["*"] if name != "Rest" else ["assets/*", "*.wasm"],
                include=include if name != "Rest" else None,
                prune=False,
                cache_control=cache,
                content_type=content_type,
                distribution=self._distribution if name == "Rest" else None,
                distribution_paths=["/*"] if name == "Rest" else None,
                log_group=log,
            )
            if name == "Rest":
                # It says which models there are.
                made.node.add_dependency(*models)

    def _publish_models(
        self, settings: Settings, log: logs.ILogGroup
    ) -> tuple[deployment.ISource, list[deployment.BucketDeployment]]:
        """Upload models for browsers; return what says which there are, and the uploads."""
        if not settings.device_models:
            return deployment.Source.data(MODELS_INDEX, NO_MODELS), []
        made = device_models if libraries(self) else no_device_models
        folder = made(settings.device_models)
        files = deployment.Source.asset(str(folder / FILES))
        kinds: dict[str, tuple[list[str], str | None]] = {
            "Models": (["*.onnx", "*.json"], None),
            "ModelsRuntime": (["*.wasm"], "application/wasm"),
        }
        uploads = [
            deployment.BucketDeployment(
                self,
                name,
                sources=[files],
                destination_bucket=self._bucket,
                exclude=["*"],
                include=include,
                prune=False,
                cache_control=[deployment.CacheControl.from_string(FOR_EVER)],
                content_type=content_type,
                memory_limit=UPLOAD_MEBIBYTES,
                ephemeral_storage_size=cdk.Size.gibibytes(2),
                log_group=log,
            )
            for name, (include, content_type) in kinds.items()
        ]
        index = (folder / INDEX).read_text(encoding="utf-8")
        return deployment.Source.data(MODELS_INDEX, index), uploads


def page_headers() -> dict[str, str]:
    """Return the headers that the page needs, from `ui/headers.json`."""
    headers: dict[str, str] = json.loads(HEADERS.read_text(encoding="utf-8"))
    return headers


def response_headers(
    scope: Construct, headers: Mapping[str, str]
) -> cloudfront.ResponseHeadersPolicy:
    """Return CloudFront's policy that adds these headers.

    CloudFront takes those that it knows as settings, and only the others as they are.
    """
    given = {name.lower(): value for name, value in headers.items()}
    hsts = given.pop("strict-transport-security", None)
    csp = given.pop("content-security-policy", None)
    referrer = given.pop("referrer-policy", None)
    frame = given.pop("x-frame-options", None)
    sniffing = given.pop("x-content-type-options", None)
    behaviors = cloudfront.ResponseSecurityHeadersBehavior(
        strict_transport_security=None
        if hsts is None
        else cloudfront.ResponseHeadersStrictTransportSecurity(
            access_control_max_age=cdk.Duration.seconds(_max_age(hsts)),
            include_subdomains="includesubdomains" in hsts.lower(),
            preload="preload" in hsts.lower(),
            override=True,
        ),
        content_security_policy=None
        if csp is None
        else cloudfront.ResponseHeadersContentSecurityPolicy(
            content_security_policy=csp, override=True
        ),
        referrer_policy=None
        if referrer is None
        else cloudfront.ResponseHeadersReferrerPolicy(
            referrer_policy=cloudfront.HeadersReferrerPolicy[referrer.upper().replace("-", "_")],
            override=True,
        ),
        frame_options=None
        if frame is None
        else cloudfront.ResponseHeadersFrameOptions(
            frame_option=cloudfront.HeadersFrameOption[frame.upper()], override=True
        ),
        content_type_options=None
        if sniffing is None
        else cloudfront.ResponseHeadersContentTypeOptions(override=True),
    )
    return cloudfront.ResponseHeadersPolicy(
        scope,
        "Headers",
        security_headers_behavior=behaviors,
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(header=name, value=value, override=True)
                for name, value in given.items()
            ]
        )
        if given
        else None,
    )


def domain_certificate(scope: Construct, settings: Settings) -> certificates.Certificate:
    """Return a certificate for the domain, which its hosted zone vouches for."""
    assert settings.domain is not None
    return certificates.Certificate(
        scope,
        "Certificate",
        domain_name=settings.domain,
        validation=certificates.CertificateValidation.from_dns(_hosted_zone(scope, settings)),
    )


def _hosted_zone(scope: Construct, settings: Settings) -> route53.IHostedZone | None:
    if settings.domain is None or settings.hosted_zone is None:
        return None
    return route53.HostedZone.from_hosted_zone_attributes(
        scope,
        f"Zone{len(scope.node.children)}",
        hosted_zone_id=settings.hosted_zone,
        zone_name=settings.domain,
    )


def _max_age(hsts: str) -> int:
    for part in hsts.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "max-age":
            return int(value)
    raise ValueError(f"ui/headers.json: no max-age in {hsts!r}")
