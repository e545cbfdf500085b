"""`shoplens attributes review list|accept|reject`: decide about what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, emit
from shoplens.cli.attributes import attributes_app
from shoplens.domain.proposals import OF_CATEGORY, ProposalKind, ProposalStatus
from shoplens.errors import InputError

if TYPE_CHECKING:
    from shoplens.store.base import Store

review_app = typer.Typer(help="The review list: look at what was found, accept it or reject it.", no_args_is_help=True)
attributes_app.add_typer(review_app, name="review")
SHOWN = 8  # letters of an id in the list; any beginning that only one open proposal has will do
AT_ONCE = 1_000
Ids = Annotated[list[str], typer.Argument(metavar="PROPOSAL…", help="Ids as the list shows them, or more of them.")]
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
def accept(proposals: Ids, workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """Write what is proposed to the products. Duplicates and prices are only remembered as looked at."""
    _decide(proposals, workspace, json=json, accepted=True)


@review_app.command()
def reject(proposals: Ids, workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """Never propose these again."""
    _decide(proposals, workspace, json=json, accepted=False)


def _decide(proposals: list[str], workspace: Path, *, json: bool, accepted: bool) -> None:
    from shoplens.http.wire.attributes import proposal_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        decided = (shop.attributes.accept if accepted else shop.attributes.reject)(_whole(shop.store, proposals))
    text = Text(f"{len(decided):,} {'accepted' if accepted else 'rejected'}")
    emit({"proposals": [proposal_json(one) for one in decided]}, json=json, table=text)


def _whole(store: Store, begun: list[str]) -> list[str]:
    """The ids of open proposals that begin so; what is whole, or begins none, stays as it was written."""
    ids, after = [], None
    while found := store.proposals.list(status=ProposalStatus.OPEN, after=after, limit=AT_ONCE):
        ids += [one.proposal_id for one in found]
        after = ids[-1]
    whole = []
    for one in begun:
        fitting = [proposal for proposal in ids if proposal.startswith(one)]
        if len(fitting) > 1:
            raise InputError(f"{len(fitting):,} open proposals begin with {one!r}; write more of the one that is meant")
        whole.append(fitting[0] if fitting else one)
    return whole
