import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from hush_service.instance.gpu import GpuUse
from hush_service.instance.group import CALL_SECONDS, Group
from hush_service.instance.metadata import Metadata
from hush_service.instance.process import Load, ServiceProcess, Unit
from hush_service.instance.settings import WatcherSettings
from hush_service.instance.watcher import BALANCER_SECONDS, DEAD_SECONDS, LOOK_EVERY, Watcher
from local.processes import HANG
from tests.service.conftest import get, picture, post, wait_until
from tests.service.instance.conftest import MetadataServer
from tests.service.told_service import told_service

SETTINGS = WatcherSettings(group="fleet", target_group="arn:targets", idle_seconds=600)


class StartedUnit(Unit):
    """A unit that this test started, as a process."""

    def __init__(self, process: "Popen[str]") -> None:
        self._process = process

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def stopped(self) -> bool:
        return self._process.poll() is not None


class ToldService(ServiceProcess):
    """A service that fares as it is told."""

    def __init__(self) -> None:
        self.is_ready = self.is_alive = True
        self.in_flight = self.answers = 0
        self.was_stopped = False

    def ready(self) -> bool:
        return self.is_ready

    def load(self) -> Load | None:
        return Load(self.in_flight, self.answers) if self.is_alive else None

    def stop(self) -> None:
        self.was_stopped = True

    def stopped(self) -> bool:
        return self.was_stopped and self.in_flight == 0


class RecordingGroup(Group):
    """A group that writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.published: list[tuple[str, list[float]]] = []
        self.agrees = self.answers = True

    def complete(self, hook: str) -> None:
        self.asked.append(f"complete {hook}")

    def leave_balancer(self) -> None:
        self.asked.append("leave")
        self._answer()

    def retire(self) -> bool:
        self.asked.append("retire")
        return self.agrees

    def report_unhealthy(self) -> None:
        self.asked.append("unhealthy")

    def publish(self, name: str, values: list[float], unit: str) -> None:
        self._answer()
        self.published.append((name, values))

    def _answer(self) -> None:
        if not self.answers:
            raise EndpointConnectionError(endpoint_url="https://aws")


class Scene:
    """A watcher with all that it watches."""

    def __init__(self, server: MetadataServer) -> None:
        self.server = server
        self.service = ToldService()
        self.group = RecordingGroup()
        self.gpu: GpuUse | None = None
        metadata = Metadata(server.url, HANG)
        self.watcher = Watcher(SETTINGS, metadata, self.service, self.group, lambda: self.gpu)
        self.now = 100.0

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += 1
            self.watcher.tick(self.now)


@pytest.fixture
def scene(metadata_server: MetadataServer) -> Scene:
    return Scene(metadata_server)


def test_what_the_driver_tells_of_the_gpu_is_published_each_minute(scene: Scene) -> None:
    scene.service.in_flight = 1
    scene.pass_time(61)
    assert "GpuUse" not in dict(scene.group.published)
    scene.gpu = GpuUse(40.0, 2048.0)
    scene.pass_time(30)
    scene.gpu = GpuUse(80.0, 2048.0)
    scene.pass_time(30)
    published = dict(scene.group.published)
    assert set(published["GpuUse"]) == {40.0, 80.0}
    assert set(published["GpuMemory"]) == {2048.0}


def test_an_instance_joins_when_its_service_is_ready(scene: Scene) -> None:
    scene.service.is_ready = False
    scene.pass_time(30)
    assert scene.group.asked == []
    scene.service.is_ready = True
    scene.pass_time(1)
    assert scene.group.asked == ["complete launch"]
    assert scene.group.published == [("LaunchToReady", [131.0])]
    scene.pass_time(30)
    assert scene.group.asked == ["complete launch"]


def test_pictures_in_flight_are_published_every_minute(scene: Scene) -> None:
    scene.pass_time(1)
    scene.service.in_flight = 3
    scene.pass_time(120)
    flights = [values for name, values in scene.group.published if name == "InFlight"]
    assert [len(values) for values in flights] == [60, 60]
    assert flights[1] == [3.0] * 60


def test_it_retires_after_the_idle_time_and_not_before(scene: Scene) -> None:
    scene.pass_time(599)
    scene.service.answers += 1
    scene.pass_time(599)
    assert "retire" not in scene.group.asked
    scene.pass_time(60)
    assert scene.group.asked.count("retire") == 1


def test_a_picture_that_takes_long_is_not_idleness(scene: Scene) -> None:
    scene.service.in_flight = 1
    scene.pass_time(1000)
    assert "retire" not in scene.group.asked


def test_it_stays_where_the_group_wants_to_keep_it(scene: Scene) -> None:
    scene.group.agrees = False
    scene.pass_time(1300)
    assert scene.group.asked.count("retire") == 2


def test_a_spot_notice_starts_the_drain_once_the_load_balancer_has_heard(scene: Scene) -> None:
    scene.pass_time(1)
    scene.server.values["spot/instance-action"] = '{"action": "terminate"}'
    scene.service.in_flight = 2
    scene.pass_time(LOOK_EVERY)
    assert scene.group.asked[1:] == ["leave"]
    # What the load balancer sends by mistake is still taken.
    assert not scene.service.was_stopped
    assert ("Interruptions", [1.0]) in scene.group.published
    scene.pass_time(BALANCER_SECONDS)
    assert scene.service.was_stopped
    scene.pass_time(30)
    assert scene.group.asked[1:] == ["leave"]
    assert [name for name, _ in scene.group.published].count("Interruptions") == 1


def test_the_service_drains_though_aws_does_not_answer(scene: Scene) -> None:
    scene.pass_time(1)
    scene.server.values["spot/instance-action"] = "{}"
    scene.group.answers = False
    scene.pass_time(LOOK_EVERY + BALANCER_SECONDS)
    assert scene.service.was_stopped
    # The load balancer is told as soon as it listens.
    assert scene.group.asked[1:] == ["leave", "leave"]
    scene.group.answers = True
    scene.pass_time(30)
    assert scene.group.asked[1:] == ["leave", "leave", "leave"]


def test_the_termination_hook_is_completed_when_the_last_answer_is_given(scene: Scene) -> None:
    scene.pass_time(1)
    scene.service.in_flight = 1
    scene.server.values["autoscaling/target-lifecycle-state"] = "Terminated"
    scene.pass_time(20)
    assert scene.group.asked[1:] == ["leave"]
    scene.service.in_flight = 0
    scene.pass_time(5)
    assert scene.group.asked[1:] == ["leave", "complete termination"]
    assert scene.watcher.finished


def test_a_rebalance_recommendation_is_counted_and_left_to_the_group(scene: Scene) -> None:
    scene.server.values["events/recommendations/rebalance"] = '{"noticeTime": "…"}'
    scene.pass_time(30)
    assert scene.group.published.count(("RebalanceRecommendations", [1.0])) == 1
    assert not scene.service.was_stopped


def test_a_service_that_is_dead_for_minutes_is_reported(scene: Scene) -> None:
    scene.pass_time(1)
    scene.service.is_alive = False
    scene.pass_time(DEAD_SECONDS - 1)
    assert "unhealthy" not in scene.group.asked
    scene.pass_time(1)
    assert scene.group.asked.count("unhealthy") == 1


def test_it_survives_a_metadata_service_that_is_away(scene: Scene) -> None:
    scene.pass_time(1)
    scene.server.expire_tokens()
    scene.server.values["spot/instance-action"] = "{}"
    scene.pass_time(10)
    assert scene.service.was_stopped


def test_nothing_in_flight_is_lost_when_spot_takes_the_instance(
    metadata_server: MetadataServer, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    group = RecordingGroup()
    metadata = Metadata(metadata_server.url, HANG)
    with ThreadPoolExecutor() as threads, told_service(TOLD_GO=go) as (url, process):
        beside = ServiceProcess(url, StartedUnit(process), HANG)
        watcher = Watcher(SETTINGS, metadata, beside, group)
        watcher.tick(10.0)
        answer = threads.submit(post, url, picture())
        wait_until(lambda: beside.load() == Load(in_flight=1, answered=0))
        metadata_server.values["spot/instance-action"] = "{}"
        metadata_server.values["autoscaling/target-lifecycle-state"] = "Terminated"
        watcher.tick(20.0)
        # The load balancer sends for seconds to whom it was told to leave alone.
        late = threads.submit(post, url, picture())
        wait_until(lambda: beside.load() == Load(in_flight=2, answered=0))
        watcher.tick(30.0)
        watcher.tick(40.0)
        wait_until(lambda: not beside.ready())
        assert group.asked == ["complete launch", "leave"]
        assert not watcher.finished
        go.touch()
        assert answer.result().text == late.result().text == "Hello.\n"
        assert process.wait(HANG) == 0
        watcher.tick(50.0)
    assert group.asked == ["complete launch", "leave", "complete termination"]
    assert watcher.finished


def test_it_reads_its_load_off_the_services_metrics() -> None:
    with told_service() as (url, process):
        beside = ServiceProcess(url, StartedUnit(process), HANG)
        assert beside.ready()
        assert beside.load() == Load(in_flight=0, answered=0)
        get(f"{url}/healthz")
        post(f"{url}/mel", picture())
        wait_until(lambda: beside.load() == Load(in_flight=0, answered=1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert beside.load() is None
        assert not beside.ready()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


@pytest.mark.usefixtures("aws")
def test_no_call_of_aws_keeps_the_watcher_from_the_instance() -> None:
    group = Group("fleet", "arn:targets", "i-0123", "us-east-1")
    for client in (group._autoscaling, group._balancer, group._cloudwatch):
        config = client.meta.config
        once = config.connect_timeout + config.read_timeout
        assert once * config.retries["total_max_attempts"] <= CALL_SECONDS


@pytest.mark.usefixtures("aws")
def test_retiring_makes_the_group_smaller_down_to_its_minimum() -> None:
    image = boto3.client("ec2", "us-east-1").describe_images()["Images"][0]["ImageId"]
    client = boto3.client("autoscaling", "us-east-1")
    client.create_launch_configuration(
        LaunchConfigurationName="l", ImageId=image, InstanceType="g4dn.xlarge"
    )
    client.create_auto_scaling_group(
        AutoScalingGroupName="fleet",
        LaunchConfigurationName="l",
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=1,
        AvailabilityZones=["us-east-1a"],
    )

    def state() -> dict[str, object]:
        described: dict[str, object] = client.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        return described

    instance = state()["Instances"][0]["InstanceId"]  # type: ignore[index]
    group = Group("fleet", "arn:targets", instance, "us-east-1")
    group.publish("InFlight", [1.0, 3.0], "Count")
    assert group.retire()
    assert state()["DesiredCapacity"] == 0
    metrics = boto3.client("cloudwatch", "us-east-1").list_metrics(Namespace="hush")["Metrics"]
    assert metrics[0]["Dimensions"] == [{"Name": "AutoScalingGroupName", "Value": "fleet"}]


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ("active", False),
        ("activating", False),  # it broke, and systemd starts it again
        ("deactivating", False),  # it drains
        ("inactive", True),
        ("failed", True),
    ],
)
def test_a_unit_is_stopped_by_a_file_and_has_ended_when_systemd_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, ended: bool
) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\n[ "$4" = some.service ] && echo {state}\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    unit = Unit("some.service", tmp_path / "drain")
    assert unit.stopped() is ended
    unit.stop()
    unit.stop()
    assert (tmp_path / "drain").exists()


def test_the_watcher_runs_as_systemd_starts_it() -> None:
    """Without settings it says what is missing, and does not hang."""
    import subprocess

    ended = subprocess.run(
        [sys.executable, "-m", "hush_service.instance"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "target_group" in ended.stderr
