"""What the administration is told of an installation: names, bounds and prices.

It knows nothing of the CDK, so that the demonstration tells the same. What each means says
`lambda/admin/installation.py`, which reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stacks.limits import STAGE
from stacks.names import Names
from stacks.prices import hourly_prices, launch_price, monthly_prices, request_price
from stacks.settings import Settings


@dataclass(frozen=True)
class Balanced:
    """The names by which metrics know the load balancer, and what is behind it.

    Attributes
    ----------
    balancer, targets
        The load balancer, and the fleet's target group.
    responder
        The responder's target group; empty if there is none.
    """

    balancer: str
    targets: str
    responder: str = ""


def installation(
    settings: Settings, names: Names, balanced: Balanced, audit_logs: Sequence[str]
) -> dict[str, Any]:
    """Return what the administration is told.

    Parameters
    ----------
    balanced
        The load balancer.
    audit_logs
        Log groups of the Lambdas that write what happened.
    """
    return {
        "group": names.group,
        "governor": names.governor,
        "api": names.api,
        "stage": STAGE,
        "pipeline": names.pipeline,
        "alarms": names.alarm(""),
        "balancer": balanced.balancer,
        "targets": balanced.targets,
        "responder": balanced.responder,
        "pipeline_log": names.pipeline_log,
        "audit_logs": list(audit_logs),
        "gpu": settings.accelerator.gpu_percent[0],
        "maximum": settings.maximum_instances,
        "hours": hourly_prices(settings),
        "launch": launch_price(settings),
        "bound": settings.fleet_dollars_a_month,
        # Without anybody to tell there is no budget.
        "budget": settings.budget_dollars if settings.alarm_email else 0,
        "month": monthly_prices(),
        "request": request_price(),
        "cost_explorer": settings.cost_explorer,
        "tag": names.prefix if settings.budget_by_tag else "",
    }
