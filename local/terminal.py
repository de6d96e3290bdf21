"""Where demonstrations say what they do."""

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)
