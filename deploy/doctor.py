"""Whether an AWS account, this machine and `cloud.toml` are ready for a deployment."""

import functools
import shutil
import subprocess
from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from deploy import stack
from deploy.check import Check, Verdict, client_of
from deploy.images import base_image, machine_image, publishing
from stacks.names import LIVE, STAGES, STAGING, Names, StageName
from stacks.settings import Settings

SPOT_QUOTA, ON_DEMAND_QUOTA = "L-3819A6DF", "L-DB2E81BA"
"""Service Quotas' codes for virtual CPUs of types that begin with G and VT."""
BUILD_SIZES = ("Small", "Large")
"""Of the pipeline's builds: the tests run in a large one. One of each runs at a time."""
ZONES_WITHOUT_LINKS = frozenset({"use1-az3", "usw1-az2", "cac1-az3", "apne1-az2", "apne2-az2"})
"""Ids of the zones in which API Gateway makes no VPC links, from its documentation."""

SIGN_IN_SECTIONS = {LIVE: "step 7", STAGING: "A stage before live"}
"""Where `docs/deploy.md` says how people can sign in."""
UNRESERVED = 100
"""Of the functions at once of an account, which Lambda keeps for those without a share of their
own."""
RESPONDERS = 20
"""What is proposed as a bound: as many requests a second as API Gateway lets through."""


def examine(settings: Settings, pipeline: bool = True) -> Iterator[Check]:
    """Look at everything that a deployment needs.

    Parameters
    ----------
    settings
        What `cloud.toml` says.
    pipeline
        Whether the pipeline is deployed too, which wants a connection to GitHub.
    """
    yield from tools()
    missing = settings.missing(pipeline)
    yield from (Check(Verdict.BAD, "cloud.toml", line) for line in missing)
    if not missing:
        yield Check(Verdict.GOOD, "cloud.toml", "everything that is needed is set")
    yield who(settings)
    if settings.region is None:
        return
    known = _asked("credentials", lambda: credentials(settings))
    yield known
    if known.verdict is Verdict.BAD:
        return
    yield from leftovers(settings)
    yield _asked("zones", lambda: zones(settings))
    if settings.image:
        yield _asked("machine image", lambda: machine_image(settings))
    else:
        yield _asked("base image", lambda: base_image(settings))
    if settings.publish_image:
        yield _asked("publishing", lambda: publishing(settings))
    yield _asked("spot quota", lambda: spot_quota(settings))
    if settings.on_demand_instances or not settings.image:
        yield _asked("on-demand quota", lambda: on_demand_quota(settings))
    if settings.responder:
        yield _asked("responder", lambda: responder(settings))
    yield _asked("API's log", lambda: gateway_log_role(settings))
    yield _asked("CloudFront", lambda: cloudfront(settings))
    for stage in reversed(settings.stages):
        yield _asked("GitHub App", functools.partial(github_app, settings, stage))
    if pipeline:
        yield _asked("builds", lambda: builds(settings))
    if pipeline and settings.connection is not None:
        yield _asked("connection", lambda: connection(settings))


def leftovers(settings: Settings) -> Iterator[Check]:
    """Say what is there of before, if anything is."""
    looks = {"older version": older_version, "staging": former_staging}
    for subject, look in looks.items():
        check = _asked(subject, functools.partial(look, settings))
        if check.verdict is not Verdict.GOOD:
            yield check


def tools() -> Iterator[Check]:
    """Look for Node, which the CDK runs on."""
    node = shutil.which("node")
    if node is None:
        yield Check(Verdict.BAD, "Node", "install Node 20 or newer")
        return
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    number = version.stdout.strip()
    good = int(number.lstrip("v").partition(".")[0]) >= 20
    yield Check(
        Verdict.GOOD if good else Verdict.BAD,
        "Node",
        number if good else f"{number} is too old: install 20 or newer",
    )


def who(settings: Settings) -> Check:
    """Say who may use it."""
    policy = settings.policy
    if policy["anonymous"] or policy["everyone"]:
        some = "everybody" if policy["anonymous"] else "everybody with a GitHub account"
        return Check(Verdict.GOOD, "who may use it", f"{some}, within limits a day")
    named = {
        "users": len({*settings.users, *settings.administrators}),
        "organisations": len(settings.organisations),
        "teams": len(settings.teams),
    }
    if not any(named.values()):
        finding = "nobody but you, by the deployment's key: set users, organisations or teams"
        return Check(Verdict.UNSURE, "who may use it", finding)
    finding = ", ".join(f"{number} {kind}" for kind, number in named.items() if number)
    return Check(Verdict.GOOD, "who may use it", finding)


def github_app(settings: Settings, stage: StageName = LIVE) -> Check:
    """See whether sign-in of a stage has the GitHub App's credentials, and nobody else."""
    subject, former = "GitHub App", former_github_parameter(settings)
    names = Names(settings.name, stage)
    name, url = names.github_secret, names.url_parameter
    asked = client_of("ssm", settings).get_parameters(Names=[former, url])["Parameters"]
    known = {each["Name"]: each["Value"] for each in asked}
    if former in known:
        finding = (
            f"its credentials are in the parameter {former}, which others in this account may read:"
            " move them into a secret, docs/deploy.md, step 7"
        )
        return Check(Verdict.BAD, subject, finding)
    try:
        secret = client_of("secretsmanager", settings).describe_secret(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        secret = None
    callback = f"; it has to know {known[url]}/auth/callback" if url in known else ""
    if secret is None or "DeletedDate" in secret:
        finding = f"its credentials are not in the secret {name}, so nobody can sign in"
        if stage == STAGING:
            finding += " there, which the smoke test does not need"
        finding += f"{callback}: docs/deploy.md, {SIGN_IN_SECTIONS[stage]}"
        return Check(Verdict.UNSURE, subject, finding)
    return Check(Verdict.GOOD, subject, f"its credentials are in {name}{callback}")


def former_github_parameter(settings: Settings) -> str:
    """Return the parameter that had the GitHub App's credentials before a secret did."""
    return f"/{settings.name}/github"


def credentials(settings: Settings) -> Check:
    """See whether whoever is signed in is in the right account."""
    account = client_of("sts", settings).get_caller_identity()["Account"]
    if settings.account not in (None, account):
        finding = f"you are signed in to {account}, and cloud.toml says {settings.account}"
        return Check(Verdict.BAD, "credentials", finding)
    return Check(Verdict.GOOD, "credentials", f"account {account}")


def older_version(settings: Settings) -> Check:
    """Look for stacks of a version of hush that this one would deploy a second one beside."""
    subject, found = "older version", stack.former(settings)
    if not found:
        return Check(Verdict.GOOD, subject, "none is deployed")
    finding = (
        f"it deployed {', '.join(found)}, which this one neither updates nor deletes:"
        " take it down with that version first: docs/deploy.md, From an older version"
    )
    return Check(Verdict.BAD, subject, finding)


def former_staging(settings: Settings) -> Check:
    """Look for a stage that no push goes through any more, and that costs what it did."""
    if STAGING in settings.stages:
        return Check(Verdict.GOOD, "staging", "pushes go through it")
    name = Names(settings.name, STAGING).stack("service")
    if stack.describe(name, str(settings.region)) is None:
        return Check(Verdict.GOOD, "staging", "there is none")
    finding = f"{name} is still there, and costs what it did: make destroy STAGE={STAGING}"
    return Check(Verdict.UNSURE, "staging", finding)


def zones(settings: Settings) -> Check:
    """Find the zones that have both the first instance type and VPC links."""
    client = client_of("ec2", settings)
    kind = settings.instance_types[0]
    offered = client.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [kind]}]
    )["InstanceTypeOfferings"]
    names = {each["Location"] for each in offered}
    described = client.describe_availability_zones()["AvailabilityZones"]
    fit = sorted(
        each["ZoneName"]
        for each in described
        if each["ZoneName"] in names and each["ZoneId"] not in ZONES_WITHOUT_LINKS
    )
    listed = "[" + ", ".join(f'"{name}"' for name in fit) + "]"
    if wrong := set(settings.zones) - set(fit):
        finding = f"{', '.join(sorted(wrong))} lacks {kind} or VPC links; zones = {listed}"
        return Check(Verdict.BAD, "zones", finding)
    if not settings.zones:
        return Check(Verdict.BAD, "zones", f"put into cloud.toml: zones = {listed}")
    return Check(Verdict.GOOD, "zones", ", ".join(settings.zones))


def spot_quota(settings: Settings) -> Check:
    """Compare the fleets' quota with as many instances as they may have, of the largest type."""
    sizes = cpus(settings)
    instances = sum(settings.in_stage(stage).maximum_instances for stage in settings.stages)
    most = instances * max(sizes.values())
    return quota(settings, "spot quota", SPOT_QUOTA, most, min(sizes.values()))


def on_demand_quota(settings: Settings) -> Check:
    """Compare the quota for the image's build, and for instances on demand, with both at once."""
    sizes = cpus(settings)
    built = 0 if settings.image else 1
    fallback = settings.fallback_dollars_a_month > 0
    most = (built + settings.on_demand_instances + fallback) * max(sizes.values())
    return quota(settings, "on-demand quota", ON_DEMAND_QUOTA, most, min(sizes.values()))


def cpus(settings: Settings) -> dict[str, int]:
    """Return how many virtual CPUs each instance type has."""
    described = client_of("ec2", settings).describe_instance_types(
        InstanceTypes=list(settings.instance_types)
    )["InstanceTypes"]
    return {each["InstanceType"]: each["VCpuInfo"]["DefaultVCpus"] for each in described}


def quota(settings: Settings, subject: str, code: str, wanted: int, least: int) -> Check:
    """Compare a quota of virtual CPUs with what is wanted, and what is the least that works."""
    value = client_of("service-quotas", settings).get_service_quota(
        ServiceCode="ec2", QuotaCode=code
    )["Quota"]["Value"]
    if value >= wanted:
        return Check(Verdict.GOOD, subject, f"{value:.0f} virtual CPUs")
    where = (
        f"https://{settings.region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/"
        f"{code}"
    )
    enough_for_one = value >= least
    return Check(
        Verdict.UNSURE if enough_for_one else Verdict.BAD,
        subject,
        f"{value:.0f} virtual CPUs, and {wanted} are wanted: ask at {where}",
    )


def responder(settings: Settings) -> Check:
    """See whether Lambda has room for as many responders at once as are to be kept for it."""
    subject, wanted = "responder", settings.responder_concurrency
    if wanted is not None:
        kept = (settings.in_stage(stage).responder_concurrency for stage in settings.stages)
        wanted = sum(each or 0 for each in kept)
    limits = client_of("lambda", settings).get_account_settings()["AccountLimit"]
    most, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    room = free - UNRESERVED
    if wanted is None:
        finding = f"Lambda runs {most} functions of this account at once"
        if room >= RESPONDERS:
            finding += f"; to bound the responder, responder_concurrency = {RESPONDERS}"
        return Check(Verdict.GOOD, subject, finding)
    if wanted > room:
        finding = (
            f"Lambda has room for {max(0, room)}: unless {wanted} are kept for it already, take"
            " responder_concurrency out of cloud.toml"
        )
        return Check(Verdict.UNSURE, subject, finding)
    return Check(Verdict.GOOD, subject, f"{wanted} of {most} at once")


def gateway_log_role(settings: Settings) -> Check:
    """See whether API Gateway has a role for logs; what another application has set, stays."""
    subject = "API's log"
    role = str(client_of("apigateway", settings).get_account().get("cloudwatchRoleArn", ""))
    # CloudFormation shortens the names that it makes for roles.
    beginnings = tuple(Names(settings.name, stage).stack("service")[:24] for stage in STAGES)
    ours = role.rpartition("/")[2].startswith(beginnings)
    if role and settings.gateway_log_role and not ours:
        finding = f"{role} is set already, and stays: put into cloud.toml: gateway_log_role = false"
        return Check(Verdict.BAD, subject, finding)
    if not role and not settings.gateway_log_role:
        finding = "API Gateway has no role for logs: take gateway_log_role out of cloud.toml"
        return Check(Verdict.BAD, subject, finding)
    return Check(Verdict.GOOD, subject, role or "the deployment makes the role for it")


def cloudfront(settings: Settings) -> Check:
    """See whether CloudFront is known to work here; new accounts have to be verified for it."""
    listed = client_of("cloudfront", settings).list_distributions(MaxItems="1")["DistributionList"]
    if listed["Quantity"]:
        return Check(Verdict.GOOD, "CloudFront", "this account has a distribution already")
    finding = (
        "no distribution yet: AWS verifies new accounts before their first; ask its support:"
        " docs/deploy.md, step 3"
    )
    return Check(Verdict.UNSURE, "CloudFront", finding)


def builds(settings: Settings) -> Check:
    """See whether CodeBuild runs builds of the pipeline's sizes; in new accounts it may not."""
    pages = (
        client_of("service-quotas", settings)
        .get_paginator("list_service_quotas")
        .paginate(ServiceCode="codebuild")
    )
    allowed = {each["QuotaName"]: each["Value"] for page in pages for each in page["Quotas"]}
    names = [f"Concurrently running builds for Linux/{size} environment" for size in BUILD_SIZES]
    none = [name for name in names if allowed.get(name, 0) < 1]
    if not none:
        return Check(Verdict.GOOD, "builds", "CodeBuild runs small and large ones")
    where = (
        f"https://{settings.region}.console.aws.amazon.com/servicequotas/home/services/codebuild"
        "/quotas"
    )
    return Check(Verdict.BAD, "builds", f"a quota is 0: {' and '.join(none)}; ask for 1 at {where}")


def connection(settings: Settings) -> Check:
    """See whether GitHub has agreed to the connection."""
    client = client_of("codeconnections", settings)
    status = client.get_connection(ConnectionArn=settings.connection)["Connection"][
        "ConnectionStatus"
    ]
    if status == "AVAILABLE":
        return Check(Verdict.GOOD, "connection", "available")
    return Check(
        Verdict.BAD, "connection", f"it is {status.lower()}: finish it in the console, step 4"
    )


def _asked(subject: str, look: Callable[[], Check]) -> Check:
    """Have a look, and report it if AWS does not answer."""
    try:
        return look()
    except (BotoCoreError, ClientError) as error:
        return Check(Verdict.BAD, subject, str(error))
