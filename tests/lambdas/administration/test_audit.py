"""What happened: told by person, kind and time."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import time_machine

import trail
from tests.lambdas.administration.conftest import OCTOCAT, Boss, events
from tests.lambdas.conftest import (
    AUDIT_LOG,
    REGION,
)


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

    def test_what_is_more_than_one_answer_looks_at_is_in_the_next_ones(
        self, boss: Boss, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trail, "MOST_EVENTS", 2)
        monkeypatch.setattr(trail, "MOST_CALLS", 6)
        now = time.time()
        # Most of them before the last hour, where a longer window is looked at.
        times = [now - 60, *(now - 7200 - 600 * each for each in range(15))]
        write_log([{"audit": "signed-in", "time": at, "who": str(at)} for at in times[::-1]])
        found, after = [], ""
        for _ in range(20):
            told = boss.get(f"audit?after={after}" if after else "audit")
            found += [event["person"] for event in told["events"]]
            if (after := told["after"]) is None:
                break
        assert found == [str(at) for at in times]


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
