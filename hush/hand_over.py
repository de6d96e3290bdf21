"""How a sign-in in the browser reaches the command line.

The service's page hands a code to a listener on loopback, or shows it to be pasted. The code is
worth nothing without the verifier, which never leaves this process (PKCE, RFC 7636), and is taken
only with the number of this attempt, so that no other page can sign somebody in as somebody else.
"""

import base64
import hashlib
import hmac
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>hush</title>
<style>:root {{ color-scheme: light dark }}
body {{ font: 18px/1.5 system-ui; margin: 20vh 10vw }}</style>
<p>{words}</p>
"""
_DONE = "hush on this computer is signed in. You can close this page."
_WRONG = "This is not the sign-in that hush waits for. Start again with <code>hush login</code>."


class HandOver:
    """One attempt to sign in.

    Attributes
    ----------
    verifier
        What proves that the code was made for this process.
    """

    def __init__(self) -> None:
        self.verifier = secrets.token_urlsafe(32)
        self._attempt = secrets.token_urlsafe(16)
        self._arrived = threading.Event()
        self._code = ""

    def address(self, url: str, port: int | None = None) -> str:
        """Return what to open in a browser.

        Parameters
        ----------
        url
            Where the service is.
        port
            Where the code is listened for; None if it will be pasted.
        """
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "attempt": self._attempt,
            "device": socket.gethostname(),
        }
        if port is not None:
            asked["port"] = str(port)
        return f"{url}/auth/hand-over?{urlencode(asked)}"

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Listen on loopback until the end of the block, at the port that this yields."""
        with ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield server.server_port
            finally:
                server.shutdown()
                thread.join()

    def code(self, seconds: float) -> str | None:
        """Wait for the code; return None if it does not come in time."""
        return self._code if self._arrived.wait(seconds) else None

    def _take(self, path: str) -> bool:
        parts = urlsplit(path)
        asked = parse_qs(parts.query)
        code, attempt = (asked.get(name, [""])[0] for name in ("code", "attempt"))
        ours = hmac.compare_digest(attempt.encode(), self._attempt.encode())
        if parts.path != "/" or not code or not ours or self._arrived.is_set():
            return False
        self._code = code
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hand_over = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                taken = hand_over._take(self.path)
                page = _PAGE.format(words=_DONE if taken else _WRONG).encode()
                self.send_response(200 if taken else 400)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(page)
                if taken:
                    # Only now, so that the listener does not end under its own answer.
                    hand_over._arrived.set()

            def log_message(self, *_: Any) -> None:
                """Say nothing: the address has the code in it."""

        return Handler
