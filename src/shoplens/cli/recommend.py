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
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="How many products.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each product is there.")] = False,
    diversity: Annotated[float, typer.Option(min=0, max=1, help="0: by score alone; 1: as varied as possible.")] = 0.0,
    exploration: Annotated[float, typer.Option(min=0, max=1, help="Share of places that are left to chance.")] = 0.0,
    json: JsonFlag = False,
) -> None:
    """Recommend products to a person, from everything they did up to now."""
    from shoplens.cli.ranking import answer_json, answer_table
    from shoplens.recommend.rules import Wish
    from shoplens.service.runtime import Runtime

    if not user.strip():
        raise typer.BadParameter("a user_id is not empty", param_hint="USER")
    with Runtime.open(workspace) as shop:
        wish = Wish(
            n=n,
            explain=explain,
            diversity=diversity,
            exploration=exploration,
            repeat=shop.settings.train.repeat,
            language=shop.settings.language,
        )
        shown = shop.home.recommend(shop.shelf, wish, user)
        emit(
            {"user_id": user, **answer_json(shown.answer, explain=explain)},
            json=json,
            table=answer_table(shop, shown.answer, f"For {user}"),
        )
