"""One service's address, asked again for as long as that makes sense."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import httpx2
import stamina

from hush.contracts.headers import GATEWAY_REQUEST, REQUEST
from hush.credentials import is_loopback
from hush.transcript import Transcript

RETRIED_STATUSES = frozenset({408, 429, 502, 503, 504})
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds between two tries, whatever the service asks for."""
FIRST_PATIENCE = 30.0
"""Seconds after which a service that never answered is given up, for its address may be wrong."""


class ServiceError(Exception):
    """The service refused, or could not be reached. The message says why.

    Attributes
    ----------
    message
        What it says, without what the request is called.
    status
        HTTP status; None if no answer came.
    code
        The error's name in OpenAI's form, such as "model_not_found"; None if it has none.
    param
        Name of the parameter that is wrong; None if it is no single one.
    retry_after
        Seconds after which another try makes sense; None if the service did not say.
    request_id
        What the request is called in the service's logs; None if nobody said.
    partial
        The words of a recording until this happened.
    """

    def __init__(self, message: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param: str | None = None
        self.retry_after: float | None = None
        self.request_id: str | None = None
        self.partial: Transcript | None = None

    def __str__(self) -> str:
        """Return what to tell people."""
        return f"{self.message} (request {self.request_id})" if self.request_id else self.message


class Connection:
    """Asks one service, and asks again while it is busy, starting, or gone for a moment.

    Parameters
    ----------
    url, api_key, timeout, patience, on_wait, transport, insecure
        See `hush.client.AsyncClient`.

    Raises
    ------
    ValueError
        If the address or the key cannot be one.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        timeout: float,
        patience: float,
        on_wait: Callable[[str, float], None] | None,
        transport: httpx2.AsyncBaseTransport | None,
        insecure: bool = False,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(
                f"{url!r} is no address of a service; it begins with http:// or https://"
            )
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("an API key is plain ASCII")
        try:
            self.http = httpx2.AsyncClient(
                base_url=url.rstrip("/").removesuffix("/v1"),
                headers={"authorization": f"Bearer {api_key}"} if api_key else {},
                timeout=httpx2.Timeout(timeout, connect=10.0, pool=None),
                transport=transport,
            )
        except httpx2.InvalidURL as error:
            raise ValueError(f"{url!r} is no address of a service: {error}") from error
        place = self.http.base_url
        exposed = place.scheme == "http" and not is_loopback(place.host) and transport is None
        if api_key and exposed and not insecure:
            raise ValueError(
                f"the API key would go to {place.host} over plain http, where others can read it;"
                " use https, or say that it may be insecure"
            )
        self._reached = False
        self._patience = patience
        self._on_wait = on_wait

    async def ask(self, method: str, path: str, **content: Any) -> httpx2.Response:
        """Return the answer to a request, which is a success.

        Raises
        ------
        ServiceError
            If the service refuses, or stays away for longer than patience lasts.
        """
        begun = monotonic()
        verdict: bool | float = False
        attempts = stamina.retry_context(
            on=lambda _: verdict,
            attempts=None if self._patience else 1,
            timeout=self._patience or None,
            wait_initial=0.5,
            wait_max=20.0,
        )
        async for attempt in attempts:
            with attempt:
                try:
                    return await self._ask_once(method, path, **content)
                except ServiceError as error:
                    verdict = self._again(error, monotonic() - begun)
                    if self._on_wait is not None and verdict:
                        wait = error.retry_after
                        self._on_wait(error.message, attempt.next_wait if wait is None else wait)
                    raise
        raise AssertionError("stamina ends with an answer or an error")

    def _again(self, error: ServiceError, passed: float) -> bool | float:
        """Return whether to ask again after so many seconds, or in how many."""
        if error.status is None:
            first = min(FIRST_PATIENCE, self._patience)
            patience = self._patience if self._reached else first
            return error.code != "timeout" and passed < patience
        if error.status not in RETRIED_STATUSES or error.code == "quota_exceeded":
            return False
        if passed >= self._patience:
            return False
        return True if error.retry_after is None else error.retry_after

    async def _ask_once(self, method: str, path: str, **content: Any) -> httpx2.Response:
        try:
            answer = await self.http.request(method, path, **content)
        except httpx2.ReadTimeout as error:
            # The service may still be at it: asking again would only lengthen its queue.
            message = f"{self.http.base_url} did not answer in time"
            raise ServiceError(message, code="timeout") from error
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ServiceError(f"{self.http.base_url} cannot be reached: {reason}") from error
        self._reached = True
        if answer.is_success:
            return answer
        raise error_of(answer)

    def not_hush(self) -> ServiceError:
        """Return the error for an answer that no hush service gives."""
        return ServiceError(f"{self.http.base_url} is not a hush service")


def error_of(answer: httpx2.Response) -> ServiceError:
    """Return what a service means by an answer that is not a success."""
    failure = ServiceError(
        f"the service answered {answer.status_code} {answer.reason_phrase}", answer.status_code
    )
    # What stands in front may answer in the service's place, and has no other way to say it.
    request_id = answer.headers.get(REQUEST) or answer.headers.get(GATEWAY_REQUEST)
    try:
        error = answer.json()["error"]
        failure = ServiceError(str(error["message"]), answer.status_code, error.get("code"))
        failure.param = error.get("param")
        request_id = error.get("request_id") or request_id
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # not a hush service, or something in front of it
    failure.request_id = request_id
    seconds = answer.headers.get("retry-after", "")
    if seconds.isascii() and seconds.isdigit():
        failure.retry_after = min(max(float(seconds), SHORTEST_WAIT), LONGEST_WAIT)
    return failure
