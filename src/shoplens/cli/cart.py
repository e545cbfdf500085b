"""`shoplens cart ITEM…`: what completes a cart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit
from shoplens.cli.ranking import (
    BoostOption,
    CountOption,
    DiversityOption,
    ExcludeOption,
    ExplainFlag,
    FilterOption,
    ScenarioOption,
    SessionOption,
    given_of,
    named,
)

if TYPE_CHECKING:
    from shoplens.apps.cart import Completed
    from shoplens.service.runtime import Runtime


@app.command()
def cart(
    items: Annotated[
        list[str] | None, typer.Argument(metavar="[ITEM]…", help="Products in the cart, in any order.")
    ] = None,
    workspace: WorkspaceOption = Path("."),
    user: Annotated[str | None, typer.Option("--user", "-u", help="user_id: their habits count.")] = None,
    viewing: Annotated[str | None, typer.Option(help="item_id that is looked at now; counts half.")] = None,
    session: SessionOption = None,
    n: CountOption = None,
    scenario: ScenarioOption = "cart",
    filter_: FilterOption = None,
    boost: BoostOption = None,
    exclude: ExcludeOption = None,
    diversity: DiversityOption = None,
    new_only: Annotated[bool, typer.Option("--new-only", help="Nothing that the person bought before.")] = False,
    bundles: Annotated[int, typer.Option(min=0, max=20, help="Sets of two or three to look for.")] = 3,
    explain: ExplainFlag = False,
    json: JsonFlag = False,
) -> None:
    """Suggest what completes a cart: bought together with it, in baskets like it, or due for this person again.

    Nothing that is in the cart, a variant of it or out of stock is suggested. Sets that were often bought together
    stand below. Training learns all of this from purchases; without any, the shop's recommendations answer. As
    `POST /v1/cart` answers; nothing is written down, so no cap and no experiment counts it.

    Examples:

      shoplens cart p001 p017                      a guest's cart

      shoplens cart p001 --user u007 --explain     somebody known, with reasons

      shoplens cart --user u007                    an empty cart: this person's next basket
    """
    from shoplens.apps.cart import CartQuestion
    from shoplens.cli.ranking import answer_json
    from shoplens.http.wire.cart import completed_json
    from shoplens.service.runtime import Runtime

    named(user, "--user")
    named(session, "--session", "session_id")
    held = tuple(items or ())
    given = given_of(filter_=filter_, boost=boost, exclude=exclude, n=n, diversity=diversity, explain=explain)
    with Runtime.open(workspace) as shop:
        wish = shop.cart_wish(scenario, **given, repeat=False if new_only else None)
        question = CartQuestion(items=held, viewing=viewing, user_id=user, session_id=session, bundles=bundles)
        completed = shop.answers.complete(wish, question, noted=False)
        answer = answer_json(completed.answer, explain=explain) | completed_json(completed)
        emit({"cart": list(held), **answer}, json=json, table=_shown(shop, completed, held))


def _shown(shop: Runtime, completed: Completed, items: tuple[str, ...]) -> RenderableType:
    """The ranking, and below it the sets."""
    from shoplens.cli.ranking import answer_table

    ranking = answer_table(shop, completed.answer, f"With {', '.join(items)}" if items else "For an empty cart")
    if not completed.bundles:
        return ranking
    table = Table(title="Bought together", caption="support: baskets that held all; lift: times as often as by chance")
    for name in ("products", "support", "lift"):
        table.add_column(name, justify="left" if name == "products" else "right")
    titles = shop.facts.titles
    for one in completed.bundles:
        names = (f"{item_id} {titles[shop.facts.row(item_id)]}".strip() for item_id in one.item_ids)
        table.add_row(escape(" + ".join(names)), f"{one.support:,}", f"{one.lift:.3g}")
    return Group(ranking, table)
