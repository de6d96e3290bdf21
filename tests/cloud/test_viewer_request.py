from typing import Any

import pytest

from tests.cloud.viewer import viewer_request


def sent(uri: str = "/v1/models", cookies: dict[str, str] | None = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return viewer_request("GET", uri, named, cookies or {}, "203.0.113.7")


def credential(request: Any) -> str:
    value: str = request["headers"]["x-hush-credential"]["value"]
    return value


def test_an_api_key_becomes_the_credential_and_goes_no_further() -> None:
    request = sent(Authorization="Bearer abc")
    assert credential(request) == "bearer abc"
    assert "authorization" not in request["headers"]


def test_a_session_becomes_the_credential_and_goes_no_further() -> None:
    request = sent(cookies={"__Host-hush": "token", "other": "1"})
    assert credential(request) == "session token"
    assert request["cookies"] == {}


def test_sign_in_sees_its_cookies() -> None:
    request = sent("/auth/callback", cookies={"__Host-state": "1"})
    assert request["cookies"] == {"__Host-state": {"value": "1"}}


def test_a_key_counts_more_than_a_session() -> None:
    assert credential(sent(cookies={"__Host-hush": "t"}, Authorization="bearer  k ")) == "bearer k"


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Bearer a b", ""])
def test_without_a_usable_credential_it_says_so(authorization: str) -> None:
    assert credential(sent(Authorization=authorization)) == "none"


def test_nobody_can_pretend_to_have_come_through_the_front_door() -> None:
    request = sent(X_Hush_Origin="guess", X_HUSH_Credential="bearer x", x_hush_viewer="1.2.3.4")
    assert credential(request) == "none"
    assert "x-hush-origin" not in request["headers"]
    assert request["headers"]["x-hush-viewer"] == {"value": "203.0.113.7"}


def test_what_else_is_sent_stays_as_it_is() -> None:
    request = sent(Accept="text/plain")
    assert request["headers"]["accept"] == {"value": "text/plain"}
    assert (request["method"], request["uri"]) == ("GET", "/v1/models")
