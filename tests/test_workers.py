"""Workers of `make test`: what is set up at some cost is set up by one of them."""

import pytest

pytestmark = pytest.mark.xdist_group("workers")


def test_a_group_stays_together(request: pytest.FixtureRequest) -> None:
    # By this end of a test's name, xdist knows its group.
    assert request.node.nodeid.endswith("@workers") or not request.config.getoption(
        "loadgroup", False
    )
