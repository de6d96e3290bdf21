"""Nothing of an image's build is on its volume: the script runs for real, on a tree of files."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.ami.test_files import AMI

SCRIPT = AMI / "leftovers.sh"
LEFT = (
    "home/ec2-user/.aws/credentials",
    "home/ec2-user/.bash_history",
    "home/ec2-user/.ssh/authorized_keys",
    "root/.bash_history",
    "root/.python_history",
    "root/.ssh/authorized_keys",
    "etc/hush/environment",
    "etc/ssh/ssh_host_ed25519_key",
    "opt/hush/code/service/hush_service/__init__.py",
    "tmp/hush-ami.zip",
    "var/lib/cloud/instances/i-0a1b/user-data.txt",
    "var/lib/dkms/mok.key",
    "var/lib/dnf/history.sqlite",
    "var/log/cloud-init-output.log",
    "var/log/hush/service.log",
    "var/log/journal/0a1b/system.journal",
)
"""What a build may leave; of the system, none of it is there in the beginning."""
KEPT = (
    "etc/hush/amazon-cloudwatch-agent.json",
    "etc/ssh/sshd_config",
    "home/ec2-user/.bashrc",
    "opt/hush/prove/prove.py",
    "opt/hush/venv/lib/private_key_example.py",
    "opt/hush/weights/small/ctranslate2/model.bin",
    "var/lib/cloud/scripts/per-boot/some.sh",
)
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----"


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Return what stands for the root of a volume on which an image was built."""
    for name in (*LEFT, *KEPT):
        put(tmp_path, name, PRIVATE if "private" in name else "something")
    put(tmp_path, "etc/machine-id", "0a1b2c3d")
    (tmp_path / "var/tmp").mkdir()
    return tmp_path


def put(volume: Path, name: str, content: str) -> None:
    (volume / name).parent.mkdir(parents=True, exist_ok=True)
    (volume / name).write_text(content, encoding="utf-8")


def run(what: str, volume: Path) -> tuple[int, str]:
    """Run the script; return its exit code and what it printed."""
    command = ["bash", str(SCRIPT), what, str(volume)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode < 2, ended.stderr
    return ended.returncode, ended.stdout


def test_what_a_build_leaves_is_removed_and_the_rest_stays(volume: Path) -> None:
    assert run("remove", volume) == (0, "")
    left = {str(each.relative_to(volume)) for each in volume.rglob("*") if each.is_file()}
    assert left == {*KEPT, "etc/machine-id", "opt/hush/prove/cleaned"}
    assert (volume / "etc/machine-id").read_bytes() == b""
    # The service and the watcher write there.
    assert (volume / "var/log/hush").is_dir()
    assert run("find", volume) == (0, "")


def test_an_image_that_was_not_cleaned_is_found_out(volume: Path) -> None:
    assert run("find", volume)[0] == 1
    # As if it had been cleaned of nothing: everything is from before.
    put(volume, "opt/hush/prove/cleaned", "")
    code, said = run("find", volume)
    assert code == 1
    assert set(said.removeprefix("left over: ").split()) == {*LEFT, "etc/machine-id"}


def test_what_the_machine_that_looks_has_made_itself_is_not_left_over(volume: Path) -> None:
    run("remove", volume)
    put(volume, "etc/machine-id", "4e5f")
    put(volume, "var/log/messages", "booted")
    put(volume, "var/lib/cloud/instances/i-2c3d/user-data.txt", "its own")
    put(volume, "etc/ssh/ssh_host_ed25519_key", PRIVATE)
    assert run("find", volume) == (0, "")


@pytest.mark.parametrize(
    "secret", [PRIVATE, "-----BEGIN PRIVATE KEY-----", "AKIAIOSFODNN7EXAMPLE", "ASIA" + 16 * "A"]
)
def test_a_secret_is_found_whenever_it_came(volume: Path, secret: str) -> None:
    run("remove", volume)
    put(volume, "etc/somewhere/else", f"first\n{secret}\n")
    assert run("find", volume) == (1, "left over: etc/somewhere/else\n")


def test_a_build_ends_with_cleaning_and_its_test_looks_for_leftovers() -> None:
    build = (AMI / "build.yaml").read_text(encoding="utf-8")
    phase = build.partition("- name: build")[2].partition("- name: validate")[0]
    commands = re.findall(r"^ +- ((?!name:).+)$", phase, re.MULTILINE)
    assert commands[-1] == "bash /opt/hush/prove/leftovers.sh remove"
    test = (AMI / "test.yaml").read_text(encoding="utf-8")
    assert "- bash /opt/hush/prove/leftovers.sh find\n" in test
