"""A line of the doctor's report, and how AWS is asked for it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import boto3

from stacks.settings import Settings


class Verdict(StrEnum):
    """How a check went."""

    GOOD = "good"
    UNSURE = "unsure"
    BAD = "bad"


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    verdict: Verdict
    subject: str
    finding: str


def client_of(service: str, settings: Settings) -> Any:
    """Return what asks a service of AWS's, where the installation is."""
    return boto3.client(service, settings.region)
