"""`shoplens doctor`: what is wrong here, and what to do."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit


@app.command()
def doctor(workspace: WorkspaceOption = Path(), json: JsonFlag = False) -> None:
    """Look at store, encoders, vectors, bundle, server settings and disk. Exit code 1 when something needs doing."""
    from shoplens.service.doctor import examine, findings_json
    from shoplens.service.workspace import Workspace

    found = list(examine(Workspace.open(workspace)))
    table = Table("", "found", "do")
    for one in found:
        advice = f"[yellow]{escape(one.advice)}[/yellow]" if one.advice else "[green]well[/green]"
        table.add_row(one.subject, escape(one.state), advice)
    emit(findings_json(found), json=json, table=table)
    if not all(one.well for one in found):
        raise typer.Exit(1)
