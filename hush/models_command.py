"""`hush models`: which Whisper models there are, and which are here."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from hush.application import Application
from hush.arguments import missing
from hush.terminal import errors, report

app = Application(help="List Whisper models, fetch or export some, or remove them again.")

Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        envvar="HUSH_DOWNLOAD_FOLDER",
        metavar="FOLDER",
        help="Where models are kept; ~/.cache/hush/models if left out.",
    ),
]


Names = Annotated[list[str], typer.Argument(metavar="NAME", help="Such as `base` or `tiny.en`.")]


@app.callback(invoke_without_command=True)
def models(context: typer.Context, folder: Folder = None) -> None:
    """List Whisper models, fetch or export some, or remove them again.

    **Examples**

    - `hush models`
    - `hush models fetch base tiny.en`
    - `hush models export tiny.en --onnx`
    - `hush models remove base`
    """
    try:
        import hush_service.weights.models  # noqa: F401
    except ImportError:
        raise missing("service") from None
    context.obj = folder
    if context.invoked_subcommand is None:
        _list(folder)


def _list(folder: Path | None) -> None:
    from hush_service.weights.models import default_folder, kept_models

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("model", "languages", "pictures", "size", "here"):
        table.add_column(heading, justify="right" if heading == "size" else "left")
    for kept in kept_models(folder):
        model = kept.model
        here = f"{kept.size / 1e6:.0f} MB" if kept.size else ""
        if model.toy:
            here = "comes with hush; a toy"
        elif kept.size and not kept.formats:
            here += " of a download that stopped"
        table.add_row(
            model.name,
            model.languages,
            f"{model.mel_bins} pixels high",
            f"{model.megabytes:.0f} MB",
            here,
        )
    Console(highlight=False, soft_wrap=True).print(table)
    errors.print(f"models are kept in {folder or default_folder()}")


@app.command(no_args_is_help=True)
def fetch(context: typer.Context, names: Names) -> None:
    """Fetch models, so that they can be used without a network."""
    from hush_service.weights import catalogue
    from hush_service.weights.errors import WeightsError
    from hush_service.weights.models import resolve

    try:
        wanted = [catalogue.named(name) for name in names]
        for model in wanted:
            path = resolve(model.name, "ctranslate2", context.obj)
            errors.print(f"model {model.name} is in {path}")
    except (WeightsError, OSError) as error:
        report(error)
        raise typer.Exit(1) from None


@app.command(no_args_is_help=True)
def export(
    context: typer.Context,
    names: Names,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="For ONNX Runtime, in browsers and elsewhere.")
    ] = False,
    precision: Annotated[
        Literal["int8", "float16", "float32"],
        typer.Option(help="Of weights: int8 is for processors, float16 loses nothing."),
    ] = "int8",
) -> None:
    """Write models for other programs; the page can then run them on visitors' devices.

    **Examples**

    - `hush models export tiny.en --onnx`
    - `hush models export base --onnx --precision float16`
    """
    from hush_service.weights.errors import WeightsError
    from hush_service.weights.onnx_export import export_onnx
    from hush_service.weights.space import size_of

    if not onnx:
        raise typer.BadParameter("say --onnx: it is the one form that there is")
    try:
        for name in names:
            path = export_onnx(name, precision, context.obj)
            errors.print(f"model {name} is in {path}, {size_of(path) / 1e6:.0f} MB")
    except (WeightsError, OSError) as error:
        report(error)
        raise typer.Exit(1) from None


@app.command(no_args_is_help=True)
def remove(context: typer.Context, names: Names) -> None:
    """Remove models; `converted` stands for what was made of models given by path."""
    from hush_service.weights import models
    from hush_service.weights.errors import WeightsError

    try:
        for name in names:
            freed = models.remove(name, context.obj)
            said = f"removed, {freed / 1e6:.0f} MB are free again" if freed else "was not here"
            errors.print(f"model {name}: {said}")
    except (WeightsError, OSError) as error:
        report(error)
        raise typer.Exit(1) from None
