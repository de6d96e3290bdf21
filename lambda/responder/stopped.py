"""Whether the fleet is stopped for this month, as the governor wrote it down."""

import logging
import os
import time

from hush.contracts.ledger import KEY, STOPPED
from signed import UnavailableError, call

log = logging.getLogger(__name__)

FRESH_SECONDS = 60.0
"""So long what was read is believed."""

_read: list[tuple[float, bool]] = []


def fleet_is_stopped() -> bool:
    """Return whether nothing wakes the fleet before the month ends, as of a minute ago at most.

    While that cannot be told, it is as it was last.
    """
    now = time.monotonic()
    at, known = _read[-1] if _read else (-FRESH_SECONDS, False)
    if now - at < FRESH_SECONDS:
        return known
    request = {
        "TableName": os.environ["HUSH_QUOTA_TABLE"],
        "Key": {"id": {"S": KEY}},
        "ProjectionExpression": "#stopped",
        "ExpressionAttributeNames": {"#stopped": STOPPED},
    }
    try:
        item = call("dynamodb", "DynamoDB_20120810.GetItem", "1.0", request).get("Item", {})
        known = bool(item.get(STOPPED, {}).get("BOOL", False))
    except UnavailableError as error:
        log.error("whether the fleet is stopped cannot be told: %s", error)
    _read[:] = [(now, known)]
    return known
