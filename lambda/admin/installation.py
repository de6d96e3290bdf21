"""What this installation consists of: the names that the administration works on, and its prices.

It stands in one parameter of SSM, as it would not fit into a Lambda's environment beside the
policy. `stacks/installation.py` says what.
"""

import json
import os
from dataclasses import dataclass
from typing import Any

from identity.aws import call
from parts import kept

FRESH_SECONDS = 300.0
"""A deployment that changes it is known after as long."""


@dataclass(frozen=True)
class Installation:
    """Names and prices.

    Attributes
    ----------
    group, governor, api, stage, pipeline
        Names of the auto scaling group, the governor's Lambda, the API and its stage, and the
        pipeline.
    alarms
        With what the names of all alarms begin.
    balancer, targets, responder
        The load balancer, the fleet's target group and the responder's, as metrics name them; the
        last is empty if there is no responder.
    pipeline_log
        Log group of the pipeline's builds.
    audit_logs
        Log groups of the Lambdas that write what happened.
    gpu
        The metric of how busy GPUs are.
    maximum
        Most instances, by the settings.
    hours
        Dollars of an hour of an instance, by its type.
    launch
        Dollars of a launch.
    bound
        Dollars that the fleet's instances may cost in a month; 0 if there is no bound.
    budget
        Dollars of the account's budget for a month; 0 if there is none.
    month
        Dollars of what costs the same every month, by what it is.
    request
        Dollars of a request, from the front door to the log.
    cost_explorer
        Whether Cost Explorer may be asked, which costs a cent each time.
    tag
        Value of the tag `hush` that all of it has, where that counts costs; empty where it does
        not.
    """

    group: str
    governor: str
    api: str
    stage: str
    pipeline: str
    alarms: str
    balancer: str
    targets: str
    responder: str
    pipeline_log: str
    audit_logs: list[str]
    gpu: str
    maximum: int
    hours: dict[str, float]
    launch: float
    bound: float
    budget: float
    month: dict[str, float]
    request: float
    cost_explorer: bool
    tag: str


def installation() -> Installation:
    """Return what there is.

    Raises
    ------
    UnavailableError
        If the parameter cannot be read.
    """

    def read() -> Installation:
        found = call("ssm", "get_parameter", Name=os.environ["HUSH_INSTALLATION_PARAMETER"])
        told: dict[str, Any] = json.loads(found["Parameter"]["Value"])
        return Installation(**told)

    return kept("installation", FRESH_SECONDS, read)
