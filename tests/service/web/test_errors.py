from collections.abc import Iterator

import pytest

from hush_service.core.errors import QuotaSpentError, RefusedError
from hush_service.web.errors import STATUSES, over_http


def refusals(kind: type[RefusedError] = RefusedError) -> Iterator[type[RefusedError]]:
    for narrower in kind.__subclasses__():
        yield narrower
        yield from refusals(narrower)


def test_all_that_the_core_does_not_do_has_a_status() -> None:
    assert set(STATUSES) == set(refusals())


@pytest.mark.parametrize(
    ("retry_after", "header"), [(None, None), (0.2, "1"), (20, "20"), (43_200, "60")]
)
def test_clients_are_never_told_to_wait_longer_than_they_would(
    retry_after: float | None, header: str | None
) -> None:
    response = over_http(QuotaSpentError("enough", retry_after=retry_after)).response()
    assert (response.status_code, response.headers.get("retry-after")) == (429, header)
