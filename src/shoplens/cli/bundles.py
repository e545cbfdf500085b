"""`shoplens bundles list|promote|rollback`: which trained bundle answers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit

bundles_app = typer.Typer(help="Trained bundles: see them, choose which answers.", no_args_is_help=True)
app.add_typer(bundles_app, name="bundles")


@bundles_app.command("list")
def list_all(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """All bundles, newest first."""
    from shoplens.service.bundle_pointer import list_bundles
    from shoplens.service.settings import Workspace

    entries = list_bundles(Workspace.open(workspace).bundles)
    table = Table("")
    table.add_column("version", no_wrap=True, min_width=max((len(one.version) for one in entries), default=7))
    for name in ("created", "products", "model", "problem"):
        table.add_column(name)
    for one in entries:
        mark = "→" if one.current else ""
        table.add_row(mark, one.version, one.created, str(one.items or ""), one.shipped, one.problem or "")
    emit({"bundles": [asdict(one) for one in entries]}, json=json, table=table)


@bundles_app.command()
def promote(
    version: Annotated[str, typer.Argument(help="As `shoplens bundles list` names it.")],
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Verify a bundle and let it answer; running servers take it over within a second or so."""
    from shoplens.service import bundle_pointer
    from shoplens.service.settings import Workspace

    before = bundle_pointer.promote(Workspace.open(workspace).bundles, version)
    emit({"current": version, "before": before}, json=json)


@bundles_app.command()
def rollback(
    version: Annotated[
        str | None,
        typer.Argument(help="The bundle to leave; refused when another answers now. Default: whichever does."),
    ] = None,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Return to the bundle before the current one."""
    from shoplens.service import bundle_pointer
    from shoplens.service.settings import Workspace

    bundles = Workspace.open(workspace).bundles
    before = bundle_pointer.current_version(bundles)
    emit({"current": bundle_pointer.rollback(bundles, version), "before": before}, json=json)
