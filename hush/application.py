"""The command line's frame: a `typer` application whose help shows flags as flags."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

Function = TypeVar("Function", bound=Callable[..., Any])


def _without_type(parameters: list[Any]) -> list[Any]:
    """Return parameters of which flags do not say that they take a `<bool>`."""
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and parameter.is_flag:
            parameter.metavar = ""
    return parameters


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_type(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_type(super().get_params(ctx))


class Application(typer.Typer):
    """A `typer.Typer` of hush's commands.

    Parameters
    ----------
    help
        What it is for.
    settings
        As `typer.Typer` has them.
    """

    def __init__(self, help: str, **settings: Any) -> None:
        super().__init__(
            cls=_Group,
            pretty_exceptions_enable=False,
            rich_markup_mode="markdown",
            context_settings={"help_option_names": ["-h", "--help"]},
            help=help,
            **settings,
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Function], Function]:
        """Return a decorator that makes a function a command; see `typer.Typer.command`."""
        return super().command(name, cls=_Command, **settings)
