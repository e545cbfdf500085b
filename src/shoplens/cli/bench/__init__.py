"""`shoplens bench …`: speed and quality, each as one JSON object; one command a file."""

from __future__ import annotations

import typer

from shoplens.cli.app import app

bench = typer.Typer(name="bench", help="Measure quality and speed on data of your own.", no_args_is_help=True)
app.add_typer(bench)
