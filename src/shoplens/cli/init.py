"""`shoplens init`: make a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import JsonFlag, app, emit


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make; existing files are kept.")],
    database_url: Annotated[
        str | None, typer.Option(help="SQLAlchemy URL, for example postgresql+psycopg://user@host/shop.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Make a workspace: shoplens.toml and the folders beside it."""
    from shoplens.service.workspace import Workspace
    from shoplens.store.database import parse_url

    overrides = {"database_url": database_url} if database_url else {}
    if database_url:
        parse_url(database_url)  # before anything is written that the next command would refuse
    workspace = Workspace.create(folder, **overrides)
    emit(
        {"workspace": str(workspace.root), "next": f"shoplens ingest products FILE --workspace {folder}"},
        json=json,
    )
