"""The app, synthesised once for all tests: on placeholders, and with everything set."""

import fcntl
import functools
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from stacks.acknowledged import check
from stacks.application import Application
from stacks.fleet.responder import WEIGHTS
from stacks.functions import LIBRARIES
from stacks.names import STAGES, StageName
from stacks.pipeline import Pipeline
from stacks.settings import Settings
from tests.stacks.codebuild import synthesize_in_codebuild

ROOT = Path(__file__).parents[2]

EVERYTHING_SET = Settings(
    account="123456789012",
    region="eu-west-1",
    zones=("eu-west-1a", "eu-west-1c"),
    repository="someone/hush",
    connection="arn:aws:codeconnections:eu-west-1:123456789012:connection/0a1b",
    stages=STAGES,
    domain="speech.example.org",
    hosted_zone="Z0123456789",
    users=("octocat",),
    organisations=("github",),
    teams=("github/octopuses",),
    administrators=("hubot",),
    anonymous=True,
    gateway_log_role=False,
    secrets=2,
    alarm_email="someone@example.org",
    budget_by_tag=True,
    cost_explorer=True,
    fleet_dollars_a_month=200,
    fallback_dollars_a_month=20,
    name="speech",
    models=("tiny",),
    engine="reference",
    instance_types=("g5.xlarge", "g6.xlarge"),
    maximum_instances=2,
    on_demand_instances=1,
    office_hours="Mon-Fri 8-18:30 Europe/Berlin",
    idle_minutes=5,
    base_image="ami-0123456789abcdef0",
    volume_gigabytes=100,
    keep_images_days=30,
    publish_image=("210987654321",),
    volume_initialization=False,
    responder="tiny.en",
    responder_memory=1769,
    responder_concurrency=5,
    responder_provisioned=1,
    responder_overflow=True,
    wake_after=30,
    device_models=("tiny.en", "base"),
)
ON_AMD = Settings(instance_types=("g4ad.xlarge", "g4ad.2xlarge"))


class Templates:
    """The templates of one synthesis, by the last part of their stacks' names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_part: dict[str, dict[str, Any]] = {}
        for file in folder.glob("*.template.json"):
            part = file.name.removesuffix(".template.json").rpartition("-")[2]
            # Those of a pipeline's stage have names without dashes, and a digest.
            part = re.sub(r"^.+(image|people|service|certificate)[0-9A-F]{8}$", r"\1", part)
            self._by_part[part] = json.loads(file.read_text(encoding="utf-8"))

    def __getitem__(self, part: str) -> dict[str, Any]:
        return self._by_part[part]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_part)

    def in_stage(self, stage: StageName) -> "Templates":
        """Return the templates that the pipeline deploys in a stage."""
        (folder,) = self.folder.glob(f"assembly-*-{stage}")
        return Templates(folder)

    def of(self, part: str, kind: str) -> list[dict[str, Any]]:
        """Return the properties of all resources of a type, such as "EC2::LaunchTemplate"."""
        resources = self[part]["Resources"].values()
        return [each.get("Properties", {}) for each in resources if each["Type"] == f"AWS::{kind}"]

    def named(self, part: str, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Return logical ids and properties of all resources of a type."""
        resources = self[part]["Resources"].items()
        return [
            (name, each["Properties"]) for name, each in resources if each["Type"] == f"AWS::{kind}"
        ]

    def the(self, part: str, kind: str) -> dict[str, Any]:
        """Return the properties of the only resource of a type."""
        (properties,) = self.of(part, kind)
        return properties


def as_text(value: object) -> str:
    """Return a value of a template as text, to look for words in it."""
    return json.dumps(value, sort_keys=True)


def sign_in_functions(templates: Templates) -> list[dict[str, Any]]:
    """Return the Lambdas that know who may come in: of sign-in, and of the administration."""
    functions = templates.of("service", "Lambda::Function")
    found = [
        each
        for each in functions
        if "HUSH_SIGNING_KEYS" in each.get("Environment", {}).get("Variables", {})
    ]
    assert len(found) == 3
    return found


def context(weights: Path | None = None) -> dict[str, Any]:
    """Return the app's context, with the responder's weights if they are given."""
    known: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    # The Lambdas' libraries would come from the network, and templates do not show them.
    return {**known, LIBRARIES: False, WEIGHTS: None if weights is None else str(weights)}


def synthesize(
    settings: Settings,
    folder: Path,
    pipeline: bool = True,
    weights: Path | None = None,
    checked: bool = True,
) -> Templates:
    """Make the templates as `app.py` does, with the responder's weights if they are given.

    What cdk-nag says of them takes half the time, and nothing of it is in them.
    """
    app = cdk.App(context=context(weights), outdir=str(folder))
    Application(app, settings)
    if pipeline:
        Pipeline(app, settings)
    if checked:
        check(app)
    app.synth()
    return Templates(folder)


def synthesized_once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Templates:
    """Make the templates once for all of a run's workers, as that takes as long as 100 tests."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The CDK writes it last.
        if not (folder / "manifest.json").exists():
            make(folder)
    return Templates(folder)


@pytest.fixture(scope="session")
def placeholders(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Without any settings."""
    make = functools.partial(synthesize, Settings())
    return synthesized_once(tmp_path_factory, "placeholders", make)


@pytest.fixture(scope="session")
def everything_set(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """With every setting set, as the pipeline makes them."""
    make = functools.partial(synthesize_in_codebuild, EVERYTHING_SET)
    return synthesized_once(tmp_path_factory, "everything", make)


@pytest.fixture(scope="session")
def on_amd(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """As without any settings, but for a fleet of AMD's GPUs."""
    make = functools.partial(synthesize, ON_AMD, pipeline=False)
    return synthesized_once(tmp_path_factory, "amd", make)


@pytest.fixture(scope="session", params=["placeholders", "everything_set"])
def templates(request: pytest.FixtureRequest) -> Templates:
    """Both."""
    both: Templates = request.getfixturevalue(request.param)
    return both
