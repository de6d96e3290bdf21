"""What goes into the machine image, checked as far as that goes without building it."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from stacks.machine_image import image_files, instance_requirements
from stacks.settings import Settings

AMI = Path(__file__).parents[2] / "ami"
UNITS = sorted(AMI.glob("*.service"))


@pytest.mark.parametrize("script", sorted(AMI.glob("*.sh")), ids=lambda file: file.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    checked = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert checked.stdout == ""
    assert checked.returncode == 0


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        # Of the machine image's own files none is here.
        (tmp_path / unit.name).write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text))
    units = [str(tmp_path / unit.name) for unit in UNITS]
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.stderr == ""
    assert verified.returncode == 0


@pytest.mark.parametrize("name", ["hush.service", "hush-watcher.service"])
def test_units_are_hardened(name: str) -> None:
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=40", AMI / name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-200:]


def test_the_service_has_time_to_drain() -> None:
    from stacks.limits import LONGEST_REQUEST_SECONDS

    text = (AMI / "hush.service").read_text(encoding="utf-8")
    match = re.search(r"TimeoutStopSec=(\d+)", text)
    assert match is not None
    assert int(match[1]) == LONGEST_REQUEST_SECONDS + 5


@pytest.mark.parametrize("name", ["build.yaml", "test.yaml"])
def test_components_have_the_shape_of_image_builder(name: str) -> None:
    text = (AMI / name).read_text(encoding="utf-8")
    assert len(text) <= 16_000
    component = yaml.safe_load(text)
    assert component["schemaVersion"] == 1.0
    parameters = {next(iter(each)) for each in component["parameters"]}
    assert set(re.findall(r"\{\{ (\w+) \}\}", text)) == parameters
    for phase in component["phases"]:
        assert phase["name"] in ("build", "validate", "test")
        for step in phase["steps"]:
            assert step["action"] == "ExecuteBash"
            script = "\n".join(step["inputs"]["commands"])
            script = re.sub(r"\{\{ \w+ \}\}", "value", script)
            subprocess.run(["bash", "-n", "-c", script], check=True)


def test_the_agent_collects_gpu_metrics_for_the_whole_group() -> None:
    agent = json.loads((AMI / "amazon-cloudwatch-agent.json").read_text(encoding="utf-8"))
    assert agent["metrics"]["namespace"] == "hush"
    assert agent["metrics"]["aggregation_dimensions"] == [["AutoScalingGroupName"]]
    assert "utilization_gpu" in agent["metrics"]["metrics_collected"]["nvidia_gpu"]["measurement"]


def test_the_archive_holds_what_the_installer_takes() -> None:
    names = {file.name for file in image_files(Settings()).iterdir()}
    installer = (AMI / "install.sh").read_text(encoding="utf-8")
    assert {"install.sh", "prove.py", "sample.flac", "requirements.txt", "constraints.txt"} <= names
    for name in re.findall(r"[\w-]+\.(?:service|json|sh|txt)", installer):
        assert name in names | {"install.sh"}


def test_every_requirement_of_an_instance_is_locked() -> None:
    constraints = (AMI.parent / "constraints.txt").read_text(encoding="utf-8").lower()
    for requirement in instance_requirements():
        name = re.split(r"[<>=\[]", requirement)[0].lower()
        name = re.sub(r"[-_]", "[-_]", name)
        assert re.search(rf"^{name}==", constraints, re.MULTILINE), name
