import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from stacks.pipeline import UV
from stacks.targets import LAMBDA
from tests.stacks.codebuild import CDK, ROOT
from tests.stacks.conftest import EVERYTHING_SET, Templates
from tests.stacks.permissions import Names

pytestmark = pytest.mark.xdist_group("stacks")


def test_nothing_is_left_to_be_looked_up(templates: Templates) -> None:
    manifests = list(templates.folder.rglob("manifest.json"))
    assert len(manifests) >= 2
    for manifest in manifests:
        assert json.loads(manifest.read_text(encoding="utf-8")).get("missing", []) == []


def test_the_zones_are_those_of_the_settings(everything_set: Templates) -> None:
    subnets = everything_set.of("service", "EC2::Subnet")
    assert {each["AvailabilityZone"] for each in subnets} == set(EVERYTHING_SET.zones)


def test_the_settings_arrive_as_they_were_written(everything_set: Templates) -> None:
    source = everything_set.folder.with_name(f"{everything_set.folder.name}-source")
    text = (source / "cloud.toml").read_text(encoding="utf-8")
    assert all(f"{name} = " in text for name in type(EVERYTHING_SET).model_fields)


def _specifications(templates: Templates) -> list[dict[str, Any]]:
    """Return what every build of the pipeline runs."""
    found = []
    for project in templates.of("pipeline", "CodeBuild::Project"):
        text = str(project["Source"]["BuildSpec"])
        if not text.startswith("{"):
            text = (templates.folder / text).read_text(encoding="utf-8")
        found.append(json.loads(text)["phases"])
    return found


def _commands(phases: dict[str, Any]) -> list[str]:
    return [command for phase in phases.values() for command in phase["commands"]]


def test_tools_that_builds_install_are_pinned(everything_set: Templates) -> None:
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    pinned = package["devDependencies"]["aws-cdk"]
    commands = [each for phases in _specifications(everything_set) for each in _commands(phases)]
    installed = [each for each in commands if each.startswith("npm install")]
    assert set(installed) == {f"npm install -g aws-cdk@{pinned}"}
    for command in commands:
        assert "pip install" not in command or "constraints.txt" in command or UV in command


def test_the_synthesis_compiles_with_the_lambdas_own_python(everything_set: Templates) -> None:
    (synthesis,) = (
        _commands(phases)
        for phases in _specifications(everything_set)
        if "make synth" in _commands(phases)
    )
    before = synthesis[: synthesis.index("make synth")]
    (link,) = (each for each in before if each.startswith("ln -s"))
    assert link.endswith(f" /usr/local/bin/python{LAMBDA.python}")
    assert f"/opt/uv/bin/uv python install --quiet {LAMBDA.python}" in before
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+", UV)


def test_the_pinned_tool_publishes_everything(
    everything_set: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another tool may not read what this CDK writes: `cdk-assets` did not, when this was written.
    commands = [
        each
        for phases in _specifications(everything_set)
        for each in _commands(phases)
        if "publish-assets" in each
    ]
    assert len(commands) == len(EVERYTHING_SET.stages)
    names = Names(everything_set, EVERYTHING_SET)
    server = ThreadedMotoServer(port=0)
    server.start()
    port = server.get_host_and_port()[1]
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://localhost:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": names.region,
        "AWS_DEFAULT_REGION": names.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
    }
    for name, value in environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    try:
        for region in (names.region, "us-east-1"):
            where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            bucket = f"cdk-hnb659fds-assets-{names.account}-{region}"
            boto3.client("s3", region).create_bucket(
                Bucket=bucket, **({} if region == "us-east-1" else where)
            )
            boto3.client("ssm", region).put_parameter(
                Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String"
            )
        for command in commands:
            ran = subprocess.run(
                [CDK, *shlex.split(command)[1:]],
                cwd=everything_set.folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
        pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=names.assets)
        there = {each["Key"] for page in pages for each in page["Contents"]}
    finally:
        server.stop()
    wanted = {
        key
        for manifest in everything_set.folder.glob("assembly-*/*.assets.json")
        for key in re.findall(r'"objectKey": "([^"]+)"', manifest.read_text(encoding="utf-8"))
        if "certificate" not in manifest.name
    }
    assert wanted
    assert wanted <= there
