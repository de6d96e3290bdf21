"""Recordings at http and https addresses, fetched by this machine and never by the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx2

from hush import __version__
from hush.sound import AudioError
from hush.sound.spool import SETTING, most_kept

PATIENCE = 30.0
"""Seconds without a byte after which an address is given up."""
_CONNECT = 10.0
_MOST_REDIRECTS = 5
_PIECE = 1 << 16


class Address:
    """Where a recording is. Command lines take it in the place of a `pathlib.Path`.

    Parameters
    ----------
    url
        Begins with http:// or https://.

    Attributes
    ----------
    url
        As it was given. Keys may be in it.
    name
        Of the file there.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self.name = PurePosixPath(unquote(parts.path)).name or parts.hostname or "address"
        self.stem = PurePosixPath(self.name).stem
        self.suffix = PurePosixPath(self.name).suffix

    def __str__(self) -> str:
        """Return it without the user, password and query, which nobody else is to see."""
        return self._shown

    def is_dir(self) -> bool:
        """Say that it is no folder."""
        return False


def is_address(text: str) -> bool:
    """Say whether a text is the address of something on the web."""
    return text.lower().startswith(("http://", "https://"))


class Fetched:
    """What comes from an address, as a file that cannot seek."""

    def __init__(self, answer: httpx2.Response, name: str) -> None:
        self._pieces = answer.iter_bytes(_PIECE)
        self._name = name
        self._piece = b""
        self._left = most_kept()

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end.

        Raises
        ------
        AudioError
            If the connection breaks, or more comes than may.
        """
        if not self._piece:
            try:
                self._piece = next(self._pieces, b"")
            except httpx2.HTTPError as error:
                raise AudioError(f"{self._name}: broke off: {_reason(error)}") from error
            self._left -= len(self._piece)
            if self._left < 0:
                raise AudioError(f"{self._name}: has more than {most_kept()} bytes ({SETTING})")
        size = len(self._piece) if size < 0 else size
        taken, self._piece = self._piece[:size], self._piece[size:]
        return taken


@contextmanager
def fetched(address: Address) -> Iterator[Fetched]:
    """Open what is at an address, and read it as it comes.

    Raises
    ------
    AudioError
        If it cannot be reached, or there is nothing.
    """
    timeout = httpx2.Timeout(PATIENCE, connect=_CONNECT)
    headers = {"user-agent": f"hush/{__version__}"}
    with httpx2.Client(
        timeout=timeout, headers=headers, follow_redirects=True, max_redirects=_MOST_REDIRECTS
    ) as client:
        try:
            request = client.build_request("GET", address.url)
            answer = client.send(request, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise AudioError(f"{address}: cannot be reached: {_reason(error)}") from error
        try:
            if not answer.is_success:
                said = f"{answer.status_code} {answer.reason_phrase}".strip()
                raise AudioError(f"{address}: the server answered {said}")
            yield Fetched(answer, str(address))
        finally:
            answer.close()


def _reason(error: Exception) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "it took too long"
    return str(error) or type(error).__name__
