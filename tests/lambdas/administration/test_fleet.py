"""The fleet, its controls, what was measured, and deployments."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from local.administered import VERSION
from local.emulated_group import EmulatedGroups
from local.emulated_metrics import emulated_metrics
from tests.lambdas.administration.conftest import Boss, events, measure
from tests.lambdas.conftest import (
    NAMES,
    REGION,
)
from tests.lambdas.governor.conftest import failing


class TestTheFleet:
    def test_it_is_told_woken_bounded_kept_awake_and_sent_to_sleep(
        self, boss: Boss, groups: EmulatedGroups, capsys: pytest.CaptureFixture[str]
    ) -> None:
        asleep = boss.get("fleet")
        assert (asleep["group"]["desired"], asleep["instances"]) == (0, [])
        assert asleep["prices"]["instance_hour"] == 1.23
        assert boss.does("fleet/wake")["desired"] == 1
        assert boss.does("fleet/wake")["desired"] == 1
        told = boss.get("fleet")
        (instance,) = told["instances"]
        assert (instance["type"], instance["market"]) == ("g4dn.xlarge", "spot")
        assert instance["dollars_an_hour"] == 0.54
        assert instance["state"] == "ready"
        assert (instance["version"], instance["models"]) == (VERSION, ["small", "turbo"])

        assert "leaves it so" in told["group"]["next_deployment"]
        changed = boss.does("fleet/maximum", {"instances": 2})
        assert changed["maximum"] == 2
        assert "cloud.toml says 4" in changed["next_deployment"]
        for nonsense in (0, 101, "many", None):
            assert boss.ask("POST", "fleet/maximum", {"instances": nonsense}).status == 400

        until = datetime.now(UTC) + timedelta(hours=3)
        kept = boss.does("fleet/awake", {"until": until.isoformat()})
        assert (kept["minimum"], kept["awake_until"]) == (1, f"{until:%Y-%m-%dT%H:%M:%SZ}")
        for wrong in (until - timedelta(hours=4), until + timedelta(days=8)):
            answer = boss.ask("POST", "fleet/awake", {"until": wrong.isoformat()})
            assert (answer.status, "until" in answer.json["error"]["message"]) == (400, True)
        freed = boss.does("fleet/awake", {"until": None})
        assert (freed["minimum"], freed["awake_until"], freed["desired"]) == (0, None, 1)
        boss.does("fleet/awake", {"until": until.isoformat()})
        slept = boss.does("fleet/sleep")
        assert (slept["minimum"], slept["desired"], slept["awake_until"]) == (0, 0, None)
        acts = [line for line in events(capsys) if line["audit"].startswith("fleet-")]
        assert {line["audit"] for line in acts} == {
            "fleet-woken",
            "fleet-maximum",
            "fleet-kept-awake",
            "fleet-sent-to-sleep",
        }
        assert all(line["by_login"] == "hubot" for line in acts)

    def test_a_stopped_fleet_is_not_woken(self, boss: Boss, groups: EmulatedGroups) -> None:
        client = boto3.client("autoscaling", REGION)
        client.suspend_processes(AutoScalingGroupName=NAMES.group, ScalingProcesses=["Launch"])
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        for path, body in (
            ("fleet/wake", {}),
            ("fleet/awake", {"until": until}),
            ("fleet/maximum", {"instances": 3}),
        ):
            answer = boss.ask("POST", path, body)
            error = answer.json["error"]
            assert (answer.status, error["code"]) == (409, "stopped")
            assert "lift" in error["message"]
        group = boss.get("fleet")["group"]
        assert (group["stopped"], group["suspended"]) == ("fleet budget", ["Launch"])
        assert group["desired"] == 0

    def test_what_aws_does_not_tell_is_unknown_and_the_rest_is_there(self, boss: Boss) -> None:
        fleet = boss.get("fleet")
        assert set(fleet["group"]) == set(fleet["instances"]) == {"unknown"}
        assert fleet["traffic"]["requests_5m"] is None
        with failing("GetPipelineState"):
            assert set(boss.get("deployments")) == {"unknown"}
        assert set(boss.get("audit")) == {"unknown"}
        assert boss.get("people")["people"]

    def test_what_was_measured_becomes_traffic_and_charts(self, boss: Boss) -> None:
        with emulated_metrics():
            self.traffic_and_charts(boss)

    def traffic_and_charts(self, boss: Boss) -> None:
        measure()
        traffic = boss.get("fleet")["traffic"]
        assert (traffic["requests_5m"], traffic["errors_5m"]) == (60, 3)
        assert traffic["responder_share"] == 0.25
        assert (traffic["queue"], traffic["interruptions_24h"]) == (4, 2)
        assert (traffic["wait_seconds_p50"], traffic["wait_seconds_p95"]) == (1.5, 1.5)
        for hours, step in ((24, 300), (720, 3600)):
            charts = boss.get(f"charts?hours={hours}")
            assert charts["step_seconds"] == step
            assert {len(each["values"]) for each in charts["series"]} == {hours * 3600 // step}
            by_name = {each["name"]: each["values"] for each in charts["series"]}
            assert sum(value or 0 for value in by_name["requests"]) == 60
            assert max(value or 0 for value in by_name["responder_share"]) == 0.25
        assert boss.ask("GET", "charts?hours=5").status == 400

    def test_alarms_name_their_section_of_the_runbook(self, boss: Boss) -> None:
        client = boto3.client("cloudwatch", REGION)
        for name in (NAMES.alarm("api-errors"), "another-installations"):
            client.put_metric_alarm(
                AlarmName=name,
                ComparisonOperator="GreaterThanThreshold",
                EvaluationPeriods=1,
                MetricName="Errors",
                Namespace="hush",
                Period=60,
                Statistic="Sum",
                Threshold=1,
            )
        client.set_alarm_state(
            AlarmName=NAMES.alarm("api-errors"), StateValue="ALARM", StateReason="6 > 5"
        )
        (alarm,) = boss.get("alarms")["alarms"]
        assert (alarm["name"], alarm["state"], alarm["reason"]) == ("api-errors", "ALARM", "6 > 5")
        assert alarm["runbook"] == "operations.md#api-errors"
