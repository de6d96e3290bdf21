"""The administration as it is deployed: what it tells, what its acts change, and who is refused."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import time_machine

import parts
from identity import people
from local.emulated_group import EmulatedGroups, emulated_groups
from local.emulated_metrics import emulated_metrics
from tests.lambdas.conftest import (
    AUDIT_LOG,
    DEPLOYMENT_KEY,
    INSTALLATION,
    NAMES,
    PUBLIC_URL,
    REGION,
    Answer,
    Deployment,
)
from tests.lambdas.governor.conftest import failing

OCTOCAT = "583231"
ACTS = [
    ("POST", "fleet/wake", {}),
    ("POST", "fleet/sleep", {}),
    ("POST", "fleet/awake", {"until": None}),
    ("POST", "fleet/maximum", {"instances": 2}),
    ("POST", f"people/{OCTOCAT}/revoke", {}),
    ("POST", f"people/{OCTOCAT}/block", {}),
    ("POST", f"people/{OCTOCAT}/unblock", {}),
    ("PUT", f"people/{OCTOCAT}/limits", {"requests": 1, "seconds": 1}),
    ("DELETE", f"people/{OCTOCAT}/keys/0123456789abcdef", None),
    ("POST", "costs/lift", {}),
]
LOOKS = [
    ("GET", path, None)
    for path in (
        *("fleet", "charts", "deployments", "alarms", "people", f"people/{OCTOCAT}"),
        *("keys", "costs", "audit", "openapi.json"),
    )
]


class Boss:
    """An administrator, by session, who asks for something below `/administration/`."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.credential = deployment.session_of("hubot")

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return self.deployment.ask(
            method,
            f"/administration/{path}",
            credential=self.credential,
            body=body,
            origin=PUBLIC_URL,
        )

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def does(self, path: str, body: Any = None, method: str = "POST") -> Any:
        answer = self.ask(method, path, {} if body is None else body)
        assert answer.status == 200, answer.body
        return answer.json


@pytest.fixture
def boss(deployment: Deployment) -> Boss:
    return Boss(deployment)


@pytest.fixture
def groups(deployment: Deployment) -> Iterator[EmulatedGroups]:
    """The fleet's group, asleep."""
    with emulated_groups() as here:
        ec2 = boto3.client("ec2", REGION)
        image = ec2.describe_images()["Images"][0]["ImageId"]
        ec2.create_launch_template(
            LaunchTemplateName="fleet",
            LaunchTemplateData={"ImageId": image, "InstanceType": "g4dn.xlarge"},
        )
        boto3.client("autoscaling", REGION).create_auto_scaling_group(
            AutoScalingGroupName=NAMES.group,
            MinSize=0,
            MaxSize=4,
            AvailabilityZones=[f"{REGION}a"],
            MixedInstancesPolicy={
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": {
                        "LaunchTemplateName": "fleet",
                        "Version": "$Latest",
                    },
                    "Overrides": [{"InstanceType": "g4dn.xlarge"}],
                },
                "InstancesDistribution": {
                    "OnDemandBaseCapacity": 0,
                    "OnDemandPercentageAboveBaseCapacity": 0,
                },
            },
            Tags=[
                {"Key": "hush-version", "Value": "0a1b2c3d4e5f", "PropagateAtLaunch": True},
                {"Key": "hush-models", "Value": "small turbo", "PropagateAtLaunch": True},
            ],
        )
        yield here


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was written to the audit log since the last look."""
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


class TestWhoMay:
    def test_an_administrator_with_a_session_or_the_key_of_hush_login(
        self, deployment: Deployment
    ) -> None:
        _, login_key = deployment.login_key_of("hubot")
        for credential in (deployment.session_of("hubot"), login_key):
            (statement,) = deployment.authorize(credential)["policyDocument"]["Statement"]
            assert any("/administration/*" in each for each in statement["Resource"])
            told = deployment.ask("GET", "/administration/people", credential=credential)
            assert told.status == 200
            # A key comes from no page.
            origin = PUBLIC_URL if credential.startswith("session") else None
            act = deployment.ask(
                "POST",
                f"/administration/people/{OCTOCAT}/block",
                credential=credential,
                body={},
                origin=origin,
            )
            assert act.status == 404

    def test_nobody_else(self, deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
        deployment.session_of("octocat")
        foreign = deployment.session_of("hubot")
        with deployment.of_another_installation():
            other = deployment.session_of("hubot")
        refused = {
            "none": 401,
            "session stale": 401,
            other: 401,
            deployment.session_of("octocat"): 403,
            deployment.key_of("octocat")[1]: 403,
            deployment.login_key_of("octocat")[1]: 403,
            deployment.key_of("hubot")[1]: 403,
            f"bearer {DEPLOYMENT_KEY}": 403,
        }
        events(capsys)
        for credential, status in refused.items():
            for method, path, body in (*LOOKS, *ACTS):
                answer = deployment.ask(
                    method,
                    f"/administration/{path}",
                    credential=credential,
                    body=body,
                    origin=PUBLIC_URL,
                )
                assert answer.status == status, (credential, path)
            if status == 403:
                (statement,) = deployment.authorize(credential)["policyDocument"]["Statement"]
                assert not any("administration" in each for each in statement["Resource"])
                assert not any(each.endswith("live/*") for each in statement["Resource"])
        assert {line["audit"] for line in events(capsys)} == {"refused"}
        for origin in ("https://evil.example", "null", None):
            for method, path, body in ACTS:
                answer = deployment.ask(
                    method, f"/administration/{path}", credential=foreign, body=body, origin=origin
                )
                assert answer.status == 403
        around = deployment.ask(
            "GET", "/administration/fleet", credential=foreign, x_hush_origin="guess"
        )
        assert around.status == 403

    def test_it_describes_itself_to_them(self, boss: Boss) -> None:
        described = boss.get("openapi.json")
        ways = {
            (method.upper(), path)
            for path, methods in described["paths"].items()
            for method in methods
        }
        expected = {
            (method, "/administration/" + path.replace(OCTOCAT, "{number}"))
            for method, path, _ in (*LOOKS, *ACTS)
            if path != "openapi.json"
        }
        assert {(m, p.replace("{key_id}", "0123456789abcdef")) for m, p in ways} == expected


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
        assert (instance["version"], instance["models"]) == ("0a1b2c3d4e5f", ["small", "turbo"])

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


def measure() -> None:
    """Write down some of what AWS and the fleet measure."""
    client = boto3.client("cloudwatch", REGION)
    group = {"AutoScalingGroupName": NAMES.group}
    api = {"ApiName": NAMES.api, "Stage": "live"}
    balanced = {
        name: {"LoadBalancer": "app/balancer/1", "TargetGroup": f"targetgroup/{name}/1"}
        for name in ("fleet", "responder")
    }
    at = datetime.now(UTC) - timedelta(minutes=5)
    for namespace, name, dimensions, value in (
        ("AWS/ApiGateway", "Count", api, 60),
        ("AWS/ApiGateway", "5XXError", api, 3),
        ("AWS/ApiGateway", "Latency", api, 1500),
        ("AWS/AutoScaling", "GroupInServiceInstances", group, 2),
        ("AWS/ApplicationELB", "RequestCount", balanced["fleet"], 30),
        ("AWS/ApplicationELB", "RequestCount", balanced["responder"], 10),
        ("hush", "InFlight", group, 2),
        ("hush", "Interruptions", group, 2),
    ):
        client.put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                    "Timestamp": at,
                    "Value": value,
                }
            ],
        )


class TestPeople:
    def test_they_are_listed_with_what_they_have_used_and_why_they_may(self, boss: Boss) -> None:
        deployment = boss.deployment
        deployment.key_of("octocat", "on the server")
        deployment.authorize(deployment.key_of("octocat")[1])
        today = datetime.now(UTC)
        for day, requests, seconds in ((0, 2, 30), (1, 3, 45), (40, 9, 99)):
            boto3.client("dynamodb", REGION).put_item(
                TableName="quota",
                Item={
                    "id": {"S": f"github:{OCTOCAT}#{today - timedelta(days=day):%Y-%m-%d}"},
                    "requests": {"N": str(requests)},
                    "seconds": {"N": str(seconds)},
                },
            )
        hubot, octocat = boss.get("people")["people"]
        assert (octocat["login"], octocat["permitted"]) == ("octocat", True)
        assert octocat["why"] == "`users` names them."
        assert (octocat["requests_today"], octocat["seconds_today"]) == (2, 30)
        assert (octocat["requests_30d"], octocat["seconds_30d"]) == (5, 75)
        assert (octocat["keys"], octocat["sessions"], octocat["blocked"]) == (2, 2, False)
        assert octocat["last_seen"] is not None
        assert (hubot["administrator"], hubot["tier"]) == (True, "unlimited")
        assert (hubot["requests_today"], hubot["last_seen"]) == (None, None)
        full = boss.get(f"people/{OCTOCAT}")
        assert sorted(key["used"] is None for key in full["their_keys"]) == [False, True]
        assert len(full["their_sessions"]) == 2
        assert boss.ask("GET", "people/1").status == 404
        deployment.set_policy(organisations=["friends"], administrators=["hubot"])
        (octocat,) = boss.get("people?search=OCTO")["people"]
        assert (octocat["permitted"], "GitHub" in octocat["why"]) == (False, True)

    def test_everything_of_somebody_is_revoked_and_they_may_come_back(self, boss: Boss) -> None:
        deployment = boss.deployment
        session, (_, key) = deployment.session_of("octocat"), deployment.key_of("octocat")
        person = boss.does(f"people/{OCTOCAT}/revoke")
        assert (person["keys"], person["sessions"], person["permitted"]) == (0, 0, True)
        assert not deployment.allowed(session)
        assert not deployment.allowed(key)
        assert deployment.allowed(deployment.session_of("octocat"))
        assert boss.get("people")["people"]

    def test_who_is_blocked_is_refused_whatever_the_policy_says_until_it_is_undone(
        self, boss: Boss, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deployment = boss.deployment
        deployment.set_policy(organisations=["friends"], administrators=["hubot"])
        deployment.github.members = {"friends": {"mona"}}
        deployment.github.accounts["mona"] = 1024
        session, (_, key) = deployment.session_of("mona"), deployment.key_of("mona")
        blocked = boss.does("people/1024/block")
        assert (blocked["blocked"], blocked["permitted"]) == (True, False)
        assert blocked["why"].startswith("An administrator blocked them")
        for credential in (session, key):
            assert not deployment.allowed(credential)
        me = deployment.ask("GET", "/auth/me", credential=session).json
        assert me["permitted"] is False
        assert deployment.ask("GET", "/auth/keys", credential=session).status == 403
        assert deployment.sign_in("mona").headers["location"] == "/?sign-in=not-permitted"
        with time_machine.travel(time.time() + 700, tick=False):
            # GitHub says again that they are a member.
            assert not deployment.allowed(key)
        assert boss.does("people/1024/unblock")["permitted"] is True
        assert deployment.allowed(session)
        assert deployment.allowed(key)
        assert boss.ask("POST", "people/480938/block", {}).status == 409
        acts = [line["audit"] for line in events(capsys) if "by" in line]
        assert acts == ["person-blocked", "person-unblocked"]

    def test_limits_of_their_own_go_with_each_request_and_are_taken_back(self, boss: Boss) -> None:
        deployment = boss.deployment
        session = deployment.session_of("octocat")
        path, own = f"people/{OCTOCAT}/limits", {"requests": 7, "seconds": 60}
        assert boss.does(path, own, "PUT")["limits"] == own
        context = deployment.authorize(session)["context"]
        assert (context["tier"], context["limits"]) == ("person", "requests=7;seconds=60.0")
        me = deployment.ask("GET", "/auth/me", credential=session).json
        assert me["limits"] == own
        # What GitHub says anew leaves it as it is.
        deployment.session_of("octocat")
        assert boss.get(f"people/{OCTOCAT}")["limits"] == own
        answer = boss.deployment.ask(
            "PUT", f"/administration/{path}", credential=boss.credential, origin=PUBLIC_URL
        )
        assert answer.json["limits"] is None
        assert deployment.authorize(session)["context"]["limits"] == "tier"
        for wrong in ({"requests": -1, "seconds": 1}, {"requests": 1}, {"seconds": "x"}):
            assert boss.ask("PUT", path, wrong).status == 400
        assert boss.ask("PUT", "people/480938/limits", own).status == 409

    def test_many_are_listed_page_by_page_and_found_by_letters(self, boss: Boss) -> None:
        for number in range(1, 121):
            people.write_profile(
                people.Profile(f"github:{number}", f"User-{number:03}", f"Name {number}", True, 0)
            )
        seen: list[str] = []
        after = ""
        while after is not None:
            told = boss.get(f"people?limit=50&after={after}")
            assert len(told["people"]) <= 50
            seen += [each["login"] for each in told["people"]]
            after = told["after"]
        assert seen == ["hubot", *(f"User-{number:03}" for number in range(1, 121))]
        found = boss.get("people?search=user-01&limit=6")
        more = boss.get(f"people?search=user-01&limit=6&after={found['after']}")
        logins = [each["login"] for each in (*found["people"], *more["people"])]
        assert logins == [f"User-{number:03}" for number in range(10, 20)]
        for wrong in ("x", "e30", "bnVsbA"):
            assert boss.ask("GET", f"people?after={wrong}").status == 400
        assert boss.ask("GET", "people?limit=101").status == 400


class TestKeys:
    def test_all_are_listed_the_newest_first_and_one_is_revoked(
        self, boss: Boss, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deployment = boss.deployment
        name, key = deployment.key_of("octocat", "on the server")
        with time_machine.travel(time.time() + 3, tick=False):
            _, login = deployment.login_key_of("octocat")
        with time_machine.travel(time.time() + 6, tick=False):
            made = deployment.ask("POST", "/auth/keys", credential=login, body={"name": "job"})
        deployment.allowed(key)
        job, of_login, on_server = boss.get("keys")["keys"]
        assert (job["name"], of_login["kind"], on_server["id"]) == ("job", "login", name)
        assert {each["login"] for each in (job, of_login, on_server)} == {"octocat"}
        assert on_server["used"] is not None
        assert of_login["expires"] is not None
        assert "digest" not in on_server
        assert [each["name"] for each in boss.get("keys?search=SERVER")["keys"]] == [
            "on the server"
        ]
        with time_machine.travel(time.time() + 95 * 86400, tick=False):
            boss.credential = deployment.session_of("hubot")
            later = boss.get("keys")["keys"]
        assert [(each["name"], each["unused_90_days"]) for each in later] == [
            ("on the server", True)
        ]
        boss.credential = deployment.session_of("hubot")
        gone = f"people/{OCTOCAT}/keys/{of_login['id']}"
        assert boss.ask("DELETE", gone).status == 204
        assert boss.ask("DELETE", gone).status == 404
        assert not deployment.allowed("bearer " + made.json["key"])
        assert [each["name"] for each in boss.get("keys")["keys"]] == ["on the server"]
        assert "key-revoked" in [line["audit"] for line in events(capsys) if "by" in line]


class TestCosts:
    def test_the_month_is_told_at_list_prices(self, boss: Boss, groups: EmulatedGroups) -> None:
        measure()
        month = f"{datetime.now(UTC):%Y-%m}"
        ledger = {"month": month, "dollars": 12.5, "granted": 0.0, "closed": True}
        boto3.client("dynamodb", REGION).put_item(
            TableName="quota",
            Item={"id": {"S": "fleet"}, "ledger": {"S": json.dumps(ledger)}},
        )
        told = boss.get("costs")
        by_name = {part["name"]: part["dollars"] for part in told["parts"]}
        assert by_name["GPU instances"] == 12.5
        assert 0 < by_name["load balancer"] <= 16.43
        assert (told["source"], told["month"], told["stopped"]) == ("list prices", month, True)
        assert told["to_date"] == pytest.approx(sum(by_name.values()), abs=0.02)
        assert told["forecast"] >= told["to_date"] - 0.02
        assert (told["budget"], told["fleet_bound"]) == (50, 500)

    def test_cost_explorer_is_asked_once_in_six_hours(self, boss: Boss) -> None:
        told = json.dumps({**INSTALLATION, "cost_explorer": True})
        boto3.client("ssm", REGION).put_parameter(
            Name=NAMES.installation_parameter, Value=told, Overwrite=True
        )
        parts.forget()
        first = boss.get("costs")
        assert first["source"] == "Cost Explorer"
        parts.forget()
        assert boss.get("costs")["as_of"] == first["as_of"]


class TestTheAudit:
    def test_it_is_told_by_person_kind_and_time_the_newest_first(
        self, boss: Boss, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deployment = boss.deployment
        events(capsys)
        with time_machine.travel(time.time() - 3 * 86400, tick=False):
            deployment.key_of("octocat")
            early = events(capsys)
        boss.does(f"people/{OCTOCAT}/block")
        boss.does(f"people/{OCTOCAT}/unblock")
        write_log([*early, *events(capsys)])
        told = boss.get("audit")
        kinds = [event["kind"] for event in told["events"]]
        assert kinds == ["person-unblocked", "person-blocked", "key-made", "signed-in"]
        newest = told["events"][0]
        assert (newest["person"], newest["by"]) == (OCTOCAT, "hubot")
        assert told["events"][2]["details"]["kind"] == "key"
        made = boss.get(f"audit?kind=key-made&person={OCTOCAT}")
        assert [event["kind"] for event in made["events"]] == ["key-made"]
        assert boss.get("audit?person=1")["events"] == []
        lately = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
        assert len(boss.get(f"audit?since={lately}")["events"]) == 2
        assert len(boss.get(f"audit?until={lately}")["events"]) == 2
        first = boss.get("audit?limit=1")
        second = boss.get(f"audit?limit=1&after={first['after']}")
        # What was written in one moment stands on one page.
        third = boss.get(f"audit?limit=1&after={second['after']}")
        told = [event["kind"] for page in (first, second, third) for event in page["events"]]
        assert told == kinds
        assert boss.ask("GET", "audit?since=yesterday").status == 400


def write_log(lines: list[dict[str, Any]]) -> None:
    """Write lines to where CloudWatch keeps them."""
    logs = boto3.client("logs", REGION)
    logs.create_log_group(logGroupName=AUDIT_LOG)
    logs.create_log_stream(logGroupName=AUDIT_LOG, logStreamName="1")
    written = [
        {"timestamp": int(line["time"] * 1000), "message": json.dumps(line)} for line in lines
    ]
    noise = {"timestamp": int(time.time() * 1000), "message": "START RequestId: 1"}
    logs.put_log_events(logGroupName=AUDIT_LOG, logStreamName="1", logEvents=[*written, noise])
