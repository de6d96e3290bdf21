"""The table of findings that are as they should be: all of it is needed, and nothing else helps."""

import json
from pathlib import Path
from typing import NamedTuple

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

from stacks.acknowledged import ACCEPTED, Accepted, check
from tests.stacks.conftest import Templates

pytestmark = pytest.mark.xdist_group("stacks")


class Acknowledged(NamedTuple):
    """What a synthesis has written down: a finding on a construct, accepted for a reason."""

    path: str
    finding: str
    reason: str


def acknowledged(templates: Templates) -> set[Acknowledged]:
    """Return all that cdk-nag was told to let pass."""
    found = set()
    for file in templates.folder.rglob("*.metadata.json"):
        for path, entries in json.loads(file.read_text(encoding="utf-8")).items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    for finding, reason in entry["data"].items():
                        name = finding.partition("::")[2]
                        found.add(Acknowledged(path.removeprefix("/"), name, reason))
    return found


def is_of(row: Accepted, each: Acknowledged) -> bool:
    return row.reason == each.reason and row.covers(each.path, each.finding)


def test_every_row_is_needed(placeholders: Templates, everything_set: Templates) -> None:
    found = acknowledged(placeholders) | acknowledged(everything_set)
    unused = [row for row in ACCEPTED if not any(is_of(row, each) for each in found)]
    assert unused == []


def test_nothing_is_accepted_elsewhere(templates: Templates) -> None:
    for each in acknowledged(templates):
        assert any(is_of(row, each) for row in ACCEPTED), each


def test_what_no_row_accepts_ends_the_synthesis(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    s3.Bucket(cdk.Stack(app, "hush-live-service"), "Another")
    check(app)
    with pytest.raises(RuntimeError, match="AwsSolutions-S1'"):
        app.synth()


@pytest.mark.parametrize(
    ("path", "finding", "covered"),
    [
        ("hush-live-service/Site/Page/Resource", "AwsSolutions-S1", True),
        ("hush-pipeline/live/hush-live-service/Site/Page", "AwsSolutions-S1", True),
        ("hush-live-service/Site/Pages/Resource", "AwsSolutions-S1", False),
        ("hush-live-service/Site/Page/Resource", "AwsSolutions-S10", False),
        ("hush-live-service/Another/Resource", "AwsSolutions-S1", False),
    ],
)
def test_a_row_is_about_one_finding_in_one_place(path: str, finding: str, covered: bool) -> None:
    row = Accepted("service/Site/Page", "S1", "CloudFront is its only reader")
    assert row.covers(path, finding) is covered


def test_an_asterisk_in_a_finding_is_one_of_its_own() -> None:
    row = Accepted("service/Role", "IAM5[Resource::…:rule/*]", "The rules of this one")
    assert row.covers("hush-live-service/Role", "AwsSolutions-IAM5[Resource::arn:a:rule/*]")
    assert not row.covers("hush-live-service/Role", "AwsSolutions-IAM5[Resource::arn:a:rule/b]")
    assert not row.covers("hush-live-service/Role", "AwsSolutions-IAM5[Resource::*]")
