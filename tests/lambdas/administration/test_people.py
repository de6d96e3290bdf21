"""People and their keys: what is told of them, and what is done about them."""

import time
from datetime import UTC, datetime, timedelta

import boto3
import pytest
import time_machine

from identity import people
from tests.lambdas.administration.conftest import OCTOCAT, Boss, events
from tests.lambdas.conftest import (
    PUBLIC_URL,
    REGION,
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
