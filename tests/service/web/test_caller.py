import pytest

from hush.contracts import headers
from hush_service.core.accounts import Account
from hush_service.web.caller import account_of


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


def test_without_a_gateway_nobody_says() -> None:
    assert account_of({}) is None
