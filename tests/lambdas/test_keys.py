"""API keys, administrators, and handing over to the command line."""

import html
import re
import time
from typing import Any

import pytest
import time_machine

from identity import people
from identity.people import MOST_KEYS
from tests.lambdas.conftest import (
    DEPLOYMENT_KEY,
    HAND_OVER,
    PUBLIC_URL,
    VERIFIER,
    Answer,
    Deployment,
)


class TestKeys:
    def test_one_is_made_named_listed_used_and_revoked(self, deployment: Deployment) -> None:
        name, key = deployment.key_of("octocat", "on the server")
        assert deployment.allowed(key)
        session = deployment.session_of("octocat")
        (listed,) = deployment.ask("GET", "/auth/keys", credential=session).json["keys"]
        assert (listed["id"], listed["name"], listed["kind"]) == (name, "on the server", "key")
        assert listed["expires"] is None
        assert listed["hint"][-4:] == key[-4:]
        assert "key" not in listed
        gone = deployment.ask("DELETE", f"/auth/keys/{name}", credential=session, origin=PUBLIC_URL)
        assert gone.status == 204
        assert not deployment.allowed(key)

    def test_it_may_end_by_itself(self, deployment: Deployment) -> None:
        made = deployment.ask(
            "POST",
            "/auth/keys",
            credential=deployment.session_of("octocat"),
            body={"name": "short", "days": 1},
            origin=PUBLIC_URL,
        ).json
        key = "bearer " + made["key"]
        assert deployment.allowed(key)
        with time_machine.travel(time.time() + 86401, tick=False):
            assert not deployment.allowed(key)

    def test_it_may_revoke_itself(self, deployment: Deployment) -> None:
        name, key = deployment.key_of("octocat")
        assert deployment.ask("DELETE", f"/auth/keys/{name}", credential=key).status == 204
        assert not deployment.allowed(key)

    def test_it_tells_whose_it_is(self, deployment: Deployment) -> None:
        _, key = deployment.key_of("octocat")
        assert deployment.ask("GET", "/auth/me", credential=key).json["login"] == "octocat"

    @pytest.mark.parametrize(
        "body", [{}, {"name": ""}, {"name": "x" * 61}, {"name": "a\nb"}, {"name": "a", "days": 0}]
    )
    def test_a_bad_name_or_lifetime_is_refused_with_a_reason(
        self, deployment: Deployment, body: dict[str, object]
    ) -> None:
        answer = deployment.ask(
            "POST",
            "/auth/keys",
            credential=deployment.session_of("octocat"),
            body=body,
            origin=PUBLIC_URL,
        )
        assert answer.status == 400
        assert answer.json["error"]["message"]

    def test_there_is_a_most(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")

        def make() -> Answer:
            return deployment.ask(
                "POST",
                "/auth/keys",
                credential=session,
                body={"name": "one more"},
                origin=PUBLIC_URL,
            )

        assert {make().status for _ in range(MOST_KEYS)} == {201}
        assert make().status == 409

    def test_the_deployments_own_key_opens_the_api(self, deployment: Deployment) -> None:
        key = f"bearer {DEPLOYMENT_KEY}"
        assert deployment.allowed(key)
        assert deployment.authorize(key)["context"]["tier"] == "unlimited"
        assert deployment.ask("GET", "/auth/keys", credential=key).status == 401


class TestKeysOfHushLogin:
    """What is made with the key of `hush login` ends with it."""

    def made(
        self, deployment: Deployment, login: str, days: int | None = None
    ) -> tuple[dict[str, Any], str]:
        """Return what a key for a job is said to be, and what the CDN folds it into."""
        body = {"name": "for a job", "days": days}
        answer = deployment.ask("POST", "/auth/keys", credential=login, body=body)
        assert answer.status == 201, answer.body
        return answer.json, "bearer " + answer.json["key"]

    def test_they_are_revoked_with_it(self, deployment: Deployment) -> None:
        name, login = deployment.login_key_of("octocat")
        _, other = deployment.login_key_of("octocat")
        _, key = self.made(deployment, login)
        _, of_other = self.made(deployment, other)
        _, of_page = deployment.key_of("octocat")
        assert deployment.ask("DELETE", f"/auth/keys/{name}", credential=login).status == 204
        assert [deployment.allowed(each) for each in (login, key)] == [False, False]
        assert all(deployment.allowed(each) for each in (other, of_other, of_page))
        listed = deployment.ask("GET", "/auth/keys", credential=other).json["keys"]
        assert len(listed) == 3

    def test_they_end_with_it_however_it_went(self, deployment: Deployment) -> None:
        name, login = deployment.login_key_of("octocat")
        _, key = self.made(deployment, login)
        # As if it had been made in the moment in which the other was revoked.
        people.remove("github:583231", f"key#{name}")
        assert not deployment.allowed(key)
        session = deployment.session_of("octocat")
        assert deployment.ask("GET", "/auth/keys", credential=session).json["keys"] == []

    @pytest.mark.parametrize("days", [None, 3650])
    def test_they_expire_no_later(self, deployment: Deployment, days: int | None) -> None:
        _, login = deployment.login_key_of("octocat")
        made, key = self.made(deployment, login, days)
        told = deployment.ask("GET", "/auth/me", credential=login).json["expires"]
        assert made["expires"] == told
        with time_machine.travel(time.time() + 90 * 86400 + 1, tick=False):
            assert not deployment.allowed(key)

    def test_they_may_expire_sooner(self, deployment: Deployment) -> None:
        _, login = deployment.login_key_of("octocat")
        _, key = self.made(deployment, login, days=1)
        assert deployment.allowed(key)
        with time_machine.travel(time.time() + 86401, tick=False):
            assert deployment.allowed(login)
            assert not deployment.allowed(key)

    def test_they_make_no_others(self, deployment: Deployment) -> None:
        _, login = deployment.login_key_of("octocat")
        _, key = self.made(deployment, login)
        made = deployment.ask("POST", "/auth/keys", credential=key, body={"name": "more"})
        assert made.status == 403


class TestHandOver:
    def hand_over(self, deployment: Deployment) -> tuple[str, str]:
        """Return the code as shown, and the link."""
        page = deployment.ask("GET", HAND_OVER, credential=deployment.session_of("octocat")).body
        code = re.search(r'id="code">([^<]+)<', page)
        link = re.search(r'id="hand-over" href="([^"]+)"', page)
        assert code is not None
        assert link is not None
        return code[1], html.unescape(link[1])

    def redeem(self, deployment: Deployment, code: str, verifier: str = VERIFIER) -> Answer:
        return deployment.ask("POST", "/auth/redeem", body={"code": code, "verifier": verifier})

    def test_the_command_line_gets_a_key_that_may_manage(self, deployment: Deployment) -> None:
        code, link = self.hand_over(deployment)
        assert link == f"http://127.0.0.1:5000/?code={code}&attempt=attempt-1"
        made = self.redeem(deployment, code)
        assert made.status == 201
        assert (made.json["login"], made.json["name"]) == ("octocat", "hush on my laptop")
        key = "bearer " + made.json["key"]
        assert deployment.allowed(key)
        (listed,) = deployment.ask("GET", "/auth/keys", credential=key).json["keys"]
        assert listed["kind"] == "login"
        another = deployment.ask("POST", "/auth/keys", credential=key, body={"name": "for a job"})
        assert another.status == 201

    def test_without_a_port_there_is_a_code_to_paste(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        page = deployment.ask("GET", HAND_OVER.replace("&port=5000", ""), credential=session).body
        assert "127.0.0.1" not in page
        code = re.search(r'id="code">([^<]+)<', page)
        assert code is not None
        assert self.redeem(deployment, code[1]).status == 201

    def test_who_is_not_signed_in_signs_in_first_and_comes_back(
        self, deployment: Deployment
    ) -> None:
        for stale in ("none", "session stale"):
            sent = deployment.ask("GET", HAND_OVER, credential=stale)
            assert sent.status == 302
            began = deployment.ask("GET", sent.headers["location"])
            back = deployment.github.authorize(began.headers["location"], "octocat")
            there = deployment.ask(
                "GET", back.removeprefix(PUBLIC_URL), cookies=began.cookies
            ).headers["location"]
            assert there.startswith("/auth/hand-over?")
            session = deployment.session_of("octocat")
            assert deployment.ask("GET", there, credential=session).status == 200

    def test_a_code_is_good_once(self, deployment: Deployment) -> None:
        code, _ = self.hand_over(deployment)
        assert self.redeem(deployment, code).status == 201
        assert self.redeem(deployment, code).status == 403

    def test_a_code_is_good_for_who_began_alone(self, deployment: Deployment) -> None:
        code, _ = self.hand_over(deployment)
        assert self.redeem(deployment, code, "w" * 50).status == 403

    def test_a_code_is_good_for_five_minutes(self, deployment: Deployment) -> None:
        code, _ = self.hand_over(deployment)
        with time_machine.travel(time.time() + 301, tick=False):
            assert self.redeem(deployment, code).status == 403

    def test_a_device_cannot_write_into_the_page(self, deployment: Deployment) -> None:
        page = deployment.ask(
            "GET",
            HAND_OVER.replace("my%20laptop", "%3Cscript%3Ealert(1)%3C/script%3E"),
            credential=deployment.session_of("octocat"),
        ).body
        assert "<script" not in page
        assert "&lt;script&gt;" in page

    @pytest.mark.parametrize(
        "wrong", ["port=80", "port=5000@evil.example", "attempt=a", "challenge=short"]
    )
    def test_what_is_not_understood_is_refused(self, deployment: Deployment, wrong: str) -> None:
        name = wrong.partition("=")[0]
        path = re.sub(f"{name}=[^&]+", wrong, HAND_OVER)
        session = deployment.session_of("octocat")
        assert deployment.ask("GET", path, credential=session).status == 400
