"""`shoplens jobs ask|list`: what the process that looks after the shop should do, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit
from shoplens.cli.tables import moment

jobs_app = typer.Typer(help="Ask shoplens schedule for a training or a backup.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")


@jobs_app.command()
def ask(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="train, or backup.")],
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave this folder out of a backup: bundles, models, features or media. Repeat."),
    ] = None,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Ask for it; a running shoplens schedule does it at its next look (schedule.look_seconds), else the next one.

    What was trained answers only if the newest days say that it is not worse. Backups lie in the folder that
    schedule.backups names, the latest schedule.keep_backups of them. Do it here and now instead: shoplens train,
    shoplens backup FILE.

    Example: shoplens jobs ask backup --without features && shoplens jobs list
    """
    from shoplens.service.jobs import UNATTENDED, Jobs
    from shoplens.service.workspace import Workspace

    opened = Workspace.open(workspace)
    jobs = Jobs(opened.root, opened.bundles)
    job = jobs.ask(what, without=without or ())
    note = None if jobs.attended else UNATTENDED
    emit({**job.as_dict(), "note": note}, json=json, table=Text(f"asked for, as job {job.job_id}; {note or 'soon'}"))


@jobs_app.command("list")
def list_all(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """The latest jobs, newest first."""
    from shoplens.service.jobs import UNATTENDED, Jobs
    from shoplens.service.workspace import Workspace

    opened = Workspace.open(workspace)
    jobs = Jobs(opened.root, opened.bundles)
    found, attended = jobs.listed(), jobs.attended
    table = Table("job", "what", "state", "asked (UTC)", "what came of it")
    for one in found:
        table.add_row(one.job_id, one.what, one.state, moment(one.asked), Text(one.outcome))
    told = Text("shoplens schedule looks after this workspace" if attended else UNATTENDED)
    none = Text("nothing was asked for: shoplens jobs ask train")
    shown = Group(table if found else none, told)
    emit({"jobs": [one.as_dict() for one in found], "attended": attended}, json=json, table=shown)
