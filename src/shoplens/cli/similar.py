"""`shoplens similar ITEM`: products like one product."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit


@app.command()
def similar(
    item: Annotated[str, typer.Argument(help="item_id of a product.")],
    workspace: WorkspaceOption = Path("."),
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="How many products.")] = 10,
    json: JsonFlag = False,
) -> None:
    """Show products like one product: by content where it is known, else by who likes both."""
    from shoplens.apps.similar import similar as find
    from shoplens.cli.ranking import answer_json, answer_table
    from shoplens.recommend.rules import Wish
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        _, answer = find(shop.shelf, item, Wish(n=n, language=shop.settings.language))
        emit(
            {"item_id": item, **answer_json(answer, explain=False)},
            json=json,
            table=answer_table(shop, answer, f"Like {item}"),
        )
