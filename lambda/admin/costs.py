"""What the month cost so far, what it may come to, and lifting the fleet's bound."""

import calendar
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter

from administrators import Administrator, act
from answers import CostPart, Costs, Nothing, Unknown, moment
from hush.contracts.ledger import BILL, KEY
from identity.aws import UnavailableError, call
from identity.settings import settings
from installation import Installation, installation
from measured import requests_since
from parts import forget, kept, known

FRESH_SECONDS = 60.0
ASKED_EVERY = 6 * 3600
"""Seconds for which what Cost Explorer said is kept, for all administrators: it costs a cent, and
AWS counts a few times a day."""

router = APIRouter(prefix="/administration/costs")


@router.get("")
def costs(_: Administrator) -> Costs | Unknown:
    """Tell what the month cost so far, by part, and what it may come to."""
    return known(lambda: kept("costs", FRESH_SECONDS, _costs))


@router.post("/lift")
def lift(by: Administrator, _: Nothing | None = None) -> Costs:
    """Let the fleet's instances cost as much again this month, from what they have cost so far.

    It cannot be undone this month, other than by letting the fleet sleep.
    """
    answer = call(
        "lambda", "invoke", FunctionName=installation().governor, Payload=b'{"lift": true}'
    )
    if "FunctionError" in answer:
        raise UnavailableError("the governor failed")
    act("budget-lifted", by)
    forget()
    return _costs()


def _costs() -> Costs:
    there, now = installation(), datetime.now(UTC)
    began = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    days = calendar.monthrange(now.year, now.month)[1]
    passed = max((now - began) / timedelta(days=days), 1e-6)
    ledger = _ledger(f"{began:%Y-%m}")
    bill = _bill(there, began, now) if there.cost_explorer else None
    if bill:
        parts, as_of = bill["parts"], bill["as_of"]
        steady = 0.0
    else:
        parts, as_of = _at_list_prices(there, ledger, began, passed), now.timestamp()
        steady = sum(there.month.values())
    to_date = sum(parts.values())
    # What costs the same every month is known; all else goes on as it did.
    moving = to_date - steady * passed
    return Costs(
        month=f"{began:%Y-%m}",
        to_date=round(to_date, 2),
        forecast=round(steady + moving / passed, 2),
        budget=there.budget or None,
        fleet_bound=there.bound + ledger["granted"] if there.bound else None,
        fleet_counted=round(ledger["dollars"], 2),
        parts=[
            CostPart(name=name, dollars=round(dollars, 2))
            for name, dollars in sorted(parts.items(), key=lambda part: -part[1])
        ],
        source="Cost Explorer" if bill else "list prices",
        as_of=moment(as_of),
        stopped=bool(ledger["closed"]),
    )


def _at_list_prices(
    there: Installation, ledger: dict[str, Any], began: datetime, passed: float
) -> dict[str, float]:
    parts = {"GPU instances": float(ledger["dollars"])}
    parts["requests"] = requests_since(began.timestamp()) * there.request
    return parts | {name: dollars * passed for name, dollars in there.month.items()}


def _ledger(month: str) -> dict[str, Any]:
    """Return what the governor counted this month."""
    kept_there = _item(KEY)
    told = json.loads(kept_there["ledger"]["S"]) if kept_there else {}
    if told.get("month") != month:
        told |= {"dollars": 0.0, "granted": 0.0}
    return {"dollars": 0.0, "granted": 0.0, "closed": False, **told}


def _bill(there: Installation, began: datetime, now: datetime) -> dict[str, Any]:
    """Return what Cost Explorer says of the month, or said some hours ago."""
    item = _item(BILL)
    said: dict[str, Any] = json.loads(item[BILL]["S"]) if item else {}
    month = f"{began:%Y-%m}"
    if said.get("month") == month and now.timestamp() - said["as_of"] < ASKED_EVERY:
        return said
    tagged = {"Tags": {"Key": "hush", "Values": [there.tag]}} if there.tag else {}
    filtered = {"Filter": tagged} if tagged else {}
    end = (now + timedelta(days=1)).date()
    answer = call(
        "ce",
        "get_cost_and_usage",
        TimePeriod={"Start": f"{began:%Y-%m-%d}", "End": f"{end:%Y-%m-%d}"},
        Granularity="MONTHLY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
        **filtered,
    )
    parts: dict[str, float] = {}
    for period in answer["ResultsByTime"]:
        for group in period.get("Groups", []):
            name = group["Keys"][0]
            amount = float(group["Metrics"]["UnblendedCost"]["Amount"])
            parts[name] = parts.get(name, 0.0) + amount
    said = {"month": month, "as_of": time.time(), "parts": parts}
    expires = int(now.timestamp()) + 2 * ASKED_EVERY
    call(
        "dynamodb",
        "put_item",
        TableName=settings().quota_table,
        Item={
            "id": {"S": BILL},
            BILL: {"S": json.dumps(said)},
            "expires": {"N": str(expires)},
        },
    )
    return said


def _item(key: str) -> dict[str, Any]:
    table = settings().quota_table
    found = call("dynamodb", "get_item", TableName=table, Key={"id": {"S": key}})
    item: dict[str, Any] = found.get("Item", {})
    return item
