"""What `npm run dev` passes on to the service."""

import json

from hush.contracts.routes import API_PATHS
from local.processes import ROOT


def test_it_is_all_that_the_public_address_has_and_what_the_service_alone_has() -> None:
    paths = json.loads((ROOT / "ui" / "service-paths.json").read_text())
    assert paths == [*API_PATHS, "/models/*", "/docs", "/openapi.json"]
