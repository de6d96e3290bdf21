"""What a push changes: a clean copy of the project, synthesised as the pipeline's stage is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import ROOT, Templates

pytestmark = pytest.mark.xdist_group("changes")

Synthesis = Callable[..., Templates]
SYNTHESIZE = """
import sys
from pathlib import Path
from stacks.settings import Settings
from tests.stacks.conftest import synthesize
synthesize(Settings(), Path(sys.argv[1]), pipeline=False)
"""


@pytest.fixture(scope="module")
def synthesis(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """Synthesise a copy without what was built, with a line more at the end of some files."""
    left_out = shutil.ignore_patterns(
        ".*", "__pycache__", "build", "cdk.out", "cloud.toml", "dist", "node_modules"
    )

    def synthesise(*changed: str) -> Templates:
        folder = tmp_path_factory.mktemp("copy") / "hush"
        shutil.copytree(ROOT, folder, ignore=left_out)
        for name in changed:
            with (folder / name).open("a", encoding="utf-8") as file:
                file.write("# one line more\n")
        out = folder / "cdk.out"
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        command = [sys.executable, "-c", SYNTHESIZE, str(out)]
        subprocess.run(command, cwd=folder, env=environment, check=True)
        return Templates(out)

    return synthesise


@pytest.fixture(scope="module")
def unchanged(synthesis: Synthesis) -> Templates:
    return synthesis()


def differences(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """Return the types of the resources that differ."""
    resources, others = one["Resources"], other["Resources"]
    return {
        (resources.get(name) or others[name])["Type"].removeprefix("AWS::")
        for name in resources.keys() | others.keys()
        if resources.get(name) != others.get(name)
    }


def test_a_clean_copy_makes_what_this_folder_makes(
    unchanged: Templates, placeholders: Templates
) -> None:
    for part in ("image", "people", "fleet", "api"):
        assert unchanged[part] == placeholders[part]


def test_new_code_refreshes_the_fleet_and_makes_no_new_image(
    unchanged: Templates, synthesis: Synthesis
) -> None:
    changed = synthesis("service/hush_service/web/app.py")
    assert changed["image"] == unchanged["image"]
    assert changed["api"] == unchanged["api"]
    assert "EC2::LaunchTemplate" in differences(unchanged["fleet"], changed["fleet"])


def test_a_change_of_the_image_makes_a_new_one_and_refreshes_the_fleet(
    unchanged: Templates, synthesis: Synthesis
) -> None:
    changed = synthesis("ami/install.sh")
    # The image refers to the recipe, whose version is new: CloudFormation replaces both.
    assert "ImageBuilder::ImageRecipe" in differences(unchanged["image"], changed["image"])
    assert "EC2::LaunchTemplate" in differences(unchanged["fleet"], changed["fleet"])
    assert changed["api"] == unchanged["api"]


def test_a_change_of_sign_in_is_one_of_its_lambda_alone(
    unchanged: Templates, synthesis: Synthesis
) -> None:
    changed = synthesis("lambda/auth/auth.py")
    assert differences(unchanged["api"], changed["api"]) == {"Lambda::Function"}
    for part in ("image", "people", "fleet"):
        assert changed[part] == unchanged[part]


def test_a_change_of_the_contracts_reaches_all_that_keep_them(
    unchanged: Templates, synthesis: Synthesis
) -> None:
    changed = synthesis("hush/contracts/headers.py")
    assert "Lambda::Function" in differences(unchanged["api"], changed["api"])
    assert differences(unchanged["fleet"], changed["fleet"]) >= {
        "EC2::LaunchTemplate",
        "Lambda::Function",
    }
    assert changed["image"] == unchanged["image"]


def test_a_change_of_the_documentation_touches_neither(
    unchanged: Templates, synthesis: Synthesis
) -> None:
    changed = synthesis("docs/deploy.md", "README.md", "tests/conftest.py")
    for part in ("image", "fleet", "api"):
        assert changed[part] == unchanged[part]
