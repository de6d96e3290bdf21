"""Who is let in to the administration, and who is not."""

import pytest

from tests.lambdas.administration.conftest import OCTOCAT, Boss, events
from tests.lambdas.conftest import (
    DEPLOYMENT_KEY,
    PUBLIC_URL,
    Deployment,
)

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
