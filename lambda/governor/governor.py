"""What the fleet may cost in a month, and that it stops there.

Every few minutes, and whenever an instance starts, it counts the hours of the fleet's instances at
list prices. AWS's own budgets know of an hour after half a day.

- At 80 % of what may be spent, a mail is sent. At 100 %, another one, and the group is closed: all
  instances end, and none starts until the month ends or an administrator says otherwise. Closed it
  is at every look again, whoever opened it.
- `{"lift": true}` lets as much again be spent this month.
- Whatever happens between two steps, the next look goes on from there: what was counted is stored
  first, and a mail is forgotten only when it is sent.
"""

import json
import os
import time
from typing import Any

import boto3

import group
from ledger import Ledger

SHARES = (80, 100)
"""Per cent of what may be spent, at which a mail is sent."""
KEY = "fleet"
"""Of the ledger, in the table of what people have used."""
RUNBOOK = "docs/operations.md#what-the-fleet-may-cost"


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Look at the fleet, do what that gives cause for, and tell what the month has cost."""
    now = time.time()
    ledger = load()
    described = group.describe()
    seen = group.sightings(ledger.looked or now, now)
    ledger.count(seen, now, json.loads(os.environ["PRICES"]), float(os.environ["LAUNCH"]))
    if event.get("lift"):
        ledger.granted = ledger.dollars
    decide(ledger)
    store(ledger)
    if ledger.told == 100:
        group.close(described)
    elif ledger.closed:
        group.reopen(described)
        ledger.closed = False
        store(ledger)
    send(ledger)
    report = {
        "month": ledger.month,
        "dollars": round(ledger.dollars, 2),
        "allowed": round(allowed(ledger), 2),
        "stopped": ledger.closed,
    }
    print(json.dumps(report))
    return report


def allowed(ledger: Ledger) -> float:
    """Return what the fleet may cost this month; 0 if that is not bounded."""
    bound = float(os.environ["BOUND"])
    return bound + ledger.granted if bound else 0.0


def decide(ledger: Ledger) -> None:
    """Write down what follows from what the month has cost."""
    limit = allowed(ledger)
    reached = max(
        (each for each in SHARES if limit and ledger.dollars >= limit * each / 100), default=0
    )
    spent = f"the fleet's instances have cost {ledger.dollars:.2f} $ in {ledger.month}"
    if limit:
        spent += f", of {limit:.2f} $ that they may"
    if reached == 100 > ledger.told:
        ledger.closed = True
        ledger.mails.append(
            (
                "stopped for this month",
                f"At list prices, {spent}. No GPU runs any more until the month ends (UTC). The"
                " responder answers on, if there is one. To let as much again be spent: make lift.",
            )
        )
    elif reached > ledger.told:
        ledger.mails.append(
            (
                f"{reached} % of the month's dollars",
                f"At list prices, {spent}. At 100 % it stops until the month ends (UTC).",
            )
        )
    elif ledger.told == 100 > reached:
        ledger.mails.append(
            ("may run again", f"At list prices, {spent}. The next request wakes the fleet.")
        )
    ledger.told = reached


def load() -> Ledger:
    """Return the ledger, or a new one."""
    kept = boto3.client("dynamodb").get_item(
        TableName=os.environ["LEDGER"], Key={"id": {"S": KEY}}, ConsistentRead=True
    )
    return Ledger.parse(kept["Item"]["ledger"]["S"]) if "Item" in kept else Ledger()


def store(ledger: Ledger) -> None:
    """Keep the ledger, unless another look has done so meanwhile: AWS tries this one again."""
    before, ledger.version = ledger.version, ledger.version + 1
    boto3.client("dynamodb").put_item(
        TableName=os.environ["LEDGER"],
        Item={
            "id": {"S": KEY},
            "ledger": {"S": ledger.text()},
            "version": {"N": str(ledger.version)},
        },
        ConditionExpression="attribute_not_exists(id) OR version = :before",
        ExpressionAttributeValues={":before": {"N": str(before)}},
    )


def send(ledger: Ledger) -> None:
    """Send the mails that are due, each of which is forgotten once it is sent."""
    while ledger.mails:
        subject, text = ledger.mails[0]
        boto3.client("sns").publish(
            TopicArn=os.environ["TOPIC"],
            Subject=f"{os.environ['GROUP']}: {subject}",
            Message=f"{text}\n\nSee {RUNBOOK}.",
        )
        del ledger.mails[0]
        store(ledger)
