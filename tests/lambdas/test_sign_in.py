"""Signing in, staying so, and signing out."""

import time
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import time_machine

from tests.lambdas.conftest import NAMES, PUBLIC_URL, Deployment


class TestLogin:
    def test_it_sends_people_to_github_with_state_and_pkce(self, deployment: Deployment) -> None:
        began = deployment.ask("GET", "/auth/login")
        assert began.status == 302
        to = urlsplit(began.headers["location"])
        query = parse_qs(to.query)
        assert f"{to.scheme}://{to.netloc}{to.path}" == (
            f"{deployment.github.url}/login/oauth/authorize"
        )
        assert query["code_challenge_method"] == ["S256"]
        assert len(query["code_challenge"][0]) == 43
        assert query["redirect_uri"] == [f"{PUBLIC_URL}/auth/callback"]
        assert query["state"] == [began.cookies["__Host-hush-state"]]

    def test_it_refuses_before_the_site_has_an_address(self, deployment: Deployment) -> None:
        boto3.client("ssm", "us-east-1").delete_parameter(Name=NAMES.url_parameter)
        refused = deployment.ask("GET", "/auth/login")
        assert refused.status == 503
        assert refused.headers["retry-after"] == "10"
        assert refused.json["error"]["code"] == "unavailable"

    def test_it_refuses_before_the_app_is_set_up(self, deployment: Deployment) -> None:
        secrets = boto3.client("secretsmanager", "us-east-1")
        secrets.put_secret_value(SecretId=NAMES.github_secret, SecretString="{}")
        assert deployment.ask("GET", "/auth/login").status == 503

    def test_it_refuses_before_the_app_is_made(self, deployment: Deployment) -> None:
        boto3.client("secretsmanager", "us-east-1").delete_secret(SecretId=NAMES.github_secret)
        assert deployment.ask("GET", "/auth/login").status == 503


class TestCallback:
    def test_whoever_may_is_signed_in_and_back_where_they_were(
        self, deployment: Deployment
    ) -> None:
        back = deployment.sign_in("octocat", to="/?tab=2")
        assert (back.status, back.headers["location"]) == (302, "/?tab=2")
        me = deployment.ask(
            "GET", "/auth/me", credential="session " + back.cookies["__Host-hush"]
        ).json
        assert me["signed_in"]
        assert (me["login"], me["name"], me["administrator"]) == ("octocat", "Octocat", False)
        assert me["limits"] == {"requests": 100, "seconds": 3600}

    def test_its_cookies_are_for_this_host_and_no_script(self, deployment: Deployment) -> None:
        began = deployment.ask("GET", "/auth/login")
        attributes = began.headers["set-cookie"].lower()
        for attribute in ("httponly", "secure", "samesite=lax", "path=/"):
            assert attribute in attributes
        assert "domain" not in attributes

    def test_the_persons_token_is_given_back(self, deployment: Deployment) -> None:
        deployment.sign_in("octocat")
        assert "DELETE /applications/Iv1.client/token" in deployment.github.asked
        assert not deployment.github.tokens

    def test_who_is_not_permitted_is_told_so(self, deployment: Deployment) -> None:
        back = deployment.sign_in("mallory")
        assert back.headers["location"] == "/?sign-in=not-permitted"
        assert not back.cookies.get("__Host-hush")

    def test_nobody_is_permitted_by_default(self, deployment: Deployment) -> None:
        deployment.set_policy()
        assert deployment.sign_in("octocat").headers["location"] == "/?sign-in=not-permitted"

    def test_anyone_is_where_the_policy_says_everyone(self, deployment: Deployment) -> None:
        deployment.set_policy(everyone=True)
        assert deployment.sign_in("mallory").cookies["__Host-hush"]

    @pytest.mark.parametrize("place", ["github-staff", "github-staff/speech"])
    def test_members_are(self, deployment: Deployment, place: str) -> None:
        deployment.github.members = {"github-staff": set(), place: {"mallory"}}
        kind = "teams" if "/" in place else "organisations"
        deployment.set_policy(**{kind: [place]})
        assert deployment.sign_in("mallory").cookies["__Host-hush"]
        assert deployment.sign_in("octocat").headers["location"] == "/?sign-in=not-permitted"

    def test_a_changed_client_secret_is_read_anew(self, deployment: Deployment) -> None:
        deployment.sign_in("octocat")
        deployment.github.client_secret = "changed"
        boto3.client("secretsmanager", "us-east-1").put_secret_value(
            SecretId=NAMES.github_secret, SecretString=deployment.github.credentials
        )
        assert deployment.sign_in("octocat").cookies["__Host-hush"]

    def test_who_says_no_at_github_comes_back_without_a_session(
        self, deployment: Deployment
    ) -> None:
        began = deployment.ask("GET", "/auth/login")
        state = began.cookies["__Host-hush-state"]
        back = deployment.ask(
            "GET", f"/auth/callback?error=access_denied&state={state}", cookies=began.cookies
        )
        assert back.headers["location"] == "/?sign-in=denied"


class TestStaying:
    def test_a_token_is_renewed_when_half_of_it_is_gone(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        assert not deployment.ask("GET", "/auth/me", credential=session).cookies
        later = time.time() + 2400
        with _clock(later):
            me = deployment.ask("GET", "/auth/me", credential=session)
        assert me.json["signed_in"]
        with _clock(later + 3000):
            renewed = deployment.ask(
                "GET", "/auth/me", credential="session " + me.cookies["__Host-hush"]
            )
        assert renewed.json["signed_in"]

    def test_not_longer_than_a_week(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        now = time.time()
        for hours in range(1, 7 * 24):
            with _clock(now + hours * 3600 - 60):
                me = deployment.ask("GET", "/auth/me", credential=session)
            assert me.json["signed_in"], hours
            if me.cookies:
                session = "session " + me.cookies["__Host-hush"]
        with _clock(now + 7 * 86400 + 60):
            assert not deployment.ask("GET", "/auth/me", credential=session).json["signed_in"]

    def test_new_signing_keys_sign_nobody_out(self, deployment: Deployment) -> None:
        old = deployment.session_of("octocat")
        made = boto3.client("secretsmanager", "us-east-1").create_secret(
            Name="signing-2", SecretString="b" * 64
        )
        deployment.set_signing_keys(made["ARN"], deployment.names["HUSH_SIGNING_KEYS"])
        assert deployment.allowed(old)
        new = deployment.session_of("octocat")
        deployment.set_signing_keys(made["ARN"])
        assert deployment.allowed(new)
        assert not deployment.allowed(old)


class TestLogout:
    def test_it_ends_the_session_for_all_who_have_its_cookie(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        assert deployment.allowed(session)
        out = deployment.ask("POST", "/auth/logout", credential=session, origin=PUBLIC_URL)
        assert out.status == 204
        assert out.cookies == {"__Host-hush": ""}
        assert not deployment.allowed(session)
        me = deployment.ask("GET", "/auth/me", credential=session)
        assert (me.status, me.json["signed_in"]) == (200, False)
        assert me.cookies == {"__Host-hush": ""}


class TestMe:
    def test_without_a_session_it_says_so(self, deployment: Deployment) -> None:
        me = deployment.ask("GET", "/auth/me").json
        assert (me["sign_in"], me["signed_in"], me["anonymous"]) == (True, False, False)
        assert me["usage"] is None

    @pytest.mark.parametrize(
        ("viewer", "counted"),
        [("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64")],
    )
    def test_the_anonymous_see_what_their_address_has_used(
        self, deployment: Deployment, viewer: str, counted: str
    ) -> None:
        deployment.set_policy(anonymous=True)
        _use(f"address:{counted}", requests=3, seconds=12.5)
        me = deployment.ask("GET", "/auth/me", x_hush_viewer=viewer).json
        assert me["usage"] == {"requests": 3, "seconds": 12.5}
        assert me["limits"] == {"requests": 5, "seconds": 60}

    def test_people_see_what_they_have_used_today(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        _use("github:583231", requests=7, seconds=80)
        me = deployment.ask("GET", "/auth/me", credential=session).json
        assert me["usage"] == {"requests": 7, "seconds": 80}

    def test_administrators_have_no_limits(self, deployment: Deployment) -> None:
        me = deployment.ask("GET", "/auth/me", credential=deployment.session_of("hubot")).json
        assert (me["administrator"], me["tier"], me["limits"]) == (True, "unlimited", None)


def _use(identity: str, requests: int, seconds: float) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    boto3.client("dynamodb", "us-east-1").put_item(
        TableName="quota",
        Item={
            "id": {"S": f"{identity}#{today}"},
            "requests": {"N": str(requests)},
            "seconds": {"N": str(seconds)},
        },
    )


def _clock(moment: float) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)
