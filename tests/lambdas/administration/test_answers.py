"""What stands in for the administration, where the page is tried."""

import pytest
from pydantic import BaseModel

import answers
from tests.administration import Administration
from tests.sign_in import SignIn


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("fleet", answers.Fleet),
        ("fleet/wake", answers.Group),
        ("charts", answers.Charts),
        ("deployments", answers.Deployments),
        ("alarms", answers.Alarms),
        ("people", answers.People),
        ("people/1001", answers.PersonInFull),
        ("keys", answers.Keys),
        ("costs", answers.Costs),
        ("audit", answers.Audit),
    ],
)
def test_the_page_is_tried_with_such_answers(path: str, kind: type[BaseModel]) -> None:
    stand_in = Administration(SignIn())
    for stopped in (False, True):
        stand_in.stopped = stopped
        kind.model_validate(stand_in.told(path.split("/"), {"hours": "24"}), extra="forbid")
