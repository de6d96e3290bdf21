"""API Gateway, as far as hush depends on it: routes, the authorizer's memory, and what passes."""

import base64
import fnmatch
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from hush.contracts.headers import GATEWAY_REQUEST
from local.functions import Invoke, LambdaError

LARGEST_BODY = 10 * 2**20
API = "arn:aws:execute-api:us-east-1:123456789012:api"


@dataclass
class Request:
    """What is asked; names of headers are in small letters, and `query` has no question mark.

    `id` is what API Gateway calls it.
    """

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Parts:
    """A body as it comes. Whoever has it closes it, read or not."""

    def __init__(self, client: httpx2.Client, response: httpx2.Response) -> None:
        self._client, self._response = client, response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_bytes()

    def close(self) -> None:
        """Leave whoever sends it."""
        self._response.close()
        self._client.close()


@dataclass
class Answer:
    """What is answered. A header may be there several times; a stream has parts, and no body."""

    status: int
    headers: httpx2.Headers = field(default_factory=httpx2.Headers)
    body: bytes = b""
    parts: Parts | None = None


Context = Mapping[str, str]
"""What the authorizer says of the caller."""
Parameters = Mapping[str, str]
"""What stands in a path for its parts in braces."""


Integration = Callable[[Request, Parameters, Context], Answer]
"""What is behind a method of a path."""


@dataclass(frozen=True)
class Endpoint:
    """One method of one path, such as "/v1/{proxy+}", and what answers it."""

    method: str
    path: str
    guarded: bool
    integration: Integration

    def match(self, method: str, path: str) -> Parameters | None:
        """Return the path's parameters, if it is this endpoint's."""
        if self.method not in (method, "ANY"):
            return None
        before = self.path.removesuffix("{proxy+}")
        if before != self.path and path.startswith(before) and path != before:
            return {"proxy": path.removeprefix(before)}
        return {} if self.path == path else None


class Authorizer:
    """A REQUEST authorizer and the decisions that the gateway remembers.

    Parameters
    ----------
    invoke
        Its function.
    sources
        Headers that all have to be there; a decision holds for requests that agree in them.
    seconds
        How long it holds.
    clock
        Tells the time.
    """

    def __init__(
        self,
        invoke: Invoke,
        sources: Sequence[str],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._invoke, self._sources = invoke, sources
        self._seconds, self._clock = seconds, clock
        self._remembered: dict[tuple[str, ...], tuple[float, dict[str, Any]]] = {}

    def decide(self, stage: str, request: Request) -> str | Context:
        """Return what API Gateway calls the refusal; or the caller, if there is none."""
        key = tuple(request.headers.get(source, "") for source in self._sources)
        if not all(key):
            return "UNAUTHORIZED"
        arn = f"{API}/{stage}/{request.method}{request.path}"
        until, decision = self._remembered.get(key, (0.0, {}))
        if not decision or self._clock() >= until:
            event = {"type": "REQUEST", "methodArn": arn, **_described(request, stage)}
            try:
                decision = self._invoke(event)
            except LambdaError as error:
                return "UNAUTHORIZED" if str(error) == "Unauthorized" else "DEFAULT_5XX"
            self._remembered[key] = (self._clock() + self._seconds, decision)
        (statement,) = decision["policyDocument"]["Statement"]
        matches = any(fnmatch.fnmatchcase(arn, each) for each in statement["Resource"])
        if not matches or statement["Effect"] != "Allow":
            return "ACCESS_DENIED"
        context: Context = decision.get("context", {})
        return context

    def forget(self) -> None:
        """Drop all decisions, as time would."""
        self._remembered.clear()


class Gateway:
    """Answers what CloudFront passes on, and whoever comes around it.

    Parameters
    ----------
    endpoints
        In any order: none covers another.
    error
        Answers what goes wrong in the gateway itself, by API Gateway's name for it.

    Every answer says what its request is called.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        authorizer: Authorizer,
        error: Callable[[str, Request], Answer],
    ) -> None:
        self._endpoints, self._error = endpoints, error
        self.authorizer = authorizer

    def answer(self, request: Request) -> Answer:
        """Answer a request whose path begins with the stage."""
        answer = self._answer(request)
        answer.headers[GATEWAY_REQUEST] = request.id
        return answer

    def _answer(self, request: Request) -> Answer:
        if len(request.body) > LARGEST_BODY:
            return self._error("REQUEST_TOO_LARGE", request)
        stage, _, rest = request.path.lstrip("/").partition("/")
        inner = replace(request, path=f"/{rest}")
        for endpoint in self._endpoints:
            parameters = endpoint.match(request.method, inner.path)
            if parameters is None:
                continue
            context: Context = {}
            if endpoint.guarded:
                decided = self.authorizer.decide(stage, inner)
                if isinstance(decided, str):
                    return self._error(decided, request)
                context = decided
            return endpoint.integration(inner, parameters, context)
        return self._error("MISSING_AUTHENTICATION_TOKEN", request)


def rendered(template: str, request: Request) -> bytes:
    """Return the body of one of the gateway's own errors: its template is plain substitution."""
    return template.replace("$context.requestId", request.id).encode()


def to_function(invoke: Invoke, stage: str) -> Integration:
    """Return the integration of a Lambda (AWS_PROXY)."""

    def integration(request: Request, parameters: Parameters, context: Context) -> Answer:
        event = {
            **_described(request, stage),
            "pathParameters": dict(parameters) or None,
            "body": base64.b64encode(request.body).decode() or None,
            "isBase64Encoded": bool(request.body),
        }
        event["requestContext"]["authorizer"] = dict(context)
        return of_function(invoke(event))

    return integration


def balancer_event(request: Request, group: str) -> dict[str, Any]:
    """Return a request as a load balancer hands it to a Lambda of a target group."""
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": request.method,
        "path": request.path,
        "queryStringParameters": dict(parse_qsl(request.query, keep_blank_values=True)),
        "headers": {**request.headers, "content-length": str(len(request.body))},
        "body": base64.b64encode(request.body).decode(),
        "isBase64Encoded": True,
    }


def of_function(returned: dict[str, Any]) -> Answer:
    """Return the answer that a Lambda gave in the form of a proxy integration."""
    headers = httpx2.Headers(returned.get("headers") or {})
    for name, values in (returned.get("multiValueHeaders") or {}).items():
        headers.pop(name, None)
        headers = httpx2.Headers([*headers.multi_items(), *((name, value) for value in values)])
    body = returned.get("body") or ""
    encoded = base64.b64decode(body) if returned.get("isBase64Encoded") else body.encode()
    return Answer(returned["statusCode"], headers, encoded)


def mapped(request: Request, mapping: Mapping[str, str], context: Context) -> dict[str, str]:
    """Return the headers of an integration: the client's, overwritten by what is mapped."""
    passed = dict(request.headers)
    for name, value in mapping.items():
        passed.pop(name, None)
        if value.startswith("'"):
            passed[name] = value.strip("'")
        elif value == "context.requestId":
            passed[name] = request.id
        elif found := context.get(value.removeprefix("context.authorizer.")):
            passed[name] = found
    return passed


def forwarded(request: Request, origin: str) -> Answer:
    """Have a real HTTP server answer, and pass its answer on as it is, a stream as it comes."""
    headers = {name: value for name, value in request.headers.items() if name != "host"}
    with ExitStack() as stack:
        client = stack.enter_context(httpx2.Client(timeout=240))
        asked = client.build_request(
            request.method, origin + request.target, headers=headers, content=request.body
        )
        answer = client.send(asked, stream=True)
        skipped = ("content-length", "transfer-encoding", "content-encoding", "connection")
        kept = [pair for pair in answer.headers.multi_items() if pair[0].lower() not in skipped]
        passed = Answer(answer.status_code, httpx2.Headers(kept))
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            passed.parts = Parts(client, answer)
            stack.pop_all()
        else:
            passed.body = answer.read()
    return passed


def _described(request: Request, stage: str) -> dict[str, Any]:
    """Return a request as events of API Gateway hold it."""
    query = parse_qsl(request.query, keep_blank_values=True)
    several: dict[str, list[str]] = {}
    for name, value in query:
        several.setdefault(name, []).append(value)
    return {
        "resource": request.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": request.headers,
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": several or None,
        "stageVariables": None,
        "requestContext": {
            "stage": stage,
            "path": f"/{stage}{request.path}",
            "resourcePath": request.path,
            "httpMethod": request.method,
            "requestId": request.id,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "CloudFront"},
        },
    }
