import re

import pytest

from bench.clients import client
from bench.soak import Pictures, kinds, tasks
from tests.service.conftest import picture
from tests.service.told_service import told_service


@pytest.mark.anyio
async def test_all_that_clients_do_is_answered_as_it_should_be() -> None:
    sent = Pictures([picture()], picture(6000))
    with told_service() as (url, _):
        async with client(url) as http:
            for name, kind in kinds(sent).items():
                answer = await kind.act(http, sent.short[0])
                assert answer.status in kind.statuses, (name, answer)
            assert await tasks(http) > 0
            metrics = (await http.get("/metrics")).text
    assert not re.search(r'status="5', metrics)
