"""`shoplens people forget|export|audit`: what is held about one person, and an end to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, ready_to_write
from shoplens.cli.tables import counted, moment

people_app = typer.Typer(
    help="People: forget them, give them what is held, see who was forgotten.", no_args_is_help=True
)
app.add_typer(people_app, name="people")

UserArgument = Annotated[str | None, typer.Argument(metavar="USER", help="user_id, as events name them.")]
SessionOption = Annotated[str | None, typer.Option(help="A guest's session_id, instead of USER.")]


@people_app.command()
def forget(
    user: UserArgument = None,
    session: SessionOption = None,
    workspace: WorkspaceOption = Path("."),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonFlag = False,
) -> None:
    """Delete a person: fields, events (also those of their sessions before they signed in), searches, what they were
    shown, conversations. There is no way back.

    Servers that run drop what they remember within a second or so; the next training makes a bundle without them, until
    then bundles hold a hash of their id. A record of it is kept that does not tell who: shoplens people audit.

    With --session: what a guest did. What a session did after somebody signed in is theirs, and goes with them.
    """
    from shoplens.service.runtime import Runtime

    who = _named(user, session)
    if not yes:
        if json or not sys.stdin.isatty():
            raise typer.BadParameter(
                "there is no way back, and nobody here to ask: say it with --yes", param_hint="--yes"
            )
        if not typer.confirm(f"Delete everything about {who}?", err=True):
            console.print("nothing was deleted")
            raise typer.Exit(1)
    with Runtime.open(workspace) as shop:
        gone = shop.forget_person(user) if user is not None else shop.forget_guest(session or "")
    emit({**_told(user, session), **gone}, json=json, table=Text(f"{who} is forgotten: {counted(gone)}"))


@people_app.command()
def export(
    user: UserArgument = None,
    session: SessionOption = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write it to this file; default: stdout.")] = None,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Everything that is held about a person, or a guest's session, as one JSON object: fields, events, searches, what
    they were shown, conversations that go on."""
    from shoplens.service.privacy import export_guest, export_person
    from shoplens.service.runtime import Runtime

    _named(user, session)
    if out is not None:
        ready_to_write(out)
    with Runtime.open(workspace) as shop:
        held = export_person(shop, user) if user is not None else export_guest(shop, session or "")
    if out is None:
        emit(held, json=True)
        return
    out.write_bytes(orjson.dumps(held, option=orjson.OPT_INDENT_2))
    counts = {name: len(part) for name, part in held.items() if isinstance(part, list)}
    emit({**_told(user, session), "file": str(out), **counts}, json=json)


@people_app.command()
def audit(
    user: Annotated[str | None, typer.Option(help="Was this person forgotten? Some 30 ms a record.")] = None,
    session: Annotated[str | None, typer.Option(help="The same of a guest's session.")] = None,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Who was forgotten when, and how much went: numbers and salted hashes, no ids. Exit code 1 when the record was
    altered."""
    from shoplens.service import privacy
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    store = open_store(Workspace.open(workspace).database_url)
    try:
        found = privacy.audit(store, user, session_id=session)
    finally:
        store.close()
    table = Table("", "when (UTC)", "what went", "who")
    asked = user if user is not None else session
    for one in found.records:
        mine = asked is not None and one.sequence in (found.asked or ())
        who = Text(asked) if asked is not None and mine else Text(f"{one.who[:8]}…")
        table.add_row(str(one.sequence), moment(one.timestamp), counted(one.counts), who)
    state = "nobody was forgotten yet" if not found.records else "the record is whole"
    if asked is not None and found.records:
        state = f"{asked} {'was forgotten' if found.asked else 'is not among those who were forgotten'}; {state}"
    if found.broken is not None:
        state = f"the record was altered at number {found.broken}: restore the database from a backup and compare"
    emit(found.as_dict(), json=json, table=Group(*([table] if found.records else []), Text(state)))
    if found.broken is not None:
        raise typer.Exit(1)


def _named(user: str | None, session: str | None) -> str:
    """Who is meant, in words."""
    if (user is None) == (session is None):
        raise typer.BadParameter("name a USER, or a guest by --session", param_hint="USER")
    return user if user is not None else f"the guest of session {session}"


def _told(user: str | None, session: str | None) -> dict[str, str | None]:
    return {"user_id": user} if user is not None else {"session_id": session}
