"""`shoplens attributes review list|accept|reject|reopen`: decide about what was found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, console, emit
from shoplens.cli.attributes import attributes_app
from shoplens.domain.proposals import OF_CATEGORY, ProposalKind, ProposalStatus, Selection
from shoplens.errors import InputError

if TYPE_CHECKING:
    from shoplens.store.base import Store

review_app = typer.Typer(
    help="The review list: look at what was found, accept it, reject it, or take that back.", no_args_is_help=True
)
attributes_app.add_typer(review_app, name="review")
SHOWN = 8  # letters of an id in the list; any beginning that fits only one will do
AT_ONCE = 1_000
Ids = Annotated[list[str], typer.Argument(metavar="PROPOSAL…", help="Ids as the list shows them, or more of them.")]
NoIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="PROPOSAL…", help="Ids as the list shows them, or more of them; none with a selection."),
]
Least = Annotated[float | None, typer.Option(min=0, max=1, help="Only as sure as this.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask about a selection.")]
Kind = Annotated[ProposalKind | None, typer.Option(help="Only of this kind.")]
Attribute = Annotated[str | None, typer.Option(help="Only about this attribute.")]


@review_app.command("list")
def show(
    workspace: WorkspaceOption = Path("."),
    kind: Kind = None,
    attribute: Attribute = None,
    item: Annotated[str | None, typer.Option(help="Only of this product.")] = None,
    status: Annotated[ProposalStatus, typer.Option(help="What became of them.")] = ProposalStatus.OPEN,
    least: Annotated[float, typer.Option(min=0, max=1, help="Only as sure as this.")] = 0.0,
    cursor: Annotated[str | None, typer.Option(help="Of the answer before: what comes after it.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="How many.")] = 20,
    json: JsonFlag = False,
) -> None:
    """Show what `complete` and `check` found, the surest first.

    Example: shoplens attributes review list --kind contradiction --least 0.9
    """
    from shoplens.http.wire.attributes import behind_proposal, counts_json, proposals_json
    from shoplens.service.runtime import Runtime

    after = behind_proposal(cursor)
    with Runtime.open(workspace) as shop:
        found = shop.store.proposals.list(
            status=status, kind=kind, attribute=attribute, item_id=item, least=least, after=after, limit=n + 1
        )
        counts = counts_json(shop.store.proposals.counts())
    table = Table()
    table.add_column("proposal", no_wrap=True, min_width=SHOWN)
    for name in ("kind", "product", "attribute", "now", "proposed", "source", "sure"):
        table.add_column(name)
    told = proposals_json(found, n) | {"counts": counts}
    if told["cursor"] is not None:
        table.caption = f"the next: --cursor {told['cursor']}"
    for one in found[:n]:
        table.add_row(
            one.proposal_id[:SHOWN],
            one.kind.value,
            Text(one.item_id),
            Text(one.attribute),
            Text((" > " if one.kind in OF_CATEGORY else " / ").join(one.current)),
            Text(one.value),
            one.source,
            f"{one.confidence:.0%}",
        )
    none = Text("nothing to review; look for something with: shoplens attributes complete, shoplens attributes check")
    emit(told, json=json, table=table if found else none)


@review_app.command()
def accept(
    proposals: NoIds = None,
    workspace: WorkspaceOption = Path("."),
    kind: Kind = None,
    attribute: Attribute = None,
    least: Least = None,
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Write what is proposed to the products. Duplicates and prices are only remembered as looked at.

    Proposals are named by their ids, all or nothing, or selected; of a selection, those whose product has changed
    meanwhile stay on the list.

    Example: shoplens attributes review accept --kind value --attribute colour --least 0.95
    """
    _decide(proposals, Selection(kind=kind, attribute=attribute, least=least), workspace, yes=yes, json=json, to=True)


@review_app.command()
def reject(
    proposals: NoIds = None,
    workspace: WorkspaceOption = Path("."),
    kind: Kind = None,
    attribute: Attribute = None,
    least: Least = None,
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Never propose these again: those of the ids, or those selected.

    Example: shoplens attributes review reject --kind price
    """
    _decide(proposals, Selection(kind=kind, attribute=attribute, least=least), workspace, yes=yes, json=json, to=False)


@review_app.command()
def reopen(proposals: Ids, workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """Take decisions back: they are on the list again, and products say what they said before.

    Example: shoplens attributes review list --status accepted, then shoplens attributes review reopen PROPOSAL
    """
    from shoplens.http.wire.attributes import decided_json
    from shoplens.service.attribute_decisions import Decided
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        decided = (ProposalStatus.ACCEPTED, ProposalStatus.REJECTED)
        reopened = shop.attributes.reopen(_whole(shop.store, proposals, decided))
    emit(decided_json(Decided(reopened)), json=json, table=Text(f"{len(reopened):,} open again"))


def _decide(
    proposals: list[str] | None, selection: Selection, workspace: Path, *, yes: bool, json: bool, to: bool
) -> None:
    from shoplens.http.wire.attributes import decided_json
    from shoplens.service.attribute_decisions import Decided
    from shoplens.service.runtime import Runtime

    verb = "accept" if to else "reject"
    if bool(proposals) == (selection != Selection()):
        raise typer.BadParameter("give ids of proposals, or select them by --kind, --attribute or --least")
    with Runtime.open(workspace) as shop:
        attributes = shop.attributes
        if proposals:
            whole = _whole(shop.store, proposals, (ProposalStatus.OPEN,))
            done = Decided((attributes.accept if to else attributes.reject)(whole))
        else:
            if not yes:
                _ask(verb, attributes.count(selection), json=json)
            done = (attributes.accept_selected if to else attributes.reject_selected)(selection)
    text = Text(f"{len(done.proposals):,} {verb}ed")
    if done.skipped:
        text.append(f", {len(done.skipped):,} left open; the first: {done.skipped[0].reason}")
    emit(decided_json(done), json=json, table=text)


def _ask(verb: str, many: int, *, json: bool) -> None:
    """Go on only when a person says so."""
    what = f"{many:,} proposal" if many == 1 else f"{many:,} proposals"
    if json or not sys.stdin.isatty():
        raise typer.BadParameter(
            f"this would {verb} {what}, and nobody is here to ask: say it with --yes", param_hint="--yes"
        )
    if not typer.confirm(f"{verb.capitalize()} {what}?", err=True):
        console.print(f"nothing was {verb}ed")
        raise typer.Exit(1)


def _whole(store: Store, begun: list[str], statuses: tuple[ProposalStatus, ...]) -> list[str]:
    """The ids of proposals of some statuses that begin so; what is whole, or begins none, stays as it was written."""
    ids: list[str] = []
    for status in statuses:
        after = None
        while found := store.proposals.list(status=status, after=after, limit=AT_ONCE):
            ids += [one.proposal_id for one in found]
            after = ids[-1]
    whole = []
    for one in begun:
        fitting = [proposal for proposal in ids if proposal.startswith(one)]
        if len(fitting) > 1:
            named = " or ".join(status.value for status in statuses)
            raise InputError(
                f"{len(fitting):,} {named} proposals begin with {one!r}; write more of the one that is meant"
            )
        whole.append(fitting[0] if fitting else one)
    return whole
