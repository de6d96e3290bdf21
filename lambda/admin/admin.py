"""The administration as an HTTP API on Lambda: fleet, people, keys, costs, and what happened.

`docs/http-api.md` describes it, `docs/security.md` who may, and what this Lambda may do in AWS.
"""

from typing import Any

from mangum import Mangum

import costs
import deployments
import every_key
import fleet
import measured
import persons
import trail
from administrators import Administrator
from identity.front_door import application

app = application("hush: administration", "the administration")
for part in (fleet, measured, deployments, persons, every_key, costs, trail):
    app.include_router(part.router)


@app.get("/administration/openapi.json", include_in_schema=False)
def openapi(_: Administrator) -> dict[str, Any]:
    """Describe all of this, as OpenAPI does."""
    return app.openapi()


_http = Mangum(app, lifespan="off")


def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer API Gateway."""
    return _http(event, context)
