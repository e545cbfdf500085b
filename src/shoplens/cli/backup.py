"""`shoplens backup` and `shoplens restore`: a shop in one file, and a shop out of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit, stage_progress
from shoplens.domain.moments import told

if TYPE_CHECKING:
    from shoplens.service.backup import Backup


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it, such as shop.tar; must not be there yet.")],
    without: Annotated[
        list[str] | None, typer.Option(help="Leave this folder out: bundles, models, features or media. Repeat.")
    ] = None,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Write the shop into one file, also while it is served: database, bundles, vectors, media, settings.

    Secrets are left out: the address of the database, keys of services, keys in shoplens.toml. Of keys made by
    `shoplens keys create` the hashes are in it. Keep the file as safe as the shop: it holds what people did.

    Example: shoplens backup /backups/shop-$(date +%F).tar && shoplens restore --check /backups/shop-$(date +%F).tar
    """
    from shoplens.service.backup import back_up
    from shoplens.service.workspace import Workspace

    with stage_progress() as progress:
        done = back_up(Workspace.open(workspace), file, without=without or (), progress=progress)
    emit(_told(done), json=json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `shoplens backup` wrote.")],
    folder: Annotated[Path | None, typer.Argument(help="The new workspace: a folder that is new or empty.")] = None,
    database_url: Annotated[
        str | None, typer.Option(help="An empty database, such as postgresql://user@host/shop; default: SQLite.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only look whether it is whole.")] = False,
    json: JsonFlag = False,
) -> None:
    """Make a workspace out of a backup. A backup of SQLite may go to PostgreSQL, and the other way round.

    Every checksum is compared first, and nothing is left behind when something is wrong. Then say again what is secret,
    and look: shoplens doctor.
    """
    from shoplens.service import backup as service
    from shoplens.store.faults import without_password

    if folder is None and not check:
        raise typer.BadParameter("name the folder to restore into, or say --check", param_hint="FOLDER")
    with stage_progress() as progress:
        if check or folder is None:
            found = service.check(file, progress=progress)
        else:
            found = service.restore(file, folder, database_url=database_url, progress=progress)
    result = _told(found)
    if folder is not None and not check:
        result["workspace"] = str(folder)
        if database_url is not None and without_password(database_url) != database_url:
            result["next"] = "the password of the database is not written down: set SHOPLENS_DATABASE_URL, or a .pgpass"
    emit(result, json=json)


def _told(done: Backup) -> dict[str, Any]:
    return {
        "file": str(done.file),
        "created": told(done.created * 1_000_000),
        "version": done.version,
        "bytes": done.bytes,
        "files": done.files,
        "products": done.rows.get("product", 0),
        "events": done.rows.get("event", 0),
        "people": done.rows.get("person", 0),
    }
