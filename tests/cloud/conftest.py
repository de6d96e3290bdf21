"""One deployment to the emulated AWS, by the real CDK command line, for all tests here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.functions import lambda_api
from local.github import GitHub
from stacks.names import PARTS, Names
from stacks.settings import Settings
from stacks.weights import responder_weights
from tests.cloud.emulated_aws import ACCOUNT, CDK, REGION, EmulatedAws, emulated_aws
from tests.cloud.front_door import FrontDoor
from tests.cloud.lambdas import Lambdas
from tests.stacks.conftest import synthesize

NAMES = Names("hush")
APPLICATION = tuple(NAMES.stack(part) for part in PARTS)
STACKS = (*APPLICATION, NAMES.pipeline)

SETTINGS = Settings(
    users=("octocat",),
    organisations=("friends",),
    administrators=("hubot",),
    requests_a_day=4,
    responder="tiny.en",
    responder_concurrency=2,
)


@dataclass
class Deployment:
    """What is deployed, and its way in."""

    aws: EmulatedAws
    lambdas: Lambdas
    door: FrontDoor
    assembly: Path
    github: GitHub


@pytest.fixture(scope="session")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, real_weights: Path
) -> Iterator[Deployment]:
    """The application and its pipeline, deployed from nothing."""
    if not CDK.exists():
        pytest.fail("the CDK's command line is missing: `make test` installs it")
    folder = tmp_path_factory.mktemp("aws")
    assembly = folder / "assembly"
    # Made of the weights that are fetched already.
    assert real_weights.exists()
    synthesize(
        SETTINGS, assembly, weights=responder_weights(str(SETTINGS.responder)), checked=False
    )
    with emulated_aws(folder) as aws:
        aws.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        aws.deploy(assembly, *STACKS)
        lambdas = Lambdas(aws, folder / "lambdas")
        with lambda_api(lambdas.invoke) as calls, GitHub().serving() as github:
            lambdas.environment = {
                "AWS_ENDPOINT_URL_LAMBDA": calls,
                "HUSH_DISK": str(folder / "disk"),
                "HUSH_GITHUB_URL": github.url,
                "HUSH_GITHUB_API_URL": github.url,
            }
            yield Deployment(aws, lambdas, FrontDoor(aws, lambdas), assembly, github)
            lambdas.stop()
