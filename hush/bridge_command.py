"""`hush bridge`: what takes audio on this machine, and forwards pictures."""

import asyncio
from contextlib import suppress
from typing import Annotated

import typer

from hush.arguments import (
    AllowedHosts,
    AllowedOrigins,
    ApiKey,
    Insecure,
    Patience,
    Picture,
    PrivacyChoice,
    Quality,
    encoding_of,
    missing,
    service_at,
)
from hush.client import AsyncClient
from hush.disguise import Privacy
from hush.image import Encoding
from hush.sound.spool import most_kept
from hush.terminal import errors, report
from hush.wording import in_words


def bridge(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the service is.")],
    api_key: ApiKey = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port to listen on: 1338, or 10300 for Wyoming."),
    ] = None,
    wyoming: Annotated[
        bool,
        typer.Option("--wyoming", help="Speak Wyoming, for Home Assistant, and not OpenAI's API."),
    ] = False,
    host: Annotated[
        str,
        typer.Option(help="Address that Wyoming listens on; 0.0.0.0 for other machines at home."),
    ] = "127.0.0.1",
    picture: Picture = "png",
    quality: Quality = None,
    privacy: PrivacyChoice = "off",
    allow_host: AllowedHosts = None,
    allow_origin: AllowedOrigins = None,
    patience: Patience = 600.0,
    insecure: Insecure = False,
) -> None:
    """Serve OpenAI's audio API on loopback: takes audio, and forwards only pictures of it.

    Applications that know OpenAI's API, or Home Assistant, become private without a change. Web
    pages are refused, and so are other names of this machine, unless they are allowed.

    **Examples**

    - `hush bridge https://hush.example`, then `OPENAI_BASE_URL=http://127.0.0.1:1338/v1` for them
    - `hush bridge https://hush.example --wyoming --host 0.0.0.0`, then Home Assistant's integration
      "Wyoming Protocol" with this machine and port 10300
    """
    encoding = encoding_of(picture, quality)
    if wyoming:
        _bridge_wyoming(service_at(url, api_key, insecure, patience), host, port, encoding, privacy)
        return
    if host != "127.0.0.1":
        raise typer.BadParameter("OpenAI's API is for this machine alone", param_hint="--host")
    try:
        import uvicorn

        from hush.bridge import create_bridge
    except ImportError:
        raise missing("bridge") from None
    client = service_at(url, api_key, insecure, patience)
    port = port or 1338
    errors.print(f"set OPENAI_BASE_URL=http://127.0.0.1:{port}/v1; pictures go to {url}")
    with suppress(KeyboardInterrupt):  # uvicorn passes it on when it has stopped
        uvicorn.run(
            create_bridge(
                lambda: client,
                encoding,
                privacy,
                allowed_hosts=allow_host or (),
                allowed_origins=allow_origin or (),
                most_bytes=most_kept(),
            ),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=10,
        )


def _bridge_wyoming(
    client: AsyncClient, host: str, port: int | None, encoding: Encoding, privacy: Privacy
) -> None:
    try:
        from hush.wyoming_bridge import PORT, serve
    except ImportError:
        raise missing("wyoming") from None
    port = port or PORT
    errors.print(f"Wyoming listens on {host}, port {port}; only pictures go on")
    try:
        asyncio.run(serve(client, host, port, encoding, privacy=privacy))
    except KeyboardInterrupt:
        pass
    except OSError as error:
        report(f"{host}, port {port}: {in_words(error)}")
        raise typer.Exit(1) from None
