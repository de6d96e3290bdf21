"""What an attacker would try, each refused. docs/security.md tells the list in words."""

import base64
import json
import string
import time
from typing import Any
from unittest.mock import patch

import boto3
import jwt
import pytest
import time_machine
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st

import auth
import github
from identity import aws, front_door, tokens
from identity.keys import ApiKey, new_key, parse_key
from identity.settings import settings
from tests.lambdas.conftest import DEPLOYMENT_KEY, FRONT_DOOR, NAMES, PUBLIC_URL, Deployment

DEPLOYMENT = f"us-east-1/123456789012/{NAMES.prefix}"
SIGNING_KEY = "a" * 64


def refused(deployment: Deployment, credential: str) -> bool:
    """Tell whether the authorizer and sign-in both refuse a credential."""
    told = deployment.ask("GET", "/auth/me", credential=credential).json["signed_in"]
    managed = deployment.ask("GET", "/auth/keys", credential=credential).status
    return not deployment.allowed(credential) and not told and managed == 401


def forged(session: str, key: str = SIGNING_KEY, **changes: Any) -> str:
    """Return a token like that of a session, with other claims, signed anew."""
    token = session.removeprefix("session ")
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    headers = {"kid": jwt.get_unverified_header(token)["kid"]}
    kept = {name: value for name, value in claims.items() if value is not None}
    return "session " + jwt.encode(kept, key, "HS256", headers=headers)


class TestTokens:
    def test_forged(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        assert not refused(deployment, session)
        assert refused(deployment, forged(session, key="b" * 64))

    def test_altered_anywhere(self, deployment: Deployment) -> None:
        token = deployment.session_of("octocat").removeprefix("session ")
        for at in range(0, len(token), 7):
            other = "A" if token[at] != "A" else "Q"
            altered = token[:at] + other + token[at + 1 :]
            assert not deployment.allowed(f"session {altered}"), at

    @pytest.mark.parametrize("more", ["=", "==", "\n", " ", "."])
    def test_with_something_that_decoding_would_overlook(
        self, deployment: Deployment, more: str
    ) -> None:
        # API Gateway remembers decisions by the text: one session has to be one text.
        token = deployment.session_of("octocat").removeprefix("session ")
        assert tokens.read(token, DEPLOYMENT, settings().signing_keys, aws.secret)
        header, claims, signature = token.split(".")
        # The last letter of 32 bytes has two bits to spare.
        letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
        spare = letters[letters.index(signature[-1]) ^ 1]
        texts = (f"{token}{more}", f"{header}{more}.{claims}.{signature}", f"{token[:-1]}{spare}")
        for several in texts:
            with pytest.raises(tokens.InvalidTokenError):
                tokens.read(several, DEPLOYMENT, settings().signing_keys, aws.secret)

    def test_expired(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        with time_machine.travel(time.time() + tokens.LIFETIME + tokens.LEEWAY + 1, tick=False):
            assert refused(deployment, session)

    def test_from_the_future(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        now = int(time.time())
        assert refused(deployment, forged(session, iat=now + 600, exp=now + 4000))

    def test_a_clock_that_is_a_little_wrong_shuts_nobody_out(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        for skew in (-20, 20):
            with time_machine.travel(time.time() + skew, tick=False):
                assert deployment.allowed(session)

    @pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256", "ES256"])
    def test_of_another_algorithm(self, deployment: Deployment, algorithm: str) -> None:
        header, claims, signature = deployment.session_of("octocat")[8:].split(".")
        told = json.loads(base64.urlsafe_b64decode(header + "=="))
        changed = base64.urlsafe_b64encode(json.dumps({**told, "alg": algorithm}).encode())
        for end in (signature, ""):
            forgery = ".".join([changed.rstrip(b"=").decode(), claims, end])
            assert refused(deployment, f"session {forgery}")
        if algorithm == "HS512":
            whole = jwt.encode(
                jwt.decode(f"{header}.{claims}.{signature}", options={"verify_signature": False}),
                SIGNING_KEY,
                "HS512",
                headers={"kid": told["kid"]},
            )
            assert refused(deployment, f"session {whole}")

    def test_of_another_deployment(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        assert refused(deployment, forged(session, iss="us-east-1/123456789012/other"))

    @pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "login", "iat", "exp"])
    def test_without_one_of_its_claims(self, deployment: Deployment, claim: str) -> None:
        without: dict[str, Any] = {claim: None}
        assert refused(deployment, forged(deployment.session_of("octocat"), **without))

    @pytest.mark.parametrize(
        "changes", [{"aud": "hand-over"}, {"aud": ["session", "x"]}, {"exp": "soon"}, {"sid": [1]}]
    )
    def test_with_a_claim_of_another_kind(
        self, deployment: Deployment, changes: dict[str, Any]
    ) -> None:
        assert refused(deployment, forged(deployment.session_of("octocat"), **changes))

    def test_of_somebody_else(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        deployment.session_of("hubot")
        # Even who had the signing key would need the name of a session that is open.
        assert refused(deployment, forged(session, sub="github:480938"))

    @drawing(deadline=None)
    @given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
    def test_anything_else_is_refused_and_nothing_worse(self, token: str) -> None:
        with pytest.raises(tokens.InvalidTokenError):
            tokens.read(token, DEPLOYMENT, ["key"], lambda _: SIGNING_KEY)

    @drawing(deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(["iss", "aud", "sub", "sid", "login", "iat", "exp", "nbf", "x"]),
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([1]),
        )
        | st.text()
        | st.none()
    )
    def test_anything_that_is_signed_is_read_or_refused(self, claims: Any) -> None:
        payload = json.dumps(claims).encode()
        token = jwt.PyJWS().encode(payload, SIGNING_KEY, "HS256", headers={"kid": "key"})
        with pytest.raises(tokens.InvalidTokenError):
            tokens.read(token, DEPLOYMENT, ["key"], lambda _: SIGNING_KEY)

    @drawing(deadline=None)
    @given(
        st.builds(
            tokens.Session,
            person=st.text(min_size=1),
            login=st.text(min_size=1),
            session=st.text(min_size=1),
            issued=st.integers(0, 1_700_000_000),
            expires=st.integers(4_000_000_000, 2**40),
        )
    )
    def test_what_was_signed_is_read_again(self, session: tokens.Session) -> None:
        try:
            signed = tokens.sign(session, DEPLOYMENT, ["key"], lambda _: SIGNING_KEY)
        except UnicodeEncodeError:
            return  # half of a surrogate pair, which GitHub has in no name
        assert tokens.read(signed, DEPLOYMENT, ["key"], lambda _: SIGNING_KEY) == session


class TestSigningIn:
    @pytest.mark.parametrize("state", ["", "unknown"])
    def test_state_missing_or_unknown(self, deployment: Deployment, state: str) -> None:
        cookies = {"__Host-hush-state": state} if state else {}
        back = deployment.ask("GET", f"/auth/callback?code=x&state={state}", cookies=cookies)
        assert back.headers["location"] == "/?sign-in=expired"
        assert not back.cookies.get("__Host-hush")

    def test_a_link_to_the_callback_of_someone_elses_sign_in(self, deployment: Deployment) -> None:
        """A victim would be signed in as the attacker, and speak into their account."""
        began = deployment.ask("GET", "/auth/login")
        link = deployment.github.authorize(began.headers["location"], "octocat")
        mine = deployment.ask("GET", "/auth/login").cookies
        for cookies in ({}, mine):
            back = deployment.ask("GET", link.removeprefix(PUBLIC_URL), cookies=cookies)
            assert back.headers["location"] == "/?sign-in=expired"
            assert not back.cookies.get("__Host-hush")

    def test_state_and_code_used_again(self, deployment: Deployment) -> None:
        began = deployment.ask("GET", "/auth/login")
        link = deployment.github.authorize(began.headers["location"], "octocat")
        path = link.removeprefix(PUBLIC_URL)
        assert deployment.ask("GET", path, cookies=began.cookies).cookies["__Host-hush"]
        again = deployment.ask("GET", path, cookies=began.cookies)
        assert again.headers["location"] == "/?sign-in=expired"

    def test_a_code_used_again_with_a_new_state(self, deployment: Deployment) -> None:
        began = deployment.ask("GET", "/auth/login")
        link = deployment.github.authorize(began.headers["location"], "octocat")
        code = link.partition("code=")[2].partition("&")[0]
        deployment.ask("GET", link.removeprefix(PUBLIC_URL), cookies=began.cookies)
        anew = deployment.ask("GET", "/auth/login").cookies
        state = anew["__Host-hush-state"]
        back = deployment.ask("GET", f"/auth/callback?code={code}&state={state}", cookies=anew)
        assert back.headers["location"] == "/?sign-in=failed"

    def test_a_stolen_code_is_worth_nothing_without_the_verifier(
        self, deployment: Deployment
    ) -> None:
        began = deployment.ask("GET", "/auth/login")
        link = deployment.github.authorize(began.headers["location"], "octocat")
        code = link.partition("code=")[2].partition("&")[0]
        other = deployment.ask("GET", "/auth/login").cookies
        state = other["__Host-hush-state"]
        back = deployment.ask("GET", f"/auth/callback?code={code}&state={state}", cookies=other)
        assert back.headers["location"] == "/?sign-in=failed"

    def test_after_ten_minutes(self, deployment: Deployment) -> None:
        began = deployment.ask("GET", "/auth/login")
        link = deployment.github.authorize(began.headers["location"], "octocat")
        with time_machine.travel(time.time() + 601, tick=False):
            back = deployment.ask("GET", link.removeprefix(PUBLIC_URL), cookies=began.cookies)
        assert back.headers["location"] == "/?sign-in=expired"

    def test_another_host_changes_no_address(self, deployment: Deployment) -> None:
        began = deployment.ask(
            "GET", "/auth/login", host="evil.example", x_forwarded_host="evil.example"
        )
        assert "evil" not in began.headers["location"]

    @pytest.mark.parametrize(
        "elsewhere",
        [
            "https://evil.example",
            "//evil.example",
            "/%5Cevil.example/..%2f",
            "/\\evil.example",
            "/\t/evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "evil.example",
            "",
            "/%0d%0aSet-Cookie:x=y",
        ],
    )
    def test_redirects_to_elsewhere(self, deployment: Deployment, elsewhere: str) -> None:
        answer = deployment.ask("GET", f"/auth/login?return={elsewhere}")
        assert answer.status == 400

    def test_a_slash_too_much_leads_nowhere(self, deployment: Deployment) -> None:
        # A redirect would name the host of API Gateway, around the CDN.
        for path in ("/auth/me/", "/auth/keys/", "/auth/login/"):
            answer = deployment.ask("GET", path, credential=deployment.session_of("octocat"))
            assert answer.status == 404
            assert "location" not in answer.headers

    def test_a_session_from_before_does_not_survive_signing_in(
        self, deployment: Deployment
    ) -> None:
        """Session fixation: what a browser had before is never what it has after."""
        began = deployment.ask("GET", "/auth/login")
        link = deployment.github.authorize(began.headers["location"], "octocat")
        planted = {**began.cookies, "__Host-hush": "planted"}
        back = deployment.ask("GET", link.removeprefix(PUBLIC_URL), cookies=planted)
        assert back.cookies["__Host-hush"] not in ("", "planted")
        first, second = deployment.session_of("octocat"), deployment.session_of("octocat")
        assert first != second


class TestTheFrontDoor:
    @pytest.mark.parametrize("origin", ["", "guess", FRONT_DOOR + " ", FRONT_DOOR[:-1]])
    def test_calls_around_the_cdn(self, deployment: Deployment, origin: str) -> None:
        session = deployment.session_of("octocat")
        decision = deployment.authorize(session, origin=origin)
        assert decision["policyDocument"]["Statement"][0]["Effect"] == "Deny"
        answer = deployment.ask("GET", "/auth/me", credential=session, x_hush_origin=origin)
        assert answer.status == 403

    def test_headers_sent_twice(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        twice = {"x-hush-credential": [session, session]}
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            deployment.authorize(session, multiValueHeaders=twice)
        twice = {"x-hush-origin": [FRONT_DOOR, "guess"]}
        decision = deployment.authorize(session, multiValueHeaders=twice)
        assert decision["policyDocument"]["Statement"][0]["Effect"] == "Deny"

    def test_the_identity_comes_from_the_decision_alone(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        smuggled = {
            "x-hush-origin": FRONT_DOOR,
            "x-hush-credential": session,
            "x-hush-identity": "deployment",
            "x-hush-tier": "unlimited",
        }
        decision = deployment.authorize(session, headers=smuggled)
        assert decision["context"] == {
            "identity": "github:583231",
            "tier": "person",
            "limits": "tier",
            "login": "octocat",
        }

    @pytest.mark.parametrize(
        "credential",
        ["", "none x", "NONE", "basic abc", "bearer", "bearer ", "session", "identity github:1"],
    )
    def test_credentials_that_are_not_understood(
        self, deployment: Deployment, credential: str
    ) -> None:
        assert refused(deployment, credential)

    @pytest.mark.parametrize("kind", ["bearer", "session"])
    def test_oversized_headers(self, deployment: Deployment, kind: str) -> None:
        assert refused(deployment, f"{kind} {'x' * 5000}")
        large = deployment.ask("GET", "/auth/me", x_large="x" * 9000)
        assert large.status == 431

    def test_an_oversized_body(self, deployment: Deployment) -> None:
        body = {"code": "x" * 5000, "verifier": "x" * 43}
        assert deployment.ask("POST", "/auth/redeem", body=body).status == 431

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
    def test_a_cookie_on_another_sites_post(
        self, deployment: Deployment, origin: str | None
    ) -> None:
        session = deployment.session_of("octocat")
        for method, path, body in (
            ("POST", "/auth/keys", {"name": "theirs"}),
            ("POST", "/auth/logout", None),
            ("DELETE", "/auth/keys/0123456789abcdef", None),
        ):
            answer = deployment.ask(method, path, credential=session, body=body, origin=origin)
            assert answer.status == 403
        assert deployment.ask("GET", "/auth/keys", credential=session).json["keys"] == []


class TestKeys:
    def test_guessing_compares_in_constant_time_whether_or_not_the_key_exists(
        self, deployment: Deployment
    ) -> None:
        _, good = deployment.key_of("octocat")
        key = parse_key(good.removeprefix("bearer "))
        assert key is not None
        guesses = [
            ApiKey(key.person, key.id, new_key(key.person).secret),
            new_key(key.person),
            new_key("github:1"),
        ]
        with patch("hmac.compare_digest", wraps=__import__("hmac").compare_digest) as compared:
            for guess in guesses:
                before = compared.call_count
                assert not deployment.allowed(f"bearer {guess}")
                # The front door's secret, and the key's hash.
                assert compared.call_count == before + 2
        assert deployment.allowed(good)

    def test_the_table_holds_no_key(self, deployment: Deployment) -> None:
        _, good = deployment.key_of("octocat")
        table = boto3.client("dynamodb", "us-east-1").scan(TableName="people")
        assert good[-43:] not in json.dumps(table)

    def test_a_hash_from_the_table_is_no_key(self, deployment: Deployment) -> None:
        name, good = deployment.key_of("octocat")
        key = parse_key(good.removeprefix("bearer "))
        assert key is not None
        stolen = f"hush_583231_{name}_{key.digest}"
        assert refused(deployment, f"bearer {stolen}")
        assert refused(deployment, f"bearer hush_583231_{name}_{key.digest[:43]}")

    @drawing(deadline=None)
    @given(st.text())
    def test_anything_else_is_no_key(self, text: str) -> None:
        assert parse_key(text) is None

    @drawing(deadline=None)
    @given(st.integers(1, 10**18))
    def test_a_key_is_read_as_it_was_made(self, number: int) -> None:
        key = new_key(f"github:{number}")
        assert parse_key(str(key)) == key

    def test_an_api_key_makes_no_others(self, deployment: Deployment) -> None:
        _, key = deployment.key_of("octocat")
        made = deployment.ask("POST", "/auth/keys", credential=key, body={"name": "more"})
        assert made.status == 403
        assert deployment.ask("GET", "/auth/keys", credential=key).status == 403

    def test_a_stolen_key_of_hush_login_makes_none_that_outlives_it(
        self, deployment: Deployment
    ) -> None:
        name, stolen = deployment.login_key_of("octocat")
        made = deployment.ask("POST", "/auth/keys", credential=stolen, body={"name": "more"})
        key = "bearer " + made.json["key"]
        assert not refused(deployment, stolen)
        session = deployment.session_of("octocat")
        gone = deployment.ask("DELETE", f"/auth/keys/{name}", credential=session, origin=PUBLIC_URL)
        assert gone.status == 204
        assert refused(deployment, stolen)
        assert refused(deployment, key)

    def test_somebody_elses_key_cannot_be_revoked(self, deployment: Deployment) -> None:
        name, key = deployment.key_of("octocat")
        answer = deployment.ask(
            "DELETE",
            f"/auth/keys/{name}",
            credential=deployment.session_of("hubot"),
            origin=PUBLIC_URL,
        )
        assert answer.status == 404
        assert deployment.allowed(key)


class TestPermission:
    def test_a_member_who_left_is_out_within_ten_minutes_with_keys_and_all(
        self, deployment: Deployment
    ) -> None:
        deployment.github.members = {"github-staff": {"mallory"}}
        deployment.set_policy(organisations=["github-staff"])
        session = deployment.session_of("mallory")
        _, key = deployment.key_of("mallory")
        deployment.github.members["github-staff"].remove("mallory")
        now = time.time()
        with time_machine.travel(now + 590, tick=False):
            assert deployment.allowed(key)
        with time_machine.travel(now + 610, tick=False):
            assert not deployment.allowed(key)
            assert not deployment.allowed(session)
            assert deployment.ask("GET", "/auth/keys", credential=session).status == 403

    def test_github_is_asked_at_most_every_ten_minutes(self, deployment: Deployment) -> None:
        deployment.github.members = {"github-staff": {"mallory"}}
        deployment.set_policy(organisations=["github-staff"])
        _, key = deployment.key_of("mallory")
        now = time.time()
        for seconds in (0, 300, 590, 700, 900, 1290):
            with time_machine.travel(now + seconds, tick=False):
                assert deployment.allowed(key)
        assert len(deployment.calls) == 1

    def test_an_account_that_took_over_a_members_old_name(self, deployment: Deployment) -> None:
        deployment.github.members = {"github-staff": {"mallory"}}
        deployment.set_policy(organisations=["github-staff"])
        _, key = deployment.key_of("mallory")
        deployment.github.accounts["mallory"] = 667
        with time_machine.travel(time.time() + 700, tick=False):
            assert not deployment.allowed(key)

    def test_a_policy_that_no_longer_names_someone(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        _, key = deployment.key_of("octocat")
        deployment.set_policy(users=["hubot"])
        assert not deployment.allowed(session)
        assert not deployment.allowed(key)

    def test_the_anonymous_may_do_nothing_by_default(self, deployment: Deployment) -> None:
        assert not deployment.allowed("none")
        deployment.set_policy(anonymous=True)
        assert deployment.allowed("none")
        (statement,) = deployment.authorize("none")["policyDocument"]["Statement"]
        assert not any(each.endswith("POST/status") for each in statement["Resource"])

    def test_a_rule_that_is_not_understood_lets_nobody_in(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        deployment.set_policy(user=["octocat"])
        with pytest.raises(ValueError, match="unknown rule"):
            deployment.authorize(session)


class TestOutages:
    def test_without_github_nobody_new_comes_in(self, deployment: Deployment) -> None:
        began = deployment.ask("GET", "/auth/login")
        link = deployment.github.authorize(began.headers["location"], "octocat")
        deployment.github.down = True
        back = deployment.ask("GET", link.removeprefix(PUBLIC_URL), cookies=began.cookies)
        assert back.headers["location"] == "/?sign-in=unavailable"
        assert not back.cookies.get("__Host-hush")

    def test_without_github_a_membership_is_not_believed_longer(
        self, deployment: Deployment
    ) -> None:
        deployment.github.members = {"github-staff": {"mallory"}}
        deployment.set_policy(organisations=["github-staff"])
        _, key = deployment.key_of("mallory")
        deployment.github.down = True
        assert deployment.allowed(key)
        with time_machine.travel(time.time() + 700, tick=False):
            with pytest.raises(aws.UnavailableError):
                deployment.authorize(key)
            answer = deployment.ask("GET", "/auth/me", credential=key)
        assert answer.status == 503
        assert answer.headers["retry-after"] == "10"

    def test_without_the_table_nobody_comes_in(self, deployment: Deployment) -> None:
        session = deployment.session_of("octocat")
        _, key = deployment.key_of("octocat")
        boto3.client("dynamodb", "us-east-1").delete_table(TableName="people")
        for credential in (session, key):
            with pytest.raises(aws.UnavailableError):
                deployment.authorize(credential)
            assert deployment.ask("GET", "/auth/me", credential=credential).status == 503
        assert deployment.ask("GET", "/auth/login").status == 503


class TestTheAuditLog:
    def test_it_tells_what_happened_and_no_secret(
        self, deployment: Deployment, capsys: pytest.CaptureFixture[str]
    ) -> None:
        session = deployment.session_of("octocat")
        name, key = deployment.key_of("octocat")
        deployment.ask("DELETE", f"/auth/keys/{name}", credential=session, origin=PUBLIC_URL)
        deployment.allowed(key)
        deployment.sign_in("mallory")
        deployment.ask("POST", "/auth/logout", credential=session, origin=PUBLIC_URL)
        log = capsys.readouterr().out
        lines = [json.loads(line) for line in log.splitlines()]
        assert [line["audit"] for line in lines] == [
            "signed-in",
            "signed-in",
            "key-made",
            "key-revoked",
            "refused",
            "sign-in-failed",
            "signed-out",
        ]
        assert lines[5]["login"] == "mallory"
        # By what API Gateway calls the request, which whoever asks is told.
        revoked = f"request-DELETE-/auth/keys/{name}"
        assert [line["request"] for line in lines[3:5]] == [revoked, "request-POST/mel"]
        nobody = deployment.ask("GET", "/auth/keys")
        assert nobody.json["error"]["request_id"] == "request-GET-/auth/keys"
        assert nobody.headers["x-request-id"] == "request-GET-/auth/keys"
        for hidden in (session[8:], key[7:], key[-43:], FRONT_DOOR, DEPLOYMENT_KEY, SIGNING_KEY):
            assert hidden not in log
        assert deployment.github.client_secret not in log


def test_nothing_here_is_left_over_from_another_test(deployment: Deployment) -> None:
    assert not front_door._public_url
    assert not github._installations
    assert auth.handler is not None
