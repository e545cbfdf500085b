"""`shoplens recommend USER`: what this person would see now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit


@app.command()
def recommend(
    user: Annotated[str, typer.Argument(help="user_id, known or not.")],
    workspace: WorkspaceOption = Path("."),
    n: Annotated[
        int | None, typer.Option("--n", "-n", min=1, max=1_000, help="How many products; default: the scenario's.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="Place in the shop; see `shoplens scenarios`.")] = "home",
    viewing: Annotated[str | None, typer.Option(help="item_id that is looked at now.")] = None,
    cart: Annotated[list[str] | None, typer.Option(help="item_id in the cart; repeat the option.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each product is there.")] = False,
    diversity: Annotated[
        float | None, typer.Option(min=0, max=1, help="0: by score alone; 1: as varied as possible.")
    ] = None,
    exploration: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of places that are left to chance.")
    ] = None,
    session: Annotated[str | None, typer.Option(help="session_id of the guest that they were a moment ago.")] = None,
    json: JsonFlag = False,
) -> None:
    """Recommend products to a person, from everything they did up to now.

    Example: shoplens recommend u001 --scenario product --viewing p017 --explain
    """
    from shoplens.cli.ranking import answer_json, answer_table
    from shoplens.service.runtime import Runtime

    if not user.strip():
        raise typer.BadParameter("a user_id is not empty", param_hint="USER")
    with Runtime.open(workspace) as shop:
        wish = shop.wish(
            scenario,
            n=n,
            explain=explain,
            diversity=diversity,
            exploration=exploration,
            viewing=viewing,
            cart=tuple(cart) if cart else None,
        )
        shown = shop.home.recommend(shop.shelf, wish, user, session)
        emit(
            {"user_id": user, **answer_json(shown.answer, explain=explain)},
            json=json,
            table=answer_table(shop, shown.answer, f"For {user}"),
        )
