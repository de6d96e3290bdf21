"""AWS asked over plain HTTP, with a signature: botocore's clients take half a second to make."""

import json
import os
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SECONDS = 10.0
"""For AWS to answer, or to go on."""


class UnavailableError(Exception):
    """AWS does not answer, or not with what was asked for."""


def ask(
    service: str, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> HTTPResponse:
    """Return a good answer, of which nothing but the header is read yet.

    Parameters
    ----------
    service
        As signatures call it, such as "s3".
    url
        Where; another host, if the environment names one for this service.

    Raises
    ------
    UnavailableError
        If there is none.
    """
    address = urlsplit(url)
    if endpoint := _endpoint(service):
        address = address._replace(scheme=endpoint[0], netloc=endpoint[1])
    request = AWSRequest(method, address.geturl(), dict(headers or {}), body)
    credentials = Credentials(
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ.get("AWS_SESSION_TOKEN"),
    )
    signature = S3SigV4Auth if service == "s3" else SigV4Auth
    signature(credentials, service, os.environ["AWS_REGION"]).add_auth(request)
    secure = address.scheme == "https"
    connection = (HTTPSConnection if secure else HTTPConnection)(address.netloc, timeout=SECONDS)
    try:
        connection.request(method, f"{address.path}", body, dict(request.headers))
        response = connection.getresponse()
        if response.status < 300:
            return response
        said = response.read(300).decode(errors="replace")
    except OSError as error:
        raise UnavailableError(f"{service}: {error}") from error
    raise UnavailableError(f"{service} answers {response.status}: {said}")


def call(service: str, target: str, version: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a service answers that speaks AWS's JSON.

    Parameters
    ----------
    target
        What is called, such as "secretsmanager.GetSecretValue".
    version
        Of that JSON, "1.0" or "1.1".

    Raises
    ------
    UnavailableError
        If it does not.
    """
    headers = {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": target}
    url = f"https://{service}.{os.environ['AWS_REGION']}.amazonaws.com/"
    answered = ask(service, "POST", url, headers, json.dumps(request).encode()).read()
    parsed: dict[str, Any] = json.loads(answered)
    return parsed


def _endpoint(service: str) -> tuple[str, str] | None:
    name = f"AWS_ENDPOINT_URL_{service.upper()}"
    given = os.environ.get(name) or os.environ.get("AWS_ENDPOINT_URL")
    return urlsplit(given)[:2] if given else None
