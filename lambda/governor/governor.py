"""What the fleet may cost in a month, that it stops there, and what it does without spot.

Every few minutes, and whenever an instance starts, it counts the hours of the fleet's instances at
list prices. AWS's own budgets know of an hour after half a day.

- At 80 % of what may be spent, a mail is sent. At 100 %, another one, and the group is closed: all
  instances end, and none starts until the month ends or an administrator says otherwise. Closed it
  is at every look again, whoever opened it.
- Where EC2 has no spot instances to give, one on demand takes the place of one for an hour, if that
  is wanted, until those have cost what they may.
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
from hush.contracts.ledger import KEY, STOPPED
from ledger import Ledger

SHARES = (80, 100)
"""Per cent of what may be spent, at which a mail is sent."""
REFUSALS, WINDOW = 3, 20 * 60
"""So often EC2 has to have no spot instance, within as many seconds, before one is on demand."""
FALLBACK_SECONDS = 3600
"""After as long, spot is tried again."""
RUNBOOK = "docs/operations.md#what-the-fleet-may-cost"


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Look at the fleet, do what that gives cause for, and tell what the month has cost."""
    now = time.time()
    ledger = load()
    described = group.describe()
    since = ledger.looked or now
    past = group.history(min(since, now - WINDOW))
    seen = group.sightings(past, since, now)
    ledger.count(seen, now, json.loads(os.environ["PRICES"]), float(os.environ["LAUNCH"]))
    if event.get("lift"):
        ledger.granted = ledger.dollars
    decide(ledger)
    decide_fallback(ledger, past.refused, now)
    store(ledger)
    if ledger.told == 100:
        group.close(described)
    elif ledger.closed:
        group.reopen(described)
        ledger.closed = False
        store(ledger)
    if ledger.raised:
        fall_back(ledger, described)
    send(ledger)
    report = {
        "month": ledger.month,
        "dollars": round(ledger.dollars, 2),
        "allowed": round(allowed(ledger), 2),
        "stopped": ledger.closed,
        "fallback": bool(ledger.fallback_since),
        "fallback_dollars": round(ledger.fallback_dollars, 2),
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


def decide_fallback(ledger: Ledger, refused: list[float], now: float) -> None:
    """Write down whether an instance on demand takes the place of spot.

    Parameters
    ----------
    refused
        When EC2 had no spot instance to give.
    """
    limit = float(os.environ["FALLBACK"])
    left = ledger.fallback_dollars < limit and ledger.told < 100
    spent = (
        f"Instances on demand in place of spot have cost {ledger.fallback_dollars:.2f} $ in"
        f" {ledger.month}, of {limit:.2f} $ that they may"
    )
    if ledger.fallback_since:
        if left and now - ledger.fallback_since < FALLBACK_SECONDS:
            return
        ledger.fallback_since, ledger.fallback_until = 0.0, now
        ledger.mails.append(("spot alone again", f"{spent}."))
    elif left:
        lately = max(now - WINDOW, ledger.fallback_until)
        times = sum(each > lately for each in refused)
        if times >= REFUSALS:
            ledger.fallback_since, ledger.raised = now, True
            ledger.mails.append(
                (
                    "no spot, one on demand instead",
                    f"Within {WINDOW // 60} minutes, EC2 had no spot instance {times} times. For an"
                    f" hour, one on demand takes the place of one. {spent}.",
                )
            )


def fall_back(ledger: Ledger, described: dict[str, Any]) -> None:
    """Have the group launch one instance on demand, or as many as ever again."""
    base = int(os.environ["BASE"])
    if ledger.fallback_since:
        # Beside those of the setting, and at every look: a deployment may have written it.
        group.set_base(described, base + 1)
        return
    group.set_base(described, base)
    running = {name for name, each in ledger.instances.items() if each.fallback and not each.ended}
    if ledger.fallback_dollars >= float(os.environ["FALLBACK"]):
        group.end(described, running)
    if not running:
        ledger.raised = False
        store(ledger)


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
            # The responder looks at this alone.
            STOPPED: {"BOOL": ledger.told == 100},
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
