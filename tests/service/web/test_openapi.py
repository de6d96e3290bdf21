"""What schemathesis finds when it takes the OpenAPI document at its word."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hush_service.settings import ServiceSettings
from hush_service.web.app import create_app
from tests.service.conftest import engine, loaded, picture

app = create_app(ServiceSettings(), loaded(demo=engine(), wide=engine(128)))
schema = schemathesis.openapi.from_asgi("/openapi.json", app)

schemathesis.openapi.media_type(
    "image/*", st.sampled_from([picture(), picture(mel_bins=128), b"", b"x"]) | st.binary()
)


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case: schemathesis.Case[Any]) -> None:
    # A schema cannot say which bytes are a picture, so that what is valid for it may be refused.
    case.call_and_validate(excluded_checks=[schemathesis.checks.positive_data_acceptance])
