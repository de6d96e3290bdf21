"""The machine image's scripts, run for real: their paths below a folder, and AWS's programs played.

What plays a program writes down how it was called. Nothing here wants root.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stacks.accelerators import EngineName
from stacks.machine_image import image_files
from stacks.settings import Settings
from tests.ami.test_files import AMI

CUBLAS = "lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.12"
VENV = f"""
for name in pip python; do
    install -D -m 755 "$PLAYED/recorder" "$3/bin/$name"
done
install -D -m 644 /dev/null "$3/{CUBLAS}"
"""
AWS = """
case "$1 $2" in
    "s3 cp") cp "$CODE" "$5" ;;
    "secretsmanager get-secret-value") [ "$4" = the-secret ] && echo the-key ;;
esac
"""
TYPES: dict[str, tuple[str, ...]] = {
    "ctranslate2": ("g4dn.xlarge",),
    "reference": ("g5.xlarge",),
    "onnx": ("g4ad.xlarge",),
}
UNZIP = f'{sys.executable} -m zipfile -e "$3" "$5"'
# Who may be an owner is a matter of the machine: the call is written down.
INSTALL = f"""
without=()
while [ $# -gt 0 ]; do
    case "$1" in -o | -g) shift ;; *) without+=("$1") ;; esac
    shift
done
exec {shutil.which("install")} "${{without[@]}}"
"""


class Machine:
    """A folder that the scripts take for the root of a machine, and programs that are played."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.played = folder / "played"
        self.calls_file = folder / "calls"
        self.temporary = folder / "tmp"
        for made in (self.root, self.played, self.temporary):
            made.mkdir()
        self.play("recorder")

    def play(self, name: str, does: str = "") -> None:
        """Have a program write down its arguments, and then do something."""
        place = self.root / name[1:] if name.startswith("/") else self.played / name
        place.parent.mkdir(parents=True, exist_ok=True)
        record = 'echo "$(basename "$0") $*" >>"$CALLS"'
        place.write_text(f"#!/bin/bash\n{record}\n{does}\n", encoding="utf-8")
        place.chmod(0o755)

    def run(self, script: Path, *arguments: str, **environment: str) -> int:
        """Run a script, with its paths below the root as in those that it runs; return its code."""
        for each in script.parent.glob("*.sh"):
            text = each.read_text(encoding="utf-8")
            text = re.sub(
                r"(?<![\w.}])/(?=(?:boot|dev/shm|etc|opt|run|usr|var)/)", f"{self.root}/", text
            )
            each.write_text(text, encoding="utf-8")
        known = {
            "PATH": f"{self.played}:{os.environ['PATH']}",
            "PLAYED": str(self.played),
            "CALLS": str(self.calls_file),
            "TMPDIR": str(self.temporary),
        }
        command = ["bash", str(script), *arguments]
        return subprocess.run(command, env={**known, **environment}, check=False).returncode

    @property
    def calls(self) -> list[str]:
        """The calls of programs, with paths as the scripts have them."""
        text = self.calls_file.read_text(encoding="utf-8")
        return text.replace(str(self.root), "").splitlines()

    def mode(self, path: str) -> int:
        """Return the permissions of what is at a path."""
        return stat.S_IMODE((self.root / path).stat().st_mode)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def script(machine: Machine, name: str) -> Path:
    """Return a copy of a script, as the image has it."""
    return Path(shutil.copy(AMI / name, machine.temporary.parent))


AMAZON, UBUNTU = "6.12.103-127.188.amzn2023.x86_64", "6.17.0-1009-aws"
DOWNLOAD = 'case "$*" in *download*) touch linux-firmware_1_amd64.deb ;; esac'


@pytest.mark.parametrize("engine", ["ctranslate2", "reference", "onnx"])
def test_the_installer_makes_the_image(machine: Machine, engine: EngineName) -> None:
    settings = Settings(engine=engine, volume_gigabytes=24, instance_types=TYPES[engine])
    for name in ("dnf", "dpkg", "dpkg-deb", "modinfo", "useradd", "ldconfig", "systemctl", "tar"):
        machine.play(name)
    machine.play("dpkg-query", "printf 25.2.8-0ubuntu0.24.04.1")
    machine.play("apt-get", DOWNLOAD)
    drivers = machine.root / "usr/share/vulkan/icd.d"
    drivers.mkdir(parents=True)
    for name in ("radeon_icd.json", "lvp_icd.json"):
        (drivers / name).touch()
    machine.play("uname", f"echo {UBUNTU if engine == 'onnx' else AMAZON}")
    machine.play("rpm", "printf kernel6.12")
    machine.play("install", INSTALL)
    machine.play("/usr/bin/python3.12", VENV)
    for folder in ("dev/shm", "etc/ld.so.conf.d", "etc/systemd/system"):
        (machine.root / folder).mkdir(parents=True)
    archive = image_files(settings)
    # What the models' program would leave.
    (machine.root / "opt/hush/prove").mkdir(parents=True)
    assert machine.run(archive / "install.sh", engine, "small", "turbo") == 0

    units = machine.root / "etc/systemd/system"
    for unit in (*AMI.glob("*.service"), *AMI.glob("*.path")):
        assert (units / unit.name).read_bytes() == unit.read_bytes()
    assert machine.mode("etc/hush") == machine.mode("var/log/hush") == 0o700
    assert machine.mode("opt/hush/code") == 0o755
    for name in ("fetch-code.sh", "prefetch.sh", "start-agent.sh"):
        assert machine.mode(f"opt/hush/{name}") == 0o755
    proof = {file.name for file in (machine.root / "opt/hush/prove").iterdir()}
    pictures = {"person-80.png", "person-128.png"}
    assert proof == {"driver.sh", "leftovers.sh", "prove.py", "prove.conf", *pictures}
    for completed, file in (("hush", "hush.conf"), ("hush-prefetch", "prefetch.conf")):
        placed = units / f"{completed}.service.d" / "accelerator.conf"
        assert placed.read_bytes() == (AMI / settings.accelerator.name / file).read_bytes()
    assert (machine.root / "etc/logrotate.d/hush").exists()
    assert (machine.root / "etc/systemd/journald.conf.d/hush.conf").exists()

    calls = machine.calls
    users = [call.split()[-1] for call in calls if call.startswith("useradd ")]
    assert users == ["hush", "hush-watcher", "hush-code"]
    assert "install -d -m 755 -o hush-code -g hush-code /opt/hush/code" in calls
    assert f"python fetch_models.py {engine} /dev/shm/hush small turbo" in calls
    # What does not stay is not on the volume.
    assert not (machine.root / "dev/shm/hush").exists()
    installed = [call for call in calls if call.startswith("pip install ")]
    # Only what has no wheel is built here, after all that it is built with.
    assert all("--require-hashes --no-deps" in call for call in installed)
    assert "--only-binary=:all: --requirement requirements.txt" in installed[0]
    assert len(installed) == (2 if engine == "reference" else 1)
    linker = machine.root / "etc/ld.so.conf.d/hush.conf"
    assert linker.exists() == ("ldconfig " in calls) == (engine == "ctranslate2")
    if linker.exists():
        assert (Path(linker.read_text().strip()) / "libcublas.so.12").exists()
    assert calls[-2:] == [
        "systemctl daemon-reload",
        "systemctl enable logrotate.timer hush-prefetch.service",
    ]


def test_amazon_linux_gets_nvidias_driver_and_no_toolkit(machine: Machine) -> None:
    for name in ("dnf", "modinfo", "systemctl"):
        machine.play(name)
    machine.play("uname", f"echo {AMAZON}")
    machine.play("rpm", "printf kernel6.12")
    assert machine.run(script(machine, "nvidia/base.sh"), "/dev/shm/hush") == 0
    calls = machine.calls
    packages = [call.rpartition(" --setopt=cachedir=/dev/shm/hush/dnf ")[2] for call in calls]
    # The module is built with what the kernel was built with.
    built = packages.index(f"dkms kernel6.12-devel-{AMAZON} kernel6.12-modules-extra-{AMAZON}")
    assert packages[built - 1] == "nvidia-release"
    assert packages[built + 1].split()[:2] == ["kmod-nvidia-open-dkms", "nvidia-driver-cuda"]
    assert calls[built + 2] == f"modinfo --set-version {AMAZON} --field version nvidia"
    assert not re.search(r"\bcuda-|nvidia-(gds|settings|fabric)|xorg", " ".join(packages))


def test_ubuntu_gets_its_kernels_driver_vulkan_and_the_gpus_firmware_alone(
    machine: Machine, tmp_path: Path
) -> None:
    for name in ("dpkg", "dpkg-deb", "modinfo", "systemctl", "tar"):
        machine.play(name)
    machine.play("dpkg-query", "printf 25.2.8-0ubuntu0.24.04.1")
    machine.play("uname", f"echo {UBUNTU}")
    machine.play("apt-get", DOWNLOAD)
    drivers = machine.root / "usr/share/vulkan/icd.d"
    drivers.mkdir(parents=True)
    for name in ("radeon_icd.x86_64.json", "lvp_icd.x86_64.json", "intel_icd.x86_64.json"):
        (drivers / name).touch()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert machine.run(script(machine, "amd/base.sh"), str(scratch)) == 0
    _, updated, installed, found, _, mesa, fetched, *_ = (
        call for call in machine.calls if not call.startswith("uname")
    )
    assert updated.endswith(" update")
    assert f" install linux-modules-extra-{UBUNTU} mesa-vulkan-drivers " in installed
    assert found == f"modinfo --set-version {UBUNTU} --field filename amdgpu"
    assert mesa == "dpkg --compare-versions 25.2.8-0ubuntu0.24.04.1 ge 25"
    # Its archive is in memory, and never on the volume.
    assert fetched.endswith(" download linux-firmware")
    assert f"Dir::Cache={scratch}/apt" in fetched
    (unpacked,) = (call for call in machine.calls if call.startswith("tar "))
    assert unpacked.endswith(" --wildcards */amdgpu/navi12_* */linux-firmware/copyright")
    assert " --directory=/ --keep-directory-symlink " in unpacked
    # No processor plays a GPU that is missing.
    assert [file.name for file in drivers.iterdir()] == ["radeon_icd.x86_64.json"]


def test_an_installer_that_fails_says_so(machine: Machine) -> None:
    machine.play("dnf", "exit 3")
    machine.play("rpm", "printf kernel6.12")
    (machine.root / "dev/shm").mkdir(parents=True)
    archive = image_files(Settings())
    assert machine.run(archive / "install.sh", "ctranslate2", "small") == 3
    assert [call.split()[0] for call in machine.calls] == ["rpm", "dnf"]


def test_all_of_what_the_service_reads_is_read_once_whatever_it_is_called(
    machine: Machine, tmp_path: Path
) -> None:
    read = 'printf "%s %s %s\\n" "$skip" "$count" "$if"'
    machine.play("dd", f'for each in "$@"; do declare "$each"; done\n{read} >>"$READ"')
    machine.play("cat", 'printf "%s\\n" "$@" >>"$READ"')
    weights, libraries = tmp_path / "weights", tmp_path / "libraries"
    for folder in (weights, libraries):
        folder.mkdir()
    (libraries / "a script (dev).py").write_bytes(b"small")
    (tmp_path / "libcuda.so").symlink_to(libraries / "a script (dev).py")
    for name, mebibytes in (("turbo.bin", 48), ("small.bin", 17)):
        with (weights / name).open("wb") as file:
            file.truncate(mebibytes << 20)
    text = tmp_path / "read"
    paths = [tmp_path / "libcuda.so", libraries, weights]
    assert machine.run(script(machine, "prefetch.sh"), *map(str, paths), READ=str(text)) == 0
    lines = text.read_text(encoding="utf-8").splitlines()
    assert sorted(lines[:2]) == sorted(map(str, [libraries / "a script (dev).py", paths[0]]))
    parts = [f"{skip} 16 {weights}/small.bin" for skip in (0, 16)]
    assert sorted(lines[2:]) == sorted(
        [*parts, *(f"{skip} 16 {weights}/turbo.bin" for skip in (0, 16, 32))]
    )


@pytest.fixture
def booted(machine: Machine) -> Machine:
    """Return an instance that has just started."""
    for folder in ("opt/hush/code", "run/hush"):
        (machine.root / folder).mkdir(parents=True)
    with zipfile.ZipFile(machine.temporary.parent / "code.zip", "w") as archive:
        archive.writestr("service/hush_service/__init__.py", "")
        archive.writestr("hush/__init__.py", "")
    machine.play("aws", AWS)
    machine.play("unzip", UNZIP)
    return machine


def fetch(machine: Machine, secret: str, code: str = "code.zip") -> int:
    return machine.run(
        script(machine, "fetch-code.sh"),
        HUSH_CODE="s3://bucket/code.zip",
        HUSH_GATEWAY_KEY_SECRET=secret,
        CODE=str(machine.temporary.parent / code),
    )


def test_an_instance_fetches_its_code_and_a_key_that_only_systemd_reads(booted: Machine) -> None:
    assert fetch(booted, "the-secret") == 0
    # Once more, as after a restart.
    assert fetch(booted, "the-secret") == 0
    assert (booted.root / "opt/hush/code/service/hush_service/__init__.py").exists()
    assert (booted.root / "run/hush/key").read_text() == "HUSH_API_KEY=the-key\n"
    assert booted.mode("run/hush/key") == 0o600
    assert any(
        call.startswith("aws s3 cp --only-show-errors s3://bucket/") for call in booted.calls
    )
    assert list(booted.temporary.iterdir()) == []


@pytest.mark.parametrize(("secret", "code"), [("another", "code.zip"), ("the-secret", "none.zip")])
def test_what_cannot_be_fetched_is_a_failure_and_leaves_no_key(
    booted: Machine, secret: str, code: str
) -> None:
    assert fetch(booted, secret, code) != 0
    assert not (booted.root / "run/hush/key").exists()
    assert list(booted.temporary.iterdir()) == []


def test_the_agent_is_told_the_log_group_and_started(machine: Machine) -> None:
    agent = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
    machine.play(agent)
    for folder in ("etc/hush", "run/hush-agent"):
        (machine.root / folder).mkdir(parents=True)
    shutil.copy(AMI / "amazon-cloudwatch-agent.json", machine.root / "etc/hush")
    started = machine.run(script(machine, "start-agent.sh"), HUSH_LOG_GROUP="/speech/fleet")
    assert started == 0
    place = "/run/hush-agent/settings.json"
    assert machine.calls == [f"{Path(agent).name} -a fetch-config -m ec2 -s -c file:{place}"]
    settings = json.loads((machine.root / place[1:]).read_text(encoding="utf-8"))
    files = settings["logs"]["logs_collected"]["files"]["collect_list"]
    assert {each["log_group_name"] for each in files} == {"/speech/fleet"}
    # What the units write to.
    written = {
        line.removeprefix("StandardOutput=append:")
        for unit in AMI.glob("*.service")
        for line in unit.read_text(encoding="utf-8").splitlines()
        if line.startswith("StandardOutput=append:")
    }
    assert {each["file_path"] for each in files} == written
    machine.play(agent, "exit 1")
    assert machine.run(script(machine, "start-agent.sh"), HUSH_LOG_GROUP="/speech/fleet") != 0
