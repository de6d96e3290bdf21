"""The command line: `hush transcribe`, `encode`, `decode`, `show`, `serve`, `bridge` and more."""

from typing import Annotated, Any

import stamina.instrumentation
import typer

from hush import (
    __version__,
    account,
    admin_command,
    bridge_command,
    listen_command,
    models_command,
    picture_commands,
    transcribe_command,
)
from hush.application import Application
from hush.arguments import missing

app = Application(
    no_args_is_help=True,
    help="Private speech-to-text: speech becomes a picture here, and only the picture is sent.",
)


Port = typer.Option(min=1, max=65535, help="Port to listen on.")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Take the options that come before a command."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


app.command(no_args_is_help=True)(transcribe_command.transcribe)
app.command("encode", no_args_is_help=True)(picture_commands.encode_recordings)
app.command("decode", no_args_is_help=True)(picture_commands.decode_pictures)
app.command(no_args_is_help=True)(picture_commands.show)


@app.command()
def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A name of `hush models`, or the path of a model; `base` if left out. May be given"
            " several times."
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, Port] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or webgpu.")] = None,
) -> None:
    """Run the inference service. Other settings come from the environment: see docs/settings.md.

    **Examples**

    - `hush serve`
    - `hush serve --model base --model turbo`
    - `HUSH_API_KEY=… hush serve --host 0.0.0.0`
    """
    try:
        from hush_service.__main__ import run
    except ImportError:
        raise missing("service") from None
    given: dict[str, Any] = {
        "models": tuple(model) if model else None,
        "host": host,
        "port": port,
        "device": device,
    }
    raise typer.Exit(run(**{name: value for name, value in given.items() if value is not None}))


app.command()(listen_command.listen)
app.command(no_args_is_help=True)(bridge_command.bridge)
app.command(no_args_is_help=True)(account.login)
app.command(no_args_is_help=True)(account.logout)
app.add_typer(account.keys, name="keys")
app.add_typer(admin_command.app, name="admin")
app.add_typer(models_command.app, name="models")


def main() -> None:
    """Run the command line."""
    stamina.instrumentation.set_on_retry_hooks(())  # waits are said by `AsyncClient.on_wait`
    app()


if __name__ == "__main__":
    main()
