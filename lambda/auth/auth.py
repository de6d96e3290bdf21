"""Sign-in as an HTTP API on Lambda: sessions, API keys, and handing over to the command line.

`docs/http-api.md` describes it, `docs/security.md` what it defends against.
"""

from typing import Any

from mangum import Mangum

import api_keys
import asking
import hand_over
import sign_in
from identity import people
from identity.front_door import application

app = application("hush: sign-in", "sign-in")
app.include_router(sign_in.router)
app.include_router(api_keys.router)
app.include_router(hand_over.router)

_http = Mangum(app, lifespan="off")


def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer API Gateway, or the authorizer, which has a membership checked."""
    if "recheck" in event:
        person = event["recheck"]
        found = people.read((person, people.PROFILE))
        profile = asking.recheck(people.profile_of(found[person, people.PROFILE]))
        return {"member": profile.member}
    return _http(event, context)
