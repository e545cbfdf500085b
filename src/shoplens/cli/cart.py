"""`shoplens cart ITEM…`: what completes a cart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit

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
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="How many products.")] = 10,
    exclude: Annotated[list[str] | None, typer.Option(help="item_id not to suggest; repeat for several.")] = None,
    diversity: Annotated[float, typer.Option(min=0, max=1, help="0: by score alone; 1: as varied as possible.")] = 0.0,
    new_only: Annotated[bool, typer.Option("--new-only", help="Nothing that the person bought before.")] = False,
    bundles: Annotated[int, typer.Option(min=0, max=20, help="Sets of two or three to look for.")] = 3,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each product is there.")] = False,
    json: JsonFlag = False,
) -> None:
    """Suggest what completes a cart: bought together with it, in baskets like it, or due for this person again.

    Nothing that is in the cart, a variant of it or out of stock is suggested. Sets that were often bought together
    stand below. Training learns all of this from purchases; without any, the shop's recommendations answer.

    Examples:

      shoplens cart p001 p017                      a guest's cart

      shoplens cart p001 --user u007 --explain     somebody known, with reasons

      shoplens cart --user u007                    an empty cart: this person's next basket
    """
    from shoplens.apps.cart import CartQuestion
    from shoplens.cli.ranking import answer_json
    from shoplens.http.wire.cart import completed_json
    from shoplens.recommend.rules import Wish
    from shoplens.service.runtime import Runtime

    if user is not None and not user.strip():
        raise typer.BadParameter("a user_id is not empty", param_hint="--user")
    given = tuple(items or ())
    with Runtime.open(workspace) as shop:
        wish = Wish(
            n=n,
            exclude=tuple(exclude or ()),
            diversity=diversity,
            explain=explain,
            repeat=not new_only,
            language=shop.settings.language,
        )
        question = CartQuestion(items=given, viewing=viewing, user_id=user, bundles=bundles)
        completed = shop.cart.complete(shop.shelf, wish, question)
        answer = answer_json(completed.answer, explain=explain) | completed_json(completed)
        emit({"cart": list(given), **answer}, json=json, table=_shown(shop, completed, given))


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
