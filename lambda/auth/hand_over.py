"""`hush login`: a browser that is signed in hands a key over to the command line.

The command line sends the hash of a secret along (as PKCE does, RFC 7636), and the browser shows a
code that is good only together with that secret: for the command line to fetch from this device,
or to be pasted where it runs on another. A link, not a redirect: a person has to want it.
"""

import base64
import hashlib
import html
import secrets
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, StringConstraints

from api_keys import Name, made_key
from asking import anyone
from identity import people
from identity.audit import audit
from identity.callers import same

CODE_SECONDS = 300
KEY_DAYS = 90

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>hush: hand over to the command line</title>
<link rel="stylesheet" href="/auth/hand-over.css">
<main>
<h1>Let hush on {device} transcribe as {login}?</h1>
<p>Only if you typed <code>hush login</code> there just now. It gets an API key for {days} days,
which you can revoke on the page.</p>
{button}
<p>{paste}</p>
<p><code id="code">{code}</code></p>
<p class="aside">The code is good once, for five minutes. <a href="/">Do not hand over</a></p>
</main>
</html>
"""
_BUTTON = '<p><a id="hand-over" href="{link}">Hand over to hush on {device}</a></p>'
_STYLE = """
body { font: 1rem/1.6 system-ui, sans-serif; margin: 0; }
main { max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.4rem; line-height: 1.3; overflow-wrap: anywhere; }
code { font: 0.95em ui-monospace, monospace; overflow-wrap: anywhere; }
#code { display: block; padding: 0.75rem 1rem; border: 1px solid; border-radius: 0.5rem; }
#hand-over { display: inline-block; padding: 0.6rem 1.2rem; border-radius: 0.5rem;
  background: #1d4ed8; color: #fff; text-decoration: none; font-weight: 600; }
#hand-over:focus-visible { outline: 3px solid currentColor; outline-offset: 3px; }
.aside { font-size: 0.9rem; opacity: 0.8; }
"""

router = APIRouter(prefix="/auth")


class Redemption(BaseModel):
    """What the command line has: the code, and the secret whose hash it began with."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    verifier: Annotated[str, StringConstraints(min_length=43, max_length=128)]


@router.get("/hand-over", response_class=HTMLResponse)
def hand_over(
    request: Request,
    challenge: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{43}$")],
    attempt: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{8,64}$")],
    device: Annotated[Name, Query()],
    port: Annotated[int | None, Query(ge=1024, le=65535)] = None,
) -> Response:
    """Ask whoever is signed in whether the command line may transcribe as them."""
    try:
        caller = anyone(request)
        signed_in = caller.kind == "session"
    except HTTPException:
        signed_in = False
    if not signed_in:
        asked = {"challenge": challenge, "attempt": attempt, "device": device}
        if port is not None:
            asked["port"] = str(port)
        here = f"/auth/hand-over?{urlencode(asked)}"
        return RedirectResponse(f"/auth/login?return={quote(here, safe='')}", 302)
    if not caller.permitted:
        raise HTTPException(403, f"{caller.login} may not use this")
    code = secrets.token_urlsafe(24)
    people.keep_once(
        code,
        "hand-over",
        CODE_SECONDS,
        person=caller.identity,
        login=caller.login,
        challenge=challenge,
        device=device,
    )
    shown = {
        name: html.escape(text) for name, text in (("device", device), ("login", caller.login))
    }
    button, paste = "", "Paste this where it asks for a code:"
    if port is not None:
        query = urlencode({"code": code, "attempt": attempt})
        link = html.escape(f"http://127.0.0.1:{port}/?{query}")
        button = _BUTTON.format(link=link, device=shown["device"])
        paste = "If it runs on another machine, paste this there:"
    page = _PAGE.format(days=KEY_DAYS, code=code, button=button, paste=paste, **shown)
    return HTMLResponse(page)


@router.get("/hand-over.css")
def style() -> Response:
    """Return how the page looks: the site's policy wants styles in a file of its own."""
    return Response(_STYLE, media_type="text/css")


@router.post("/redeem", status_code=201)
def redeem(redemption: Redemption) -> dict[str, Any]:
    """Give the command line its key."""
    kept = people.take_once(redemption.code, "hand-over")
    digest = hashlib.sha256(redemption.verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if kept is None or not same(challenge, kept["challenge"]):
        audit("refused", why="code of a hand-over")
        raise HTTPException(403, "the code is unknown, used or expired: run `hush login` again")
    name = f"hush on {kept['device']}"[:60]
    made = made_key(kept["person"], kept["login"], name, "login", KEY_DAYS)
    return {**made, "login": kept["login"]}
