"""How much each account may have in a day, counted in a table that all instances share."""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from hush_service.core.accounts import UNLIMITED, Account, DayLimit
from hush_service.core.errors import (
    QuotaSpentError,
    QuotaUnavailableError,
    UnknownAccountError,
)

__all__ = ["NoRegionError", "Quotas"]

log = logging.getLogger(__name__)

KEPT_DAYS, ADDRESS_DAYS = 31, 2
"""After as many days DynamoDB removes what was counted: administrators see thirty days of people.
Of those who are known by their addresses alone, nobody needs more than today's."""

_AT_ONCE = 16
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=_AT_ONCE,
)


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
        # Of its own: a table that answers slowly must not keep pictures from being decoded.
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="quota")

    def limit(self, account: Account | None) -> DayLimit | None:
        """Return how much an account may have in a day; None if there is no limit.

        Raises
        ------
        UnknownAccountError
            If nothing says whose account it is, or its tier has no limit here.
        """
        if (
            account is None
            or not account.identity
            or account.tier not in (UNLIMITED, *self._limits)
        ):
            raise UnknownAccountError("nothing says who asks for this; sign in, or send a key")
        return account.limit or self._limits.get(account.tier)

    async def spend(self, account: Account | None, frames: int) -> None:
        """Count one request, if it is within the account's limit.

        Parameters
        ----------
        account
            Whose quota it is.
        frames
            Width of the picture, 10 ms to a column.

        Raises
        ------
        UnknownAccountError
            If nothing says whose account it is.
        QuotaSpentError
            If it would be too much.
        QuotaUnavailableError
            If that cannot be told at present.
        """
        limit = self.limit(account)
        if account is not None and limit is not None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._spend, account.identity, limit, frames)

    def _spend(self, identity: str, limit: DayLimit, frames: int) -> None:
        now = self._now()
        seconds = math.ceil(frames / 10) / 10
        if seconds > limit.seconds or limit.requests < 1:
            # DynamoDB would let it pass as the first of a day.
            raise _spent(limit, now, speech=limit.requests >= 1)
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
        kept = ADDRESS_DAYS if identity.startswith("address:") else KEPT_DAYS
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
                    ":expires": {"N": f"{(midnight + timedelta(days=kept)).timestamp():.0f}"},
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


def _spent(limit: DayLimit, now: datetime, speech: bool) -> QuotaSpentError:
    what = f"{limit.seconds:g} seconds of speech" if speech else f"{limit.requests} requests"
    tomorrow = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    minutes = math.ceil((tomorrow - now).total_seconds() / 60)
    return QuotaSpentError(
        f"this would be more than today's {what}; the next day begins at 00:00 UTC,"
        f" in {minutes // 60} h {minutes % 60} min",
        retry_after=(tomorrow - now).total_seconds(),
    )


def _unavailable(error: Exception) -> QuotaUnavailableError:
    log.error("the quota cannot be counted: %s: %s", type(error).__name__, error)
    return QuotaUnavailableError("how much was used today cannot be told at present; try again")
