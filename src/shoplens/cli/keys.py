"""`shoplens keys create|list|revoke`: who may ask the HTTP API for what."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit

keys_app = typer.Typer(help="API keys: make, see and revoke them.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@keys_app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is: storefront, importer, …")],
    role: Annotated[
        str,
        typer.Option(help="read: answers; write: events, products and people too; admin: bundles and experiments too."),
    ] = "read",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="Where alone it may be used, once for each: shop, events, catalogue, people, analysis, operation. "
            "Default: everywhere."
        ),
    ] = None,
    per_minute: Annotated[int | None, typer.Option(min=1, help="Requests it may make; default: any number.")] = None,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Make a key and tell it, once: only its hash is kept. From the first key on, the API needs one.

    A storefront may recommend, search and send events, and reads nothing about people:

        shoplens keys create storefront --role write --scope shop --scope events

    A desk that exports and forgets people: --role write --scope people. Roles say how deep, scopes where.
    """
    from shoplens.service.grants import ROLES, SCOPES
    from shoplens.service.keyring import Keyring
    from shoplens.service.workspace import Workspace

    if role not in ROLES:
        raise typer.BadParameter(f"{role!r} is not a role; write {', '.join(ROLES)}", param_hint="--role")
    for one in scope or ():
        if one not in SCOPES:
            raise typer.BadParameter(f"{one!r} is not a scope; write {', '.join(SCOPES)}", param_hint="--scope")
    ring = Keyring(Workspace.open(workspace).root)
    key = ring.create(name, role, scopes=scope or None, per_minute=per_minute)
    told = Text(
        "send it as X-API-Key; it is not shown again, running servers know it within a second or so", style="dim"
    )
    emit(
        {"name": name, "role": role, "scopes": scope or None, "key": key},
        json=json,
        table=Group(Text(key, no_wrap=True), told),
    )


@keys_app.command("list")
def list_all(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """All keys of this shop, without their secrets."""
    from shoplens.service.keyring import Keyring
    from shoplens.service.workspace import Workspace

    ring = Keyring(Workspace.open(workspace).root)
    found = ring.listed()
    table = Table("name", "role", "scopes", "a minute", "made", "begins with")
    for one in found:
        made = datetime.fromtimestamp(one.created, UTC).strftime("%Y-%m-%d")
        table.add_row(
            one.name,
            one.role,
            ", ".join(one.scopes or ("everywhere",)),
            f"{one.per_minute or ''}",
            made,
            f"sl_{one.key_id}_",
        )
    state = (
        "no key is left: the API answers nobody"
        if ring.begun
        else "no keys yet: whoever reaches the API may do anything"
    )
    none = Text(f"{state}; make one: shoplens keys create NAME")
    emit({"keys": [one.told() for one in found]}, json=json, table=table if found else none)


@keys_app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="As `shoplens keys list` names it.")],
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Let a key open nothing any more; running servers know within a second or so."""
    from shoplens.service.keyring import Keyring
    from shoplens.service.workspace import Workspace

    gone = Keyring(Workspace.open(workspace).root).revoke(name)
    emit({"revoked": gone.name}, json=json, table=Text(f"{gone.name} opens nothing any more"))
