import pytest

from hush.contracts import headers
from hush_service.core.accounts import Account, DayLimit
from hush_service.web.caller import account_of, headers_of


@pytest.mark.parametrize(
    ("identity", "tier", "viewer", "account"),
    [
        ("github:1", "person", "192.0.2.7", Account("github:1", "person")),
        ("deployment", "unlimited", "", Account("deployment", "unlimited")),
        ("anonymous", "anonymous", "192.0.2.7", Account("address:192.0.2.7", "anonymous")),
        (
            "anonymous",
            "anonymous",
            "2001:db8:1:2::9",
            Account("address:2001:db8:1:2::/64", "anonymous"),
        ),
        ("anonymous", "anonymous", "nowhere", None),
        ("anonymous", "anonymous", "", None),
        ("", "person", "192.0.2.7", None),
    ],
)
def test_who_asks_is_what_the_gateway_says(
    identity: str, tier: str, viewer: str, account: Account | None
) -> None:
    said = {headers.IDENTITY: identity, headers.TIER: tier, headers.VIEWER: viewer}
    assert account_of(said) == account
    # Asked on in their name, another service knows them too.
    assert account is None or account_of(headers_of(account)) == account


def test_limits_of_ones_own_come_with_the_request() -> None:
    said = {headers.IDENTITY: "github:1", headers.TIER: "person"}
    own = account_of({**said, headers.LIMITS: "requests=7;seconds=60.0"})
    assert own == Account("github:1", "person", DayLimit(requests=7, seconds=60))
    assert account_of(headers_of(own)) == own
    assert account_of({**said, headers.LIMITS: "tier"}) == Account("github:1", "person")
    assert account_of({**said, headers.LIMITS: "none at all"}) is None


def test_without_a_gateway_nobody_says() -> None:
    assert account_of({}) is None
