"""What goes into the machine image, checked as far as that goes without building it."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from hush_service.weights.integrity import check_weights
from hush_service.weights.models import resolve
from stacks.accelerators import ACCELERATORS, AMD, EngineName
from stacks.machine_image import image_files, instance_requirements
from stacks.settings import Settings
from tests.conftest import link_weights

AMI = Path(__file__).parents[2] / "ami"
UNITS = sorted(AMI.glob("*.service"))
PREFETCH = AMI / "hush-prefetch.service"
EXPOSED = {
    "hush.service": 20,
    "hush-agent.service": 30,
    "hush-code.service": 15,
    "hush-drain.service": 15,
    "hush-prefetch.service": 15,
    "hush-watcher.service": 15,
}
"""How much of the system each may reach at most, as systemd counts it, from 0 to 100."""


@pytest.fixture(scope="module")
def archive() -> Path:
    """Return what the build of an image takes."""
    return image_files(Settings())


@pytest.fixture(scope="module", params=ACCELERATORS, ids=lambda each: each.name)
def made_for(request: pytest.FixtureRequest) -> Settings:
    """Return the settings of a fleet of each make of GPU."""
    return Settings(instance_types=(f"{request.param.families[0]}.xlarge",))


@pytest.mark.parametrize("script", sorted(AMI.rglob("*.sh")), ids=lambda file: file.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    checked = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert checked.stdout == ""
    assert checked.returncode == 0


@pytest.mark.parametrize("proving", [False, True])
def test_systemd_understands_the_units(tmp_path: Path, made_for: Settings, proving: bool) -> None:
    units = [*UNITS, *AMI.glob("*.path")]
    for unit in units:
        text = unit.read_text(encoding="utf-8")
        # Of the machine image's own files none is here.
        (tmp_path / unit.name).write_text(re.sub(r"(ExecStart\w*=\W*)/\S+", r"\1/bin/true", text))
    ours = AMI / made_for.accelerator.name
    completing = [("hush", ours / "hush.conf"), ("hush-prefetch", ours / "prefetch.conf")]
    for unit_name, file in [*completing, *([("hush", AMI / "prove.conf")] if proving else [])]:
        text = file.read_text(encoding="utf-8")
        completed = tmp_path / f"{unit_name}.service.d" / file.name
        completed.parent.mkdir(exist_ok=True)
        completed.write_text(re.sub(r"(ExecStart\w*=\W*)/\S+", r"\1/bin/true", text))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in units)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.stderr == ""
    assert verified.returncode == 0


@pytest.mark.parametrize("line", ["", "SuchASetting=1\n"])
def test_the_build_fails_where_systemd_does_not_know_a_setting(tmp_path: Path, line: str) -> None:
    for unit in [*UNITS, *AMI.glob("*.path")]:
        text = re.sub(r"(ExecStart\w*=\W*)/\S+", r"\1/bin/true", unit.read_text(encoding="utf-8"))
        (tmp_path / unit.name).write_text(re.sub(r"(\[(Path|Service)\]\n)", rf"\1{line}", text))
    build = (AMI / "build.yaml").read_text(encoding="utf-8")
    commands = re.findall(r"- (systemd-analyze .*)", build)
    assert len(commands) == 4
    for command in commands:
        here = command.replace("/etc/systemd/system", str(tmp_path))
        ended = subprocess.run(here, shell=True, capture_output=True, check=False)
        assert (ended.returncode == 0) == (line == "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_hardened(unit: Path) -> None:
    most = EXPOSED[unit.name]
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={most}", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-200:]


def test_every_unit_is_bounded_and_none_by_a_signal() -> None:
    shares = 0
    for unit in UNITS:
        settings = _settings(unit)
        assert settings["SystemCallArchitectures"] == ["native"], unit.name
        assert settings["SystemCallFilter"][0] == "@system-service", unit.name
        # Libraries try what they can do without, CUDA's above all.
        assert settings["SystemCallErrorNumber"] == ["EPERM"], unit.name
        (share,) = settings["MemoryMax"]
        assert share.endswith("%")
        # What has been read is given back when it is wanted.
        shares += int(share[:-1]) * (unit != PREFETCH)
        # A connection takes one; of itself, a process has 1024.
        (files,) = settings["LimitNOFILE"]
        assert int(files) >= (16_384 if unit.name == "hush.service" else 1024)
    # Of the memory that there is: what fetches code ends before the service begins.
    assert shares <= 110


def test_the_service_may_do_what_cuda_and_vulkan_do() -> None:
    settings = _settings(AMI / "hush.service")
    denied = " ".join(settings["SystemCallFilter"][1:])
    # Kernels are compiled when they are first used, and threads are bound to processors.
    assert "MemoryDenyWriteExecute" not in settings
    assert "@resources" not in denied
    assert "PrivateDevices" not in settings
    # The driver's settings are below /proc/driver.
    assert "ProcSubset" not in settings


def test_each_user_may_read_and_write_its_own_alone() -> None:
    users = {unit.name: _settings(unit).get("User") for unit in UNITS}
    assert users["hush.service"] == ["hush"]
    assert users["hush-watcher.service"] == ["hush-watcher"]
    assert users["hush-code.service"] == ["hush-code"]
    installer = (AMI / "install.sh").read_text(encoding="utf-8")
    (made,) = re.findall(r"for user in ([a-z -]+); do\n +useradd --system", installer)
    assert made.split() == ["hush", "hush-watcher", "hush-code"]
    # Without its own group, a user's files would be another's.
    assert "--user-group" in installer
    assert "install -d -m 755 -o hush-code -g hush-code /opt/hush/code" in installer
    assert "install -d -m 700 /etc/hush /var/log/hush" in installer
    # The key is in the service's environment, whence its own user and root alone can read it.
    readers = [
        unit.name for unit in UNITS if "/run/hush/key" in _settings(unit).get("EnvironmentFile", ())
    ]
    assert readers == ["hush.service"]
    assert _settings(AMI / "hush-code.service")["RuntimeDirectoryMode"] == ["0700"]
    for name in ("hush.service", "hush-watcher.service"):
        assert _settings(AMI / name)["ProtectProc"] == ["invisible"]


def test_the_watcher_has_the_service_stopped_by_a_file() -> None:
    # Another user's process it cannot signal.
    from hush_service.instance.__main__ import SERVICE

    watcher, path = _settings(AMI / "hush-watcher.service"), _settings(AMI / "hush-drain.path")
    (folder,) = watcher["RuntimeDirectory"]
    assert path["PathExists"] == [f"/run/{folder}/drain"] == [str(SERVICE.drain)]
    drain = _settings(AMI / "hush-drain.service")
    assert drain["ExecStart"] == [f"/usr/bin/systemctl stop --no-block {SERVICE.name}"]
    # Else the file, which stays, would start it again and again.
    assert drain["RemainAfterExit"] == ["yes"]


def test_logs_do_not_fill_the_volume() -> None:
    installer = (AMI / "install.sh").read_text(encoding="utf-8")
    rotation = (AMI / "logrotate.conf").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"^(\S+) \{$", rotation, re.MULTILINE)
    for unit in UNITS:
        for file in _settings(unit).get("StandardOutput", ()):
            assert fnmatch(file.removeprefix("append:"), pattern)
    # Systemd holds the files open, and knows no signal for another.
    assert {"copytruncate", "maxsize 50M"} <= {line.strip() for line in rotation.splitlines()}
    for each in ACCELERATORS:
        base = (AMI / each.name / "base.sh").read_text(encoding="utf-8")
        assert re.search(r"^(\$dnf|.*apt.* install) .*\blogrotate\b", base, re.MULTILINE), each.name
    assert "systemctl enable logrotate.timer" in installer
    assert _settings(AMI / "journald.conf")["SystemMaxUse"] == ["200M"]
    assert "journald.conf /etc/systemd/journald.conf.d/hush.conf" in installer
    assert "logrotate.conf /etc/logrotate.d/hush" in installer


def _settings(file: Path) -> dict[str, list[str]]:
    """Return what stands in a file of systemd's, by name; a name may stand more than once."""
    settings: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            settings.setdefault(name, []).append(value)
    return settings


def test_the_image_is_proven_within_the_sandbox_of_the_service() -> None:
    steps = yaml.safe_load((AMI / "test.yaml").read_text(encoding="utf-8"))["phases"][0]["steps"]
    commands = "\n".join(line for step in steps for line in step["inputs"]["commands"])
    assert "prove.py" not in commands
    assert "/run/systemd/system/hush.service.d/prove.conf" in commands
    assert "systemctl start hush.service" in commands
    proof = (AMI / "prove.conf").read_text(encoding="utf-8")
    # It changes what runs, and nothing of who runs it and what that may do.
    changed = set(re.findall(r"^(\w+)=", proof, re.MULTILINE))
    assert changed <= {
        *("Type", "EnvironmentFile", "ExecStart", "Restart", "TimeoutStartSec"),
        *("StandardOutput", "StandardError"),
    }


def test_the_driver_is_whole_before_the_sandbox_closes() -> None:
    assert "NoNewPrivileges=yes" in (AMI / "hush.service").read_text(encoding="utf-8")
    # As root, outside: inside, nobody may load a module or make a device.
    completed = _settings(AMI / "nvidia" / "hush.conf")
    assert completed["ExecStartPre"] == ["+-/usr/bin/nvidia-modprobe -c 0 -u"]


def test_the_service_is_told_its_gpu_and_may_open_it(made_for: Settings) -> None:
    completed = _settings(AMI / made_for.accelerator.name / "hush.conf")
    (told,) = (line for line in completed["Environment"] if "HUSH_DEVICE=" in line)
    amd = made_for.accelerator is AMD
    assert f"HUSH_DEVICE={'webgpu' if amd else 'cuda'}" in told.split()
    # On Ubuntu, a GPU's device is its group's alone.
    assert completed.get("SupplementaryGroups") == (["render video"] if amd else None)
    paths = (AMI / made_for.accelerator.name / "prefetch.conf").read_text(encoding="utf-8")
    assert re.search(r'^Environment="LIBRARIES=/usr/\S+python3.12 /usr/\S+"$', paths, re.MULTILINE)
    assert "prefetch.sh $LIBRARIES " in PREFETCH.read_text(encoding="utf-8")


def test_what_fails_once_at_boot_is_tried_again_and_stops_nothing_else() -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        # A unit that requires a failed one is not started when that one succeeds later.
        assert not re.search(r"^(Requires|BindsTo|Requisite)=", text, re.MULTILINE), unit.name
        if unit == PREFETCH:
            continue
        assert "Restart=on-failure" in text, unit.name
        # Else systemd gives up after five times.
        assert "StartLimitIntervalSec=0" in text, unit.name
    for name in ("hush.service", "hush-watcher.service"):
        assert "Wants=hush-code.service\nAfter=hush-code.service" in (AMI / name).read_text()
    assert "cloudwatch" not in (AMI / "fetch-code.sh").read_text(encoding="utf-8")


def test_every_unit_is_installed_verified_and_started() -> None:
    installer = (AMI / "install.sh").read_text(encoding="utf-8")
    build = (AMI / "build.yaml").read_text(encoding="utf-8")
    fleet = (AMI.parent / "stacks" / "fleet" / "machines.py").read_text(encoding="utf-8")
    (started,) = re.findall(r"systemctl enable --now ([^,]+),", fleet)
    units = [*UNITS, *AMI.glob("*.path")]
    wanted = {unit.name for unit in units if "WantedBy" in _settings(unit)} - {PREFETCH.name}
    assert set(re.findall(r"[a-z-]+\.(?:service|path)", started)) == wanted
    # It does not wait for the launch template's commands.
    assert re.search(rf"^systemctl enable .*{PREFETCH.name}$", installer, re.MULTILINE)
    wanted.add(PREFETCH.name)
    # The path starts it.
    assert {unit.name for unit in units} - wanted == {"hush-drain.service"}
    for unit in units:
        assert unit.name in installer
        assert f"/etc/systemd/system/{unit.name}" in build


@pytest.mark.parametrize("name", ["build.yaml", "test.yaml"])
def test_components_have_the_shape_of_image_builder(name: str) -> None:
    text = (AMI / name).read_text(encoding="utf-8")
    assert len(text) <= 16_000
    component = yaml.safe_load(text)
    assert component["schemaVersion"] == 1.0
    parameters = {next(iter(each)) for each in component.get("parameters", ())}
    assert set(re.findall(r"\{\{ (\w+) \}\}", text)) == parameters
    for phase in component["phases"]:
        assert phase["name"] in ("build", "validate", "test")
        for step in phase["steps"]:
            assert step["action"] == "ExecuteBash"
            script = "\n".join(step["inputs"]["commands"])
            script = re.sub(r"\{\{ \w+ \}\}", "value", script)
            subprocess.run(["bash", "-n", "-c", script], check=True)


def test_the_agent_measures_for_the_whole_group_what_it_knows_of_gpus(made_for: Settings) -> None:
    folder = image_files(made_for)
    agent = json.loads((folder / "amazon-cloudwatch-agent.json").read_text(encoding="utf-8"))
    assert agent["metrics"]["namespace"] == "hush"
    assert agent["metrics"]["aggregation_dimensions"] == [["AutoScalingGroupName"]]
    collected = agent["metrics"]["metrics_collected"]
    assert "mem" in collected
    names = {
        f"nvidia_smi_{each}" for each in collected.get("nvidia_gpu", {}).get("measurement", ())
    }
    accelerator = made_for.accelerator
    shown = {*accelerator.gpu_percent, accelerator.gpu_memory}
    published = {"GpuUse", "GpuMemory"} if accelerator is AMD else set()
    assert shown == names | published


def test_the_archive_holds_what_the_installer_takes(made_for: Settings) -> None:
    names = {file.name for file in image_files(made_for).iterdir()}
    installer = (AMI / "install.sh").read_text(encoding="utf-8")
    taken = set(
        re.findall(r"[\w-]+\.(?:service|path|json|sh|txt|py|png)|\w+\.conf(?= )", installer)
    )
    assert {"prove.py", "prove.conf", "fetch_models.py", "requirements.txt"} <= taken
    assert {"base.sh", "driver.sh", "hush.conf", "prefetch.conf"} <= taken
    assert taken <= names
    assert not {each.name for each in ACCELERATORS} & names
    assert not {"build.yaml", "test.yaml", "__pycache__"} & names


def test_each_engine_has_the_libraries_that_it_opens_and_not_the_others() -> None:
    light = " ".join(instance_requirements("ctranslate2"))
    assert "ctranslate2==" in light
    found = importlib.util.find_spec("ctranslate2")
    assert found is not None
    assert found.origin is not None
    packages = Path(found.origin).parents[1]
    (library,) = packages.glob("ctranslate2.libs/libctranslate2*")
    code = library.read_bytes()
    assert b"libcublas.so.12" in code
    assert "nvidia-cublas-cu12==12." in light
    assert b"cudnn" not in code
    assert "torch" not in light
    reference = " ".join(instance_requirements("reference"))
    assert "openai-whisper==" in reference
    assert "torch==" in reference
    assert "cu12" not in reference
    vulkan = " ".join(instance_requirements("onnx"))
    assert "onnxruntime-webgpu==" in vulkan
    assert not re.search("torch|nvidia", vulkan)


@pytest.mark.parametrize("engine", ["ctranslate2", "onnx"])
def test_a_fetched_model_is_converted_and_proven_with_the_archive_alone(
    archive: Path, tmp_path: Path, engine: EngineName
) -> None:
    kept = resolve("tiny.en", "openai")
    link_weights("tiny.en", tmp_path / "scratch" / "models")
    script = (
        "import sys; from pathlib import Path; import fetch_models, prove;"
        "home, archive = map(Path, sys.argv[1:]);"
        f"fetch_models.main('{engine}', str(home / 'scratch'), 'tiny.en', home=home);"
        "prove.main(home / 'prove', archive, 'cpu')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, tmp_path, archive],
        env={**os.environ, "PYTHONPATH": f"{archive}:{archive / 'code'}", "PYTHONSAFEPATH": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    *_, said = ended.stdout.splitlines()
    assert said == f"tiny.en on {engine}: Ask not what your country can do for you."
    weights = tmp_path / "weights" / "tiny.en"
    left = sorted(file.name for file in weights.iterdir() if not file.name.startswith("."))
    if engine == "onnx":
        assert left == ["onnx"]
        assert (weights / "onnx" / "float16" / "model.json").exists()
    else:
        assert left == ["ctranslate2", "ctranslate2.sha256"]
        check_weights(weights / "ctranslate2", "tiny.en")
    assert kept.exists()
    assert not (tmp_path / "scratch" / "models" / "tiny.en").exists()


def test_the_reference_is_proven_in_the_same_way(archive: Path) -> None:
    spec = importlib.util.spec_from_file_location("prove", archive / "prove.py")
    assert spec is not None
    assert spec.loader is not None
    prove = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prove)
    heard = prove.heard_by_whisper(str(resolve("tiny.en", "openai")), "cpu", archive)
    assert heard == "Ask not what your country can do for you."
