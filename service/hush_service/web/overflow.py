"""What the queue has no room for, heard elsewhere: by the service within a Lambda, if it can."""

import asyncio
import base64
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import httpx2
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hush.asking import Options
from hush.client import AsyncClient
from hush.connection import ServiceError
from hush.contracts import headers
from hush.image import MelImageError
from hush.transcript import Transcript
from hush_service.core.accounts import Account
from hush_service.core.model_names import is_any_model, plain_name
from hush_service.core.served_models import could_hear
from hush_service.engine import DecodingRequest
from hush_service.web import request_id
from hush_service.web.caller import headers_of

log = logging.getLogger(__name__)

LARGEST = 10**6
"""Bytes of a picture: a load balancer gives that Lambda no more either."""
AT_ONCE = 16
"""Pictures that are heard elsewhere at once, for each instance."""
_URL = "http://lambda"
"""No such place is asked: a client wants one."""


class LambdaOverflow:
    """Has a Lambda hear pictures.

    It is asked as by a load balancer, in the caller's name: it counts for their quota what it
    hears, and it alone.

    Parameters
    ----------
    function
        Its name or ARN.
    model
        Its model, by which is told what it can hear.
    key
        By which it knows who may ask.
    seconds
        Longest time until its answer.
    region
        The AWS region; boto3's own choice if None.
    """

    def __init__(
        self, function: str, model: str, key: str, seconds: float, region: str | None = None
    ) -> None:
        self._function, self._model, self._key = function, model, key
        # One that has no room either says so at once, and who asks comes again anyway.
        config = Config(connect_timeout=1, read_timeout=seconds, retries={"total_max_attempts": 1})
        self._lambda: Any = boto3.client("lambda", region, config=config)
        # Threads of its own: pictures are decoded in those that all share.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="overflow")
        self._asked = 0

    def takes(
        self, data: bytes, model: str | None, mel_bins: int, decoding: DecodingRequest
    ) -> bool:
        """Tell whether it can hear a picture, by any model if none is named, and has room."""
        if not is_any_model(model) and plain_name(str(model)) != plain_name(self._model):
            return False
        able = len(data) <= LARGEST and could_hear(self._model, mel_bins, decoding)
        return able and self._asked < AT_ONCE

    async def hear(
        self, data: bytes, decoding: DecodingRequest, account: Account | None
    ) -> tuple[str, Transcript] | None:
        """Return the model that heard a picture, and its words; None if it was not heard."""
        way = _Way(self._invoke, account)
        options = Options(
            language=decoding.language,
            task=decoding.task,
            prompt=decoding.prompt,
            temperature=decoding.temperature,
            words=decoding.words,
        )
        self._asked += 1
        try:
            async with AsyncClient(_URL, self._key, transport=way, patience=0) as client:
                transcript = await client.transcribe(data, options)
        except (ServiceError, MelImageError) as error:
            log.warning("a picture was not heard elsewhere: %s", error)
            return None
        finally:
            self._asked -= 1
        return way.model or self._model, transcript

    async def _invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return what the function returns.

        Raises
        ------
        httpx2.ConnectError
            If it returns nothing of use.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._invoke_now, event)

    def _invoke_now(self, event: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._lambda.invoke(
                FunctionName=self._function, Payload=json.dumps(event).encode()
            )
            returned = json.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError) as error:
            raise httpx2.ConnectError(f"{type(error).__name__}: {error}") from error
        if "FunctionError" in answer:
            raise httpx2.ConnectError(f"the function failed: {returned.get('errorMessage')}")
        return dict(returned)


class _Way(httpx2.AsyncBaseTransport):
    """Carries the request of one picture to a Lambda, as a load balancer hands it on.

    Parameters
    ----------
    invoke
        Calls it with an event.
    account
        In whose name.

    Attributes
    ----------
    model
        Whose words were answered; empty before.
    """

    def __init__(self, invoke: Any, account: Account | None) -> None:
        self._invoke = invoke
        self.model = ""
        self._named = {headers.REQUEST: request_id.current()}
        if account is not None:
            self._named |= headers_of(account)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return its answer."""
        body = await request.aread()
        returned = await self._invoke(
            {
                "requestContext": {"elb": {"targetGroupArn": ""}},
                "httpMethod": request.method,
                "path": request.url.path,
                "queryStringParameters": {},
                "headers": {**request.headers, **self._named},
                "body": base64.b64encode(body).decode(),
                "isBase64Encoded": True,
            }
        )
        said = returned.get("body") or ""
        content = base64.b64decode(said) if returned.get("isBase64Encoded") else said.encode()
        answer = httpx2.Response(
            int(returned["statusCode"]), headers=returned.get("headers") or {}, content=content
        )
        self.model = answer.headers.get(headers.MODEL, "")
        return answer
