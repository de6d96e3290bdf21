import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.accelerators import AMD, NVIDIA, Accelerator, EngineName
from stacks.settings import Settings, SettingsError, load_settings, parse_settings

ROOT = Path(__file__).parents[2]
COMPLETE = """
account = "123456789012"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
repository = "someone/hush"
connection = "arn:aws:codeconnections:us-east-1:123456789012:connection/1-2"
base_image = "ami-0123456789abcdef0"
alarm_email = "someone@example.org"
"""


def test_defaults_are_used_without_a_file(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "cloud.toml") == Settings()


def test_a_complete_file_misses_nothing() -> None:
    assert parse_settings(COMPLETE).missing() == []


def test_an_image_that_is_there_wants_no_base() -> None:
    text = COMPLETE.replace("base_image", "image")
    assert parse_settings(text).missing() == []


def test_defaults_miss_what_a_deployment_needs_and_say_where_to_get_it() -> None:
    missing = Settings().missing()
    assert [line.partition(":")[0] for line in missing] == [
        "account",
        "region",
        "zones",
        "base_image",
        "alarm_email",
        "repository",
        "connection",
    ]
    assert len(Settings().missing(pipeline=False)) == 5


@pytest.mark.parametrize("left_out", ["base_image", "alarm_email"])
def test_nothing_is_synthesised_for_an_account_while_something_is_missing(
    tmp_path: Path, left_out: str
) -> None:
    # What an older version stored for the pipeline lacks what came since.
    folder = tmp_path / "hush"
    folder.mkdir()
    shutil.copy(ROOT / "app.py", folder)
    shutil.copytree(ROOT / "stacks", folder / "stacks")
    lines = [line for line in COMPLETE.splitlines() if not line.startswith(left_out)]
    (folder / "cloud.toml").write_text("\n".join(lines), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "app.py"]
    ended = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"cloud.toml: {left_out}: ")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('account = "12"', "cloud.toml: account:"),
        ('base_image = "latest"', "cloud.toml: base_image:"),
        ("volume_gigabytes = 7", "cloud.toml: volume_gigabytes:"),
        ('engine = "reference"', "wants volume_gigabytes = 24"),
        ('image = "ami-1"', "cloud.toml: image:"),
        ('image = "ami-0123456789abcdef0"\npublish_image = "everyone"', "take one of them out"),
        ('publish_image = ["12"]', "cloud.toml: publish_image"),
        ("volume_initialization = 50", "cloud.toml: volume_initialization."),
        ('account = "123456789012"', "account and region go together"),
        ('domain = "example.org"', "domain and hosted_zone go together"),
        ('repository = "hush"', "owner/name"),
        ('connection = "arn:aws:s3:::bucket"', "docs/deploy.md, step 4"),
        ('stages = ["live", "staging"]', 'write ["live"], or ["staging", "live"]'),
        ('stages = ["staging"]', 'write ["live"], or ["staging", "live"]'),
        ('stages = ["test", "live"]', "'staging' or 'live'"),
        ('name = "Hush!"', "a small letter"),
        ('name = "aws-speech"', "may not begin with aws or ssm"),
        ('name = "ssm"', "may not begin with aws or ssm"),
        ('instance_types = ["t3.micro"]', "t3.micro is no g4dn, g5 or g6, and no g4ad"),
        ('instance_types = ["g4.xlarge"]', "g4.xlarge is no g4dn"),
        ('instance_types = ["g4dn.metal"]', "g4dn.metal is no g4dn"),
        ('instance_types = ["g5.xlarge", "g4ad.xlarge"]', "of NVIDIA's GPUs .* or of AMD's"),
        ('instance_types = ["g4ad.xlarge"]\nengine = "ctranslate2"', "take engine out"),
        ('engine = "onnx"', "engine onnx does not run on g4dn.xlarge"),
        ('device_models = ["turbo"]', "cloud.toml: device_models"),
        ("instance_types = []", "name at least one"),
        ("models = []", "name at least one"),
        ('engine = "torch"', "'ctranslate2', 'reference' or 'onnx'"),
        ("maximum_instances = 0", "maximum_instances"),
        ("on_demand_instances = 5", "more than maximum_instances"),
        ("idle_minutes = 60", "idle_minutes"),
        ('office_hours = "always"', 'write it as "Mon-Fri 8-18 Europe/Berlin"'),
        ('office_hours = "Mon-Fri 8-18"', "write it as"),
        ('office_hours = "Mo-Fr 8-18 Europe/Berlin"', "write it as"),
        ('office_hours = "Mon-Fri 18-8 Europe/Berlin"', "hours begin at 0:15 or later"),
        ('office_hours = "Mon-Fri 0-8 Europe/Berlin"', "hours begin at 0:15 or later"),
        ('office_hours = "Mon-Fri 8-24 Europe/Berlin"', "before midnight"),
        ('office_hours = "Mon-Fri 8:75-18 Europe/Berlin"', "hours begin at"),
        ('office_hours = "Mon-Fri 8-18 Europe/Bern"', "there is no time zone Europe/Bern"),
        ('zones = ["eu-west-1a", "eu-west-1b"]', "is not in region"),
        ('zones = ["us-east-1a"]', "wants two zones"),
        ('users = ["@octocat"]', "'@octocat' is no name on GitHub"),
        ('organisations = ["my team"]', "is no name on GitHub"),
        ('administrators = [""]', "is no name on GitHub"),
        ('teams = ["octopuses"]', "write 'octopuses' as organisation/team"),
        (f"users = {[f'somebody-{number:03}' for number in range(200)]}", "instead of users"),
        ("requests_a_day = 0", "requests_a_day"),
        ("anonymous_minutes_a_day = 0", "anonymous_minutes_a_day"),
        ("budget = 3", "no such setting; there are account, region"),
        ("name = ", "no TOML"),
    ],
)
def test_what_is_wrong_is_said(line: str, said: str) -> None:
    with pytest.raises(SettingsError, match=r"cloud\.toml") as error:
        parse_settings(line)
    assert re.search(said if ".*" in said else re.escape(said), str(error.value))


@pytest.mark.parametrize(
    ("types", "accelerator", "engine"),
    [
        (("g4dn.xlarge", "g5.2xlarge", "g6.12xlarge"), NVIDIA, "ctranslate2"),
        (("g4ad.xlarge", "g4ad.16xlarge"), AMD, "onnx"),
    ],
)
def test_the_types_say_which_gpu_and_that_which_engine(
    types: tuple[str, ...], accelerator: Accelerator, engine: EngineName
) -> None:
    settings = Settings(instance_types=types)
    assert settings.accelerator is accelerator
    assert settings.running_engine == engine


def test_nobody_may_use_it_unless_somebody_is_named() -> None:
    policy = Settings().policy
    assert not any(policy.values())
    assert set(policy) == {
        "users",
        "organisations",
        "teams",
        "everyone",
        "administrators",
        "anonymous",
    }


def test_minutes_of_speech_are_told_in_seconds() -> None:
    limits = Settings(minutes_a_day=1.5, anonymous_requests_a_day=3).limits
    assert limits == {
        "person": {"requests": 2000, "seconds": 90.0},
        "anonymous": {"requests": 3, "seconds": 600.0},
    }


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        parse_settings('account = "1"\nmodels = []\nbudget_dollars = 0')
    assert len(str(error.value).splitlines()) == 3


def test_every_setting_is_documented() -> None:
    documentation = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
    undocumented = [name for name in Settings.model_fields if f"`{name}`" not in documentation]
    assert undocumented == []
