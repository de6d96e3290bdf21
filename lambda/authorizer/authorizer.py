"""Who may use the API. Until people can sign in, nobody but whoever deployed it.

What did not come through CloudFront is refused, and so is everything but health and status; the
deployment's own key opens all. API Gateway remembers a decision by the headers that it was made
from, for every path: it has to list all that they allow.
"""

import functools
import hmac
import os
from typing import Any

import boto3

OPEN_TO_ALL = ("GET/healthz", "GET/status")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decide about one request, as API Gateway's REQUEST authorizer.

    Raises
    ------
    Exception
        "Unauthorized", which API Gateway answers with 401, for an unknown credential.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    api = event["methodArn"].split("/", 2)
    everything = "/".join([*api[:2], "*"])
    if not _same(headers.get("x-hush-origin", ""), secret("FRONT_DOOR_SECRET")):
        return _decision("stranger", "Deny", [everything])
    kind, _, credential = headers.get("x-hush-credential", "none").partition(" ")
    if kind == "none":
        return _decision("anyone", "Allow", ["/".join([*api[:2], path]) for path in OPEN_TO_ALL])
    if kind == "bearer" and _same(credential, secret("DEPLOYMENT_KEY_SECRET")):
        return _decision("deployment", "Allow", [everything])
    raise Exception("Unauthorized")  # the word that API Gateway knows


@functools.cache
def secret(variable: str) -> str:
    """Return the secret whose ARN an environment variable holds."""
    client = boto3.client("secretsmanager")
    value: str = client.get_secret_value(SecretId=os.environ[variable])["SecretString"]
    return value


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _decision(principal: str, effect: str, resources: list[str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resources}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
