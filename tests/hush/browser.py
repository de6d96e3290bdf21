"""Does what somebody does in a browser who is asked to hand a sign-in over: all the page says.

With `meddled`, another page calls the listener first, with a code of its own.
"""

import sys
from urllib.parse import parse_qs, urlsplit

import httpx2

if __name__ == "__main__":
    *meddled, address = sys.argv[1:]
    if meddled:
        port = parse_qs(urlsplit(address).query)["port"][0]
        for asked in ("/?code=stolen&attempt=guessed", "/?code=stolen", "/elsewhere?code=a"):
            assert httpx2.get(f"http://127.0.0.1:{port}{asked}").status_code == 400
    answer = httpx2.get(address, follow_redirects=True)
    assert (answer.status_code, "signed in" in answer.text) == (200, True)
