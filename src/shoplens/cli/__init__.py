"""The `shoplens` command: one command a file."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

from rich.markup import escape

from shoplens.cli.app import app, console
from shoplens.errors import ShoplensError

INTERRUPTED = 130  # the exit code that typer makes of Ctrl-C


def main() -> None:
    """Entry point: load every command file, run, turn deliberate errors into exit code 1."""
    for module in sorted(info.name for info in pkgutil.walk_packages(__path__, prefix=f"{__name__}.")):
        import_module(module)
    try:
        app()
    except ShoplensError as error:
        console.print(f"[bold red]refused:[/bold red] {escape(str(error))}", highlight=False)
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            console.print("stopped; what was confirmed is kept, the same command goes on from there")
        raise
