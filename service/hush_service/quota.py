"""How much each identity may have in a day, counted in a table that all instances share."""

import asyncio
import ipaddress
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from hush_service.errors import LONGEST_RETRY_AFTER, ApiError
from hush_service.settings import DayLimit

__all__ = ["Caller", "NoRegionError", "Quotas"]

log = logging.getLogger(__name__)

UNLIMITED = "unlimited"
KEPT_DAYS = 2
"""After as many days DynamoDB removes what was counted; the page shows today's."""

_CONFIG = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)


@dataclass(frozen=True)
class Caller:
    """Who asks, as the gateway says.

    Attributes
    ----------
    identity
        Whose quota it is, such as "github:123" or "address:192.0.2.7".
    limit
        How much that is; None if there is no limit.
    """

    identity: str
    limit: DayLimit | None


class Quotas:
    """Counts requests and seconds of speech, and refuses what is too much.

    A day is one of UTC. What is refused is not counted; what fails later is.

    Parameters
    ----------
    table
        Name of the DynamoDB table, whose key is `id`.
    limits
        How much a day, by tier.
    region
        The AWS region; boto3's own choice if None.
    now
        Tells the time.
    """

    def __init__(
        self,
        table: str,
        limits: Mapping[str, DayLimit],
        region: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._table = table
        self._limits = limits
        self._now = now
        self._dynamodb: Any = boto3.client("dynamodb", region, config=_CONFIG)

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Return who asks. The gateway alone can set these headers.

        Raises
        ------
        ApiError
            401 if the gateway does not say.
        """
        identity, tier = headers.get("x-hush-identity", ""), headers.get("x-hush-tier", "")
        if tier == "anonymous":
            identity = _network(headers.get("x-hush-viewer", ""))
        if not identity or (tier != UNLIMITED and tier not in self._limits):
            raise ApiError(
                401, "nothing says who asks for this; sign in, or send a key", code="no_identity"
            )
        return Caller(identity, self._limits.get(tier))

    async def spend(self, caller: Caller, frames: int) -> None:
        """Count one request, if it is within the caller's limit.

        Parameters
        ----------
        caller
            Who asks.
        frames
            Width of the picture, 10 ms to a column.

        Raises
        ------
        ApiError
            429 if it would be too much, 503 if that cannot be told at present.
        """
        if caller.limit is not None:
            await asyncio.to_thread(self._spend, caller.identity, caller.limit, frames)

    def _spend(self, identity: str, limit: DayLimit, frames: int) -> None:
        now = self._now()
        seconds = math.ceil(frames / 10) / 10
        if seconds > limit.seconds or limit.requests < 1:
            # DynamoDB would let it pass as the first of a day.
            raise _spent(limit, now, speech=limit.requests >= 1)
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": f"{identity}#{now:%Y-%m-%d}"}},
                UpdateExpression="ADD #requests :one, #seconds :seconds SET #expires = :expires",
                ConditionExpression=(
                    "attribute_not_exists(id) OR (#requests < :most AND #seconds <= :room)"
                ),
                ExpressionAttributeNames={f"#{n}": n for n in ("requests", "seconds", "expires")},
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":seconds": {"N": f"{seconds:.1f}"},
                    ":most": {"N": str(limit.requests)},
                    ":room": {"N": f"{limit.seconds - seconds:.1f}"},
                    ":expires": {"N": f"{(midnight + timedelta(days=KEPT_DAYS)).timestamp():.0f}"},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise _unavailable(error) from error
            counted = int(error.response.get("Item", {}).get("requests", {"N": "0"})["N"])
            raise _spent(limit, now, speech=counted < limit.requests) from None
        except BotoCoreError as error:
            raise _unavailable(error) from error


def _network(viewer: str) -> str:
    """Return whose quota an address counts for; of IPv6, people have a /64 each and more."""
    try:
        address = ipaddress.ip_address(viewer)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"address:{ipaddress.IPv6Network((int(address), 64), strict=False)}"
        address = address.ipv4_mapped
    return f"address:{address}"


def _spent(limit: DayLimit, now: datetime, speech: bool) -> ApiError:
    what = f"{limit.seconds:g} seconds of speech" if speech else f"{limit.requests} requests"
    tomorrow = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    minutes = math.ceil((tomorrow - now).total_seconds() / 60)
    return ApiError(
        429,
        f"this would be more than today's {what}; the next day begins at 00:00 UTC,"
        f" in {minutes // 60} h {minutes % 60} min",
        code="quota_exceeded",
        retry_after=min(LONGEST_RETRY_AFTER, (tomorrow - now).total_seconds()),
    )


def _unavailable(error: Exception) -> ApiError:
    log.error("the quota cannot be counted: %s: %s", type(error).__name__, error)
    return ApiError(
        503,
        "how much was used today cannot be told at present; try again",
        code="quota_unavailable",
        retry_after=5,
    )
