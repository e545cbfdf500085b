"""`shoplens bundles list|history|judge|promote|rollback|prune`: which trained bundle answers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit
from shoplens.cli.tables import moment
from shoplens.domain.moments import told

bundles_app = typer.Typer(help="Trained bundles: see them, choose which answers.", no_args_is_help=True)
app.add_typer(bundles_app, name="bundles")


@bundles_app.command("list")
def list_all(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """All bundles, newest first."""
    from shoplens.service.bundle_pointer import list_bundles
    from shoplens.service.workspace import Workspace

    entries = list_bundles(Workspace.open(workspace).bundles)
    table = Table("")
    table.add_column("version", no_wrap=True, min_width=max((len(one.version) for one in entries), default=7))
    for name in ("created", "products", "model", "problem"):
        table.add_column(name)
    for one in entries:
        mark = "→" if one.current else ""
        created = (one.created or "")[:10]
        table.add_row(mark, one.version, created, str(one.items or ""), one.shipped, escape(one.problem or ""))
    none = Text("no bundles yet; train one: shoplens train")
    emit(
        {"bundles": [asdict(one) | {"created": told(one.created)} for one in entries]},
        json=json,
        table=table if entries else none,
    )


@bundles_app.command()
def promote(
    version: Annotated[str, typer.Argument(help="As `shoplens bundles list` names it.")],
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Verify a bundle and let it answer; running servers take it over within a second or so."""
    from shoplens.service import bundle_pointer, journal
    from shoplens.service.workspace import Workspace

    bundles = Workspace.open(workspace).bundles
    before = bundle_pointer.promote(bundles, version)
    journal.note_by_hand(bundles, "promoted", version, before)
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
    from shoplens.service import bundle_pointer, journal
    from shoplens.service.workspace import Workspace

    bundles = Workspace.open(workspace).bundles
    before = bundle_pointer.current_version(bundles)
    now = bundle_pointer.rollback(bundles, version)
    journal.note_by_hand(bundles, "rolled_back", before, now)
    emit({"current": now, "before": before}, json=json)


@bundles_app.command()
def prune(
    workspace: WorkspaceOption = Path("."),
    *,
    keep: Annotated[int, typer.Option(min=1, help="Bundles that answered to keep, the current one included.")] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which ones would go.")] = False,
    json: JsonFlag = False,
) -> None:
    """Delete old bundles: those that never answered or did so long ago.

    What is newer than the current bundle stays, and so do the bundles of running experiments. Old bundles remember
    baskets of people who were forgotten since. `shoplens schedule` does the same after each promotion, see
    schedule.keep_bundles.
    """
    from shoplens.service import bundle_pointer
    from shoplens.service.experiments import Experiments
    from shoplens.service.workspace import Workspace

    shop = Workspace.open(workspace)
    spared = Experiments(shop.root, shop.bundles).bundles_in_use()
    gone = (bundle_pointer.prunable if dry_run else bundle_pointer.prune)(shop.bundles, keep, spared)
    said = f"{'would delete' if dry_run else 'deleted'} {', '.join(gone)}" if gone else "nothing to delete"
    emit({"deleted": [] if dry_run else gone, "would_delete": gone if dry_run else []}, json=json, table=Text(said))


@bundles_app.command()
def history(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """What `shoplens schedule`, failing answers and somebody's own hand made of bundles, and why; newest first."""
    from shoplens.service import journal
    from shoplens.service.workspace import Workspace

    entries = journal.read(Workspace.open(workspace).bundles)[::-1]
    table = Table("when (UTC)", "what", "bundle", "why")
    for one in entries:
        table.add_row(moment(one.at), one.what.replace("_", " "), one.bundle or "", escape(one.why))
    nothing = Text("nothing yet; let a process look after bundles: shoplens schedule")
    emit({"history": [journal.entry_json(one) for one in entries]}, json=json, table=table if entries else nothing)


@bundles_app.command()
def judge(
    version: Annotated[str, typer.Argument(help="As `shoplens bundles list` names it.")],
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Let what people did since judge a bundle beside the one that answers, through the code that serves.

    Counts from where neither has learnt, person by person, with a 95 % interval. Promotes nothing.
    """
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        found = shop.bundles.judge(version)
    said = Text(f"{'would be promoted' if found.accepted else 'would be refused'}: {found.why}")
    emit(found.as_dict(), json=json, table=said)
