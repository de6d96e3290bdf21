"""The AWS services, through botocore alone: importing boto3 as well doubles a cold start."""

import functools
import time
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SECRET_AGE = 300.0
"""Seconds after which a secret is read again: as long does a rotated one take to arrive."""

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})
_secrets: dict[str, tuple[float, str]] = {}


class UnavailableError(Exception):
    """AWS or GitHub does not answer; nobody is let in meanwhile."""


@functools.cache
def client(service: str) -> Any:
    """Return the client of a service, such as "dynamodb"."""
    return _session().create_client(service, config=_CONFIG)


@functools.cache
def _session() -> Any:
    return botocore.session.get_session()


def secret(arn: str, fresh: bool = False) -> str:
    """Return a secret's value, from memory if it was read lately.

    Parameters
    ----------
    arn
        Its ARN or name.
    fresh
        Read it again in any case, as someone refused the one in memory.

    Raises
    ------
    UnavailableError
        If it cannot be read.
    """
    read, value = _secrets.get(arn, (0.0, ""))
    now = time.monotonic()
    if fresh or not read or now - read > SECRET_AGE:
        value = str(call("secretsmanager", "get_secret_value", SecretId=arn)["SecretString"])
        _secrets[arn] = (now, value)
    return value


def call(service: str, operation: str, **parameters: Any) -> Any:
    """Return what an operation of a service answers.

    Raises
    ------
    UnavailableError
        If it does not.
    """
    try:
        return getattr(client(service), operation)(**parameters)
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError(f"{service}: {error}") from error
