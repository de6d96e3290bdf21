"""What a page of people or keys asks of AWS, where there are ten thousand of both.

`python -m bench.administration`

The administration's own handler, in this process, before tables of moto's with 10 000 people, as
many keys and a session each; what they used in thirty days is asked for too, and is nothing.
DynamoDB charges by what it reads: calls and read units are what counts. Of the time, most is the
emulation's, which looks through all items for every question (half a second for each call, so that
this takes minutes); DynamoDB answers each in some milliseconds, several at once.
"""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from hush.contracts.headers import CREDENTIAL, ORIGIN
from local.tables import make_tables

LAMBDA = Path(__file__).parents[1] / "lambda"
REGION = "us-east-1"
PEOPLE = 10_000
UNIT = 4096
"""Bytes of a read unit, of which half is charged where a read need not be the newest."""
ASKED = {
    "people, the first page": "people",
    "people, the next page": "people?after={after}",
    "people, by letters, found at once": "people?search=user-00",
    "people, by letters, in nobody": "people?search=nobody-at-all",
    "keys, the first page": "keys",
    "keys, by letters, in none": "keys?search=nothing-at-all",
    "one person": "people/5000",
}


def main() -> None:
    sys.path[:0] = [str(LAMBDA / "admin"), str(LAMBDA)]
    environment = {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": REGION,
        "HUSH_DEPLOYMENT": "bench",
        "HUSH_PEOPLE_TABLE": "people",
        "HUSH_QUOTA_TABLE": "quota",
        "HUSH_SIGNING_KEYS": "signing",
        "HUSH_FRONT_DOOR_SECRET": "front",
        "HUSH_DEPLOYMENT_KEY_SECRET": "deployment",
        "HUSH_POLICY": '{"everyone": true, "administrators": ["user-00001"]}',
        "HUSH_LIMITS": "{}",
    }
    with mock_aws(), patch.dict(os.environ, environment):
        secrets = boto3.client("secretsmanager", REGION)
        for name in ("signing", "front", "deployment"):
            secrets.create_secret(Name=name, SecretString=name * 8)
        make_tables(boto3.client("dynamodb", REGION), "people", "quota")
        credential = _fill()
        _measure(credential)


def _fill() -> str:
    """Fill the tables, and return what an administrator shows."""
    from identity.keys import ApiKey

    now = int(time.time())
    backend: Any = next(iter(dynamodb_backends.values()))[REGION]
    key = ApiKey("github:1", "0" * 16, "k" * 43)
    for number in range(1, PEOPLE + 1):
        who, login = f"github:{number}", f"user-{number:05}"
        kept: dict[str, dict[str, dict[str, Any]]] = {
            "profile": {
                "login": {"S": login},
                "name": {"S": f"Some Name {number}"},
                "member": {"BOOL": True},
                "checked": {"N": str(now)},
                "seen": {"N": str(now)},
                "listed": {"S": "person"},
                "place": {"S": login},
            },
            f"key#{'0' * 16 if number == 1 else f'{number:016x}'}": {
                "name": {"S": f"key of {login}"},
                "kind": {"S": "login" if number == 1 else "key"},
                "digest": {"S": key.digest},
                "hint": {"S": "hush_…kkkk"},
                "created": {"N": str(now - number)},
                "used": {"N": str(now)},
                "listed": {"S": "key"},
                "place": {"S": f"{now - number:012d}#{number:016x}"},
            },
            f"session#{number}": {"created": {"N": str(now)}, "expires": {"N": str(now + 9999)}},
        }
        for what, item in kept.items():
            backend.put_item("people", {"who": {"S": who}, "what": {"S": what}, **item})
    return f"bearer {key}"


def _measure(credential: str) -> None:
    from types import SimpleNamespace

    import admin

    calls: Counter[str] = Counter()
    read = [0.0]
    made = BaseClient._make_api_call

    def counted(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        calls[name] += 1
        answer = made(client, name, parameters)
        found = answer.get("Items") or [
            item for items in answer.get("Responses", {}).values() for item in items
        ]
        share = 1.0 if parameters.get("ConsistentRead") else 0.5
        if name == "BatchGetItem":
            (table,) = parameters["RequestItems"].values()
            read[0] += share * len(table["Keys"])
        elif name == "Query":
            read[0] += share * -(-len(json.dumps(found)) // UNIT)
        return answer

    def asked(path: str) -> dict[str, Any]:
        path, _, query = path.partition("?")
        pairs = dict(each.split("=", 1) for each in query.split("&")) if query else {}
        several = {name: [value] for name, value in pairs.items()}
        event = {
            "resource": "/administration/{proxy+}",
            "httpMethod": "GET",
            "path": f"/administration/{path}",
            "headers": {ORIGIN: "front" * 8, CREDENTIAL: credential},
            "multiValueHeaders": {ORIGIN: ["front" * 8], CREDENTIAL: [credential]},
            "queryStringParameters": pairs or None,
            "multiValueQueryStringParameters": several or None,
            "body": None,
            "isBase64Encoded": False,
            "requestContext": {"stage": "live", "identity": {"sourceIp": "192.0.2.1"}},
        }
        answer = admin.handler(event, SimpleNamespace())
        if answer["statusCode"] != 200:
            raise SystemExit(f"{path}: {answer['body']}")
        told: dict[str, Any] = json.loads(answer["body"])
        told["bytes"] = len(answer["body"])
        return told

    head = f"{'':36}{'rows':>6}{'kB':>7}{'calls':>7}{'read units':>12}{'seconds here':>14}"
    print(head, flush=True)
    after = ""
    with patch.object(BaseClient, "_make_api_call", counted):
        for name, path in ASKED.items():
            calls.clear()
            read[0] = 0.0
            began = time.perf_counter()
            told = asked(path.format(after=after))
            seconds = time.perf_counter() - began
            after = after or told["after"]
            rows = len(told.get("people", told.get("keys", [])) if "login" not in told else [1])
            print(
                f"{name:36}{rows:6}{told['bytes'] / 1000:7.1f}{sum(calls.values()):7}"
                f"{read[0]:12.0f}{seconds:14.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
